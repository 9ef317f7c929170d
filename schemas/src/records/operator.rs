//! `operator.v1`: everything people decide, and what the system itself must remember for ever: which device
//! belongs to which feeder, and the control settings that decisions were made with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::Only;
use crate::records::lifecycle::{
    DeviceApproved, DeviceNoted, DeviceReplaced, DeviceRetired, DeviceWaiting,
};
use crate::records::telemetry::{DeviceOrigin, DeviceType};
use crate::units::{Soc, Timestamp, Watts};

/// How a feeder is controlled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeederMode {
    /// Decided and commanded.
    #[default]
    Automatic,
    /// Only operator setpoints, still certified.
    Manual,
    /// Decided, never commanded.
    Shadow,
    /// Neither.
    Disabled,
}

/// What to do with a device that is stale or was never heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MissingBehavior {
    /// Send 0 each cycle until it is heard.
    #[default]
    SafeZero,
    /// Renew the last setpoint for a while, then 0.
    HoldLast,
    /// Send nothing; its lease lapses.
    ExcludeDevice,
}

/// What to do at a start after an outage longer than the leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RestartBehavior {
    /// Send 0 to every known device until it is heard.
    #[default]
    SafeZero,
    /// Renew the last decided setpoints for a while.
    HoldLast,
}

/// The most that a program by price takes of a feeder's limit, thousandths of it.
pub const PRICE_SHED_MAX_PERMILLE: i64 = 800;

/// How a demand-response program sheds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProgramMode {
    /// A fixed number of watts less.
    FixedCap,
    /// Less by price.
    PriceElastic,
}

/// The simulator's time of day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SimulationMode {
    /// Always day.
    Day,
    /// Always night.
    Night,
    /// By the clock.
    #[default]
    Auto,
}

/// The names of the policies that share headroom (docs/policies.md); the first is the default.
pub const POLICIES: &[&str] = &[
    "water-fill",
    "optimizer",
    "pro-rata",
    "equal-share",
    "lifo",
    "deficit",
    "deficit-predecessor",
];

/// The settings that decisions depend on. They are written to the log when they change, so that a replay uses the
/// ones a decision was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlSettings {
    /// Width of the control window, ms (`CONTROL_INTERVAL_SECONDS`).
    pub interval_ms: i64,
    /// How long a window waits for late samples, ms.
    pub lateness_ms: i64,
    /// How long after that a silent feeder's window stays open, ms.
    pub idle_ms: i64,
    /// A sample older than this is stale, ms (`TELEMETRY_STALE_MS`).
    pub stale_ms: i64,
    /// `TELEMETRY_MISSING_BEHAVIOR`.
    pub missing_behavior: MissingBehavior,
    /// `HOLD_LAST_MAX_MS`.
    pub hold_last_max_ms: i64,
    /// Lifetime of a setpoint, ms.
    pub lease_ms: i64,
    /// Import limit of a feeder that has none of its own, W (`FEEDER_DEFAULT_LIMIT_KW`).
    pub default_limit_w: Watts,
    /// Upper bound of the limits of all controlled roots together, W (`CONTROL_GLOBAL_KW_LIMIT`).
    pub global_limit_w: Option<Watts>,
    /// Distance kept from every limit, W.
    pub margin_w: Watts,
    /// Distance kept from every limit, in parts per 1 000 of it; the larger of the two holds.
    pub margin_permille: i32,
    /// Storage is never discharged below this (`CONTROL_MIN_SOC_RESERVE`).
    pub min_soc_reserve: Soc,
    /// Storage is charged up to this where nothing else is said (`CONTROL_TARGET_SOC`).
    pub target_soc: Soc,
    /// Whether every weight has a quarter more (`CONTROL_RESPECT_PRIORITY`); priorities weigh in any case.
    pub respect_priority: bool,
    /// Weight of the gap to the target, in parts per 1 000 (`CONTROL_SOC_WEIGHT`).
    pub soc_weight_permille: i32,
    /// A change of setpoint smaller than this is not sent, W.
    pub deadband_w: Watts,
    /// Least time between changes of direction, and of running a device with a minimum, ms.
    pub dwell_ms: i64,
    /// Rise per interval of a device that names no ramp, in parts per 1 000 of its rating.
    pub ramp_permille: i32,
    /// A feeder this far over its limit is shed without waiting for the window, W.
    pub shed_margin_w: Watts,
    /// `RESTART_BEHAVIOR`.
    pub restart_behavior: RestartBehavior,
    /// `MAX_CONSECUTIVE_FAILURES`.
    pub max_consecutive_failures: i32,
    /// `TRACKING_ERROR_WINDOW_MINUTES`, in ms.
    pub tracking_window_ms: i64,
    /// Policy of a feeder that names none, one of [`POLICIES`] (`CONTROL_ALLOCATION_MODE`).
    pub policy: String,
    /// Power that a registered device may take before it has ever been heard, W (`DERMS_UNHEARD_KW`).
    #[serde(default = "unheard_default")]
    pub unheard_w: Watts,
}

