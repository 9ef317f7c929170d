//! Records that the unit tests of this crate share.

use schemas::records::decision::{Freshness, NodeBinding, NodeDecision, Rung, Trigger, TypeTotal};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, FeederMode, OperatorRecord};
use schemas::records::state::{DeviceState, FeederState, Made};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::{DeviceId, FeederId, Soc, Timestamp, Watts};
use uuid::Uuid;

/// The moment at which tests happen.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) fn operator_record(change: Change) -> OperatorRecord {
    OperatorRecord {
        id: Uuid::from_u128(1),
        at: NOW,
        source: None,
        actor: "tester".to_owned(),
        change,
    }
}

pub(crate) fn device_state(id: &str, feeder_id: &str, epoch: i64, seq: i64) -> DeviceState {
    let feeder_id = FeederId::new(feeder_id).expect("an id");
    DeviceState {
        device_id: DeviceId::new(id).expect("an id"),
        version: DecisionNo { epoch, seq },
        at: NOW,
        root: feeder_id.clone(),
        feeder_id,
        site_id: Some("house-1".to_owned()),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        rated_w: Some(Watts(7_200)),
        min_power_w: None,
        priority: 2,
        target_soc: Some(Soc(8_000)),
        opted_out: false,
        overridden: false,
        freshness: Freshness::Fresh,
        last_seen: Some(NOW),
        power_w: Some(Watts(3_000)),
        setpoint_w: Some(Watts(3_500)),
        soc: Some(Soc(5_000)),
        tracking_samples: 12,
        tracking_mean_w: Some(Watts(-500)),
        tracking_mean_abs_w: Some(Watts(600)),
        compliant: true,
    }
}

pub(crate) fn feeder_state(id: &str, epoch: i64, seq: i64, load: Watts) -> FeederState {
    let feeder_id = FeederId::new(id).expect("an id");
    FeederState {
        version: DecisionNo { epoch, seq },
        at: NOW,
        root: feeder_id.clone(),
        policy: "water-fill".to_owned(),
        node: NodeDecision {
            feeder_id,
            parent_id: None,
            mode: FeederMode::Automatic,
            import_limit_w: Watts(50_000),
            export_limit_w: None,
            limit_w: Watts(40_000),
            margin_w: Watts(500),
            load_w: load,
            controlled_w: load,
            uncontrolled_w: Watts::ZERO,
            reserved_w: Watts::ZERO,
            headroom_w: Watts(40_000) - load,
            allocated_w: load,
            unmet_w: Watts::ZERO,
            water_level_w: Some(2_500),
            binding: NodeBinding::Event,
            rung: Rung::Trim,
            degraded: None,
            stopped: None,
            device_count: 1,
            fresh_count: 1,
            stale_count: 0,
            by_type: vec![TypeTotal { device_type: DeviceType::Ev, count: 1, power_w: load }],
        },
        made: Some(Made {
            trigger: Trigger::Window,
            window_start: Timestamp(NOW.0 - 5_500),
            window_end: Timestamp(NOW.0 - 500),
            certified: true,
        }),
        alarms: Vec::new(),
    }
}
