//! Notices between decisions that a feeder has gone over its limit. Not part of the state: it only says when to decide.

use std::collections::BTreeMap;

use schemas::records::telemetry::{DeviceType, Telemetry};
use schemas::registry::Registry;
use schemas::{DeviceId, FeederId, Timestamp};

use crate::limits::limits;
use crate::topology::Topology;

/// Running loads of one tree from the newest samples.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    powers_w: BTreeMap<DeviceId, (FeederId, DeviceType, i64)>,
    /// The latest event time heard, never ahead of arrival.
    latest: Option<Timestamp>,
}

impl Watch {
    /// Notes a sample.
    pub fn hear(&mut self, sample: &Telemetry) {
        let at = sample.ts.min(sample.arrival);
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
        let entry = (sample.feeder_id.clone(), sample.device_type, sample.power_w.0);
        self.powers_w.insert(sample.device_id.clone(), entry);
    }

    /// The latest event time heard.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Whether a feeder of the tree is over its limit by more than the shed margin.
    #[must_use]
    pub fn is_overloaded(&self, registry: &Registry, root: &FeederId, now: Timestamp) -> bool {
        let topology = Topology::of(registry, root);
        let mut load = vec![0_i64; topology.nodes.len()];
        let mut meters = vec![None; topology.nodes.len()];
        for (feeder_id, device_type, power_w) in self.powers_w.values() {
            let Some(node) = topology.index_of(feeder_id) else {
                continue;
            };
            if *device_type == DeviceType::Meter {
                meters[node] = Some(meters[node].unwrap_or(0) + power_w);
            } else {
                load[node] += power_w;
            }
        }
        for node in (0..topology.nodes.len()).rev() {
            load[node] = meters[node].unwrap_or(load[node]);
            if let Some(parent) = topology.nodes[node].parent {
                load[parent] += load[node];
            }
        }
        topology.nodes.iter().zip(load).any(|(node, load)| {
            let limit = limits(registry, &node.feeder_id, now, now).import;
            load > limit.0 + registry.settings.shed_margin_w.0
        })
    }
}
