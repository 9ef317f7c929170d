//! Notices between decisions that a feeder has gone over a limit, and says when to decide on it. Not part of the state:
//! a decision that it asks for is recorded with its trigger, and replays without it.

use std::collections::BTreeMap;

use schemas::records::decision::{DecisionHeader, Trigger};
use schemas::records::telemetry::{DeviceType, Telemetry};
use schemas::registry::Registry;
use schemas::{DeviceId, FeederId, Timestamp, Watts};

use crate::device::{Steering, steering};
use crate::limits::limits;
use crate::topology::Topology;

/// A sample that arrives later than this and out of pace is old: no reason to act.
const OLD_MS: i64 = 30_000;
/// Least time between two decisions on an overload that is new or grows, ms.
const PAUSE_MS: i64 = 20;
/// Decisions of that kind between two windows' ends: a load that jumps to and fro has no more of them.
const AT_ONCE_MAX: u32 = 4;
/// Least time between two decisions on an overload that stays, ms.
const STAYING_PAUSE_MS: i64 = 500;

/// The newest word of one device.
#[derive(Debug, Clone)]
struct Word {
    /// What it says of itself; it counts only while the registry does not know better.
    said: (FeederId, DeviceType),
    is_meter: bool,
    power_w: Watts,
    at: Timestamp,
    arrival: Timestamp,
    /// The time by which the newest reading steers.
    steers: Timestamp,
    /// The node whose sums it is part of; none while it has not been placed, or counts nowhere.
    node: Option<usize>,
}

/// What the devices and the meters of one node itself say, in all.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    devices_w: Watts,
    meters_w: Watts,
    meters: u32,
}

impl Sums {
    fn add(&mut self, word: &Word, sign: i64) {
        if word.is_meter {
            self.meters_w += word.power_w * sign;
            self.meters = self.meters.saturating_add_signed(if sign > 0 { 1 } else { -1 });
        } else {
            self.devices_w += word.power_w * sign;
        }
    }
}

/// Running loads of one tree from the newest samples: a sample changes one sum, a look adds up nodes.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    words: BTreeMap<DeviceId, Word>,
    /// Words that stand in no sum yet.
    unplaced: Vec<DeviceId>,
    /// The registry that the sums were made with.
    revision: Option<u64>,
    topology: Topology,
    sums: Vec<Sums>,
    /// The latest event time heard, never ahead of arrival.
    latest: Option<Timestamp>,
    /// New telemetry since the last look.
    fresh: bool,
    /// The last look saw an overload that no decision since was made on.
    stays: bool,
    /// The overload that the latest decision knew of, W.
    known_w: Watts,
    /// Decisions on an overload since the last other one.
    at_once: u32,
}

impl Watch {
    /// Notes a sample.
    pub fn hear(&mut self, sample: &Telemetry) {
        let at = sample.ts.min(sample.arrival);
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
        self.fresh = true;
        let before = self.words.get_mut(&sample.device_id);
        let heard = before.as_ref().map(|word| (word.at, word.arrival));
        // As in the tree: an old reading, or one that is not the newest, says nothing of now.
        let steers = match steering(heard, sample, OLD_MS) {
            Steering::Device(at) | Steering::Arrival(at) => Some(at),
            Steering::Old => None,
        };
        match before {
            // What a clock said that was set back since holds nobody up.
            Some(word) if steers.is_none_or(|at| (at..=sample.arrival).contains(&word.steers)) => {
                (word.at, word.arrival) = (word.at.max(sample.ts), sample.arrival);
            }
            Some(word) => {
                if let Some(node) = word.node {
                    self.sums[node].add(word, -1);
                }
                if word.said.0 != sample.feeder_id || word.said.1 != sample.device_type {
                    word.said = (sample.feeder_id.clone(), sample.device_type);
                    word.node = None;
                    self.unplaced.push(sample.device_id.clone());
                }
                word.power_w = sample.power_w;
                (word.at, word.arrival) = (sample.ts, sample.arrival);
                word.steers = steers.unwrap_or(word.steers);
                if let Some(node) = word.node {
                    self.sums[node].add(word, 1);
                }
            }
            None => {
                let word = Word {
                    said: (sample.feeder_id.clone(), sample.device_type),
                    is_meter: false,
                    power_w: sample.power_w,
                    at: sample.ts,
                    arrival: sample.arrival,
                    steers: steers.unwrap_or(Timestamp(i64::MIN)),
                    node: None,
                };
                self.words.insert(sample.device_id.clone(), word);
                self.unplaced.push(sample.device_id.clone());
            }
        }
    }

    /// The latest event time heard.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Whether an overload asks for a decision before the window's end: at once when it is new or has grown since the
    /// latest decision, and half-way when it stays. One decrease in between is enough then: the window's end looks again.
    pub fn is_due(
        &mut self,
        registry: &Registry,
        root: &FeederId,
        now: Timestamp,
        decided_at: Timestamp,
    ) -> bool {
        let elapsed_ms = now.since(decided_at);
        if elapsed_ms < PAUSE_MS || !(self.stays || std::mem::take(&mut self.fresh)) {
            return false;
        }
        let over_w = self.over_w(registry, root, now);
        self.stays = over_w > Watts::ZERO;
        if !self.stays {
            self.known_w = Watts::ZERO;
            return false;
        }
        (self.has_grown(over_w, registry) && self.at_once < AT_ONCE_MAX)
            || elapsed_ms >= staying_pause_ms(registry.settings.interval_ms)
    }

