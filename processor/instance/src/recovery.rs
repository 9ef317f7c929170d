//! A partition on its way to an instance. Recovery is replay: the newest snapshots, then the log after them, compared
//! decision by decision; a claim in between makes the partition ours.
//!
//! [`Recovery::ask`] says what it needs next, [`Recovery::answer`] takes it in. Whoever pumps it may do so on a thread
//! of its own: a long replay is in nobody's way.

use schemas::Timestamp;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ledger::Holder;
use schemas::log::{InPartition, LogRecord, Outgoing, ReadFrom, Start};
use schemas::records::decision::{Claim, LedgerRecord, Positions};
use schemas::records::operator::OperatorRecord;
use schemas::topics::Topic;
use thiserror::Error;
use uuid::Uuid;

use crate::caps::{CLAIM_TRIES_MAX, FOLLOW_EVERY_MS};
use crate::driver::{Driver, RegistryAt, ReplayRegistry, Standing};
use crate::note::Note;
use crate::patience::Patience;
use crate::rebuild::{Known, Snapshots, gather, next_epoch, stands};

/// Records replayed between two lines that say how far it is.
const PROGRESS_EVERY: usize = 1_000;

/// The time, twice: what a record says, and what elapsed time is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The clock on the wall, which may step.
    pub clock: Timestamp,
    /// Since some beginning, ms; never goes back.
    pub elapsed_ms: i64,
}

/// When a partition may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// At once.
    Claim,
    /// Others hold it: it is followed until it is [wanted](Recovery::want).
    StandBy,
    /// Another has taken it that has as good a right to it: when nobody decides for its trees any more.
    StandBack(Patience),
}

/// What a recovery needs.
#[derive(Debug)]
pub enum Ask {
    /// The ends of these partitions, in this order.
    Ends(Vec<(Topic, i32)>),
    /// Every record from these places on, as they stand now, by [`Recovery::record`].
    Read(Vec<ReadFrom>),
    /// This record in the log.
    Append(Outgoing),
    /// Time, ms.
    Wait(i64),
    /// Nothing: the partition is ours.
    Nothing(Box<Recovered>),
}

/// The answer to an [`Ask`].
#[derive(Debug)]
pub enum Answer {
    /// The ends asked for: the offset after the last record of each.
    Ends(Vec<i64>),
    /// Everything has been read.
    Read,
    /// The record stands in the log.
    Appended,
    /// The time is over.
    Waited,
}

/// Other instances were faster, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("another instance claimed partition {partition} first, {CLAIM_TRIES_MAX} times")]
pub struct Outrun {
    /// The partition.
    pub partition: i32,
}

/// A partition that is ours, its state as the log says, and where live reading goes on.
#[derive(Debug)]
pub struct Recovered {
    /// Its trees.
    pub(crate) driver: Driver,
    /// Our claim.
    pub(crate) holder: Holder,
    /// The next record of `decisions.v1`.
    pub(crate) decisions_next: i64,
    /// The registry as far as this recovery has read it.
    pub(crate) registry: RegistryAt,
}

/// What is known of a partition, and where reading goes on.
#[derive(Debug)]
struct Followed {
    driver: Driver,
    registry: ReplayRegistry,
    decisions: Start,
    snapshots: Start,
    acks: Start,
    telemetry: Start,
    operator: Start,
    /// Decisions read and not yet replayed.
    records: Vec<(i64, LedgerRecord)>,
    /// When somebody was last seen to work on it, ms; at the beginning nobody knows.
    worked_on: i64,
}

/// What has been asked for.
#[derive(Debug)]
enum Step {
    /// A pause after a failure.
    Rest,
    /// The ends of its topics: what a snapshot must fit.
    Ends,
    /// Its snapshots.
    Base { ends: (Positions, i64), snapshots: Snapshots, next: Start },
    /// What others have decided since the last look.
    Decisions(Followed),
    /// What those decisions were made from.
    Inputs(Followed),
    /// The snapshots that others have written since.
    Newer(Followed, Snapshots),
    /// Time to pass before the next look.
    Pause(Followed),
    /// All decisions before the claim.
    Before(Followed),
    /// The claim, for so many a time.
    Claims(Followed, Holder, u32),
    /// Whether it stands.
    Confirms(Followed, Holder, u32),
    /// What the decisions up to the claim were made from.
    Replays(Followed, Holder),
    /// It is ours.
    Over(Box<Recovered>),
    /// It was handed over.
    Spent,
}

