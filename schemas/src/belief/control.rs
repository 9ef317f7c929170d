//! What control writes: claims, decisions, snapshots, states.

use super::{
    Believable, COUNT, DEVICE_TIME, EDGE_W, NUMBER, OFFSET, ORDERED_TIME, PRIORITY, SERVICE_TIME,
    SOC, SPAN_MS, TABLE_TIME, TREE_W, Unbelievable, numbered, within, within_if,
};
use crate::records::decision::{
    Claim, DecisionHeader, DecisionPart, DeviceDecision, LedgerRecord, NodeDecision, Positions,
};
use crate::records::decision_no::DecisionNo;
use crate::records::snapshot::{DeviceSnapshot, NodeSnapshot, SnapshotPart, TreeSnapshot};
use crate::records::state::{DeviceState, FeederState};

impl Believable for LedgerRecord {
    fn check(&self) -> Result<(), Unbelievable> {
        match self {
            Self::Claim(claim) => claim.check(),
            Self::DecisionPart(part) => part.check(),
        }
    }
}

impl Believable for Claim {
    fn check(&self) -> Result<(), Unbelievable> {
        within("epoch", self.epoch, NUMBER)?;
        within("at", self.at, SERVICE_TIME)
    }
}

impl Believable for DecisionPart {
    fn check(&self) -> Result<(), Unbelievable> {
        self.no().check()?;
        numbered(self.part, self.parts)?;
        self.header.iter().try_for_each(Believable::check)?;
        self.devices.iter().try_for_each(Believable::check)
    }
}

impl Believable for DecisionHeader {
    fn check(&self) -> Result<(), Unbelievable> {
        within("at", self.at, SERVICE_TIME)?;
        within("window_start", self.window_start, TABLE_TIME)?;
        within("window_end", self.window_end, TABLE_TIME)?;
        self.positions.check()?;
        self.nodes.iter().try_for_each(Believable::check)
    }
}

impl Believable for Positions {
    fn check(&self) -> Result<(), Unbelievable> {
        within("positions.acks", self.acks, OFFSET)?;
        within("positions.operator", self.operator, OFFSET)?;
        within("positions.telemetry", self.telemetry, OFFSET)
    }
}

impl Believable for NodeDecision {
    fn check(&self) -> Result<(), Unbelievable> {
        let own = [self.import_limit_w, self.limit_w, self.margin_w, self.load_w];
        let derived = [self.controlled_w, self.uncontrolled_w, self.reserved_w, self.headroom_w];
        for watts in own.into_iter().chain(derived).chain([self.allocated_w, self.unmet_w]) {
            within("a feeder's power", watts, TREE_W)?;
        }
        within_if("export_limit_w", self.export_limit_w, TREE_W)?;
        within("device_count", self.device_count, COUNT)?;
        within("fresh_count", self.fresh_count, COUNT)?;
        within("stale_count", self.stale_count, COUNT)
    }
}

impl Believable for DeviceDecision {
    fn check(&self) -> Result<(), Unbelievable> {
        within_if("power_w", self.power_w, TREE_W)?;
        within_if("soc", self.soc, SOC)?;
        within("wanted_w", self.wanted_w, TREE_W)?;
        within("share_w", self.share_w, TREE_W)?;
        within_if("setpoint_w", self.setpoint_w, EDGE_W)?;
        within("ttl_ms", self.ttl_ms, SPAN_MS)?;
        within("fallback_w", self.fallback_w, EDGE_W)
    }
}

impl Believable for SnapshotPart {
    fn check(&self) -> Result<(), Unbelievable> {
        self.version.check()?;
        within("number", self.number, NUMBER)?;
        numbered(self.part, self.parts)?;
        self.positions.check()?;
        within("decisions_next", self.decisions_next, OFFSET)?;
        self.tree.iter().try_for_each(Believable::check)?;
        self.devices.iter().try_for_each(Believable::check)
    }
}

impl Believable for TreeSnapshot {
    fn check(&self) -> Result<(), Unbelievable> {
        within("window_end", self.window_end, ORDERED_TIME)?;
        within_if("latest", self.latest, DEVICE_TIME)?;
        within("decided_at", self.decided_at, SERVICE_TIME)?;
        within("late_samples", self.late_samples, OFFSET)?;
        within_if("restarted_at", self.restarted_at, SERVICE_TIME)?;
        self.nodes.iter().try_for_each(Believable::check)
    }
}

