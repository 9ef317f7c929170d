//! `snapshots.v1`: the core's state of one tree at a position, from which recovery replays. A large tree is written
//! in numbered parts; two slots alternate, so that one whole snapshot is always there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::InPartition;
use crate::records::decision::{Positions, Reason};
use crate::records::decision_no::DecisionNo;
use crate::records::telemetry::{Capabilities, DeviceOrigin, DeviceType, Preferences};
use crate::units::{Soc, Timestamp, Watts};

/// A reading in an open window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When, in steering time.
    pub at: Timestamp,
    /// How much.
    pub power_w: Watts,
}

/// A command that may still be in force at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveCommand {
    /// The epoch of the decision it came from.
    pub epoch: i64,
    /// That decision's number.
    pub seq: i64,
    /// The setpoint.
    pub setpoint_w: Watts,
    /// When it was decided.
    pub decided: Timestamp,
    /// When its lease ends at the latest.
    pub until: Timestamp,
    /// What the device falls back to then.
    pub fallback_w: Watts,
    /// Whether the device acknowledged that it applied it.
    pub applied: bool,
    /// What it took when this was decided: one that took more and now keeps to it has got it.
    pub from_w: Watts,
}

impl LiveCommand {
    /// The decision it came from.
    #[must_use]
    pub fn no(&self) -> DecisionNo {
        DecisionNo::new(self.epoch, self.seq)
    }
}

/// A slice of the rolling tracking window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingBucket {
    /// Its start.
    pub start: Timestamp,
    /// Samples in it.
    pub samples: i32,
    /// Sum of actual less setpoint.
    pub sum_w: Watts,
    /// Sum of its absolute value.
    pub sum_abs_w: Watts,
}

/// The core's state of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSnapshot {
    /// Which device.
    pub device_id: DeviceId,
    /// What it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// The feeder its last sample named.
    pub feeder_id: FeederId,
    /// Its site.
    pub site_id: Option<String>,
    /// Whether it speaks the predecessor's layout.
    pub typed_layout: bool,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What its owner wants.
    pub preferences: Preferences,
    /// Event time of the newest sample, by the device's clock.
    pub last_event: Option<Timestamp>,
    /// Arrival of the newest sample.
    pub last_arrival: Option<Timestamp>,
    /// Steering time of the newest sample.
    pub last_steering: Option<Timestamp>,
    /// Its last power.
    pub power_w: Option<Watts>,
    /// Its last state of charge.
    pub soc: Option<Soc>,
    /// Whether it said that it is offline.
    pub offline: bool,
    /// Whether its clock is off.
    pub skewed: bool,
    /// Readings of open windows, by time.
    pub readings: Vec<Reading>,
    /// Mean power of the last closed window.
    pub mean_w: Option<Watts>,
    /// Commands that may be in force, by seq.
    pub live: Vec<LiveCommand>,
    /// The last setpoint decided.
    pub setpoint_w: Option<Watts>,
    /// When it last changed.
    pub setpoint_since: Option<Timestamp>,
    /// Reason of the last setpoint.
    pub reason: Option<Reason>,
    /// When a hold of the last setpoint began.
    pub hold_since: Option<Timestamp>,
    /// Energy below the fair share, W·ms.
    pub deficit_wms: i64,
    /// What the policy carries over for it to the next window, W.
    pub carried_w: Watts,
    /// Since when it wants power; none while it wants nothing.
    pub wants_since: Option<Timestamp>,
    /// Direction of the last change: -1, 0, 1.
    pub direction: i32,
    /// When the direction last changed.
    pub direction_since: Option<Timestamp>,
    /// Whether it is selected to run at its minimum or above.
    pub running: bool,
    /// When that last changed.
    pub running_since: Option<Timestamp>,
    /// Windows in a row in which it did not follow.
    pub strikes: i32,
    /// Windows in a row in which it did, after it had not.
    pub good: i32,
    /// Whether it counts as non-compliant.
    pub non_compliant: bool,
    /// The highest power seen lately (measured need), W.
    pub peak_w: Watts,
    /// Whether it has ever acknowledged a setpoint: then its silence means that it has not got one.
    pub acknowledges: bool,
    /// Windows in a row in which it took less than it might.
    pub idle_windows: i32,
    /// Its measured need, where it takes less than it might.
    pub need_w: Option<Watts>,
    /// The most that commands allowed after the last decision.
    pub allowed_w: Option<Watts>,
    /// And after the one before.
    pub allowed_before_w: Option<Watts>,
    /// Rolling tracking error.
    pub tracking: Vec<TrackingBucket>,
    /// Grows with each reading that cannot be true, and falls with each that can.
    #[serde(default)]
    pub doubt: i32,
    /// Its readings are not believed: it counts at its worst.
    #[serde(default)]
    pub distrusted: bool,
    /// What it says that it can do contradicts itself.
    #[serde(default)]
    pub contradicts: bool,
    /// Setpoints in a row that it rejected.
    #[serde(default)]
    pub rejections: i32,
    /// Arrival of the word that it is offline.
    #[serde(default)]
    pub offline_since: Option<Timestamp>,
    /// Between its last two samples, ms.
    #[serde(default)]
    pub gap_ms: i64,
    /// How far apart its samples are, ms: the shorter of the last two gaps.
    #[serde(default)]
    pub period_ms: i64,
    /// Steering time of its last word on its state of charge.
    #[serde(default)]
    pub soc_at: Option<Timestamp>,
    /// Energy that went in or out since its state of charge last moved, W·ms.
    #[serde(default)]
    pub soc_unmoved_wms: i64,
    /// What it takes beyond its setpoints again and again, within its tolerance.
    #[serde(default)]
    pub overshoot_w: Watts,
    /// The same in the last window.
    #[serde(default)]
    pub over_before_w: Watts,
    /// Its power in the sample before the last one.
    #[serde(default)]
    pub power_before_w: Option<Watts>,
    /// Samples in a row that jumped back to the one before the last.
    #[serde(default)]
    pub zigzags: i32,
}

