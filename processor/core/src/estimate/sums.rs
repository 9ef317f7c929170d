//! Sums per node: what devices under it take, what is held for those that are not heard, and what only a head meter knows.

use schemas::records::decision::{Freshness, Reason};
use schemas::records::snapshot::MeterSnapshot;
use schemas::records::telemetry::DeviceType;
use schemas::{Timestamp, Watts};

use super::known::Passing;
use super::meter::{self, Reading};
use super::moved::Moved;
use super::{Moment, Role, Seen, View};
use crate::device::commanded;

/// So many windows long a node's beginning shows nothing of what only its meter sees.
const BEGINNING: usize = 6;

/// Adds up what devices are at each node to nodes and their parents, head meters having the word where they are heard.
pub(super) fn add_up(view: &mut View<'_>, moment: &Moment<'_, '_>, mut own: Vec<Parts>) {
    let count = view.nodes.len();
    for index in (0..count).rev() {
        // Children stand after their parents: theirs have been added here already.
        let parts = &mut own[index];
        let known = parts.controlled + parts.passive + parts.silent;
        let feeder_id = &view.topology.nodes[index].feeder_id;
        let state = moment.nodes.get(feeder_id);
        let windows = state.map_or(0, |state| state.recent_w.len());
        let reading = parts.reading(known, windows < BEGINNING, moment);
        let metered = parts.has_meter.then(|| {
            let none = MeterSnapshot::default();
            let before = state.map_or(&none, |state| &state.meter);
            let meter = if moment.between_windows {
                before.clone()
            } else {
                meter::weigh(before, &reading)
            };
            let unexplained = state.and_then(|state| state.unexplained_w);
            let holds = moment.between_windows || parts.outdated;
            let unexplained = meter::unexplained(&meter, unexplained, &reading, holds);
            (meter, unexplained)
        });
        let (meter, unexplained) = metered.unzip();
        let before = state.and_then(|state| state.unexplained_w);
        parts.moved += unexplained.zip(before).map_or(Watts::ZERO, |(now, before)| now - before);
        let believed = meter.as_ref().is_some_and(|meter| meter.doubted.is_none());
        let believed_w = reading.watts.filter(|_| believed);
        parts.passive += unexplained.unwrap_or_default();
        let node = &mut view.nodes[index];
        node.unexplained_w = unexplained;
        node.believes_meter = believed_w.is_some();
        node.meter = meter;
        node.load_w = believed_w.unwrap_or(known + unexplained.unwrap_or_default());
        node.controlled_w = parts.controlled;
        node.passive_w = parts.passive;
        let lasting = state.map_or(&[][..], |state| state.recent_w.as_slice()).iter().copied();
        let correction = state.map_or(Watts::ZERO, |state| state.correction_w);
        let passive = lasting.fold(parts.passive, Watts::max);
        node.uncontrolled_w = passive + parts.held + parts.beyond.max(Watts::ZERO) + correction;
        node.reserved_w =
            (parts.held - parts.silent + parts.beyond.max(Watts::ZERO)).max(Watts::ZERO);
        if let Some(parent) = view.topology.nodes[index].parent {
            let below = own[index];
            let above = &mut own[parent];
            above.controlled += below.controlled;
            above.passive += below.passive;
            above.silent += below.silent;
            above.held += below.held;
            above.beyond += below.beyond;
            above.outdated |= below.outdated;
            above.unsure += below.unsure;
            above.moved += below.moved;
            above.moved_controlled += below.moved_controlled;
            above.was_controlled += below.was_controlled;
            above.slow_ms = above.slow_ms.max(below.slow_ms);
        }
    }
}

/// Watts under a node, as they add up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    controlled: Watts,
    /// Observed, commanded by nobody.
    passive: Watts,
    /// What silent devices were last seen to take, and what is held for them.
    silent: Watts,
    held: Watts,
    beyond: Watts,
    meter: Option<Watts>,
    has_meter: bool,
    /// One of its meters is not heard, and one has not spoken in this window.
    meter_silent: bool,
    meter_old: bool,
    /// Something under the node is known from longer ago than it should be.
    outdated: bool,
    /// What was last known of those that did not speak in the window.
    unsure: Watts,
    /// What was seen to move of all that is known, and of what is controlled; what was controlled before.
    moved: Watts,
    moved_controlled: Watts,
    was_controlled: Watts,
    /// The longest period of those that do not speak in every window, ms.
    slow_ms: i64,
}

