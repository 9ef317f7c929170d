//! From the view to setpoints: share fairly, choose who runs, raise only into headroom that is there, shape, certify.

mod again;
mod export;
mod import;
mod ladder;
mod select;
mod settle;

use schemas::Watts;
use schemas::records::decision::{Reason, Rung};
use schemas::records::operator::ControlSettings;

use self::again::Again;
use self::import::Import;
use crate::certify::{Order, Promise, World, certify, certify_stopped};
use crate::estimate::{Role, Seen, View};
use crate::policy::Policy;

/// Times that a plan is made anew because more generation is missing than was counted on, at most.
const AGAIN_MAX: usize = 3;

/// What is planned for one device, in the order of the view's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// The part that the device plays.
    pub(crate) role: Role,
    /// Fair share, W.
    pub(crate) share_w: Watts,
    /// Setpoint, W; none where it gets none.
    pub(crate) setpoint_w: Option<Watts>,
    pub(crate) reason: Reason,
    /// The node whose limit holds it.
    pub(crate) bound_by: Option<usize>,
    /// What one more kW of limit would give it, W.
    pub(crate) marginal_w: Watts,
    /// Whether it is chosen to run at its minimum or above.
    pub(crate) running: bool,
    /// What the policy carries over for it, W.
    pub(crate) carried_w: Watts,
    /// A plan failed its check because of it, and was made again.
    pub(crate) contained: bool,
    /// It draws nothing and may start.
    pub(crate) standby: bool,
}

/// What is planned for one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodePlan {
    pub(crate) water_level_w: Option<Watts>,
    pub(crate) unmet_w: Watts,
    pub(crate) rung: Rung,
}

/// The plan of one decision.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) devices: Vec<Planned>,
    pub(crate) nodes: Vec<NodePlan>,
    /// What the independent check found in the first plan; empty when it passed.
    pub(crate) findings: Vec<String>,
    /// The plan passed its check, the first one or one that was made again.
    pub(crate) certified: bool,
    /// Why another policy stood in for the one that is set.
    pub(crate) stood_in: Option<String>,
}

/// Makes the plan. Where it fails its check, that costs those who are named and nobody else, if that can be.
pub(crate) fn plan(
    view: &mut View<'_>,
    policy: &dyn Policy,
    world: &World<'_>,
    settings: &ControlSettings,
    decreases_only: bool,
) -> Plan {
    let made = make(view, policy, settings, decreases_only);
    let promise = Promise { settings, decreases_only, max_min: policy.is_max_min(), world };
    let found = certify(view, &orders(&made.devices), &promise);
    if found.is_empty() {
        return made;
    }
    let again = Again { policy, promise, found };
    let plan = again.without_culprits(view);
    let plan = plan.or_else(|| again.with_nodes_held(view, &made));
    let plan = plan.unwrap_or_else(|| again.lowered(view));
    let findings = again.found.into_iter().map(|finding| finding.what).collect();
    Plan { findings, ..plan }
}

/// Control is stopped: what the plan says counts only for when it comes back. Everyone is told the fallback, and nothing where
/// fallbacks do not fit; that is checked like any plan.
pub(crate) fn stop(view: &View<'_>, plan: &mut Plan, world: &World<'_>) {
    to_fallbacks(view, &mut plan.devices);
    let mut found = certify_stopped(view, &orders(&plan.devices), world);
    if !found.is_empty() {
        for (seen, planned) in view.devices.iter().zip(&mut plan.devices) {
            let takes = seen.role == Role::Controlled && !seen.device_type.generates();
            planned.setpoint_w =
                planned.setpoint_w.map(|told| if takes { told.min(Watts::ZERO) } else { told });
        }
        plan.findings.extend(found.into_iter().map(|finding| finding.what));
        found = certify_stopped(view, &orders(&plan.devices), world);
    }
    plan.certified &= found.is_empty();
}

/// What the check is told of a plan.
fn orders(planned: &[Planned]) -> Vec<Order> {
    let order =
        |planned: &Planned| Order { setpoint_w: planned.setpoint_w, share_w: planned.share_w };
    planned.iter().map(order).collect()
}

