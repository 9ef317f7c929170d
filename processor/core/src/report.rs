//! The record of a decision.

mod totals;

use schemas::records::decision::{
    Decision, DecisionHeader, DeviceDecision, Emit, NodeBinding, NodeDecision,
};
use schemas::registry::Registry;
use schemas::{FeederId, Timestamp, WattHours, Watts};

use crate::alarms::alarms;
use crate::device::tolerance;
use crate::estimate::{NodeEstimate, Role, Seen, View};
use crate::plan::{Plan, Planned};
use crate::tree::Tick;

use self::totals::Totals;

const MS_PER_HOUR: i64 = 3_600_000;

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
    let tick = context.tick;
    let totals = Totals::of(view, plan);
    let nodes = nodes(context, view, plan, &totals);
    let header = DecisionHeader {
        at: tick.now,
        trigger: tick.trigger,
        window_start: context.window.0,
        window_end: context.window.1,
        positions: tick.positions,
        policy: policy.to_owned(),
        certified: plan.findings.is_empty(),
        findings: plan.findings.clone(),
        alarms: alarms(view, plan, &nodes),
        nodes,
    };
    let devices = view.devices.iter().zip(&plan.devices);
    let devices = devices.map(|(seen, planned)| device_decision(context, view, seen, planned));
    Decision {
        epoch: tick.epoch,
        writer: tick.writer,
        root: context.root.clone(),
        seq: tick.seq,
        header,
        devices: devices.collect(),
    }
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
                load_w: Watts(estimate.load_w),
                controlled_w: Watts(estimate.controlled_w),
                uncontrolled_w: Watts(estimate.uncontrolled_w),
                reserved_w: Watts(estimate.reserved_w),
                headroom_w: estimate.limits.import - Watts(estimate.load_w),
                allocated_w: Watts(total.allocated_w),
                unmet_w: Watts(planned.unmet_w),
                water_level_w: planned.water_level_w,
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
    if plan.findings.is_empty() { plan.stood_in.clone() } else { Some("uncertified".to_owned()) }
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
    let fallback_w =
        planned.setpoint_w.map_or(seen.fallback_w, |setpoint| seen.fallback_w.min(setpoint.min(0)));
    let device = seen.device;
    DeviceDecision {
        device_id: seen.device_id.clone(),
        feeder_id: view.topology.nodes[seen.node].feeder_id.clone(),
        device_type: seen.device_type,
        power_w: device.and_then(|device| device.mean_w.or(device.power_w)),
        soc: device.and_then(|device| device.soc),
        freshness: seen.freshness,
        sample_age_ms: device
            .and_then(|device| device.last_steering)
            .map(|at| context.tick.now.since(at).max(0)),
        wanted_w: Watts(seen.want.high_w),
        share_w: Watts(planned.share_w),
        setpoint_w: planned.setpoint_w.map(Watts),
        emit: emit(seen, planned, lease_ms, context.tick.now),
        ttl_ms: lease_ms,
        fallback_w: if seen.fallback_w > 0 { Watts(seen.fallback_w) } else { Watts(fallback_w) },
        weight_milli: seen.want.weight_milli,
        deficit_wh: WattHours(device.map_or(0, |device| device.deficit_wms) / MS_PER_HOUR),
        reason: planned.reason,
        bound_by: planned.bound_by.map(|node| view.topology.nodes[node].feeder_id.clone()),
        marginal_w: Watts(planned.marginal_w),
        compliant: device.is_none_or(|device| !device.non_compliant),
        typed_layout: device.is_some_and(|device| device.typed_layout),
    }
}

/// Changes are sent, leases are renewed at half their life, and a device that is not heard is told each cycle.
fn emit(seen: &Seen<'_>, planned: &Planned, lease_ms: i64, now: Timestamp) -> Emit {
    let Some(setpoint) = planned.setpoint_w else {
        return Emit::None;
    };
    match seen.role {
        Role::Passive(_) | Role::Shadow => Emit::None,
        Role::Silent(_) | Role::Controlled => {
            let device = seen.device;
            let changed = device.and_then(|device| device.setpoint_w) != Some(Watts(setpoint));
            let fresh_lease = device
                .and_then(|device| device.live.last())
                .is_some_and(|live| now.since(live.decided) * 2 < lease_ms);
            // A device that is above its setpoint and has not said that it got it is told again.
            let astray = device.is_some_and(|device| {
                let heard = device.live.last().is_some_and(|live| live.applied);
                let above =
                    device.power_w.unwrap_or_default() > Watts(setpoint) + tolerance(device);
                above && !heard && device.acknowledges
            });
            let every_cycle = astray || matches!(seen.role, Role::Silent(_));
            match (changed, every_cycle || !fresh_lease) {
                (true, _) => Emit::Change,
                (false, true) => Emit::Renew,
                (false, false) => Emit::None,
            }
        }
    }
}