/// One partition on its way.
#[derive(Debug)]
pub struct Recovery {
    partition: i32,
    partitions: i32,
    lineage: Option<Lineage>,
    writer: Uuid,
    name: String,
    aim: Aim,
    step: Step,
    follows: bool,
    begun_ms: i64,
    notes: Vec<Note>,
}

impl Recovery {
    /// A recovery that has not begun. `writer` is nobody else's; `name` is for people who read the claim.
    pub(crate) fn new(
        (partition, partitions): (i32, i32),
        lineage: Option<Lineage>,
        writer: Uuid,
        name: String,
        aim: Aim,
    ) -> Self {
        Self {
            partition,
            partitions,
            lineage,
            writer,
            name,
            aim,
            step: Step::Ends,
            follows: false,
            begun_ms: i64::MIN,
            notes: Vec::new(),
        }
    }

    /// Which partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// What it has found out since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// It is wanted now: it is claimed as soon as the present answer has come.
    pub fn want(&mut self) {
        self.aim = Aim::Claim;
    }

    /// Something that was asked for has failed. Whether it goes on all the same: one that stands by begins again, since
    /// what was half read is not known for sure.
    pub fn fail(&mut self) -> bool {
        let goes_on = self.aim == Aim::StandBy;
        if goes_on {
            self.step = Step::Rest;
        }
        goes_on
    }

    /// What it needs next. Asked again before it is answered, it says the same.
    pub fn ask(&mut self, now: Now) -> Ask {
        if self.begun_ms == i64::MIN {
            self.begun_ms = now.elapsed_ms;
        }
        let partition = self.partition;
        match &self.step {
            Step::Rest => Ask::Wait(FOLLOW_EVERY_MS),
            Step::Ends => Ask::Ends(vec![
                (Topic::Acks, partition),
                (Topic::Telemetry, partition),
                (Topic::Operator, 0),
                (Topic::Decisions, partition),
            ]),
            Step::Base { next, .. } => Ask::Read(vec![(Topic::Snapshots, partition, *next)]),
            Step::Decisions(known) | Step::Before(known) | Step::Confirms(known, ..) => {
                Ask::Read(vec![(Topic::Decisions, partition, known.decisions)])
            }
            Step::Inputs(known) | Step::Replays(known, _) => Ask::Read(vec![
                (Topic::Acks, partition, known.acks),
                (Topic::Telemetry, partition, known.telemetry),
                (Topic::Operator, 0, known.operator),
            ]),
            Step::Newer(known, _) => {
                Ask::Read(vec![(Topic::Snapshots, partition, known.snapshots)])
            }
            Step::Pause(_) => Ask::Wait(match self.aim {
                Aim::Claim => 0,
                Aim::StandBy => FOLLOW_EVERY_MS,
                Aim::StandBack(patience) => patience.every_ms,
            }),
            Step::Claims(_, ours, _) => Ask::Append(self.claim(*ours, now)),
            Step::Over(_) => match std::mem::replace(&mut self.step, Step::Spent) {
                Step::Over(recovered) => Ask::Nothing(recovered),
                _ => unreachable!("it was looked at a moment ago"),
            },
            Step::Spent => Ask::Wait(i64::MAX),
        }
    }

    fn claim(&self, ours: Holder, now: Now) -> Outgoing {
        let claim = Claim {
            epoch: ours.epoch,
            writer: ours.writer,
            at: now.clock,
            name: self.name.clone(),
            log: self.lineage.as_ref().map(Lineage::current),
        };
        Outgoing::of(&LedgerRecord::Claim(claim), InPartition(self.partition))
    }

