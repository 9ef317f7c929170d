//! `snapshots.v1`: the core's state of one tree at a position, from which recovery replays. A large tree is written
//! in numbered parts; two slots alternate, so that one whole snapshot is always there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{DeviceId, FeederId};
use crate::records::decision::{Positions, Reason};
use crate::records::state::Version;
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

/// A slice of the rolling tracking window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingBucket {
    /// Its start.
    pub start: Timestamp,
    /// Samples in it.
    pub samples: i32,
    /// Sum of actual less setpoint.
    pub sum_w: i64,
    /// Sum of its absolute value.
    pub sum_abs_w: i64,
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
    pub carried_w: i64,
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
    pub version: Version,
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

impl SnapshotPart {
    /// The record's key: root, slot and part, so that compaction keeps the last two snapshots of a tree.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.root, self.number & 1, self.part)
    }
}
