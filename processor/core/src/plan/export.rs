//! The export side: generation is capped where an export limit stands above it, each by its rating. The mirror image
//! of the import side: what may be given already comes first, more is given only into room that is there.

use schemas::Timestamp;
use schemas::records::decision::{Freshness, Reason};
use schemas::records::telemetry::DeviceType;

use super::Planned;
use crate::estimate::{Role, Seen, View};
use crate::policy::{Claim, Node, Policy, Problem, WaterFill};
use crate::topology::add_watts;

/// Budget of a node that sets no limit, W.
const UNLIMITED_W: i64 = 1 << 50;

/// What curtailment takes from the generation under each node: the import side has to do without it.
pub(super) fn missing(view: &View<'_>, planned: &[Planned]) -> Vec<i64> {
    let mut missing = vec![0_i64; view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(planned) {
        if let (Role::Controlled, DeviceType::Pv, Some(setpoint)) =
            (seen.role, seen.device_type, planned.setpoint_w)
        {
            missing[seen.node] += (setpoint - seen.power_w.max(seen.floor_w)).max(0);
        }
    }
    view.topology.roll_up(&mut missing, add_watts);
    missing
}

pub(super) fn curtail(
    view: &View<'_>,
    policy: &dyn Policy,
    deadband_w: i64,
    decreases_only: bool,
    planned: &mut [Planned],
) {
    let generators: Vec<usize> = (0..view.devices.len())
        .filter(|index| {
            let seen = &view.devices[*index];
            // One that does not follow gives what it gives.
            let follows = !seen.counts_as_it_is();
            if seen.role == Role::Controlled && seen.device_type.generates() && !follows {
                planned[*index].setpoint_w = Some(seen.known.setpoint_w.unwrap_or(0).min(0));
                planned[*index].reason = Reason::NonCompliant;
            }
            seen.role == Role::Controlled && seen.device_type.generates() && follows
        })
        .collect();
    if generators.is_empty() {
        return;
    }
    let mut sure = vec![0_i64; view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(planned.iter()) {
        sure[seen.node] += sure_load(seen, planned);
    }
    for (sure, node) in sure.iter_mut().zip(&view.nodes) {
        *sure += node.unexplained_w.unwrap_or(0).min(0);
    }
    view.topology.roll_up(&mut sure, add_watts);
    let nodes = view.nodes.iter().zip(&view.topology.nodes).zip(&sure);
    let mut problem = Problem {
        nodes: nodes
            .map(|((node, place), sure)| Node {
                parent: place.parent,
                budget_w: node.limits.export.map_or(UNLIMITED_W, |export| {
                    (export.0 - node.limits.export_margin.0 + sure).max(0)
                }),
            })
            .collect(),
        claims: generators.iter().map(|index| claim(&view.devices[*index])).collect(),
    };
    let shares = policy.allocate(&problem).shares_w;
    let wanted: Vec<i64> = problem.claims.iter().map(|claim| claim.high_w).collect();
    for ((claim, index), share) in problem.claims.iter_mut().zip(&generators).zip(&shares) {
        claim.low_w = (-view.devices[*index].least_w).max(0);
        claim.high_w = if decreases_only { claim.low_w } else { claim.low_w.max(*share) };
    }
    let raised = WaterFill.allocate(&problem).shares_w;
    for (claim, index) in generators.iter().enumerate() {
        let (share, given) = (shares[claim], raised[claim].min(shares[claim]));
        let last = view.devices[*index].known.setpoint_w.map(|last| -last);
        // A little more is not worth a message.
        let given = last.filter(|last| (1..deadband_w).contains(&(given - last))).unwrap_or(given);
        planned[*index].share_w = -share;
        planned[*index].setpoint_w = Some(-given);
        planned[*index].reason = match () {
            () if given < share => Reason::AwaitsHeadroom,
            () if share < wanted[claim] => Reason::Curtailed,
            () => Reason::Satisfied,
        };
    }
    keep_for_load(view, &generators, &problem, planned);
}

/// Lowering generation makes load. Where what was given until now still fits, it is done only for the sake of other
/// generation, and waits until there is room for that load (G2); what a limit or an operator asks for is done at once.
fn keep_for_load(
    view: &View<'_>,
    generators: &[usize],
    problem: &Problem,
    planned: &mut [Planned],
) {
    let last_w = |claim: usize| view.devices[generators[claim]].known.setpoint_w.unwrap_or(0);
    let gave = problem.sums(|claim| problem.claims[claim].low_w.max(-last_w(claim)));
    let fits: Vec<bool> =
        problem.nodes.iter().zip(gave).map(|(node, gave)| gave <= node.budget_w).collect();
    let mut room = room_for_load(view);
    for (claim, index) in generators.iter().enumerate() {
        let (seen, planned) = (&view.devices[*index], &mut planned[*index]);
        let setpoint = planned.setpoint_w.unwrap_or(0);
        let more_load = setpoint - seen.power_w.max(seen.floor_w);
        let path = || view.topology.path(seen.node);
        if more_load <= 0 || seen.override_w.is_some() || !path().all(|node| fits[node]) {
            continue;
        }
        if path().all(|node| room[node] >= more_load) {
            path().for_each(|node| room[node] -= more_load);
        } else {
            planned.setpoint_w = Some(last_w(claim).min(setpoint));
            planned.reason = Reason::Curtailed;
        }
    }
}

/// What is left of each node's import limit beside all that load may take already.
fn room_for_load(view: &View<'_>) -> Vec<i64> {
    let mut may_take = vec![0; view.nodes.len()];
    for seen in &view.devices {
        let takes = seen.role == Role::Controlled && !seen.device_type.generates();
        if takes && seen.standby_w.is_none() {
            may_take[seen.node] += seen.floor_w.max(seen.want.low_w);
        }
    }
    view.topology.roll_up(&mut may_take, add_watts);
    view.nodes.iter().zip(may_take).map(|(node, may_take)| node.budget_w() - may_take).collect()
}

fn claim(seen: &Seen<'_>) -> Claim {
    let rating = seen.device.and_then(|device| device.capabilities.export_cap());
    let rated_w = rating.map_or(-seen.power_w, |cap| cap.0).max(0);
    // What the sun gives it, where that is less; or what an operator orders.
    let shown_w = seen.device.and_then(|device| device.need_w).map_or(rated_w, |need| need.0);
    let wish_w = seen.override_w.map_or(shown_w, |ordered| (-ordered).max(0));
    Claim {
        node: seen.node,
        low_w: 0,
        high_w: wish_w.clamp(0, rated_w),
        min_w: 0,
        weight_milli: rated_w.max(1),
        // Generation waits for nothing and is owed nothing.
        since: Timestamp(0),
        carried_w: 0,
        tie: seen.tie,
    }
}

/// Load that is there for generation to feed, whatever happens: observed where nobody commands it, none of what a
/// command could end, and all that storage and generation that is not heard may give back.
fn sure_load(seen: &Seen<'_>, planned: &Planned) -> i64 {
    match seen.role {
        Role::Controlled if seen.device_type.generates() && seen.counts_as_it_is() => {
            seen.least_w.min(0)
        }
        Role::Controlled if seen.device_type.generates() => 0,
        Role::Controlled => planned.setpoint_w.unwrap_or(0).min(seen.least_w).min(0),
        Role::Passive(_) if seen.device_type == DeviceType::Meter => 0,
        Role::Passive(_) | Role::Shadow if seen.freshness == Freshness::Fresh => {
            let newest = seen.device.and_then(|device| device.power_w);
            let mean = seen.device.and_then(|device| device.mean_w);
            let observed = newest.into_iter().chain(mean).min().unwrap_or_default().0;
            // One that was commanded until now goes to its fallback when its lease ends.
            if seen.known.leased { observed.min(seen.least_w) } else { observed }
        }
        Role::Passive(_) | Role::Shadow | Role::Silent(_) => seen.least_w.min(0),
    }
}