    /// Whether an overload is more than the latest decision knew of.
    fn has_grown(&self, over_w: Watts, registry: &Registry) -> bool {
        let margin_w = registry.settings.shed_margin_w.max(Watts::ZERO);
        let is_new = self.known_w == Watts::ZERO;
        over_w > Watts::ZERO && (is_new || over_w > self.known_w + margin_w)
    }

    /// When it wants to be asked next, if before the window's end.
    #[must_use]
    pub fn next_look(&self, interval_ms: i64, decided_at: Timestamp) -> Option<Timestamp> {
        let pause_ms = match (self.fresh, self.stays) {
            (true, _) => PAUSE_MS,
            (false, true) => staying_pause_ms(interval_ms),
            (false, false) => return None,
        };
        Some(Timestamp(decided_at.0.saturating_add(pause_ms)))
    }

    /// Notes that a decision was made. One between windows goes by the newest words; a window's goes by what stood in the
    /// window, so an overload that was heard since is still to be answered.
    pub fn decided(&mut self, registry: &Registry, root: &FeederId, header: &DecisionHeader) {
        let over_w = self.over_w(registry, root, header.at).max(Watts::ZERO);
        self.known_w = match header.trigger {
            Trigger::Overload | Trigger::Operator => over_w,
            Trigger::Window | Trigger::Idle => {
                over_w.min(self.known_w.max(seen_over_w(header, registry)))
            }
        };
        let is_overload = header.trigger == Trigger::Overload;
        self.at_once = if is_overload { self.at_once.saturating_add(1) } else { 0 };
        (self.fresh, self.stays) = (self.has_grown(over_w, registry), false);
    }

    /// By how much the feeder that is furthest over a limit of its own is over it and the shed margin, W.
    #[must_use]
    pub fn over_w(&mut self, registry: &Registry, root: &FeederId, now: Timestamp) -> Watts {
        self.place(registry, root);
        let mut load = Vec::with_capacity(self.sums.len());
        load.extend(self.sums.iter().map(|sums| sums.devices_w));
        for node in (0..load.len()).rev() {
            if self.sums[node].meters > 0 {
                load[node] = self.sums[node].meters_w;
            }
            if let Some(parent) = self.topology.nodes[node].parent {
                let below = load[node];
                load[parent] += below;
            }
        }
        let limits = limits(registry, &self.topology, now, now);
        let over = limits
            .iter()
            .zip(load)
            .map(|(limits, load)| beyond_w(load, limits.import, limits.export));
        over.max().unwrap_or_default() - registry.settings.shed_margin_w
    }

    /// Puts words into the sums where they count: after a change of the registry those that it moved, else the new ones.
    fn place(&mut self, registry: &Registry, root: &FeederId) {
        if self.revision != Some(registry.revision()) {
            match self.revision.and_then(|revision| registry.moved_since(revision)) {
                Some(moved) => moved.for_each(|device_id| self.displace(device_id)),
                None => self.displace_all(registry, root),
            }
            self.revision = Some(registry.revision());
        }
        for device_id in std::mem::take(&mut self.unplaced) {
            let Some(word) = self.words.get_mut(&device_id) else { continue };
            if word.node.is_none() && !registry.is_outside(&device_id) {
                let known = registry.devices.get(&device_id);
                let (feeder_id, device_type) =
                    known.map_or((&word.said.0, word.said.1), |it| (&it.feeder_id, it.device_type));
                word.is_meter = device_type == DeviceType::Meter;
                word.node = self.topology.index_of(feeder_id);
                if let Some(node) = word.node {
                    self.sums[node].add(word, 1);
                }
            }
        }
    }

    /// Takes a device out of the sums, to be placed again.
    fn displace(&mut self, device_id: &DeviceId) {
        let Some(word) = self.words.get_mut(device_id) else { return };
        if let Some(node) = word.node.take() {
            self.sums[node].add(word, -1);
        }
        self.unplaced.push(device_id.clone());
    }

    fn displace_all(&mut self, registry: &Registry, root: &FeederId) {
        self.topology = Topology::of(registry, root);
        self.sums = vec![Sums::default(); self.topology.nodes.len()];
        self.words.values_mut().for_each(|word| word.node = None);
        self.unplaced = self.words.keys().cloned().collect();
    }
}

/// By how much a load is beyond the nearer of its limits; below 0 within both.
fn beyond_w(load_w: Watts, import: Watts, export: Option<Watts>) -> Watts {
    let import_w = load_w - import;
    export.map_or(import_w, |export| import_w.max(-load_w - export))
}

/// The same as a decision saw it.
fn seen_over_w(header: &DecisionHeader, registry: &Registry) -> Watts {
    let over =
        header.nodes.iter().map(|node| beyond_w(node.load_w, node.limit_w, node.export_limit_w));
    (over.max().unwrap_or_default() - registry.settings.shed_margin_w).max(Watts::ZERO)
}

fn staying_pause_ms(interval_ms: i64) -> i64 {
    (interval_ms / 2).max(STAYING_PAUSE_MS)
}

#[cfg(test)]
mod tests;
