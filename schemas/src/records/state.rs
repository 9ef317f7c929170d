//! `device-state.v1` and `feeder-state.v1`: the latest state of each device and feeder, derived from decisions for
//! live views. Written at least once; a reader keeps the one of the highest decision.

use serde::{Deserialize, Serialize};

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::InPartition;
use crate::records::decision::{Alarm, Freshness, NodeDecision, Trigger};
use crate::records::decision_no::DecisionNo;
use crate::records::telemetry::{DeviceOrigin, DeviceType};
use crate::units::{Soc, Timestamp, Watts};

/// The latest state of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// Which device.
    pub device_id: DeviceId,
    /// The decision it comes from.
    pub version: DecisionNo,
    /// That decision's clock reading.
    pub at: Timestamp,
    /// The root of its tree.
    pub root: FeederId,
    /// Its feeder.
    pub feeder_id: FeederId,
    /// Its site.
    pub site_id: Option<String>,
    /// What it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// Rated power, W.
    pub rated_w: Option<Watts>,
    /// Smallest running power, W.
    pub min_power_w: Option<Watts>,
    /// 1 to 10.
    pub priority: i32,
    /// State of charge wanted.
    pub target_soc: Option<Soc>,
    /// Counted, not commanded.
    pub opted_out: bool,
    /// Under an operator's setpoint.
    pub overridden: bool,
    /// How recently it was heard.
    pub freshness: Freshness,
    /// When it was heard last (arrival).
    pub last_seen: Option<Timestamp>,
    /// Its last power.
    pub power_w: Option<Watts>,
    /// Its live setpoint.
    pub setpoint_w: Option<Watts>,
    /// Its state of charge.
    pub soc: Option<Soc>,
    /// Samples of actual less setpoint in the rolling window.
    pub tracking_samples: i32,
    /// Their signed mean.
    pub tracking_mean_w: Option<Watts>,
    /// Their mean absolute value.
    pub tracking_mean_abs_w: Option<Watts>,
    /// Whether it follows its setpoints.
    pub compliant: bool,
}

/// How the decision that a state comes from was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Why then.
    pub trigger: Trigger,
    /// Start of its window.
    pub window_start: Timestamp,
    /// End of its window.
    pub window_end: Timestamp,
    /// Whether the independent check passed.
    pub certified: bool,
}

/// The latest state of a feeder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeederState {
    /// The decision it comes from.
    pub version: DecisionNo,
    /// That decision's clock reading.
    pub at: Timestamp,
    /// The root of its tree.
    pub root: FeederId,
    /// The policy that made it.
    pub policy: String,
    /// The feeder as decided.
    pub node: NodeDecision,
    /// How it was made; none in states from before it was written down.
    #[serde(default)]
    pub made: Option<Made>,
    /// What stands about the feeder; at the root also what is about the tree.
    #[serde(default)]
    pub alarms: Vec<Alarm>,
}

record!(
    DeviceState, "device state" in DeviceState by InPartition,
    key |state, _| state.device_id.to_string(),
    schemas ["device_state.avsc"]
);
record!(
    FeederState, "feeder state" in FeederState by InPartition,
    key |state, _| state.node.feeder_id.to_string(),
    schemas ["feeder_state_1.avsc", "feeder_state.avsc"]
);
