//! Fairness (G5) and waste (G6) of policies that promise max-min shares.

use schemas::{DeviceId, Watts};

use super::device::step_w;
use super::import::Sums;
use super::{Finding, Load, Promise};
use crate::estimate::View;
use crate::topology::add_watts;

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

/// What fairness is judged by, from every device.
pub(super) struct Marks<'a> {
    judged: Vec<Judged<'a>>,
    /// By node, the largest share per weight that is above its least (less the watt that rounding may move).
    largest: Vec<Option<PerWeight>>,
    /// By node, what is not worth sending to those there.
    slack_w: Vec<Watts>,
    /// By node, what those there who cannot run below a minimum need beyond their shares, if all of them had their turn at
    /// once: so much less than their shares others may be told who have to share a limit with them, also while whose turn it
    /// is still waits.
    turns_w: Vec<Watts>,
}

/// What one device's fairness is judged by.
#[derive(Debug, Clone, Copy)]
struct Judged<'a> {
    index: usize,
    device_id: &'a DeviceId,
    node: usize,
    share_w: Watts,
    weight_milli: i64,
    setpoint_w: Watts,
    /// What nothing of its own explains of what it is told less than its share, W; turns may.
    unexplained_w: Watts,
    /// It could use more than its share.
    could_grow: bool,
}

impl<'a> Marks<'a> {
    pub(super) fn none(view: &View<'a>, promise: &Promise<'_>) -> Self {
        let nodes = view.nodes.len();
        let slack_w = vec![promise.settings.deadband_w; nodes];
        let judged = Vec::with_capacity(view.devices.len());
        Self { judged, largest: vec![None; nodes], slack_w, turns_w: vec![Watts::ZERO; nodes] }
    }

    pub(super) fn count(&mut self, load: &Load<'_, 'a>, promise: &Promise<'_>) {
        let node = load.seen.node;
        // One that does not follow is counted at what it takes, whatever its share.
        if !load.seen.stuck {
            let judged = Judged::of(load, promise);
            if judged.could_grow || judged.unexplained_w > Watts::ZERO {
                self.judged.push(judged);
            }
        }
        if load.lapsed_w(load.share_w) > load.least_w() {
            let share = (i128::from(load.share_w.0) - 1, i128::from(load.weight_milli()));
            self.largest[node] = max(self.largest[node], Some(share));
        }
        // Less than its minimum is of no use to one that does not run.
        let starts = load.setpoint_w <= Watts::ZERO && load.share_w > Watts::ZERO;
        let least_step = if starts { load.seen.want.min_w } else { Watts::ZERO };
        self.slack_w[node] += promise.settings.deadband_w.max(least_step);
        if load.share_w > Watts::ZERO {
            self.turns_w[node] += (load.seen.want.min_w - load.share_w).max(Watts::ZERO);
        }
    }
}

pub(super) fn check(
    view: &View<'_>,
    sums: &[Sums],
    marks: Marks<'_>,
    promise: &Promise<'_>,
    findings: &mut Vec<Finding>,
) {
    let Marks { judged, largest, slack_w, turns_w } = marks;
    let held = held_at(view, largest, sums);
    let full = full_at(view, slack_w, sums);
    let short = short_at(view, sums);
    let contested_w = contested_at(view, turns_w, sums);
    // Below what leases lapse to, shares are what is left.
    for judged in judged.iter().filter(|judged| !short[judged.node]) {
        let share = judged.share_w;
        let mut find = |what: String| {
            findings.push(Finding::of_device(judged.index, judged.device_id, &what));
        };
        let mine = (i128::from(share.0) + 1, i128::from(judged.weight_milli));
        let fair = match held[judged.node] {
            Held::Free => false,
            Held::By(largest) => largest.is_none_or(|largest| !is_less(mine, largest)),
        };
        if judged.could_grow && !fair {
            find(format!("its share of {share} could grow"));
        }
        let wastes = judged.unexplained_w > contested_w[judged.node];
        if !full[judged.node] && !promise.decreases_only && wastes {
            let x = judged.setpoint_w;
            find(format!("{x} of {share} while there is room for more"));
        }
    }
}

