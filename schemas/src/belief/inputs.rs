//! What comes in: samples, acks, operators' changes, dead letters; and what went out.

use super::{
    Believable, COUNT, DEVICE_TIME, EDGE_W, OFFSET, ORDERED_TIME, PRIORITY, SERVICE_TIME, SOC,
    SPAN_MS, TREE_W, Unbelievable, within, within_if,
};
use crate::records::ack::Ack;
use crate::records::dead_letter::DeadLetter;
use crate::records::operator::{Change, ControlSettings, OperatorRecord, ProgramSet};
use crate::records::sent::Sent;
use crate::records::telemetry::{Capabilities, Preferences, Telemetry};

impl Believable for Telemetry {
    fn check(&self) -> Result<(), Unbelievable> {
        within("ts", self.ts, DEVICE_TIME)?;
        within_if("sent_at", self.sent_at, DEVICE_TIME)?;
        within("arrival", self.arrival, SERVICE_TIME)?;
        within("power_w", self.power_w, EDGE_W)?;
        within_if("soc", self.soc, SOC)?;
        within_if("energy_wh", self.energy_wh, EDGE_W)?;
        within_if("voltage_mv", self.voltage_mv, EDGE_W)?;
        within_if("current_ma", self.current_ma, EDGE_W)?;
        within("unknown_fields", self.unknown_fields, COUNT)?;
        self.capabilities.check()?;
        self.preferences.check()
    }
}

impl Believable for Capabilities {
    fn check(&self) -> Result<(), Unbelievable> {
        within_if("max_charge_w", self.max_charge_w, EDGE_W)?;
        within_if("max_discharge_w", self.max_discharge_w, EDGE_W)?;
        within_if("max_export_w", self.max_export_w, EDGE_W)?;
        within_if("max_import_w", self.max_import_w, EDGE_W)?;
        within_if("min_power_w", self.min_power_w, EDGE_W)?;
        within_if("ramp_w_per_s", self.ramp_w_per_s, EDGE_W)?;
        within_if("energy_wh", self.energy_wh, EDGE_W)?;
        within_if("fallback_w", self.fallback_w, EDGE_W)
    }
}

impl Believable for Preferences {
    fn check(&self) -> Result<(), Unbelievable> {
        within_if("priority", self.priority, PRIORITY)?;
        within_if("target_soc", self.target_soc, SOC)?;
        within_if("departure", self.departure, DEVICE_TIME)
    }
}

impl Believable for Ack {
    fn check(&self) -> Result<(), Unbelievable> {
        within("ts", self.ts, DEVICE_TIME)?;
        within("arrival", self.arrival, SERVICE_TIME)?;
        within_if("applied_w", self.applied_w, EDGE_W)
    }
}

impl Believable for DeadLetter {
    fn check(&self) -> Result<(), Unbelievable> {
        within("at", self.at, SERVICE_TIME)?;
        within("raw_len", self.raw_len, 0..=i64::MAX)
    }
}

impl Believable for Sent {
    fn check(&self) -> Result<(), Unbelievable> {
        self.no().check()?;
        within("decided_at", self.decided_at, SERVICE_TIME)?;
        within("sent_at", self.sent_at, SERVICE_TIME)?;
        within("broker_acked_at", self.broker_acked_at, SERVICE_TIME)
    }
}