impl Parts {
    /// What the meters of the node say together: of several, each counts for its own place, so that one that is silent
    /// leaves all unknown.
    fn reading(&self, known_w: Watts, begins: bool, moment: &Moment<'_, '_>) -> Reading {
        Reading {
            watts: self.meter.filter(|_| !self.meter_silent),
            is_new: !self.meter_old,
            known_w,
            controlled_w: self.controlled,
            outdated: self.outdated,
            unsure_w: self.unsure,
            begins,
            moved_w: self.moved,
            came_w: self.controlled - self.was_controlled - self.moved_controlled,
            slow_windows: self.slow_ms / moment.registry.settings.interval_ms.max(1),
            now: moment.now,
        }
    }

    /// Counts one device.
    pub(super) fn count(&mut self, seen: &Seen<'_>, passing: &Passing) {
        self.outdated |= passing.outdated;
        if !passing.spoke && seen.device_type != DeviceType::Meter {
            self.unsure += seen.power_w.abs();
        }
        self.count_moves(seen, &passing.moved);
        match seen.role {
            Role::Controlled if !seen.device_type.generates() => {
                self.controlled += seen.power_w;
                self.beyond += passing.overshoot_w;
            }
            Role::Silent(_) => self.hold(seen, 1),
            Role::Passive(_) if seen.device_type == DeviceType::Meter => {
                if seen.role != Role::Passive(Reason::OptedOut) && seen.device.is_some() {
                    self.has_meter = true;
                    self.meter_silent |= seen.freshness != Freshness::Fresh;
                    self.meter_old |= !passing.moved.is_new;
                    self.meter = Some(self.meter.unwrap_or_default() + seen.power_w);
                }
            }
            // Generation under export control counts on the import side as much as its commands leave of it.
            Role::Controlled => self.passive += seen.power_w.max(seen.may.most),
            // One that was commanded until now may still take what its lease allows.
            Role::Passive(_) if seen.known.leased => {
                self.passive += seen.power_w.max(seen.may.most);
            }
            // Nobody commands it and nobody has heard it: held for what it may take.
            Role::Passive(_) if seen.device.is_none() => self.held += seen.may.most,
            Role::Passive(_) | Role::Shadow => self.passive += seen.power_w,
        }
    }

    /// Holds for a silent device (once), or does not any more (minus once).
    fn hold(&mut self, seen: &Seen<'_>, times: i64) {
        self.held += seen.may.most * times;
        // Of one whose lease is over no more than its fallback is taken to be in a meter's reading.
        self.silent += seen.power_w.min(seen.may.most) * times;
    }

    fn count_moves(&mut self, seen: &Seen<'_>, moved: &Moved) {
        if seen.device_type == DeviceType::Meter {
            return;
        }
        let Moved { moved_w, was_controlled_w, slow_ms, .. } = *moved;
        self.was_controlled += was_controlled_w;
        if !matches!(seen.role, Role::Silent(_)) {
            self.moved += moved_w;
            self.slow_ms = self.slow_ms.max(slow_ms);
        }
        if seen.role == Role::Controlled && !seen.device_type.generates() {
            self.moved_controlled += moved_w;
        }
    }
}

/// Where what is held for devices that are not heard passes a limit, they are told 0 instead, and at each node itself less
/// is held (`own`). Says whether any was.
pub(super) fn let_go(view: &mut View<'_>, own: &mut [Parts]) -> bool {
    let short: Vec<bool> = view.nodes.iter().map(|node| node.budget_w() < Watts::ZERO).collect();
    if !short.contains(&true) {
        return false;
    }
    let mut changed = false;
    for seen in &mut view.devices {
        let holds =
            seen.told.1 == Reason::HoldLast && seen.told.0.is_some_and(|told| told > Watts::ZERO);
        if holds
            && view.topology.path(seen.node).any(|above| short[above])
            && let Role::Silent(why) = seen.role
        {
            own[seen.node].hold(seen, -1);
            seen.told = (Some(Watts::ZERO), why);
            let last = seen.device.and_then(|device| commanded(device, Timestamp(i64::MIN)));
            let observed = seen.device.and_then(|device| device.power_w).unwrap_or_default();
            seen.may.most = last.map_or(observed, |last| last.most.max(observed));
            own[seen.node].hold(seen, 1);
            changed = true;
        }
    }
    changed
}