/// The most that only a meter saw within a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its start.
    pub start: Timestamp,
    /// The most.
    pub most_w: Watts,
}

/// What a meter said and what was known under it, when both had come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalmPoint {
    /// The reading.
    pub reading_w: Watts,
    /// What was known.
    pub known_w: Watts,
}

/// Between what bounds something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRange {
    /// The least.
    pub least_w: Watts,
    /// The most.
    pub most_w: Watts,
}

/// Why a meter is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MeterDoubt {
    /// It says less than what is known to flow through it.
    BelowKnown,
    /// It says the same to the watt while what it measures moves.
    StandsStill,
    /// It does not move with what moves under it.
    Disagrees,
}

/// What is known of a feeder's head meter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterSnapshot {
    /// The most that only it saw, lately.
    #[serde(default)]
    pub shown: Vec<Shown>,
    /// Its last reading.
    #[serde(default)]
    pub reading_w: Option<Watts>,
    /// What was known under it then.
    #[serde(default)]
    pub known_w: Watts,
    /// Windows in a row in which what is known under it hardly moved.
    #[serde(default)]
    pub calm_windows: i32,
    /// The last point at which what is commanded under it was at rest: the reading without what nobody commands, and what
    /// is commanded.
    #[serde(default)]
    pub calm: Option<CalmPoint>,
    /// Between what bounds what is known was since the reading last changed.
    #[serde(default)]
    pub flat_known: Option<KnownRange>,
    /// Readings in a row that were the same to the watt.
    #[serde(default)]
    pub flat_readings: i32,
    /// How often it moved with what moved under it.
    #[serde(default)]
    pub agreed: i32,
    /// How often it did not.
    #[serde(default)]
    pub disagreed: i32,
    /// Windows that are needed until it is believed again.
    #[serde(default)]
    pub doubt: i32,
    /// Why it is not believed.
    #[serde(default)]
    pub doubted: Option<MeterDoubt>,
}

/// The core's state of one feeder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSnapshot {
    /// Which feeder.
    pub feeder_id: FeederId,
    /// Cycles in a row that failed.
    pub failures: i32,
    /// Cycles in a row that were good since.
    pub good: i32,
    /// Why control is stopped.
    pub stopped: Option<String>,
    /// The last end of an event's or program's restriction, for a release without rebound.
    pub released_at: Option<Timestamp>,
    /// Whether a restriction held at the last decision.
    pub restricted: bool,
    /// The event or program that restricted it last: the release is spread by its id.
    pub restricted_by: Option<Uuid>,
    /// How often operators had resumed control when it was last stopped or resumed.
    pub resumes: i64,
    /// Load that only the head meter knows of, as last measured.
    pub unexplained_w: Option<Watts>,
    /// Upper estimate of the uncommanded load in use, held against noise.
    pub held_base_w: Option<Watts>,
    /// Observed load that nobody commands in the last windows.
    #[serde(default)]
    pub recent_w: Vec<Watts>,
    /// What is kept free because more was measured than was told.
    #[serde(default)]
    pub correction_w: Watts,
    /// Windows in a row in which more was measured than was told.
    #[serde(default)]
    pub over_windows: i32,
    /// Its head meter.
    #[serde(default)]
    pub meter: MeterSnapshot,
}

/// The tree-wide part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeSnapshot {
    /// Feeders of the tree with state of their own.
    pub nodes: Vec<NodeSnapshot>,
    /// End of the last closed window.
    pub window_end: Timestamp,
    /// The latest steering time seen.
    pub latest: Option<Timestamp>,
    /// The clock reading of the last decision.
    pub decided_at: Timestamp,
    /// Samples that came too late to steer, since the start.
    pub late_samples: i64,
    /// When decisions came back after an outage longer than the leases.
    pub restarted_at: Option<Timestamp>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// The root of the tree.
    pub root: FeederId,
    /// The decision after which it was taken.
    pub version: DecisionNo,
    /// That decision's writer.
    pub writer: Uuid,
    /// Number of this snapshot; its last bit names the slot.
    pub number: i64,
    /// Which part, from 0.
    pub part: i32,
    /// How many parts.
    pub parts: i32,
    /// Inputs consumed.
    pub positions: Positions,
    /// The offset after that decision in `decisions.v1`.
    pub decisions_next: i64,
    /// In part 0.
    pub tree: Option<TreeSnapshot>,
    /// Devices of this part.
    pub devices: Vec<DeviceSnapshot>,
    /// The identity of the log that its positions are of; none from before logs had one.
    #[serde(default)]
    pub log: Option<Uuid>,
}

// Root, slot and part, so that compaction keeps the last two snapshots of a tree.
record!(
    SnapshotPart, "snapshot" in Snapshots by InPartition,
    key |part, _| format!("{}/{}/{}", part.root, part.number & 1, part.part),
    schemas ["snapshot_1.avsc", "snapshot.avsc"]
);