impl Believable for OperatorRecord {
    fn check(&self) -> Result<(), Unbelievable> {
        within("at", self.at, SERVICE_TIME)?;
        match &self.change {
            Change::ControlSettings(settings) => settings.check(),
            Change::FeederChange(change) => {
                within_if("import_limit_w", change.import_limit_w, EDGE_W)?;
                within_if("export_limit_w", change.export_limit_w, EDGE_W)
            }
            Change::DeviceChange(change) => {
                within_if("priority", change.priority, PRIORITY)?;
                within_if("target_soc", change.target_soc, SOC)?;
                within_if("fallback_w", change.fallback_w, EDGE_W)
            }
            Change::EventCreated(event) => {
                within("start", event.start, ORDERED_TIME)?;
                within("end", event.end, ORDERED_TIME)?;
                within("limit_w", event.limit_w, EDGE_W)?;
                within("ramp_s", event.ramp_s, COUNT)?;
                within("randomize_s", event.randomize_s, COUNT)
            }
            Change::EventChanged(event) => {
                within("start", event.start, ORDERED_TIME)?;
                within("end", event.end, ORDERED_TIME)?;
                within("limit_w", event.limit_w, EDGE_W)?;
                within("ramp_s", event.ramp_s, COUNT)
            }
            Change::ProgramSet(program) => program.check(),
            Change::OverrideSet(set) => {
                within("power_w", set.power_w, EDGE_W)?;
                within("until", set.until, ORDERED_TIME)
            }
            Change::LogMade(made) => made.ends.iter().try_for_each(|end| {
                within("ends.partition", end.partition, COUNT)?;
                within("ends.next", end.next, OFFSET)
            }),
            Change::SessionEnded(ended) => within("until", ended.until, ORDERED_TIME),
            Change::FeederCleared(_)
            | Change::FeederRemoved(_)
            | Change::DeviceRegistered(_)
            | Change::EventCancelled(_)
            | Change::ProgramDeleted(_)
            | Change::OverrideCleared(_)
            | Change::ControlResumed(_)
            | Change::SimulationSet(_)
            | Change::DeviceWaiting(_)
            | Change::DeviceApproved(_)
            | Change::DeviceRetired(_)
            | Change::DeviceReplaced(_)
            | Change::DeviceNoted(_) => Ok(()),
        }
    }
}

impl Believable for ProgramSet {
    fn check(&self) -> Result<(), Unbelievable> {
        within("start", self.start, ORDERED_TIME)?;
        within("end", self.end, ORDERED_TIME)?;
        within("target_shed_w", self.target_shed_w, EDGE_W)?;
        within("incentive_milli_per_kwh", self.incentive_milli_per_kwh, EDGE_W)?;
        within("penalty_milli_per_kwh", self.penalty_milli_per_kwh, EDGE_W)?;
        within("ramp_s", self.ramp_s, COUNT)?;
        within("randomize_s", self.randomize_s, COUNT)
    }
}

impl Believable for ControlSettings {
    fn check(&self) -> Result<(), Unbelievable> {
        within("interval_ms", self.interval_ms, 1..=86_400_000)?;
        within("lateness_ms", self.lateness_ms, SPAN_MS)?;
        within("idle_ms", self.idle_ms, SPAN_MS)?;
        within("stale_ms", self.stale_ms, SPAN_MS)?;
        within("hold_last_max_ms", self.hold_last_max_ms, SPAN_MS)?;
        within("lease_ms", self.lease_ms, SPAN_MS)?;
        within("default_limit_w", self.default_limit_w, EDGE_W)?;
        within_if("global_limit_w", self.global_limit_w, EDGE_W)?;
        within("margin_w", self.margin_w, EDGE_W)?;
        within("margin_permille", self.margin_permille, 0..=1_000_000)?;
        within("min_soc_reserve", self.min_soc_reserve, SOC)?;
        within("target_soc", self.target_soc, SOC)?;
        within("soc_weight_permille", self.soc_weight_permille, 0..=1_000_000)?;
        within("deadband_w", self.deadband_w, EDGE_W)?;
        within("dwell_ms", self.dwell_ms, SPAN_MS)?;
        within("ramp_permille", self.ramp_permille, 0..=1_000_000)?;
        within("shed_margin_w", self.shed_margin_w, EDGE_W)?;
        within("max_consecutive_failures", self.max_consecutive_failures, COUNT)?;
        within("tracking_window_ms", self.tracking_window_ms, SPAN_MS)?;
        within("unheard_w", self.unheard_w, TREE_W)
    }
}
