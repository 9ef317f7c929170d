//! The export side: generation is capped where an export limit stands above it, each by its rating. The mirror image
//! of the import side: what may be given already comes first, more is given only into room that is there.

use schemas::records::decision::{Freshness, Reason};
use schemas::records::telemetry::DeviceType;
use schemas::{Timestamp, Watts};

use super::Planned;
use crate::estimate::{Role, Seen, View};
use crate::policy::{Claim, Node, Policy, Problem, WaterFill};
use crate::topology::add_watts;

/// Budget of a node that sets no limit, W.
const UNLIMITED: Watts = Watts(1 << 50);

/// What curtailment takes from the generation under each node: the import side has to do without it.
pub(super) fn missing(view: &View<'_>, planned: &[Planned]) -> Vec<Watts> {
    let mut missing = vec![Watts::ZERO; view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(planned) {
        if let (Role::Controlled, DeviceType::Pv, Some(setpoint)) =
            (seen.role, seen.device_type, planned.setpoint_w)
        {
            missing[seen.node] += (setpoint - seen.power_w.max(seen.may.most)).max(Watts::ZERO);
        }
    }
    view.topology.roll_up(&mut missing, add_watts);
    missing
}

pub(super) fn curtail(
    view: &View<'_>,
    policy: &dyn Policy,
    deadband_w: Watts,
    decreases_only: bool,
    planned: &mut [Planned],
) {
    let generators: Vec<usize> = (0..view.devices.len())
        .filter(|index| {
            let seen = &view.devices[*index];
            // One that does not follow gives what it gives.
            let follows = !seen.counts_as_it_is();
            if seen.role == Role::Controlled && seen.device_type.generates() && !follows {
                planned[*index].setpoint_w =
                    Some(seen.known.setpoint_w.unwrap_or_default().min(Watts::ZERO));
                planned[*index].reason = Reason::NonCompliant;
            }
            seen.role == Role::Controlled && seen.device_type.generates() && follows
        })
        .collect();
    if generators.is_empty() {
        return;
    }
    let mut sure = vec![Watts::ZERO; view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(planned.iter()) {
        sure[seen.node] += sure_load(seen, planned);
    }
    for (sure, node) in sure.iter_mut().zip(&view.nodes) {
        *sure += node.unexplained_w.unwrap_or_default().min(Watts::ZERO);
    }
    view.topology.roll_up(&mut sure, add_watts);
    let nodes = view.nodes.iter().zip(&view.topology.nodes).zip(&sure);
    let mut problem = Problem {
        nodes: nodes
            .map(|((node, place), sure)| Node {
                parent: place.parent,
                budget_w: node.limits.export.map_or(UNLIMITED, |export| {
                    (export - node.limits.export_margin + *sure).max(Watts::ZERO)
                }),
            })
            .collect(),
        claims: generators.iter().map(|index| claim(&view.devices[*index])).collect(),
    };
    let shares = policy.allocate(&problem).shares_w;
    let wanted: Vec<Watts> = problem.claims.iter().map(|claim| claim.high_w).collect();
    for ((claim, index), share) in problem.claims.iter_mut().zip(&generators).zip(&shares) {
        claim.low_w = (-view.devices[*index].may.least).max(Watts::ZERO);
        claim.high_w = if decreases_only { claim.low_w } else { claim.low_w.max(*share) };
    }
    let raised = WaterFill.allocate(&problem).shares_w;
    for (claim, index) in generators.iter().enumerate() {
        let (share, given) = (shares[claim], raised[claim].min(shares[claim]));
        let last = view.devices[*index].known.setpoint_w.map(|last| -last);
        // A little more is not worth a message.
        let is_little = |more: Watts| more > Watts::ZERO && more < deadband_w;
        let given = last.filter(|last| is_little(given - *last)).unwrap_or(given);
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
    let last_w =
        |claim: usize| view.devices[generators[claim]].known.setpoint_w.unwrap_or_default();
    let gave = problem.sums(|claim| problem.claims[claim].low_w.max(-last_w(claim)));
    let fits: Vec<bool> =
        problem.nodes.iter().zip(gave).map(|(node, gave)| gave <= node.budget_w).collect();
    let mut room = room_for_load(view);
    for (claim, index) in generators.iter().enumerate() {
        let (seen, planned) = (&view.devices[*index], &mut planned[*index]);
        let setpoint = planned.setpoint_w.unwrap_or_default();
        let more_load = setpoint - seen.power_w.max(seen.may.most);
        let path = || view.topology.path(seen.node);
        if more_load <= Watts::ZERO || seen.override_w.is_some() || !path().all(|node| fits[node]) {
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
fn room_for_load(view: &View<'_>) -> Vec<Watts> {
    let mut may_take = vec![Watts::ZERO; view.nodes.len()];
    for seen in &view.devices {
        let takes = seen.role == Role::Controlled && !seen.device_type.generates();
        if takes && seen.standby_w.is_none() {
            may_take[seen.node] += seen.may.most.max(seen.want.low_w);
        }
    }
    view.topology.roll_up(&mut may_take, add_watts);
    view.nodes.iter().zip(may_take).map(|(node, may_take)| node.budget_w() - may_take).collect()
}

fn claim(seen: &Seen<'_>) -> Claim {
    let rating = seen.device.and_then(|device| device.capabilities.export_cap());
    let rated_w = rating.unwrap_or(-seen.power_w).max(Watts::ZERO);
    // What the sun gives it, where that is less; or what an operator orders.
    let shown_w = seen.device.and_then(|device| device.need_w).unwrap_or(rated_w);
    let wish_w = seen.override_w.map_or(shown_w, |ordered| (-ordered).max(Watts::ZERO));
    Claim {
        node: seen.node,
        low_w: Watts::ZERO,
        high_w: wish_w.clamp(Watts::ZERO, rated_w),
        min_w: Watts::ZERO,
        weight_milli: rated_w.0.max(1),
        // Generation waits for nothing and is owed nothing.
        since: Timestamp(0),
        carried_w: Watts::ZERO,
        tie: seen.tie,
    }
}

/// Load that is there for generation to feed, whatever happens: observed where nobody commands it, none of what a
/// command could end, and all that storage and generation that is not heard may give back.
fn sure_load(seen: &Seen<'_>, planned: &Planned) -> Watts {
    match seen.role {
        Role::Controlled if seen.device_type.generates() && seen.counts_as_it_is() => {
            seen.may.least.min(Watts::ZERO)
        }
        Role::Controlled if seen.device_type.generates() => Watts::ZERO,
        Role::Controlled => {
            planned.setpoint_w.unwrap_or_default().min(seen.may.least).min(Watts::ZERO)
        }
        Role::Passive(_) if seen.device_type == DeviceType::Meter => Watts::ZERO,
        Role::Passive(_) | Role::Shadow if seen.freshness == Freshness::Fresh => {
            let newest = seen.device.and_then(|device| device.power_w);
            let mean = seen.device.and_then(|device| device.mean_w);
            let observed = newest.into_iter().chain(mean).min().unwrap_or_default();
            // One that was commanded until now goes to its fallback when its lease ends.
            if seen.known.leased { observed.min(seen.may.least) } else { observed }
        }
        Role::Passive(_) | Role::Shadow | Role::Silent(_) => seen.may.least.min(Watts::ZERO),
    }
}
