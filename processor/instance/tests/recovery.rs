//! Recovery is replay: a new owner says the same of the same log, byte for byte, wherever the old one was cut off.

use std::collections::BTreeMap;

use control_instance::{Driver, RegistryAt, ReplayRegistry, Standing};
use schemas::codec::Record;
use schemas::ledger::Holder;
use schemas::records::ack::{Ack, AckStatus};
use schemas::records::decision::{Claim, Decision, Emit, LedgerRecord};
use schemas::records::operator::{
    Change, ControlSettings, DeviceRegistered, EventCreated, OperatorRecord,
};
use schemas::records::snapshot::SnapshotPart;
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use uuid::Uuid;

const DEVICES: i64 = 12;
const SNAPSHOT_EVERY: i64 = 4;

fn feeder() -> FeederId {
    FeederId::new("feeder-1").expect("a valid id")
}

fn device(number: i64) -> DeviceId {
    DeviceId::new(&format!("ev-{number:03}")).expect("a valid id")
}

/// A partition of the log in memory: what a broker would hold.
#[derive(Default)]
struct Log {
    telemetry: Vec<Telemetry>,
    acks: Vec<Ack>,
    operator: Vec<OperatorRecord>,
    decisions: Vec<LedgerRecord>,
    snapshots: Vec<Vec<SnapshotPart>>,
    /// What each device was last told; it follows at once.
    told: BTreeMap<DeviceId, Watts>,
}

impl Log {
    fn operate(&mut self, at: i64, change: Change) {
        self.operator.push(OperatorRecord {
            id: Uuid::from_u128(self.operator.len() as u128),
            at: Timestamp(at),
            source: None,
            actor: "test".to_owned(),
            change,
        });
    }

    fn sample(&mut self, number: i64, at: i64) {
        // Wants 7 kW, takes what it was told, with a wobble that is a function of device and time.
        let wobble = (number * 37 + at / 1_000 * 13) % 200;
        let told = self.told.get(&device(number)).map_or(7_000, |told| told.0);
        let power_w = Watts((told.min(7_000) - wobble).max(0));
        self.telemetry.push(Telemetry {
            message_id: Uuid::from_u128(self.telemetry.len() as u128),
            device_id: device(number),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Simulated,
            feeder_id: feeder(),
            site_id: None,
            ts: Timestamp(at),
            sent_at: None,
            arrival: Timestamp(at + 40),
            power_w,
            soc: None,
            energy_wh: None,
            voltage_mv: None,
            current_ma: None,
            online: true,
            fault_code: None,
            capabilities: Capabilities {
                max_charge_w: Some(Watts(7_200)),
                min_power_w: Some(Watts(1_400)),
                ..Capabilities::default()
            },
            preferences: Preferences::default(),
            source: "simulator".to_owned(),
            correlation_id: None,
            layout: TopicLayout::Flat,
            unknown_fields: 0,
        });
    }

    fn acknowledge(&mut self, decision: &Decision, at: i64) {
        for device in decision.devices.iter().filter(|device| device.emit != Emit::None) {
            self.told.extend(device.setpoint_w.map(|told| (device.device_id.clone(), told)));
            self.acks.push(Ack {
                message_id: Uuid::from_u128(self.acks.len() as u128),
                device_id: device.device_id.clone(),
                feeder_id: feeder(),
                ts: Timestamp(at),
                arrival: Timestamp(at),
                status: AckStatus::Accepted,
                setpoint_id: Some(decision.setpoint_id(&device.device_id)),
                applied_w: None,
                reason: None,
            });
        }
    }
}

/// An owner of the partition and how far it has read.
struct Owner {
    driver: Driver,
    holder: Holder,
    registry: RegistryAt,
    read: (usize, usize, usize, usize),
}