fn make(
    view: &View<'_>,
    policy: &dyn Policy,
    settings: &ControlSettings,
    decreases_only: bool,
) -> Plan {
    let steps = Steps { view, policy, settings, decreases_only };
    let idle: Vec<Planned> = view.devices.iter().map(idle).collect();
    if !view.limits_export() {
        // Generation is commanded only under an export limit.
        return steps.fill(idle, &vec![Watts::ZERO; view.nodes.len()]);
    }
    let mut dimmed = steps.dimmed(idle.clone());
    let mut plan = steps.fill(idle.clone(), &dimmed);
    if !raise_to(&mut dimmed, export::missing(view, &plan.devices)) {
        return plan;
    }
    // Storage that gives power back takes room from generation: then more of that is missing than was counted on. Hardly
    // ever more than this can be.
    let mut giving = idle.clone();
    for (seen, planned) in view.devices.iter().zip(&mut giving) {
        if seen.role == Role::Controlled && !seen.device_type.generates() {
            planned.setpoint_w = Some(seen.want.low_w);
        }
    }
    raise_to(&mut dimmed, steps.dimmed(giving));
    for _ in 0..AGAIN_MAX {
        plan = steps.fill(idle.clone(), &dimmed);
        if !raise_to(&mut dimmed, export::missing(view, &plan.devices)) {
            break;
        }
    }
    plan
}

/// Raises what is counted as missing under each node to what is; says whether any was more.
fn raise_to(counted: &mut [Watts], missing: Vec<Watts>) -> bool {
    let mut raised = false;
    for (counted, missing) in counted.iter_mut().zip(missing) {
        raised |= missing > *counted;
        *counted = missing.max(*counted);
    }
    raised
}

/// What every step of a plan goes by.
struct Steps<'v, 'a> {
    view: &'v View<'a>,
    policy: &'v dyn Policy,
    settings: &'v ControlSettings,
    decreases_only: bool,
}

impl Steps<'_, '_> {
    /// Generation that will be missing under each node, if storage and load do as planned.
    fn dimmed(&self, mut planned: Vec<Planned>) -> Vec<Watts> {
        self.curtail(&mut planned);
        export::missing(self.view, &planned)
    }

    fn curtail(&self, planned: &mut [Planned]) {
        let Self { view, policy, settings, decreases_only, .. } = *self;
        export::curtail(view, policy, settings.deadband_w, decreases_only, planned);
    }

    fn fill(&self, mut planned: Vec<Planned>, dimmed: &[Watts]) -> Plan {
        let Self { view, policy, settings, decreases_only } = *self;
        let real = Import::of(view, false, dimmed);
        real.stand_by(view, settings, decreases_only, &mut planned);
        let (nodes, stood_in) = real.fill(view, policy, settings, decreases_only, &mut planned);
        if view.has_shadow() {
            let mut imagined = planned.clone();
            let imagine = Import::of(view, true, dimmed);
            imagine.fill(view, policy, settings, decreases_only, &mut imagined);
            for (index, seen) in view.devices.iter().enumerate() {
                if seen.role == Role::Shadow {
                    planned[index] = imagined[index];
                }
            }
        }
        if view.limits_export() {
            self.curtail(&mut planned);
        }
        Plan { devices: planned, nodes, findings: Vec::new(), certified: true, stood_in }
    }
}

/// Everyone whom setpoints reach goes to the fallback.
fn to_fallbacks(view: &View<'_>, planned: &mut [Planned]) {
    for (seen, planned) in view.devices.iter().zip(planned) {
        if seen.role == Role::Controlled {
            planned.setpoint_w = Some(seen.fallback_w);
            planned.running = false;
            planned.reason = Reason::Uncertified;
        }
    }
}

fn idle(seen: &Seen<'_>) -> Planned {
    let (setpoint_w, reason) = match seen.role {
        Role::Silent(_) => seen.told,
        Role::Passive(reason) => (None, reason),
        Role::Controlled | Role::Shadow => (None, Reason::NotCommanded),
    };
    Planned {
        role: seen.role,
        share_w: Watts::ZERO,
        setpoint_w,
        reason,
        bound_by: None,
        marginal_w: Watts::ZERO,
        running: false,
        carried_w: seen.known.carried_w,
        contained: false,
        standby: seen.standby_w.is_some(),
    }
}
