//! `decisions.v1`: the only output of control. A decision is one record (or numbered parts of one), a claim says
//! who may write the ones after it. What stands and what is void is decided by [`crate::ledger`].

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::InPartition;
use crate::records::decision_no::DecisionNo;
use crate::records::operator::FeederMode;
use crate::records::telemetry::DeviceType;
use crate::units::{Soc, Timestamp, WattHours, Watts};

/// Positions a decision has consumed: the next offset of each input, in the decision's own partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// `acks.v1`, same partition.
    pub acks: i64,
    /// `operator.v1`, its only partition.
    pub operator: i64,
    /// `telemetry.v1`, same partition.
    pub telemetry: i64,
}

/// Why a decision was made when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Trigger {
    /// The window was complete.
    Window,
    /// The window was closed by the clock: samples were missing.
    Idle,
    /// A feeder was over its limit: decreases only.
    Overload,
    /// An operator changed a limit or an override: decreases at once.
    Operator,
}

/// What holds a node's allocation down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NodeBinding {
    /// Nothing: every device has what it wants.
    None,
    /// The import limit.
    ImportLimit,
    /// The export limit.
    ExportLimit,
    /// A demand-response event's limit.
    Event,
    /// A demand-response program's shed.
    Program,
    /// A limit of a feeder above.
    Ancestor,
}

/// The rung of the ladder for infeasible limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rung {
    /// Everyone has what they want.
    Normal,
    /// Shares are trimmed.
    Trim,
    /// Flexible load is paused.
    Pause,
    /// Only guaranteed minima.
    Minimum,
    /// Everyone at the fallback.
    Fallback,
    /// The limit cannot be met: watts are missing.
    Alarm,
}

/// Why a device got what it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Its want is met.
    Satisfied,
    /// Held to its fair share.
    FairShare,
    /// On the way up, bound by its ramp.
    Ramp,
    /// Too small a change to send.
    Deadband,
    /// Waits for its dwell time.
    Dwell,
    /// Waits for its turn to run at its minimum.
    Rotation,
    /// At its target state of charge.
    TargetReached,
    /// At its reserve.
    Reserve,
    /// Discharged to keep a limit.
    Discharge,
    /// Generation curtailed to keep an export limit.
    Curtailed,
    /// Sample too old.
    Stale,
    /// Never heard.
    Missing,
    /// Last setpoint held.
    HoldLast,
    /// Does not follow its setpoints.
    NonCompliant,
    /// An operator's setpoint.
    Override,
    /// Opted out: counted, not commanded.
    OptedOut,
    /// Not commanded: the feeder's mode, or the device's type.
    NotCommanded,
    /// Returning after an event.
    Release,
    /// Cold start: not heard since.
    Restart,
    /// The plan failed its check: held to what is safe.
    Uncertified,
    /// Raise waits until decreases have been seen.
    AwaitsHeadroom,
}

/// What a decision sends to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Emit {
    /// Nothing.
    None,
    /// A changed setpoint.
    Change,
    /// The same setpoint with a new lease.
    Renew,
}

/// How recently a device was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Freshness {
    /// Within `TELEMETRY_STALE_MS`.
    Fresh,
    /// Longer ago.
    Stale,
    /// Never.
    Missing,
    /// It said that it is offline.
    Offline,
}

/// One type's share of a node's load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeTotal {
    /// Which type.
    pub device_type: DeviceType,
    /// How many devices.
    pub count: i32,
    /// Their power, load convention.
    pub power_w: Watts,
}

/// One feeder of the tree in a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDecision {
    /// Which feeder.
    pub feeder_id: FeederId,
    /// Its parent.
    pub parent_id: Option<FeederId>,
    /// Its mode.
    pub mode: FeederMode,
    /// Its own import limit.
    pub import_limit_w: Watts,
    /// Its own export limit.
    pub export_limit_w: Option<Watts>,
    /// The import limit in force: the strictest of limit, events, programs and the global limit.
    pub limit_w: Watts,
    /// Distance kept from it.
    pub margin_w: Watts,
    /// Observed load under the feeder.
    pub load_w: Watts,
    /// The part of it that devices under control take.
    pub controlled_w: Watts,
    /// Upper estimate of the load that nobody commands.
    pub uncontrolled_w: Watts,
    /// Held back for live commands, silent and non-compliant devices beyond what they are seen to take.
    pub reserved_w: Watts,
    /// Limit less load.
    pub headroom_w: Watts,
    /// Sum of the setpoints under the feeder.
    pub allocated_w: Watts,
    /// Watts by which the limit cannot be met.
    pub unmet_w: Watts,
    /// The level of the water, W per unit of weight; absent where nothing binds.
    pub water_level_w: Option<i64>,
    /// What binds.
    pub binding: NodeBinding,
    /// The rung of the ladder.
    pub rung: Rung,
    /// Why it runs degraded, where it does.
    pub degraded: Option<String>,
    /// Why control is stopped, where it is.
    pub stopped: Option<String>,
    /// Devices under the feeder.
    pub device_count: i32,
    /// Fresh ones.
    pub fresh_count: i32,
    /// Stale, missing and offline ones.
    pub stale_count: i32,
    /// Load by type.
    pub by_type: Vec<TypeTotal>,
}

