//! The rule of claims, checked in every small world: two writers that recover, claim, look whether their claim stands, decide
//! in parts, append a part twice, and pause for as long as they like between any two of these steps.
//!
//! A world is a log and what each writer believes. Every world that can be reached in a bounded number of steps is visited,
//! and in each the promises are looked at from every place where a reader may begin.

use std::collections::HashSet;

use super::tests::{claim, part};
use super::*;

/// Steps of both writers together.
const STEPS: usize = 13;
/// Records in a log.
const RECORDS_MAX: usize = 8;
const PARTS: i32 = 2;

/// A record, small enough to tell worlds apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Claim { writer: u8, epoch: i64 },
    Part { writer: u8, epoch: i64, seq: i64, part: i32 },
}

impl Entry {
    fn record(self) -> LedgerRecord {
        match self {
            Self::Claim { writer, epoch } => claim(u128::from(writer), epoch),
            Self::Part { writer, epoch, seq, part: number } => {
                part(u128::from(writer), epoch, seq, number, PARTS)
            }
        }
    }
}

/// What a writer believes, and what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Belief {
    /// Nothing: it has to read the log.
    Idle,
    /// It has read the log, and will claim with this epoch.
    Read { epoch: i64 },
    /// It has claimed, and will look whether that stands.
    Claimed { epoch: i64 },
    /// It holds the partition, and has decided up to here.
    Holds { epoch: i64, seq: i64 },
    /// It has written the first part of a decision.
    Half { epoch: i64, seq: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    log: Vec<Entry>,
    writers: [Belief; 2],
}

fn holder_of(writer: u8, epoch: i64) -> Holder {
    Holder { epoch, writer: Uuid::from_u128(u128::from(writer)) }
}

fn read_all(log: &[Entry]) -> Ledger {
    let mut ledger = Ledger::new();
    for entry in log {
        ledger.read(entry.record());
    }
    ledger
}

fn root() -> FeederId {
    FeederId::new("a").expect("valid")
}

impl World {
    /// What a writer's next step leads to, and the same with its last part appended twice.
    fn steps(&self, writer: u8) -> Vec<Self> {
        let append = |entry: Entry, belief: Belief| {
            let mut next = self.clone();
            next.log.push(entry);
            next.writers[usize::from(writer)] = belief;
            next
        };
        let think = |belief: Belief| {
            let mut next = self.clone();
            next.writers[usize::from(writer)] = belief;
            next
        };
        let part = |epoch, seq, part| Entry::Part { writer, epoch, seq, part };
        match self.writers[usize::from(writer)] {
            Belief::Idle => {
                let epoch = read_all(&self.log).holder().map_or(0, |holder| holder.epoch) + 1;
                vec![think(Belief::Read { epoch })]
            }
            Belief::Read { epoch } => {
                vec![append(Entry::Claim { writer, epoch }, Belief::Claimed { epoch })]
            }
            Belief::Claimed { epoch } => {
                let ledger = read_all(&self.log);
                let stands = ledger.holder() == Some(holder_of(writer, epoch));
                let seq = ledger.last_seq(&root()).unwrap_or(0);
                vec![think(if stands { Belief::Holds { epoch, seq } } else { Belief::Idle })]
            }
            Belief::Holds { epoch, seq } => {
                let first = append(part(epoch, seq + 1, 0), Belief::Half { epoch, seq: seq + 1 });
                let again = append(part(epoch, seq, PARTS - 1), Belief::Holds { epoch, seq });
                // It may also notice that it holds nothing any more, or be restarted.
                let mut next = vec![first, think(Belief::Idle)];
                next.extend((seq > 0).then_some(again));
                next
            }
            Belief::Half { epoch, seq } => vec![
                append(part(epoch, seq, 1), Belief::Holds { epoch, seq }),
                append(part(epoch, seq, 0), Belief::Half { epoch, seq }),
            ],
        }
    }