    /// Takes in a record that was asked for.
    pub fn record(&mut self, record: &LogRecord) {
        let after = Start::Offset(record.offset + 1);
        match &mut self.step {
            Step::Base { snapshots, next, .. } => {
                *next = after;
                snapshots.read(record);
            }
            Step::Newer(known, snapshots) => {
                known.snapshots = after;
                snapshots.read(record);
            }
            Step::Decisions(known) | Step::Before(known) | Step::Confirms(known, ..) => {
                known.decisions = after;
                match LedgerRecord::decode(&record.value) {
                    Ok(decoded) => known.records.push((record.offset, decoded)),
                    Err(error) => self.notes.push(Note::unreadable(record, &error)),
                }
            }
            Step::Inputs(known) | Step::Replays(known, _) => {
                self.notes.extend(known.gather(record, after));
            }
            Step::Rest | Step::Ends | Step::Pause(_) | Step::Claims(..) => {}
            Step::Over(_) | Step::Spent => {}
        }
    }

    /// Takes in the answer to what was asked. One that answers something else changes nothing.
    ///
    /// # Errors
    /// [`Outrun`] when it is not to be had.
    pub fn answer(&mut self, answer: Answer, now: Now) -> Result<(), Outrun> {
        let step = std::mem::replace(&mut self.step, Step::Spent);
        self.step = match (step, answer) {
            (Step::Rest, Answer::Waited) => Step::Ends,
            (Step::Ends, Answer::Ends(ends)) => {
                let [acks, telemetry, operator, decisions] = ends[..] else {
                    self.step = Step::Ends;
                    return Ok(());
                };
                let ends = (Positions { acks, operator, telemetry }, decisions);
                Step::Base { ends, snapshots: Snapshots::default(), next: Start::Beginning }
            }
            (Step::Base { ends, snapshots, next }, Answer::Read) => {
                let known = Known { lineage: self.lineage.clone(), ends: Some(ends) };
                let place = (self.partition, self.partitions);
                let known = Followed::begin(snapshots, &known, place, next, now.elapsed_ms);
                match self.aim {
                    Aim::Claim => Step::Before(known),
                    Aim::StandBy | Aim::StandBack(_) => Step::Decisions(known),
                }
            }
            (Step::Decisions(known), Answer::Read) => Step::Inputs(known),
            (Step::Inputs(mut known), Answer::Read) => {
                self.replay(&mut known, now);
                Step::Newer(known, Snapshots::default())
            }
            (Step::Newer(mut known, newer), Answer::Read) => {
                // The next snapshot of a tree has a higher number than any that its holders wrote.
                for (root, number) in newer.numbers() {
                    known.driver.note_snapshot(root, number);
                }
                if !std::mem::replace(&mut self.follows, true) && self.aim == Aim::StandBy {
                    tracing::info!(partition = self.partition, "standing by");
                }
                self.look(known, now)
            }
            (Step::Pause(known), Answer::Waited) => match self.aim {
                Aim::Claim => self.before(known, now),
                Aim::StandBy | Aim::StandBack(_) => Step::Decisions(known),
            },
            (Step::Before(known), Answer::Read) => self.claims(known, 1),
            (Step::Claims(known, ours, tries), Answer::Appended) => {
                Step::Confirms(known, ours, tries)
            }
            (Step::Confirms(known, ours, tries), Answer::Read) => {
                let before = known.driver.ledger();
                if stands(before, ours, &known.records) {
                    Step::Replays(known, ours)
                } else if tries < CLAIM_TRIES_MAX {
                    let (partition, epoch) = (self.partition, ours.epoch);
                    tracing::info!(partition, epoch, "another instance claimed it first");
                    self.claims(known, tries + 1)
                } else {
                    return Err(Outrun { partition: self.partition });
                }
            }
            (Step::Replays(known, ours), Answer::Read) => self.over(known, ours, now),
            (step, _) => step,
        };
        Ok(())
    }