/// Whether a node or one above it cannot hold even the least that can be set aside.
fn short_at(view: &View<'_>, sums: &[Sums]) -> Vec<bool> {
    let mut short: Vec<bool> = Vec::with_capacity(sums.len());
    for (sums, place) in sums.iter().zip(&view.topology.nodes) {
        short.push(sums.is_short() || place.parent.is_some_and(|parent| short[parent]));
    }
    short
}

/// By node, what turns may take from shares there: those of all who stand under a limit that binds here too. A feeder
/// that has room owes nobody a turn, whatever happens elsewhere.
fn contested_at(view: &View<'_>, mut turns_w: Vec<Watts>, sums: &[Sums]) -> Vec<Watts> {
    view.topology.roll_up(&mut turns_w, add_watts);
    let mut contested: Vec<Watts> = Vec::with_capacity(sums.len());
    for ((sums, place), turns_w) in sums.iter().zip(&view.topology.nodes).zip(turns_w) {
        let above = place.parent.map_or(Watts::ZERO, |parent| contested[parent]);
        contested.push(if sums.is_full() { above.max(turns_w) } else { above });
    }
    contested
}

/// Whether anything above a node holds its devices back, and if so the largest share per weight there that could
/// shrink: the smallest of them along the way to the root.
#[derive(Debug, Clone, Copy)]
enum Held {
    Free,
    By(Option<PerWeight>),
}

/// At each bottleneck, the largest share per weight that could shrink, from those at the nodes themselves.
fn held_at(view: &View<'_>, mut largest: Vec<Option<PerWeight>>, sums: &[Sums]) -> Vec<Held> {
    let nodes = &view.topology.nodes;
    view.topology.roll_up(&mut largest, |above, below| *above = max(*above, below));
    let mut held = Vec::with_capacity(nodes.len());
    for (index, place) in nodes.iter().enumerate() {
        let above = place.parent.map_or(Held::Free, |parent| held[parent]);
        let full = sums[index].is_full();
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
fn full_at(view: &View<'_>, mut slack_w: Vec<Watts>, sums: &[Sums]) -> Vec<bool> {
    view.topology.roll_up(&mut slack_w, add_watts);
    let mut full: Vec<bool> = Vec::with_capacity(sums.len());
    for ((sums, place), slack_w) in sums.iter().zip(&view.topology.nodes).zip(slack_w) {
        let above = place.parent.is_some_and(|parent| full[parent]);
        full.push(above || sums.is_unsure() || sums.may_take_w + slack_w >= sums.room_w);
    }
    full
}

impl<'a> Judged<'a> {
    fn of(load: &Load<'_, 'a>, promise: &Promise<'_>) -> Self {
        let seen = load.seen;
        // One that cannot run below a minimum takes turns where its share is less, and starts where its minimum fits.
        let takes_turns = seen.want.min_w > Watts::ZERO && load.setpoint_w == Watts::ZERO;
        let excused = load.rests() || seen.released_later || takes_turns;
        // What it could use of its share, and where a ramp lets it go at once.
        let goal_w = load.share_w.min(load.cap_w());
        let ramped_w = load.last_w().max(load.bare_least_w()) + step_w(load, promise);
        let told_w = load.setpoint_w + promise.settings.deadband_w;
        let unexplained_w =
            if excused || told_w >= ramped_w { Watts::ZERO } else { goal_w - told_w };
        Self {
            index: load.index,
            device_id: seen.device_id,
            node: seen.node,
            share_w: load.share_w,
            weight_milli: load.weight_milli(),
            setpoint_w: load.setpoint_w,
            unexplained_w,
            could_grow: load.share_w < load.cap_w(),
        }
    }
}
