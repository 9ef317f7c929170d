//! Fairness (G5) and waste (G6) of policies that promise max-min shares.

use super::device::step_w;
use super::import::Sums;
use super::{Load, Promise};
use crate::estimate::View;

/// A share per weight, as a fraction: watts over weight.
type PerWeight = (i128, i128);

fn is_less(one: PerWeight, other: PerWeight) -> bool {
    one.0 * other.1 < other.0 * one.1
}

fn max(one: Option<PerWeight>, other: Option<PerWeight>) -> Option<PerWeight> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if is_less(one, other) { other } else { one }),
        (one, other) => one.or(other),
    }
}

pub(super) fn check(
    view: &View<'_>,
    loads: &[Load<'_, '_>],
    sums: &[Sums],
    promise: &Promise<'_>,
    findings: &mut Vec<String>,
) {
    let held = held_at(view, loads, sums);
    let full = full_at(view, loads, sums, promise);
    let turns_w = turns_w(loads);
    for load in loads {
        // Below what leases lapse to, shares are what is left.
        if load.seen.stuck || view.topology.path(load.seen.node).any(|node| sums[node].is_short()) {
            continue;
        }
        let id = load.seen.device_id;
        let mine = (i128::from(load.share_w) + 1, i128::from(load.weight_milli()));
        let fair = match held[load.seen.node] {
            Held::Free => false,
            Held::By(largest) => largest.is_none_or(|largest| !is_less(mine, largest)),
        };
        if load.share_w < load.cap_w() && !fair {
            findings.push(format!("{id}: its share of {} W could grow", load.share_w));
        }
        if !full[load.seen.node] && !promise.decreases_only && wastes(load, turns_w, promise) {
            let (x, share) = (load.setpoint_w, load.share_w);
            findings.push(format!("{id}: {x} W of {share} W while there is room for more"));
        }
    }
}

/// Whether anything above a node holds its devices back, and if so the largest share per weight there that could
/// shrink: the smallest of them along the way to the root.
#[derive(Debug, Clone, Copy)]
enum Held {
    Free,
    By(Option<PerWeight>),
}

/// At each bottleneck, the largest share per weight that is above its least (less the watt that rounding may move).
fn held_at(view: &View<'_>, loads: &[Load<'_, '_>], sums: &[Sums]) -> Vec<Held> {
    let nodes = &view.topology.nodes;
    let mut largest: Vec<Option<PerWeight>> = vec![None; nodes.len()];
    for load in loads {
        if load.lapsed_w(load.share_w) > load.least_w() {
            let share = (i128::from(load.share_w) - 1, i128::from(load.weight_milli()));
            largest[load.seen.node] = max(largest[load.seen.node], Some(share));
        }
    }
    for index in (0..nodes.len()).rev() {
        if let Some(parent) = nodes[index].parent {
            largest[parent] = max(largest[parent], largest[index]);
        }
    }
    let mut held = Vec::with_capacity(nodes.len());
    for (index, place) in nodes.iter().enumerate() {
        let above = place.parent.map_or(Held::Free, |parent| held[parent]);
        let Sums { shared_w, room_w, devices, .. } = sums[index];
        let full = shared_w + devices >= room_w || sums[index].is_unsure();
        held.push(match (full, above) {
            (false, above) => above,
            (true, _) if sums[index].is_unsure() => Held::By(None),
            (true, Held::Free) => Held::By(largest[index]),
            (true, Held::By(above)) => Held::By(match (above, largest[index]) {
                (Some(above), Some(own)) => Some(if is_less(own, above) { own } else { above }),
                _ => None,
            }),
        });
    }
    held
}

/// Whether a node or one above it has no room for a raise: what may be taken fills it, but for what is not worth sending
/// to each of those who would get a part.
fn full_at(
    view: &View<'_>,
    loads: &[Load<'_, '_>],
    sums: &[Sums],
    promise: &Promise<'_>,
) -> Vec<bool> {
    let mut slack_w = vec![promise.settings.deadband_w.0; sums.len()];
    for load in loads {
        // Less than its minimum is of no use to one that does not run.
        let starts = load.setpoint_w <= 0 && load.share_w > 0;
        let least_step = if starts { load.seen.want.min_w } else { 0 };
        slack_w[load.seen.node] += promise.settings.deadband_w.0.max(least_step);
    }
    view.topology.roll_up(&mut slack_w);
    let mut full: Vec<bool> = Vec::with_capacity(sums.len());
    for ((sums, place), slack_w) in sums.iter().zip(&view.topology.nodes).zip(slack_w) {
        let above = place.parent.is_some_and(|parent| full[parent]);
        full.push(above || sums.is_unsure() || sums.may_take_w + slack_w >= sums.room_w);
    }
    full
}

/// What those who cannot run below a minimum need beyond their shares, if all of them had their turn at once: so much less
/// than their shares others may be told, also while whose turn it is still waits.
fn turns_w(loads: &[Load<'_, '_>]) -> i64 {
    let missing = loads
        .iter()
        .filter(|load| load.share_w > 0)
        .map(|load| (load.seen.want.min_w - load.share_w).max(0));
    missing.sum()
}

/// Whether nothing explains why the device is told less than its share.
fn wastes(load: &Load<'_, '_>, turns_w: i64, promise: &Promise<'_>) -> bool {
    let seen = load.seen;
    let (settings, now) = (promise.settings, promise.now);
    let goal = load.share_w.min(load.cap_w());
    let lowered = seen.device.filter(|device| device.direction < 0);
    let since = lowered.and_then(|device| device.direction_since);
    let dwells = since.is_some_and(|since| now.since(since) < settings.dwell_ms);
    let ramped = load.last_w().max(load.bare_least_w()) + step_w(load, promise);
    // One that cannot run below a minimum takes turns where its share is less, and starts where its minimum fits.
    let takes_turns = seen.want.min_w > 0 && load.setpoint_w == 0;
    let explained = load.setpoint_w + settings.deadband_w.0 >= (goal - turns_w).min(ramped)
        || dwells
        || seen.released_later
        || takes_turns;
    !explained
}