    /// After a look at what others do: whether it is claimed.
    fn look(&mut self, mut known: Followed, now: Now) -> Step {
        if let Aim::StandBack(patience) = self.aim
            && now.elapsed_ms - known.worked_on >= patience.silence_ms
        {
            if known.registry.has_trees(self.partition, self.partitions) {
                let partition = self.partition;
                tracing::warn!(partition, "nobody decides here any more: taking it back");
                return self.before(known, now);
            }
            known.worked_on = now.elapsed_ms;
        }
        Step::Pause(known)
    }

    /// What follows until it is ours is what a takeover takes.
    fn before(&mut self, known: Followed, now: Now) -> Step {
        self.begun_ms = now.elapsed_ms;
        Step::Before(known)
    }

    fn claims(&self, known: Followed, tries: u32) -> Step {
        let epoch = next_epoch(known.driver.ledger(), &known.records);
        Step::Claims(known, Holder { epoch, writer: self.writer }, tries)
    }

    fn over(&mut self, mut known: Followed, ours: Holder, now: Now) -> Step {
        let replayed = self.replay(&mut known, now);
        self.notes.push(Note::Recovered {
            partition: self.partition,
            epoch: ours.epoch,
            trees: known.driver.tree_count(),
            replayed,
            took_ms: now.elapsed_ms - self.begun_ms,
        });
        Step::Over(Box::new(Recovered {
            driver: known.driver,
            holder: ours,
            decisions_next: match known.decisions {
                Start::Offset(next) => next,
                Start::Beginning | Start::End => 0,
            },
            registry: known.registry.into_latest(),
        }))
    }

    /// Makes the decisions that were read again, after every input that they may have consumed. Gives their number.
    fn replay(&mut self, known: &mut Followed, now: Now) -> u64 {
        let (partition, records) = (self.partition, std::mem::take(&mut known.records));
        let (all, mut replayed) = (records.len(), 0);
        for (number, (offset, record)) in records.into_iter().enumerate() {
            if number > 0 && number.is_multiple_of(PROGRESS_EVERY) {
                tracing::info!(partition, replayed, of = all, "replaying");
            }
            match known.driver.read_decision(record, &mut known.registry) {
                Standing::Counts { decision, difference } => {
                    replayed += 1;
                    known.worked_on = now.elapsed_ms;
                    self.notes.extend(difference.map(|difference| Note::Differs {
                        partition,
                        offset,
                        root: decision.root,
                        difference,
                    }));
                }
                Standing::TakenOver(_) => known.worked_on = now.elapsed_ms,
                Standing::Void(void) => self.notes.push(Note::Void { void, partition, offset }),
                Standing::Nothing => {}
            }
        }
        if replayed > 0 {
            self.notes.push(Note::Replayed(replayed));
        }
        replayed
    }
}

impl Followed {
    /// Stands where the newest snapshots do.
    fn begin(
        snapshots: Snapshots,
        known: &Known,
        (partition, partitions): (i32, i32),
        snapshots_next: Start,
        now_ms: i64,
    ) -> Self {
        let base = snapshots.into_base(known);
        let start = |offset: Option<i64>| offset.map_or(Start::Beginning, Start::Offset);
        Self {
            decisions: start(base.decisions_from),
            acks: start(base.inputs_from.map(|from| from.acks)),
            telemetry: start(base.inputs_from.map(|from| from.telemetry)),
            operator: Start::Beginning,
            snapshots: snapshots_next,
            registry: ReplayRegistry::default(),
            driver: base.into_driver(partition, partitions),
            records: Vec::new(),
            worked_on: now_ms,
        }
    }

    fn gather(&mut self, record: &LogRecord, after: Start) -> Option<Note> {
        match record.topic {
            Topic::Operator => {
                self.operator = after;
                match OperatorRecord::decode(&record.value) {
                    Ok(decoded) => self.registry.gather(record.offset, decoded),
                    Err(error) => return Some(Note::unreadable(record, &error)),
                }
                None
            }
            topic => {
                match topic {
                    Topic::Acks => self.acks = after,
                    Topic::Telemetry => self.telemetry = after,
                    _ => {}
                }
                let gathered = gather(&mut self.driver, record);
                gathered.err().map(|error| Note::unreadable(record, &error))
            }
        }
    }
}
