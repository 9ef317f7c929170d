//! Notices between decisions that a feeder has gone over its limit. Not part of the state: it only says when to decide.

use std::collections::BTreeMap;

use schemas::records::telemetry::{DeviceType, Telemetry};
use schemas::registry::Registry;
use schemas::{DeviceId, FeederId, Timestamp};

use crate::device::{Steering, steering};
use crate::limits::limits;
use crate::topology::Topology;

/// A sample that arrives later than this and out of pace is old: no reason to act.
const OLD_MS: i64 = 30_000;

/// The newest word of one device.
#[derive(Debug, Clone)]
struct Word {
    feeder_id: FeederId,
    device_type: DeviceType,
    power_w: i64,
    at: Timestamp,
    arrival: Timestamp,
}

/// Running loads of one tree from the newest samples.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    words: BTreeMap<DeviceId, Word>,
    /// The latest event time heard, never ahead of arrival.
    latest: Option<Timestamp>,
}

impl Watch {
    /// Notes a sample.
    pub fn hear(&mut self, sample: &Telemetry) {
        let at = sample.ts.min(sample.arrival);
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
        let before = self.words.get(&sample.device_id);
        let steering = steering(before.map(|word| (word.at, word.arrival)), sample, OLD_MS);
        if steering == Steering::Old
            && let Some(word) = self.words.get_mut(&sample.device_id)
        {
            (word.at, word.arrival) = (word.at.max(sample.ts), sample.arrival);
            return;
        }
        let word = Word {
            feeder_id: sample.feeder_id.clone(),
            device_type: sample.device_type,
            power_w: sample.power_w.0,
            at: sample.ts,
            arrival: sample.arrival,
        };
        self.words.insert(sample.device_id.clone(), word);
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
        for (device_id, word) in &self.words {
            if registry.is_outside(device_id) {
                continue;
            }
            let Word { feeder_id, device_type, power_w, .. } = word;
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
        let limits = limits(registry, &topology, now, now);
        let shed_margin_w = registry.settings.shed_margin_w.0;
        limits.iter().zip(load).any(|(limits, load)| load > limits.import.0 + shed_margin_w)
    }
}