impl Believable for NodeSnapshot {
    fn check(&self) -> Result<(), Unbelievable> {
        within("failures", self.failures, COUNT)?;
        within("good", self.good, COUNT)?;
        within_if("released_at", self.released_at, SERVICE_TIME)?;
        within("resumes", self.resumes, OFFSET)?;
        within_if("unexplained_w", self.unexplained_w, TREE_W)?;
        within_if("held_base_w", self.held_base_w, TREE_W)
    }
}

impl Believable for DeviceSnapshot {
    fn check(&self) -> Result<(), Unbelievable> {
        self.capabilities.check()?;
        self.preferences.check()?;
        within_if("last_event", self.last_event, DEVICE_TIME)?;
        within_if("last_arrival", self.last_arrival, SERVICE_TIME)?;
        within_if("last_steering", self.last_steering, DEVICE_TIME)?;
        let watts = [self.power_w, self.mean_w, self.setpoint_w, self.need_w];
        for watts in watts.into_iter().chain([self.allowed_w, self.allowed_before_w]) {
            within_if("a device's power", watts, EDGE_W)?;
        }
        within("peak_w", self.peak_w, EDGE_W)?;
        within("carried_w", self.carried_w, TREE_W)?;
        within_if("soc", self.soc, SOC)?;
        for reading in &self.readings {
            within("a reading's time", reading.at, DEVICE_TIME)?;
            within("a reading's power", reading.power_w, EDGE_W)?;
        }
        for live in &self.live {
            within("live.epoch", live.epoch, NUMBER)?;
            within("live.seq", live.seq, NUMBER)?;
            within("live.decided", live.decided, SERVICE_TIME)?;
            within("live.until", live.until, ORDERED_TIME)?;
            for watts in [live.setpoint_w, live.fallback_w, live.from_w] {
                within("a command's power", watts, EDGE_W)?;
            }
        }
        for since in [self.setpoint_since, self.hold_since, self.wants_since] {
            within_if("a device's since", since, SERVICE_TIME)?;
        }
        for since in [self.direction_since, self.running_since] {
            within_if("a device's since", since, SERVICE_TIME)?;
        }
        for count in [self.strikes, self.good, self.idle_windows] {
            within("a device's count", count, COUNT)?;
        }
        within("direction", self.direction, -1..=1)?;
        within("deficit_wms", self.deficit_wms, DEFICIT_WMS)?;
        for slice in &self.tracking {
            within("tracking.start", slice.start, ORDERED_TIME)?;
            within("tracking.samples", slice.samples, COUNT)?;
            within("tracking.sum_w", slice.sum_w, TREE_W)?;
            within("tracking.sum_abs_w", slice.sum_abs_w, TREE_W)?;
        }
        Ok(())
    }
}

/// The greatest power for an hour.
const DEFICIT_WMS: std::ops::RangeInclusive<i64> =
    -3_600_000_000_000_000_000..=3_600_000_000_000_000_000;

impl Believable for DecisionNo {
    fn check(&self) -> Result<(), Unbelievable> {
        within("epoch", self.epoch, NUMBER)?;
        within("seq", self.seq, NUMBER)
    }
}

impl Believable for DeviceState {
    fn check(&self) -> Result<(), Unbelievable> {
        self.version.check()?;
        within("at", self.at, SERVICE_TIME)?;
        within("priority", self.priority, PRIORITY)?;
        within_if("target_soc", self.target_soc, SOC)?;
        within_if("last_seen", self.last_seen, SERVICE_TIME)?;
        for watts in [self.rated_w, self.min_power_w, self.power_w, self.setpoint_w] {
            within_if("a device's power", watts, EDGE_W)?;
        }
        within_if("soc", self.soc, SOC)?;
        within("tracking_samples", self.tracking_samples, COUNT)
    }
}

impl Believable for FeederState {
    fn check(&self) -> Result<(), Unbelievable> {
        self.version.check()?;
        within("at", self.at, SERVICE_TIME)?;
        if let Some(made) = &self.made {
            within("window_start", made.window_start, ORDERED_TIME)?;
            within("window_end", made.window_end, ORDERED_TIME)?;
        }
        self.node.check()
    }
}
