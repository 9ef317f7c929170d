//! The latest states of devices and feeders, derived from a decision and from what the tree knows after it.

use std::collections::BTreeMap;

use schemas::records::decision::{Alarm, Decision, DeviceDecision};
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::state::{DeviceState, FeederState, Made};
use schemas::records::telemetry::DeviceOrigin;
use schemas::registry::{DEFAULT_PRIORITY, Registry};
use schemas::{FeederId, Watts};

use crate::tree::Tree;
use crate::wants;

/// The latest state of each feeder.
pub fn feeder_states(decision: &Decision) -> impl Iterator<Item = FeederState> + '_ {
    let version = decision.no;
    let header = &decision.header;
    let made = Made {
        trigger: header.trigger,
        window_start: header.window_start,
        window_end: header.window_end,
        certified: header.certified,
    };
    let mut alarms = alarms_by_feeder(decision);
    header.nodes.iter().map(move |node| FeederState {
        version,
        at: header.at,
        root: decision.root.clone(),
        policy: header.policy.clone(),
        node: node.clone(),
        made: Some(made),
        alarms: alarms.remove(&node.feeder_id).unwrap_or_default(),
    })
}

/// The alarms that stand about each feeder; those about no feeder of the tree are the root's.
fn alarms_by_feeder(decision: &Decision) -> BTreeMap<&FeederId, Vec<Alarm>> {
    let mut by_feeder: BTreeMap<&FeederId, Vec<Alarm>> =
        decision.header.nodes.iter().map(|node| (&node.feeder_id, Vec::new())).collect();
    for alarm in &decision.header.alarms {
        let named = alarm.feeder_id.as_ref().filter(|named| by_feeder.contains_key(*named));
        by_feeder.entry(named.unwrap_or(&decision.root)).or_default().push(alarm.clone());
    }
    by_feeder
}

impl Tree {
    /// The latest state of each device, in the order of ids: to be asked for after the decision and before the next.
    pub fn device_states<'t>(
        &'t self,
        decision: &'t Decision,
        registry: &'t Registry,
    ) -> impl Iterator<Item = DeviceState> + 't {
        let devices = decision.devices.iter();
        devices.map(move |decided| self.device_state(decision, decided, registry))
    }

    fn device_state(
        &self,
        decision: &Decision,
        decided: &DeviceDecision,
        registry: &Registry,
    ) -> DeviceState {
        let device = self.devices.get(&decided.device_id);
        let registered = registry.devices.get(&decided.device_id);
        let at = decision.header.at;
        let tracking = Tracking::of(device);
        // Where a feeder only watches, what would be told is no setpoint.
        let is_told = device.is_none_or(|device| device.setpoint_w.is_some());
        DeviceState {
            device_id: decided.device_id.clone(),
            version: decision.no,
            at,
            root: decision.root.clone(),
            feeder_id: decided.feeder_id.clone(),
            site_id: device
                .and_then(|device| device.site_id.clone())
                .or_else(|| registered.and_then(|registered| registered.site_id.clone())),
            device_type: decided.device_type,
            origin: device
                .map(|device| device.origin)
                .or(registered.map(|registered| registered.origin))
                .unwrap_or(DeviceOrigin::Physical),
            rated_w: device.and_then(|device| device.capabilities.import_cap()),
            min_power_w: device.and_then(|device| device.capabilities.min_power_w),
            priority: device.map_or(DEFAULT_PRIORITY, |device| wants::priority(device, registered)),
            target_soc: device
                .map(|device| wants::target_soc(device, registered, &registry.settings)),
            opted_out: registered.is_some_and(|registered| registered.opted_out),
            overridden: registered
                .and_then(|registered| registered.override_w)
                .is_some_and(|(_, until)| until > at),
            freshness: decided.freshness,
            last_seen: device.and_then(|device| device.last_arrival),
            power_w: device.and_then(|device| device.power_w),
            setpoint_w: decided.setpoint_w.filter(|_| is_told),
            soc: decided.soc,
            tracking_samples: tracking.samples,
            tracking_mean_w: tracking.mean(tracking.sum_w),
            tracking_mean_abs_w: tracking.mean(tracking.sum_abs_w),
            compliant: decided.compliant,
        }
    }
}

/// The rolling tracking error.
#[derive(Debug, Clone, Copy, Default)]
struct Tracking {
    samples: i32,
    sum_w: Watts,
    sum_abs_w: Watts,
}

impl Tracking {
    fn of(device: Option<&Device>) -> Self {
        let mut all = Self::default();
        for slice in device.into_iter().flat_map(|device| &device.tracking) {
            all.samples += slice.samples;
            all.sum_w += slice.sum_w;
            all.sum_abs_w += slice.sum_abs_w;
        }
        all
    }

    fn mean(&self, sum_w: Watts) -> Option<Watts> {
        (self.samples > 0).then(|| sum_w / i64::from(self.samples))
    }
}

#[cfg(test)]
mod tests;
