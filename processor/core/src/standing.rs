//! What a feeder remembers from decision to decision: its held estimate, restrictions and their release, failed cycles.

use std::collections::BTreeMap;

use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::{MeterSnapshot, NodeSnapshot};
use schemas::registry::Registry;
use schemas::{FeederId, Timestamp, Watts};

use crate::estimate::View;
use crate::limits::Limits;
use crate::release::RELEASE_SPREAD_MS;
use crate::topology::Topology;

/// The state of one feeder.
pub(crate) fn node<'n>(
    nodes: &'n mut BTreeMap<FeederId, NodeSnapshot>,
    feeder_id: &FeederId,
) -> &'n mut NodeSnapshot {
    nodes.entry(feeder_id.clone()).or_insert_with(|| NodeSnapshot {
        feeder_id: feeder_id.clone(),
        failures: 0,
        good: 0,
        stopped: None,
        released_at: None,
        restricted: false,
        restricted_by: None,
        resumes: 0,
        unexplained_w: None,
        held_base_w: None,
        recent_w: Vec::new(),
        correction_w: Watts::ZERO,
        over_windows: 0,
        meter: MeterSnapshot::default(),
    })
}

/// Load that nobody commands counts at its most in so many windows: what clouds give and take is not handed out each time.
/// What lasted for less than two of them is not held.
const RECENT_WINDOWS: usize = 12;

/// Holds the estimate of the uncommanded load above its noise: it follows a rise at once, and a fall only when it is
/// more than a margin wide. So steady noise leads to no command. Where a window `closes`, remembers what was seen in it.
pub(crate) fn hold_bases(
    nodes: &mut BTreeMap<FeederId, NodeSnapshot>,
    view: &mut View<'_>,
    settings: &ControlSettings,
    closes: bool,
) {
    for (place, estimate) in view.topology.nodes.iter().zip(&mut view.nodes) {
        let state = node(nodes, &place.feeder_id);
        let band = estimate.limits.margin.max(settings.margin_w);
        let seen = estimate.uncontrolled_w;
        let held = match state.held_base_w {
            Some(held) if seen <= held && seen >= held - band => held,
            Some(_) | None => seen + band / 2,
        };
        state.held_base_w = Some(held);
        if closes {
            note_recent(state, estimate.passive_w);
        }
        state.unexplained_w = estimate.unexplained_w;
        if let Some(meter) = &estimate.meter {
            state.meter.clone_from(meter);
        }
        estimate.uncontrolled_w = held;
    }
}

fn note_recent(state: &mut NodeSnapshot, passive_w: Watts) {
    // The newest stands at the end as it was seen; once it has a successor it counts at the lower of the two.
    if let Some(last) = state.recent_w.last_mut() {
        *last = passive_w.min(*last);
    }
    state.recent_w.push(passive_w);
    let many = state.recent_w.len().saturating_sub(RECENT_WINDOWS);
    state.recent_w.drain(..many);
}

/// Notes which event or program restricts each feeder, and when one has ended.
pub(crate) fn note_restrictions(
    nodes: &mut BTreeMap<FeederId, NodeSnapshot>,
    topology: &Topology,
    limits: &[Limits],
    now: Timestamp,
) {
    for (place, Limits { source, .. }) in topology.nodes.iter().zip(limits) {
        let state = node(nodes, &place.feeder_id);
        if source.is_some() {
            (state.restricted, state.restricted_by, state.released_at) = (true, *source, None);
        } else if state.restricted {
            (state.restricted, state.released_at) = (false, Some(now));
        } else if state.released_at.is_some_and(|at| now.since(at) >= RELEASE_SPREAD_MS) {
            (state.restricted_by, state.released_at) = (None, None);
        }
    }
}

/// How often operators have resumed control of the tree's feeders.
pub(crate) fn resumes(topology: &Topology, registry: &Registry) -> i64 {
    let feeders = topology.nodes.iter().filter_map(|place| registry.feeders.get(&place.feeder_id));
    feeders.map(|feeder| feeder.resumes).sum()
}

/// Counts a cycle of the tree: after too many failed ones in a row its control stops, and comes back by an operator's word
/// or after as many good ones.
pub(crate) fn count_cycle(
    root: &mut NodeSnapshot,
    certified: bool,
    resumes: i64,
    settings: &ControlSettings,
) {
    if certified {
        root.failures = 0;
        root.good = root.good.saturating_add(1);
    } else {
        root.good = 0;
        root.failures = root.failures.saturating_add(1);
    }
    let most = settings.max_consecutive_failures.max(1);
    if root.stopped.is_some() && (root.good >= most || resumes > root.resumes) {
        root.stopped = None;
        root.failures = 0;
    }
    if root.stopped.is_none() && root.failures >= most {
        root.stopped = Some(format!("{most} cycles in a row failed their check"));
        root.good = 0;
    }
    root.resumes = resumes;
}

#[cfg(test)]
mod tests;