impl Owner {
    /// Takes the partition over: the newest snapshot, a claim, and replay of what the log holds.
    /// Gives what differed.
    fn take_over(log: &mut Log, writer: u128, epoch: i64) -> (Self, Vec<String>) {
        let snapshot = log.snapshots.last().cloned().unwrap_or_default();
        let known =
            snapshot.first().map(|part| Holder { epoch: part.version.epoch, writer: part.writer });
        let holder = Holder { epoch, writer: Uuid::from_u128(writer) };
        log.decisions.push(LedgerRecord::Claim(Claim {
            epoch,
            writer: holder.writer,
            at: Timestamp(0),
            name: "test".to_owned(),
            log: None,
        }));
        let mut driver = Driver::new(0, 1, known);
        let from = snapshot.first().map_or(0, |part| part.decisions_next);
        let positions = snapshot.first().map(|part| part.positions).unwrap_or_default();
        driver.restore(snapshot);
        driver.start_at(positions.acks, positions.telemetry);
        let mut replay = ReplayRegistry::default();
        for (offset, record) in (0..).zip(&log.operator) {
            replay.gather(offset, record.clone());
        }
        for (offset, ack) in (0..).zip(&log.acks) {
            driver.gather_ack(&feeder(), offset, ack.clone());
        }
        for (offset, sample) in (0..).zip(&log.telemetry) {
            driver.gather_telemetry(&feeder(), offset, sample.clone());
        }
        let mut differences = Vec::new();
        for record in &log.decisions[usize::try_from(from).expect("an offset")..] {
            if let Standing::Counts { difference: Some(difference), .. } =
                driver.read_decision(record.clone(), &mut replay)
            {
                differences.push(difference);
            }
        }
        let read = (log.telemetry.len(), log.acks.len(), log.operator.len(), log.decisions.len());
        (Self { driver, holder, registry: replay.into_latest(), read }, differences)
    }

    /// Reads what is new, and appends what is due. Gives the decisions that count.
    fn turn(&mut self, log: &mut Log, now: i64) -> Vec<Decision> {
        for (offset, record) in (0..).zip(&log.operator).skip(self.read.2) {
            self.registry.read(offset, record);
            self.driver.note_roots(&self.registry.registry);
            self.driver.note_change(&record.change, &self.registry.registry);
        }
        for (offset, ack) in (0..).zip(&log.acks).skip(self.read.1) {
            self.driver.gather_ack(&feeder(), offset, ack.clone());
        }
        for (offset, sample) in (0..).zip(&log.telemetry).skip(self.read.0) {
            self.driver.gather_telemetry(&feeder(), offset, sample.clone());
        }
        let due = self.driver.decide_due(&self.registry, self.holder, Timestamp(now));
        for decision in due {
            log.decisions
                .extend(decision.into_parts(5).into_iter().map(LedgerRecord::DecisionPart));
        }
        self.read.0 = log.telemetry.len();
        self.read.1 = log.acks.len();
        self.read.2 = log.operator.len();
        let mut counting = Vec::new();
        while self.read.3 < log.decisions.len() {
            let record = log.decisions[self.read.3].clone();
            self.read.3 += 1;
            let standing = self.driver.read_decision(record, &mut ReplayRegistry::default());
            if let Standing::Counts { decision, .. } = standing {
                let next = i64::try_from(self.read.3).expect("an offset");
                let parts = self.driver.snapshot_if_due(&decision, next, SNAPSHOT_EVERY, 2_000);
                if !parts.is_empty() {
                    // Through bytes, as a broker would hold it.
                    let bytes = parts.iter().map(Record::encode);
                    let parts =
                        bytes.map(|bytes| SnapshotPart::decode(&bytes).expect("its own bytes"));
                    log.snapshots.push(parts.collect());
                }
                counting.push(decision);
            }
        }
        counting
    }
}

fn world() -> Log {
    let mut log = Log::default();
    let settings = ControlSettings { default_limit_w: Watts(50_000), ..ControlSettings::default() };
    log.operate(0, Change::ControlSettings(settings));
    for number in 0..DEVICES {
        let registered = DeviceRegistered {
            device_id: device(number),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Simulated,
            feeder_id: feeder(),
            site_id: None,
        };
        log.operate(0, Change::DeviceRegistered(registered));
    }
    log
}

/// One second of the world; gives the decisions made in it.
fn second(log: &mut Log, owner: &mut Owner, now: i64) -> Vec<Decision> {
    if now == 40_000 {
        let created = EventCreated {
            event_id: Uuid::from_u128(77),
            feeder_id: feeder(),
            start: Timestamp(45_000),
            end: Timestamp(70_000),
            limit_w: Watts(20_000),
            kind: "dr".to_owned(),
            ramp_s: 0,
            randomize_s: 0,
        };
        log.operate(now, Change::EventCreated(created));
    }
    if now % 2_000 == 0 {
        (0..DEVICES).for_each(|number| log.sample(number, now - 50));
    }
    let decided = owner.turn(log, now);
    decided.iter().for_each(|decision| log.acknowledge(decision, now + 10));
    decided
}

