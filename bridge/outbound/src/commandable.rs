//! The only way from a decision to a command: a device of a feeder whose mode allows commands.
//!
//! A feeder in shadow mode is decided but never commanded. Everything that publishes takes a [`Commandable`], and there is
//! no way to make one of another feeder's device.

use std::collections::BTreeSet;

use schemas::Timestamp;
use schemas::ids::FeederId;
use schemas::mqtt::Setpoint;
use schemas::records::decision::{Decision, DeviceDecision, Emit};
use schemas::records::operator::FeederMode;

/// A device of a decision that may be commanded.
#[derive(Debug, Clone, Copy)]
pub struct Commandable<'d> {
    decision: &'d Decision,
    device: &'d DeviceDecision,
}

impl<'d> Commandable<'d> {
    pub fn device(&self) -> &'d DeviceDecision {
        self.device
    }

    pub fn decision(&self) -> &'d Decision {
        self.decision
    }

    /// Whether the decision wants something sent.
    pub fn is_sent(&self) -> bool {
        self.device.emit != Emit::None
    }

    /// Its setpoint, where it has one.
    pub fn setpoint(&self, now: Timestamp) -> Option<Setpoint> {
        Setpoint::of_decision(self.decision, self.device, now)
    }
}

/// The devices of a decision that may be commanded, and how many setpoints the others would have got.
///
/// The only place that makes a [`Commandable`].
pub fn commandable(decision: &Decision) -> (Vec<Commandable<'_>>, usize) {
    let commanding: BTreeSet<&FeederId> = decision
        .header
        .nodes
        .iter()
        .filter(|node| matches!(node.mode, FeederMode::Automatic | FeederMode::Manual))
        .map(|node| &node.feeder_id)
        .collect();
    let (allowed, others): (Vec<_>, Vec<_>) =
        decision.devices.iter().partition(|device| commanding.contains(&device.feeder_id));
    let withheld = others.iter().filter(|device| device.emit != Emit::None).count();
    (allowed.into_iter().map(|device| Commandable { decision, device }).collect(), withheld)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use schemas::ids::{DeviceId, FeederId};
    use schemas::records::decision::{
        DecisionHeader, Freshness, NodeBinding, NodeDecision, Positions, Reason, Rung, Trigger,
    };
    use schemas::records::decision_no::DecisionNo;
    use schemas::records::telemetry::DeviceType;
    use schemas::units::{WattHours, Watts};
    use uuid::Uuid;

    pub(crate) fn node(feeder: &str, mode: FeederMode) -> NodeDecision {
        NodeDecision {
            feeder_id: FeederId::new(feeder).unwrap(),
            parent_id: None,
            mode,
            import_limit_w: Watts(250_000),
            export_limit_w: None,
            limit_w: Watts(250_000),
            margin_w: Watts(500),
            load_w: Watts::ZERO,
            controlled_w: Watts::ZERO,
            uncontrolled_w: Watts::ZERO,
            reserved_w: Watts::ZERO,
            headroom_w: Watts::ZERO,
            allocated_w: Watts::ZERO,
            unmet_w: Watts::ZERO,
            water_level_w: None,
            binding: NodeBinding::None,
            rung: Rung::Normal,
            degraded: None,
            stopped: None,
            device_count: 0,
            fresh_count: 0,
            stale_count: 0,
            by_type: Vec::new(),
        }
    }

    pub(crate) fn device(id: &str, feeder: &str, target_w: i64) -> DeviceDecision {
        DeviceDecision {
            device_id: DeviceId::new(id).unwrap(),
            feeder_id: FeederId::new(feeder).unwrap(),
            device_type: DeviceType::Ev,
            power_w: None,
            soc: None,
            freshness: Freshness::Fresh,
            sample_age_ms: None,
            wanted_w: Watts(7_000),
            share_w: Watts(target_w),
            setpoint_w: Some(Watts(target_w)),
            emit: Emit::Change,
            ttl_ms: 30_000,
            fallback_w: Watts::ZERO,
            weight_milli: 1_000,
            deficit_wh: WattHours::ZERO,
            reason: Reason::FairShare,
            bound_by: None,
            marginal_w: Watts::ZERO,
            compliant: true,
            typed_layout: false,
        }
    }

    pub(crate) fn decision(seq: i64, at: i64, devices: Vec<DeviceDecision>) -> Decision {
        Decision {
            no: DecisionNo::new(1, seq),
            writer: Uuid::from_u128(1),
            root: FeederId::new("north").unwrap(),
            header: DecisionHeader {
                at: Timestamp(at),
                trigger: Trigger::Window,
                window_start: Timestamp(at - 5_000),
                window_end: Timestamp(at),
                positions: Positions::default(),
                policy: "water-fill".to_owned(),
                certified: true,
                findings: Vec::new(),
                nodes: vec![node("north", FeederMode::Automatic)],
                alarms: Vec::new(),
            },
            devices,
        }
    }

    #[track_caller]
    fn check(mode: FeederMode, expected: usize) {
        let mut decision = decision(1, 10_000, vec![device("ev-1", "north", 1_000)]);
        decision.header.nodes = vec![node("north", mode)];
        let (devices, withheld) = commandable(&decision);
        assert_eq!((devices.len(), withheld), (expected, 1 - expected), "{mode:?}");
    }

    #[test]
    fn only_a_commanding_mode_lets_a_setpoint_out() {
        check(FeederMode::Automatic, 1);
        check(FeederMode::Manual, 1);
        check(FeederMode::Shadow, 0);
        check(FeederMode::Disabled, 0);
    }

    #[test]
    fn a_device_of_a_feeder_that_the_decision_does_not_name_gets_nothing() {
        let decision = decision(1, 10_000, vec![device("ev-1", "elsewhere", 1_000)]);
        let (devices, withheld) = commandable(&decision);
        assert_eq!((devices.len(), withheld), (0, 1));
    }
}
