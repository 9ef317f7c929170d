//! Single findings of the simulation about the shell, told without a world.

use control_instance::{Driver, Known, RegistryAt, ReplayRegistry, Snapshots, Standing};
use proving::sim::make::{feeder, feeder_change};
use schemas::ledger::Holder;
use schemas::mqtt::{Envelope, Readings, Source, TelemetryMessage};
use schemas::records::decision::{Claim, LedgerRecord};
use schemas::records::operator::{Change, DeviceRegistered, OperatorRecord};
use schemas::records::snapshot::SnapshotPart;
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::{DeviceId, Timestamp, Watts};
use uuid::Uuid;

const WHO: Holder = Holder { epoch: 1, writer: Uuid::from_u128(1) };

fn registry() -> RegistryAt {
    let mut registry = RegistryAt::default();
    let registered = DeviceRegistered {
        device_id: DeviceId::new("ev-1").expect("letters, digits and dashes"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: feeder("north"),
        site_id: None,
    };
    let changes = [feeder_change("north", None, 9_000), Change::DeviceRegistered(registered)];
    for (offset, change) in (0_i64..).zip(changes) {
        let id = Uuid::from_u128(u128::from(offset.unsigned_abs()));
        let actor = "test".to_owned();
        registry
            .read(offset, &OperatorRecord { id, at: Timestamp(0), source: None, actor, change });
    }
    registry
}

fn sample(at: i64) -> Telemetry {
    let message = TelemetryMessage {
        envelope: Envelope {
            message_id: Uuid::from_u128(u128::from(at.unsigned_abs())),
            device_id: DeviceId::new("ev-1").expect("letters, digits and dashes"),
            device_type: DeviceType::Ev,
            timestamp: Timestamp(at),
            sent_at: None,
            correlation_id: None,
            source: Source::Simulator,
            receipt: false,
        },
        layout: TopicLayout::Flat,
        readings: Readings::of_power(Watts(3_000)),
        online: true,
        fault_code: None,
        capabilities: Capabilities { max_charge_w: Some(Watts(7_000)), ..Capabilities::default() },
        preferences: Preferences::default(),
        site_id: None,
        feeder_id: Some(feeder("north")),
        unknown_fields: 0,
    };
    message.into_record(feeder("north"), Timestamp(at))
}

fn gather(driver: &mut Driver, seconds: std::ops::Range<i64>) {
    for second in seconds {
        driver.gather_telemetry(&feeder("north"), second, sample(1_000_000 + second * 1_000));
    }
}

/// Decides what is due, reads it back, and gives the snapshot after it.
fn decide(driver: &mut Driver, now: i64) -> Vec<SnapshotPart> {
    let due = driver.decide_due(&registry(), WHO, Timestamp(now));
    let mut parts = Vec::new();
    for part in due.into_iter().flat_map(|decision| decision.into_parts(usize::MAX)) {
        let record = LedgerRecord::DecisionPart(part);
        let standing = driver.read_decision(record, &mut ReplayRegistry::default());
        if let Standing::Counts { decision, .. } = standing {
            parts = driver.snapshot_if_due(&decision, 2, 0, 100);
        }
    }
    assert!(!parts.is_empty(), "something was decided");
    parts
}

#[test]
fn inputs_that_a_snapshot_has_in_it_are_not_applied_again() {
    let mut driver = Driver::new(0, 1, None);
    let claim = Claim {
        epoch: 1,
        writer: WHO.writer,
        at: Timestamp(1_000_000),
        name: "test".to_owned(),
        log: None,
    };
    driver.read_decision(LedgerRecord::Claim(claim), &mut ReplayRegistry::default());
    gather(&mut driver, 0..10);
    let parts = decide(&mut driver, 1_010_000);
    // Another tree of the partition stands further back, so all inputs are read again from there.
    let mut snapshots = Snapshots::default();
    for part in &parts {
        let mut behind = part.clone();
        behind.root = feeder("south");
        behind.positions.telemetry = 0;
        snapshots.take(part.clone());
        snapshots.take(behind);
    }
    let base = snapshots.into_base(&Known::default());
    assert_eq!(base.inputs_from.map(|from| from.telemetry), Some(0));
    let mut recovered = base.into_driver(0, 1);
    gather(&mut recovered, 0..15);
    gather(&mut driver, 10..15);
    let (went_on, restored) = (decide(&mut driver, 1_015_500), decide(&mut recovered, 1_015_500));
    assert_eq!(went_on[0].tree, restored[0].tree);
    assert_eq!(went_on[0].devices, restored[0].devices);
}
