//! What an instance does with its partitions: one that is slow holds up no other, and nothing is done for one that is gone.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use control_instance::{Effect, Instance, Now, Owners, Recovery, Rules};
use proptest::prelude::*;
use schemas::codec::Record;
use schemas::log::{InPartition, LogRecord, Outgoing};
use schemas::records::decision::{Claim, LedgerRecord};
use schemas::records::operator::{Change, FeederChange, OperatorRecord};
use schemas::topics::{Topic, tree_partition};
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;
use world::{INTERVAL_MS, Log, Owner, recover};

const AT: i64 = 1_760_000_000_000;
const PARTITIONS: i32 = 3;

/// A feeder whose tree stands in this partition.
fn root(partition: i32) -> FeederId {
    let names = (0..).map(|number| FeederId::new(&format!("feeder-{number}")).expect("an id"));
    let mut here = names.filter(|root| tree_partition(root, PARTITIONS) == partition);
    here.next().expect("hashes are spread")
}

/// A log with one feeder in each partition.
fn log() -> Log {
    let mut log = Log::default();
    for partition in 0..PARTITIONS {
        let record = OperatorRecord {
            id: Uuid::from_u128(u128::from(partition.unsigned_abs())),
            at: Timestamp(AT),
            source: None,
            actor: "test".to_owned(),
            change: Change::FeederChange(FeederChange {
                feeder_id: root(partition),
                parent_id: None,
                import_limit_w: Some(Watts(9_000)),
                export_limit_w: None,
                mode: None,
                policy: None,
            }),
        };
        log.append(Topic::Operator, 0, record.encode());
    }
    log
}

#[test]
fn a_partition_whose_appends_are_slow_delays_no_other() {
    let (mut log, mut owner) = (log(), Owner::new(PARTITIONS, AT));
    owner.instance.assign(&[0, 1, 2]);
    owner.act(&mut log);
    let mut windows = |owner: &mut Owner, count: usize| {
        owner.appended.clear();
        for _ in 0..count {
            owner.now += 4 * INTERVAL_MS;
            owner.turn(&mut log);
        }
        let of = |partition| owner.appended.iter().filter(|of| **of == partition).count();
        [of(0), of(1), of(2)]
    };
    assert_eq!(windows(&mut owner, 3), [3, 3, 3]);
    owner.slow.insert(1, Vec::new());
    assert_eq!(windows(&mut owner, 5), [5, 1, 5], "one of the slow is on its way");
    let waiting = owner.slow.remove(&1).expect("it is slow");
    owner.instance.appended(1, waiting[0], true);
    assert_eq!(windows(&mut owner, 3), [3, 3, 3], "it goes on");
}

/// Something that happens to an instance.
#[derive(Debug, Clone)]
enum Happens {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
    /// A window passes.
    Window,
    /// The oldest append is answered: made, or nobody knows.
    Appended(bool),
    /// The oldest recovery ends: well, or not.
    Recovered(bool),
    /// Another instance claims a partition.
    Claimed(i32),
}

fn happens() -> impl Strategy<Value = Happens> {
    let some = || prop::collection::btree_set(0..PARTITIONS, 1..=3);
    let some = || some().prop_map(|set: BTreeSet<i32>| set.into_iter().collect());
    prop_oneof![
        some().prop_map(Happens::Assigned),
        some().prop_map(Happens::Revoked),
        Just(Happens::Window),
        any::<bool>().prop_map(Happens::Appended),
        any::<bool>().prop_map(Happens::Recovered),
        (0..PARTITIONS).prop_map(Happens::Claimed),
    ]
}

/// What the surroundings know: what they were told to do, and what is on its way.
#[derive(Default)]
struct Surroundings {
    assigned: BTreeSet<i32>,
    followed: BTreeMap<(Topic, i32), i64>,
    recoveries: Vec<(u64, Recovery)>,
    appends: Vec<(u64, i32)>,
    /// Tickets that were ever given out.
    tickets: BTreeSet<u64>,
    log: Log,
    now: i64,
    epochs: u64,
}