/// One device in a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDecision {
    /// Which device.
    pub device_id: DeviceId,
    /// Its feeder.
    pub feeder_id: FeederId,
    /// What it is.
    pub device_type: DeviceType,
    /// Its power in the window, load convention; absent when it was not heard.
    pub power_w: Option<Watts>,
    /// Its state of charge.
    pub soc: Option<Soc>,
    /// How recently it was heard.
    pub freshness: Freshness,
    /// Age of its last sample at the decision.
    pub sample_age_ms: Option<i64>,
    /// What it could use.
    pub wanted_w: Watts,
    /// Its fair share.
    pub share_w: Watts,
    /// Its setpoint; absent where it has none.
    pub setpoint_w: Option<Watts>,
    /// What is sent.
    pub emit: Emit,
    /// Lifetime of the setpoint from the decision on.
    pub ttl_ms: i64,
    /// What it shall do when that lapses.
    pub fallback_w: Watts,
    /// Weight, in thousandths.
    pub weight_milli: i64,
    /// Energy below its fair share, carried over.
    pub deficit_wh: WattHours,
    /// Why.
    pub reason: Reason,
    /// The feeder whose limit binds it, or none.
    pub bound_by: Option<FeederId>,
    /// What one more kW of limit would give it, W.
    pub marginal_w: Watts,
    /// Whether it follows its setpoints.
    pub compliant: bool,
    /// Whether its messages are framed in the predecessor's topic layout.
    pub typed_layout: bool,
}

/// How urgent an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

/// Something an operator should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Stable code, for example `CTL-001`: a page in docs/runbook.
    pub code: String,
    /// How urgent.
    pub severity: Severity,
    /// Which feeder.
    pub feeder_id: Option<FeederId>,
    /// Which device.
    pub device_id: Option<DeviceId>,
    /// What happened.
    pub message: String,
}

/// A decision without its devices: what every reader needs first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionHeader {
    /// The clock reading it used.
    pub at: Timestamp,
    /// Why then.
    pub trigger: Trigger,
    /// Start of the window.
    pub window_start: Timestamp,
    /// End of the window.
    pub window_end: Timestamp,
    /// What it had consumed.
    pub positions: Positions,
    /// The policy that made it.
    pub policy: String,
    /// Whether the independent check passed.
    pub certified: bool,
    /// What the check found, where it did not pass.
    pub findings: Vec<String>,
    /// The tree, parents before children.
    pub nodes: Vec<NodeDecision>,
    /// What operators should know.
    pub alarms: Vec<Alarm>,
}

/// One record of a decision: part 0 carries the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionPart {
    /// The epoch of its writer's claim.
    pub epoch: i64,
    /// Its writer.
    pub writer: Uuid,
    /// The root of the tree.
    pub root: FeederId,
    /// Number of the decision of this tree, rising.
    pub seq: i64,
    /// Which part, from 0.
    pub part: i32,
    /// How many parts.
    pub parts: i32,
    /// In part 0.
    pub header: Option<DecisionHeader>,
    /// Devices of this part.
    pub devices: Vec<DeviceDecision>,
}

/// A new owner of a partition says so. Everything a former owner writes after it is void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// One more than the highest before it.
    pub epoch: i64,
    /// Who.
    pub writer: Uuid,
    /// When.
    pub at: Timestamp,
    /// A name for people: host and process.
    pub name: String,
    /// The identity of the log that is claimed; none from before logs had one.
    #[serde(default)]
    pub log: Option<Uuid>,
}

/// One record of `decisions.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant's record says it")]
pub enum LedgerRecord {
    Claim(Claim),
    DecisionPart(DecisionPart),
}

/// A whole decision, all its parts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which decision of its tree it is.
    pub no: DecisionNo,
    /// Its writer.
    pub writer: Uuid,
    /// The root of the tree.
    pub root: FeederId,
    /// All but the devices.
    pub header: DecisionHeader,
    /// Every device of the tree, by id.
    pub devices: Vec<DeviceDecision>,
}

impl DecisionPart {
    /// Which decision of its tree it is of.
    #[must_use]
    pub fn no(&self) -> DecisionNo {
        DecisionNo::new(self.epoch, self.seq)
    }
}

impl Decision {
    /// The decision's id: derived, so that a re-read gives the same.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.no.decision_id(&self.root)
    }

    /// The message id of a device's setpoint: derived, so that a re-send is recognised by the device.
    #[must_use]
    pub fn setpoint_id(&self, device_id: &DeviceId) -> Uuid {
        self.no.setpoint_id(&self.root, device_id)
    }

    /// Splits it into records of at most `devices_max` devices; one record where it fits.
    #[must_use]
    pub fn into_parts(self, devices_max: usize) -> Vec<DecisionPart> {
        let mut chunks: Vec<Vec<DeviceDecision>> =
            self.devices.chunks(devices_max.max(1)).map(<[DeviceDecision]>::to_vec).collect();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        let parts = i32::try_from(chunks.len()).unwrap_or(i32::MAX);
        let mut header = Some(self.header);
        (0..parts)
            .zip(chunks)
            .map(|(part, devices)| DecisionPart {
                epoch: self.no.epoch,
                writer: self.writer,
                root: self.root.clone(),
                seq: self.no.seq,
                part,
                parts,
                header: header.take(),
                devices,
            })
            .collect()
    }
}

/// The key of claims: they are of no tree.
const CLAIM_KEY: &str = "claim";

record!(
    LedgerRecord, "decision" in Decisions by InPartition,
    key |record, _| match record {
        LedgerRecord::Claim(_) => CLAIM_KEY.to_owned(),
        LedgerRecord::DecisionPart(part) => part.root.to_string(),
    },
    schemas ["decision_1.avsc", "decision.avsc"]
);