    /// What every reader must find in this log.
    fn check(&self) {
        let mut ledger = Ledger::new();
        let mut claims: Vec<Holder> = Vec::new();
        let mut counted: Vec<(usize, i64, i64)> = Vec::new();
        for (offset, entry) in self.log.iter().enumerate() {
            match (ledger.read(entry.record()), *entry) {
                (Verdict::Claimed(holder), _) => {
                    let risen = claims.last().is_none_or(|last| holder.epoch > last.epoch);
                    assert!(risen, "a claim stands only with a higher epoch: {self:?}");
                    claims.push(holder);
                }
                (Verdict::Decided(decision), _) => {
                    let holder = holder_of_decision(&decision);
                    assert_eq!(
                        claims.last(),
                        Some(&holder),
                        "only the last claim decides: {self:?}"
                    );
                    self.check_whole(offset, &decision);
                    counted.push((offset, decision.no.epoch, decision.no.seq));
                }
                (Verdict::Partial | Verdict::Void(_), _) => {}
            }
        }
        let risen = counted.windows(2).all(|pair| pair[0].2 < pair[1].2 && pair[0].1 <= pair[1].1);
        assert!(risen, "numbers rise: {self:?}");
        self.check_readers_that_begin_later(&counted);
    }

    /// A decision that counts has all its parts, in order, under one claim.
    fn check_whole(&self, last: usize, decision: &Decision) {
        // A claim of the same epoch that came later stands for nothing: the one of this writer is meant.
        let claimed = self.log[..last].iter().rposition(|entry| {
            matches!(entry, Entry::Claim { writer, epoch }
                if holder_of(*writer, *epoch) == holder_of_decision(decision))
        });
        let since = &self.log[claimed.expect("it was claimed")..=last];
        let mut wanted = 0;
        for entry in since {
            if let Entry::Part { epoch, seq, part, .. } = entry
                && (*epoch, *seq) == (decision.no.epoch, decision.no.seq)
                && *part == wanted
            {
                wanted += 1;
            }
        }
        assert_eq!(wanted, PARTS, "{self:?}");
    }

    /// A reader that goes on from a place, with what was stored there, finds the same as one that began at the beginning.
    fn check_readers_that_begin_later(&self, counted: &[(usize, i64, i64)]) {
        for from in 0..self.log.len() {
            let before = read_all(&self.log[..from]);
            // Between the parts of a decision no position is stored.
            if !before.open.is_empty() {
                continue;
            }
            let mut later = Ledger::resume(before.holder());
            if let Some(seq) = before.last_seq(&root()) {
                later.note_seq(&root(), seq);
            }
            let found: Vec<_> = (from..self.log.len())
                .filter_map(|offset| match later.read(self.log[offset].record()) {
                    Verdict::Decided(decision) => {
                        Some((offset, decision.no.epoch, decision.no.seq))
                    }
                    Verdict::Claimed(_) | Verdict::Partial | Verdict::Void(_) => None,
                })
                .collect();
            let expected: Vec<_> =
                counted.iter().copied().filter(|(offset, ..)| *offset >= from).collect();
            assert_eq!(found, expected, "from {from}: {self:?}");
        }
    }
}

fn holder_of_decision(decision: &Decision) -> Holder {
    Holder { epoch: decision.no.epoch, writer: decision.writer }
}

#[test]
fn in_every_small_world_every_reader_finds_the_same_decisions_of_one_writer_at_a_time() {
    let mut visited = HashSet::new();
    let mut now = vec![World { log: Vec::new(), writers: [Belief::Idle; 2] }];
    for _ in 0..STEPS {
        let mut next = Vec::new();
        for world in &now {
            for step in [0, 1].into_iter().flat_map(|writer| world.steps(writer)) {
                if step.log.len() <= RECORDS_MAX && visited.insert(step.clone()) {
                    step.check();
                    next.push(step);
                }
            }
        }
        now = next;
    }
    assert!(visited.len() > 10_000, "only {} worlds were visited", visited.len());
}