impl Surroundings {
    fn act(&mut self, instance: &mut Instance, standby: bool) {
        for effect in instance.take_effects() {
            match effect {
                Effect::Recover { ticket, recovery, .. } => {
                    assert!(self.tickets.insert(ticket), "a ticket is given out once");
                    let of = recovery.partition();
                    assert!(
                        self.recoveries.iter().all(|(_, other)| other.partition() != of),
                        "two recoveries of partition {of}"
                    );
                    assert!(standby || self.assigned.contains(&of), "{of} is not wanted");
                    self.recoveries.push((ticket, *recovery));
                }
                Effect::Abandon { ticket } => self.recoveries.retain(|(of, _)| *of != ticket),
                Effect::Want { ticket } => {
                    let wanted = self.recoveries.iter_mut().find(|(of, _)| *of == ticket);
                    wanted.expect("what is wanted is on its way").1.want();
                }
                Effect::Follow(places) => {
                    for (topic, partition, _) in places {
                        let end = self.log.end(topic, partition);
                        assert!(self.followed.insert((topic, partition), end).is_none(), "twice");
                    }
                }
                Effect::Unfollow(places) => {
                    for place in places {
                        assert!(
                            self.followed.remove(&place).is_some(),
                            "{place:?} is not followed"
                        );
                    }
                }
                Effect::Append { ticket, partition, .. } => {
                    assert!(self.tickets.insert(ticket), "a ticket is given out once");
                    assert!(self.assigned.contains(&partition), "{partition} is another's");
                    assert!(self.followed.contains_key(&(Topic::Decisions, partition)));
                    self.appends.push((ticket, partition));
                }
                Effect::Release(partitions) => {
                    for partition in partitions {
                        assert!(!self.followed.contains_key(&(Topic::Telemetry, partition)));
                    }
                }
                Effect::Publish { .. } | Effect::Note(_) => {}
            }
        }
    }

    fn happens(&mut self, instance: &mut Instance, what: Happens) {
        match what {
            Happens::Assigned(partitions) => {
                self.assigned.extend(&partitions);
                instance.assign(&partitions);
            }
            Happens::Revoked(partitions) => {
                self.assigned.retain(|partition| !partitions.contains(partition));
                instance.revoke(&partitions);
            }
            Happens::Window => {
                self.now += 4 * INTERVAL_MS;
                instance.decide(Timestamp(self.now));
            }
            Happens::Appended(known) if !self.appends.is_empty() => {
                let (ticket, partition) = self.appends.remove(0);
                instance.appended(partition, ticket, known);
            }
            Happens::Recovered(well) if !self.recoveries.is_empty() => {
                let (ticket, mut recovery) = self.recoveries.remove(0);
                let partition = recovery.partition();
                // One that stands by ends by itself only where it fails.
                let wanted = self.assigned.contains(&partition);
                let now = Now { clock: Timestamp(self.now), elapsed_ms: self.now };
                let recovered = (well && wanted).then(|| {
                    recovery.want();
                    recover(recovery, &mut self.log, now)
                });
                instance.recovered(partition, ticket, recovered);
            }
            Happens::Appended(_) | Happens::Recovered(_) => {}
            Happens::Claimed(partition) => self.claim(partition),
        }
        self.read(instance);
    }

    fn claim(&mut self, partition: i32) {
        let mut ledger = schemas::ledger::Ledger::new();
        for record in self.log.from(Topic::Decisions, partition, 0) {
            ledger.read(LedgerRecord::decode(&record.value).expect("a record"));
        }
        self.epochs += 1;
        let claim = Claim {
            epoch: ledger.holder().map_or(0, |holder| holder.epoch) + 1,
            writer: Uuid::from_u64_pair(99, self.epochs),
            at: Timestamp(self.now),
            name: "another".to_owned(),
            log: None,
        };
        let outgoing = Outgoing::of(&LedgerRecord::Claim(claim), InPartition(partition));
        self.log.take(vec![outgoing]);
    }

    fn read(&mut self, instance: &mut Instance) {
        let mut all: Vec<LogRecord> = Vec::new();
        for ((topic, partition), next) in &mut self.followed {
            all.extend(self.log.from(*topic, *partition, *next));
            *next = self.log.end(*topic, *partition);
        }
        all.iter().for_each(|record| instance.record(record));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever happens in whatever order: nothing is decided for a partition that is another's, one recovery of each is on its
    /// way, what is released is not worked on; and once all is answered, everything assigned is held.
    #[test]
    fn a_partition_is_followed_on_its_way_or_held_and_nothing_else(
        standby in any::<bool>(),
        all in prop::collection::vec(happens(), 1..40),
    ) {
        let mut around = Surroundings { log: log(), now: AT, ..Surroundings::default() };
        let mut instance = Instance::new(Rules {
            partitions: PARTITIONS,
            owners: Owners::Group,
            standby,
            snapshot_decisions: 2,
            snapshot_part_devices: 100,
            decision_part_devices: 100,
            lineage: None,
            id: Uuid::from_u128(7),
            name: "test".to_owned(),
        });
        around.act(&mut instance, standby);
        for what in all {
            around.happens(&mut instance, what);
            around.act(&mut instance, standby);
        }
        for _ in 0..4 * PARTITIONS {
            for what in [Happens::Appended(true), Happens::Recovered(true)] {
                around.happens(&mut instance, what);
                around.act(&mut instance, standby);
            }
        }
        let held: BTreeSet<i32> = instance.held().collect();
        prop_assert_eq!(held, around.assigned);
    }
}