fn run(cuts: &[i64]) -> (Log, Vec<Decision>, Vec<String>) {
    let mut log = world();
    let (mut owner, mut differences) = Owner::take_over(&mut log, 1, 1);
    let mut all = Vec::new();
    let mut epoch = 1_i64;
    for now in (10_000..100_000).step_by(1_000) {
        if cuts.contains(&now) {
            epoch += 1;
            let (next, found) = Owner::take_over(&mut log, u128::from(epoch.unsigned_abs()), epoch);
            owner = next;
            differences.extend(found);
        }
        all.extend(second(&mut log, &mut owner, now));
    }
    (log, all, differences)
}

/// What one decision told each device.
type Told = Vec<(String, Option<Watts>)>;

/// What a device would be told, without what names the owner.
fn told(decisions: &[Decision]) -> Vec<(i64, Told)> {
    decisions
        .iter()
        .map(|decision| {
            let devices = decision.devices.iter();
            let setpoints = devices.map(|device| (device.device_id.to_string(), device.setpoint_w));
            (decision.header.at.0, setpoints.collect())
        })
        .collect()
}

#[test]
fn a_new_owner_replays_every_decision_without_a_difference() {
    for cut in (12_000..100_000).step_by(7_000) {
        let (_, _, differences) = run(&[cut]);
        assert_eq!(differences, Vec::<String>::new(), "taken over at {cut} ms");
    }
}

#[test]
fn a_restart_changes_no_setpoint() {
    let (_, undisturbed, _) = run(&[]);
    assert!(undisturbed.len() > 15, "{} decisions", undisturbed.len());
    for cuts in [&[20_000][..], &[21_000, 44_000, 60_000], &[17_000, 18_000, 19_000, 83_000]] {
        let (_, restarted, _) = run(cuts);
        assert_eq!(told(&restarted), told(&undisturbed), "restarts at {cuts:?} ms");
    }
}

#[test]
fn what_a_fenced_owner_appends_is_void_for_its_successor() {
    let mut log = world();
    let (mut old, _) = Owner::take_over(&mut log, 1, 1);
    for now in (10_000..30_000).step_by(1_000) {
        second(&mut log, &mut old, now);
    }
    let (mut new, differences) = Owner::take_over(&mut log, 2, 2);
    assert_eq!(differences, Vec::<String>::new());
    // The old one was only paused: it goes on deciding and appending.
    for now in (30_000..60_000).step_by(1_000) {
        (0..DEVICES).for_each(|number| log.sample(number, now - 50));
        let stale = old.driver.decide_due(&old.registry, old.holder, Timestamp(now));
        for decision in stale {
            log.decisions
                .extend(decision.into_parts(99).into_iter().map(LedgerRecord::DecisionPart));
        }
        for decision in new.turn(&mut log, now) {
            assert_eq!(decision.no.epoch, 2, "a fenced decision counted");
        }
    }
    let (_, differences) = Owner::take_over(&mut log, 3, 3);
    assert_eq!(differences, Vec::<String>::new());
}

#[test]
fn a_changed_record_is_found_and_wins() {
    let (mut log, _, _) = run(&[]);
    let last = log.decisions.len() - 1;
    let LedgerRecord::DecisionPart(part) = &mut log.decisions[last] else {
        panic!("the last record is a decision");
    };
    part.devices[0].setpoint_w = Some(Watts(1_234));
    log.snapshots.pop();
    let (_, differences) = Owner::take_over(&mut log, 2, 2);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].contains("1234"), "{}", differences[0]);
}

#[test]
fn the_limit_holds_with_setpoints_in_every_decision() {
    let (_, decisions, _) = run(&[33_000]);
    for decision in &decisions {
        let node = &decision.header.nodes[0];
        let at = decision.header.at.0;
        assert!(decision.header.certified, "{:?}", decision.header.findings);
        let allotted = node.allocated_w + node.uncontrolled_w;
        assert!(allotted <= node.limit_w, "{allotted} of {} at {at} ms", node.limit_w);
        // Two windows after the event's start the load itself is inside.
        if (55_000..70_000).contains(&at) {
            assert!(node.load_w <= Watts(20_000), "load of {} at {at} ms", node.load_w);
        }
    }
    let during_event =
        decisions.iter().filter(|decision| decision.header.nodes[0].limit_w == Watts(20_000));
    assert!(during_event.count() > 3);
}