/// One phase at 32 A: the most that a usual charger at home takes.
const fn unheard_default() -> Watts {
    Watts(7_400)
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self {
            interval_ms: 5_000,
            lateness_ms: 2_000,
            idle_ms: 1_000,
            stale_ms: 30_000,
            missing_behavior: MissingBehavior::SafeZero,
            hold_last_max_ms: 120_000,
            lease_ms: 30_000,
            default_limit_w: Watts(250_000),
            global_limit_w: None,
            margin_w: Watts(500),
            margin_permille: 10,
            min_soc_reserve: Soc(2_000),
            target_soc: Soc(8_000),
            respect_priority: true,
            soc_weight_permille: 1_200,
            deadband_w: Watts(100),
            dwell_ms: 60_000,
            ramp_permille: 200,
            shed_margin_w: Watts(500),
            restart_behavior: RestartBehavior::SafeZero,
            max_consecutive_failures: 5,
            tracking_window_ms: 600_000,
            policy: POLICIES[0].to_owned(),
            unheard_w: unheard_default(),
        }
    }
}

/// A feeder is made or changed; what is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeederChange {
    /// Which feeder.
    pub feeder_id: FeederId,
    /// Its parent.
    pub parent_id: Option<FeederId>,
    /// Import limit, W, at least 0.
    pub import_limit_w: Option<Watts>,
    /// Export limit, W, at least 0.
    pub export_limit_w: Option<Watts>,
    /// Its mode.
    pub mode: Option<FeederMode>,
    /// Its policy, one of [`POLICIES`].
    pub policy: Option<String>,
}

/// What operators can take back of a feeder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeederField {
    /// Its parent: it is a root again, with all that stands below it.
    Parent,
    /// Its import limit: the default one holds.
    ImportLimit,
    /// Its export limit: there is none.
    ExportLimit,
    /// Its policy: the settings' one decides.
    Policy,
}

/// What was set of a feeder is so no more. A [`FeederChange`] that says nothing of a field leaves it as it was; this one
/// says that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeederCleared {
    /// Which feeder.
    pub feeder_id: FeederId,
    /// What is taken back.
    pub fields: Vec<FeederField>,
}

/// An empty feeder is gone: no device, no feeder below it, no event to come and no program that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeederRemoved {
    /// Which feeder.
    pub feeder_id: FeederId,
}

/// A device was heard for the first time. It belongs to this feeder until an operator moves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRegistered {
    /// Which device.
    pub device_id: DeviceId,
    /// What it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// The feeder it claimed.
    pub feeder_id: FeederId,
    /// The site it named.
    pub site_id: Option<String>,
}

/// An operator changes a device; what is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceChange {
    /// Which device.
    pub device_id: DeviceId,
    /// Its feeder.
    pub feeder_id: Option<FeederId>,
    /// 1 to 10.
    pub priority: Option<i32>,
    /// State of charge wanted.
    pub target_soc: Option<Soc>,
    /// What it does when its setpoint lapses, W.
    pub fallback_w: Option<Watts>,
    /// Counted as load that nobody commands.
    pub opted_out: Option<bool>,
}

/// A demand-response event: a lower limit for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCreated {
    /// Its id.
    pub event_id: Uuid,
    /// Which feeder.
    pub feeder_id: FeederId,
    /// From.
    pub start: Timestamp,
    /// Until.
    pub end: Timestamp,
    /// Import limit while it lasts, W.
    pub limit_w: Watts,
    /// A free word, for example `dr`.
    pub kind: String,
    /// Time over which the limit moves at the start, s.
    pub ramp_s: i32,
    /// The event begins up to so much earlier and ends up to so much later than ordered, s.
    #[serde(default)]
    pub randomize_s: i32,
}

/// An event ends now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCancelled {
    /// Which.
    pub event_id: Uuid,
}

/// An event is another from here on; its feeder, its creator and its id stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventChanged {
    /// Which.
    pub event_id: Uuid,
    /// From.
    pub start: Timestamp,
    /// Until.
    pub end: Timestamp,
    /// Import limit while it lasts, W.
    pub limit_w: Watts,
    /// A free word, for example `dr`.
    pub kind: String,
    /// Time over which the limit moves at the start, s.
    pub ramp_s: i32,
}

/// A demand-response program as it stands after the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSet {
    /// Its id.
    pub program_id: Uuid,
    /// Its name.
    pub name: String,
    /// How it sheds.
    pub mode: ProgramMode,
    /// The feeders it names; none = all.
    pub feeder_ids: Vec<FeederId>,
    /// From.
    pub start: Timestamp,
    /// Until.
    pub end: Timestamp,
    /// Shed wanted, W.
    pub target_shed_w: Watts,
    /// Incentive, thousandths of a currency unit per kWh.
    pub incentive_milli_per_kwh: i64,
    /// Penalty, thousandths of a currency unit per kWh.
    pub penalty_milli_per_kwh: i64,
    /// Whether it acts.
    pub active: bool,
    /// Time over which its shed grows at the start, s.
    #[serde(default)]
    pub ramp_s: i32,
    /// On each feeder it begins up to so much earlier and ends up to so much later than ordered, s.
    #[serde(default)]
    pub randomize_s: i32,
}

