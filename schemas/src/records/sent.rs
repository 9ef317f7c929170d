//! `sent.v1`: which changed setpoints have left the bridge, and when the broker had them. What decides never reads it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::InPartition;
use crate::records::decision_no::DecisionNo;
use crate::units::Timestamp;

/// A setpoint that the broker has. One that is sent again, after a crash, stands here again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The setpoint's message id: what acks name.
    pub setpoint_id: Uuid,
    /// The root of the tree that was decided; with epoch and number it names the decision.
    pub root: FeederId,
    /// The writer's epoch.
    pub epoch: i64,
    /// The decision's number.
    pub seq: i64,
    /// Which device.
    pub device_id: DeviceId,
    /// The feeder that it belonged to at the decision.
    pub feeder_id: FeederId,
    /// The clock reading that the decision used.
    pub decided_at: Timestamp,
    /// When it was given to the broker, at the try that the broker acknowledged; by the bridge's clock.
    pub sent_at: Timestamp,
    /// When the broker acknowledged it, by the same clock.
    pub broker_acked_at: Timestamp,
}

impl Sent {
    /// Which decision of its tree it is of.
    #[must_use]
    pub fn no(&self) -> DecisionNo {
        DecisionNo::new(self.epoch, self.seq)
    }
}

record!(
    Sent, "sent setpoint" in Sent by InPartition,
    key |sent, _| sent.root.to_string(),
    schemas ["sent.avsc"]
);
