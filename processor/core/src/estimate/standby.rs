//! Chargers that may run and draw nothing: no car is there, or it is full. Each may take its smallest power, so that a car
//! that comes starts at once; but not all of them start in one moment: a feeder holds back enough for a start or two, not
//! for each. When they do start together, the feeder is over by what the others take until the next decision.

use schemas::Watts;
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::DeviceType;

use super::{Moment, Role, Seen, View};
use crate::device::{draws_nothing, is_heard};
use crate::topology::Topology;

/// What is held back for starts is at most one part in so many of what a node leaves: for one, and for two, who may do with
/// one and wait for the next decision.
const ONE_PART: i64 = 3;
const TWO_PART: i64 = 8;

/// The two largest powers that those who stand by under a node may start with.
#[derive(Debug, Clone, Copy, Default)]
struct Starts {
    largest_w: Watts,
    second_w: Watts,
}

impl Starts {
    fn add(&mut self, other: Self) {
        for watts in [other.largest_w, other.second_w] {
            self.second_w = self.second_w.max(watts.min(self.largest_w));
            self.largest_w = self.largest_w.max(watts);
        }
    }

    /// What is held back, where there is room for a start at all.
    fn held_w(self, budget_w: Watts) -> Option<Watts> {
        let both = self.largest_w + self.second_w;
        let held = if both <= budget_w / TWO_PART { both } else { self.largest_w };
        (held <= budget_w / ONE_PART).then_some(held)
    }
}

/// Lets those stand by who may (`idle`, by index) where there is room for a start, and holds back for them at every node
/// above.
pub(super) fn hold_back(view: &mut View<'_>, idle: &[usize]) {
    if idle.is_empty() {
        return;
    }
    let mut starts = vec![Starts::default(); view.nodes.len()];
    for seen in idle.iter().map(|index| &view.devices[*index]) {
        starts[seen.node].add(Starts { largest_w: seen.want.high_w, ..Starts::default() });
    }
    view.topology.roll_up(&mut starts, Starts::add);
    let held: Vec<Option<Watts>> = starts
        .iter()
        .zip(&view.nodes)
        .map(|(starts, node)| starts.held_w(node.budget_w()))
        .collect();
    let fits = fits(view.topology, &held);
    for index in idle {
        let seen = &mut view.devices[*index];
        if fits[seen.node] {
            seen.standby_w = Some(std::mem::take(&mut seen.want.high_w));
        }
    }
    for (node, held) in view.nodes.iter_mut().zip(held) {
        let held = held.unwrap_or_default();
        node.uncontrolled_w += held;
        node.reserved_w += held;
    }
}

/// Whether a node and all above it have room for a start.
fn fits(topology: &Topology, held: &[Option<Watts>]) -> Vec<bool> {
    let mut fits: Vec<bool> = Vec::with_capacity(held.len());
    for (held, place) in held.iter().zip(&topology.nodes) {
        fits.push(held.is_some() && place.parent.is_none_or(|parent| fits[parent]));
    }
    fits
}

/// What one may start with that has said lately that it draws nothing, has shown that it needs nothing, and is not owed a
/// decrease: what it could use, or what it was told a little above that; a difference too small for a command does not keep
/// it from standing by.
pub(super) fn start_w(seen: &Seen<'_>, device: &Device, moment: &Moment<'_, '_>) -> Option<Watts> {
    let settings = &moment.registry.settings;
    let power = device.power_w.max(device.mean_w);
    let draws = power.is_none_or(|power| !draws_nothing(power, seen.want.rated_w));
    let watts = seen.want.high_w;
    let told = seen.may.most.max(seen.fallback_w);
    // What it said before it was told otherwise says nothing of what it does now.
    let answers = device.setpoint_since.is_none_or(|since| device.last_steering > Some(since));
    let stands = seen.role == Role::Controlled
        && seen.device_type == DeviceType::Ev
        && device.need_w.is_some()
        && seen.override_w.is_none()
        && !seen.stuck
        && !draws
        && answers
        && is_heard(device, moment.now, settings)
        && watts > Watts::ZERO
        && told < watts + settings.deadband_w.max(Watts(1));
    stands.then_some(watts.max(told))
}