/// A program is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramDeleted {
    /// Which.
    pub program_id: Uuid,
}

/// An operator's setpoint for one device, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideSet {
    /// Which device.
    pub device_id: DeviceId,
    /// Power wanted, load convention, W.
    pub power_w: Watts,
    /// Until.
    pub until: Timestamp,
}

/// An operator's setpoint ends now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideCleared {
    /// Which device.
    pub device_id: DeviceId,
}

/// A stopped feeder is controlled again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlResumed {
    /// Which feeder.
    pub feeder_id: FeederId,
}

/// The simulator's time of day is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulationSet {
    /// To what.
    pub mode: SimulationMode,
}

/// Where a partition of a log ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEnd {
    /// The topic's name after its prefix.
    pub topic: String,
    /// Which partition.
    pub partition: i32,
    /// The offset after its last record.
    pub next: i64,
}

/// The log has an identity from here on ([`crate::identity`]): it was made, or a copy of it was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMade {
    /// A UUID of version 7.
    pub log_id: Uuid,
    /// Whether the log had records before: it is older than identities.
    pub adopted: bool,
    /// The identity of the log that a copy was put back of.
    pub restored_from: Option<Uuid>,
    /// Where that copy ended.
    pub ends: Vec<LogEnd>,
}

/// A user has ended their session: its token is refused from here on. Nothing of control depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// Which session: the id of its token.
    pub session_id: Uuid,
    /// When it would have ended by itself; nobody needs to remember it for longer.
    pub until: Timestamp,
}

/// One change. The order of the variants is the order of the Avro union.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant's record says it")]
pub enum Change {
    ControlSettings(ControlSettings),
    FeederChange(FeederChange),
    DeviceRegistered(DeviceRegistered),
    DeviceChange(DeviceChange),
    EventCreated(EventCreated),
    EventCancelled(EventCancelled),
    ProgramSet(ProgramSet),
    ProgramDeleted(ProgramDeleted),
    OverrideSet(OverrideSet),
    OverrideCleared(OverrideCleared),
    ControlResumed(ControlResumed),
    SimulationSet(SimulationSet),
    DeviceWaiting(DeviceWaiting),
    DeviceApproved(DeviceApproved),
    DeviceRetired(DeviceRetired),
    DeviceReplaced(DeviceReplaced),
    DeviceNoted(DeviceNoted),
    LogMade(LogMade),
    SessionEnded(SessionEnded),
    FeederCleared(FeederCleared),
    EventChanged(EventChanged),
    FeederRemoved(FeederRemoved),
}

impl Change {
    /// Whether a feeder may be there after it, or be a root, that was not before.
    #[must_use]
    pub fn may_open_feeder(&self) -> bool {
        matches!(
            self,
            Self::FeederChange(_)
                | Self::FeederCleared(_)
                | Self::DeviceRegistered(_)
                | Self::DeviceApproved(_)
        )
    }

    /// The id of what is changed: the record's key.
    #[must_use]
    pub fn entity(&self) -> String {
        match self {
            Self::ControlSettings(_) => "settings".to_owned(),
            Self::FeederChange(change) => change.feeder_id.to_string(),
            Self::DeviceRegistered(change) => change.device_id.to_string(),
            Self::DeviceChange(change) => change.device_id.to_string(),
            Self::EventCreated(change) => change.event_id.to_string(),
            Self::EventCancelled(change) => change.event_id.to_string(),
            Self::ProgramSet(change) => change.program_id.to_string(),
            Self::ProgramDeleted(change) => change.program_id.to_string(),
            Self::OverrideSet(change) => change.device_id.to_string(),
            Self::OverrideCleared(change) => change.device_id.to_string(),
            Self::ControlResumed(change) => change.feeder_id.to_string(),
            Self::SimulationSet(_) => "simulation".to_owned(),
            Self::DeviceWaiting(change) => change.device_id.to_string(),
            Self::DeviceApproved(change) => change.device_id.to_string(),
            Self::DeviceRetired(change) => change.device_id.to_string(),
            Self::DeviceReplaced(change) => change.device_id.to_string(),
            Self::DeviceNoted(change) => change.device_id.to_string(),
            Self::LogMade(_) => "log".to_owned(),
            Self::SessionEnded(ended) => ended.session_id.to_string(),
            Self::FeederCleared(cleared) => cleared.feeder_id.to_string(),
            Self::EventChanged(changed) => changed.event_id.to_string(),
            Self::FeederRemoved(removed) => removed.feeder_id.to_string(),
        }
    }
}

/// One record: who changed what, when. It is the audit trail too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// The record's id.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: a user's name, or the service that wrote it.
    pub actor: String,
    /// What.
    pub change: Change,
    /// From where: the address that a person's request came from; none for a service, and in records from before it was
    /// written down.
    #[serde(default)]
    pub source: Option<String>,
}

record!(
    OperatorRecord, "operator record" in Operator by Only,
    key |record, _| record.change.entity(),
    schemas [
        "operator_1.avsc",
        "operator_2.avsc",
        "operator_3.avsc",
        "operator_4.avsc",
        "operator_5.avsc",
        "operator.avsc",
    ]
);
