//! The record of a decision.

mod totals;

use schemas::records::decision::{
    Decision, DecisionHeader, DeviceDecision, Emit, NodeBinding, NodeDecision,
};
use schemas::registry::Registry;
use schemas::{FeederId, Timestamp, WattHours, Watts};

use crate::alarms;
use crate::estimate::{NodeEstimate, Role, Seen, View};
use crate::plan::{Plan, Planned};
use crate::tree::Tick;

use self::totals::Totals;

pub(crate) const MS_PER_HOUR: i64 = 3_600_000;

/// What a decision is made of beside the plan.
pub(crate) struct Context<'a> {
    pub(crate) root: &'a FeederId,
    pub(crate) registry: &'a Registry,
    pub(crate) tick: Tick,
    pub(crate) window: (Timestamp, Timestamp),
    /// Why control is stopped, where it is.
    pub(crate) stopped: Option<String>,
}

/// Writes the decision down.
pub(crate) fn report(
    context: &Context<'_>,
    view: &View<'_>,
    plan: &Plan,
    policy: &'static str,
) -> Decision {
    let Context { tick, registry, .. } = *context;
    let mut totals = vec![Totals::default(); view.nodes.len()];
    let mut devices = Vec::with_capacity(view.devices.len());
    let mut device_alarms = Vec::new();
    for (seen, planned) in view.devices.iter().zip(&plan.devices) {
        totals[seen.node].count(seen, planned);
        alarms::of_device(seen, planned, &view.nodes[seen.node], &mut device_alarms);
        devices.push(device_decision(context, view, seen, planned));
    }
    view.topology.roll_up(&mut totals, Totals::add);
    let nodes = nodes(context, view, plan, &totals);
    let mut alarms = Vec::new();
    for (node, (estimate, totals)) in nodes.iter().zip(view.nodes.iter().zip(&totals)) {
        alarms::of_feeder(node, estimate, &totals.below, &mut alarms);
        alarms::of_opened(node, registry, &mut alarms);
    }
    alarms.append(&mut device_alarms);
    let header = DecisionHeader {
        at: tick.now,
        trigger: tick.trigger,
        window_start: context.window.0,
        window_end: context.window.1,
        positions: tick.positions,
        policy: policy.to_owned(),
        certified: plan.certified,
        findings: plan.findings.clone(),
        alarms,
        nodes,
    };
    Decision { no: tick.no, writer: tick.writer, root: context.root.clone(), header, devices }
}

fn nodes(
    context: &Context<'_>,
    view: &View<'_>,
    plan: &Plan,
    totals: &[Totals],
) -> Vec<NodeDecision> {
    (0..view.nodes.len())
        .map(|index| {
            let (estimate, place, planned) =
                (&view.nodes[index], &view.topology.nodes[index], &plan.nodes[index]);
            let total = &totals[index];
            NodeDecision {
                feeder_id: place.feeder_id.clone(),
                parent_id: place.parent.map(|parent| view.topology.nodes[parent].feeder_id.clone()),
                mode: estimate.mode,
                import_limit_w: estimate.limits.own_import,
                export_limit_w: estimate.limits.export,
                limit_w: estimate.limits.import,
                margin_w: estimate.limits.margin,
                load_w: estimate.load_w,
                controlled_w: estimate.controlled_w,
                uncontrolled_w: estimate.uncontrolled_w,
                reserved_w: estimate.reserved_w,
                headroom_w: estimate.limits.import - estimate.load_w,
                allocated_w: total.allocated_w,
                unmet_w: planned.unmet_w,
                water_level_w: planned.water_level_w.map(|level| level.0),
                binding: binding(estimate, place.parent, planned.water_level_w.is_some(), plan),
                rung: planned.rung,
                degraded: degraded(plan),
                stopped: context.stopped.clone(),
                device_count: total.fresh + total.stale,
                fresh_count: total.fresh,
                stale_count: total.stale,
                by_type: total.by_type(),
            }
        })
        .collect()
}

/// Why the tree runs degraded, if it does: its plan failed the check, or its policy had to be stood in for.
fn degraded(plan: &Plan) -> Option<String> {
    if plan.certified { plan.stood_in.clone() } else { Some("uncertified".to_owned()) }
}

fn binding(
    estimate: &NodeEstimate,
    parent: Option<usize>,
    binds: bool,
    plan: &Plan,
) -> NodeBinding {
    if binds {
        return estimate.limits.binding;
    }
    match parent {
        Some(parent) if plan.nodes[parent].water_level_w.is_some() => NodeBinding::Ancestor,
        Some(_) | None => NodeBinding::None,
    }
}

fn device_decision(
    context: &Context<'_>,
    view: &View<'_>,
    seen: &Seen<'_>,
    planned: &Planned,
) -> DeviceDecision {
    let lease_ms = context.registry.settings.lease_ms;
    // A battery that discharges to keep a limit goes on with it when its lease lapses: stopping would break the limit.
    // Generation keeps to its setpoint too, or gives as little as an operator wants it to then.
    let fallback_w = planned.setpoint_w.map_or(seen.fallback_w, |setpoint| {
        let kept = seen.fallback_w.min(setpoint.min(Watts::ZERO));
        let named = seen.fallback_named && seen.device_type.generates();
        if named { seen.fallback_w.clamp(setpoint.min(Watts::ZERO), Watts::ZERO) } else { kept }
    });
    let known = &seen.known;
    DeviceDecision {
        device_id: seen.device_id.clone(),
        feeder_id: view.topology.nodes[seen.node].feeder_id.clone(),
        device_type: seen.device_type,
        power_w: known.power_w,
        soc: known.soc.map(|(soc, _)| soc),
        freshness: seen.freshness,
        sample_age_ms: known.sample_age_ms,
        wanted_w: seen.want.high_w,
        share_w: planned.share_w,
        setpoint_w: planned.setpoint_w,
        emit: emit(seen, planned),
        ttl_ms: lease_ms,
        fallback_w: if seen.fallback_w > Watts::ZERO { seen.fallback_w } else { fallback_w },
        weight_milli: seen.want.weight_milli,
        deficit_wh: WattHours(known.deficit_wms / MS_PER_HOUR),
        reason: planned.reason,
        bound_by: planned.bound_by.map(|node| view.topology.nodes[node].feeder_id.clone()),
        marginal_w: planned.marginal_w,
        compliant: !(known.non_compliant || known.rejects),
        typed_layout: known.typed_layout,
    }
}

/// Changes are sent, leases are renewed at half their life, and a device that is not heard is told each cycle.
fn emit(seen: &Seen<'_>, planned: &Planned) -> Emit {
    let Some(setpoint) = planned.setpoint_w else {
        return Emit::None;
    };
    match seen.role {
        Role::Passive(_) | Role::Shadow => Emit::None,
        Role::Silent(_) | Role::Controlled => {
            let known = &seen.known;
            // What one was told that was never heard is not remembered: it is the same again.
            let changed = seen.device.is_some() && known.setpoint_w != Some(setpoint);
            // A device that is above its setpoint and has not said that it got it is told again.
            let astray = known.astray_above_w > setpoint;
            let every_cycle = astray || matches!(seen.role, Role::Silent(_));
            match (changed, every_cycle || !known.lease_is_fresh) {
                (true, _) => Emit::Change,
                (false, true) => Emit::Renew,
                (false, false) => Emit::None,
            }
        }
    }
}
