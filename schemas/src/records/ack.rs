//! `acks.v1`: what devices say about setpoints, and whether they are there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::InTree;
use crate::units::{Timestamp, Watts};

/// What a device says about a setpoint, or about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AckStatus {
    /// Taken, not yet followed.
    Accepted,
    /// Followed.
    Applied,
    /// Refused.
    Rejected,
    /// Came too late.
    Expired,
    /// A newer one was already there.
    Superseded,
    /// The device came online (its status topic).
    Online,
    /// The device went offline (its status topic or last will).
    Offline,
}

/// One ack or status of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The message's id; for a status message one derived from topic and arrival.
    pub message_id: Uuid,
    /// Which device.
    pub device_id: DeviceId,
    /// The feeder it is assigned to.
    pub feeder_id: FeederId,
    /// When, by the device's clock.
    pub ts: Timestamp,
    /// When the bridge received it.
    pub arrival: Timestamp,
    /// What it says.
    pub status: AckStatus,
    /// The setpoint it speaks of; absent for online and offline.
    pub setpoint_id: Option<Uuid>,
    /// The power it applied, load convention, W.
    pub applied_w: Option<Watts>,
    /// Why, where it says so.
    pub reason: Option<String>,
}

record!(Ack, "ack" in Acks by InTree, key |_, tree| tree.root.to_string(), schemas ["ack.avsc"]);
