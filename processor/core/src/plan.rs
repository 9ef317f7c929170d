//! From the view to setpoints: share fairly, choose who runs, raise only into headroom that is there, shape, certify.

use schemas::Timestamp;
use schemas::records::decision::{Freshness, Reason, Rung};
use schemas::records::operator::{ControlSettings, MissingBehavior, RestartBehavior};
use schemas::records::telemetry::DeviceType;

use crate::certify;
use crate::estimate::{Role, Seen, View};
use crate::policy::{Claim, Node, Policy, Problem, Shares};
use crate::shape;

/// An operator's setpoint comes first: its weight stands above every other.
const OVERRIDE_WEIGHT_MILLI: i64 = 1_000_000_000;
/// Budget of a node that sets no limit, W.
const UNLIMITED_W: i64 = 1 << 50;

/// What is planned for one device, in the order of the view's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Fair share, W.
    pub(crate) share_w: i64,
    /// Setpoint, W; none where it gets none.
    pub(crate) setpoint_w: Option<i64>,
    pub(crate) reason: Reason,
    /// The node whose limit holds it.
    pub(crate) bound_by: Option<usize>,
    /// What one more kW of limit would give it, W.
    pub(crate) marginal_w: i64,
    /// Whether it is chosen to run at its minimum or above.
    pub(crate) running: bool,
}

/// What is planned for one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodePlan {
    pub(crate) water_level_w: Option<i64>,
    pub(crate) unmet_w: i64,
    pub(crate) rung: Rung,
}

/// The plan of one decision.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) devices: Vec<Planned>,
    pub(crate) nodes: Vec<NodePlan>,
    /// What the independent check found; empty when it passed.
    pub(crate) findings: Vec<String>,
}

/// Makes the plan.
pub(crate) fn plan(
    view: &View<'_>,
    policy: &dyn Policy,
    settings: &ControlSettings,
    now: Timestamp,
    decreases_only: bool,
) -> Plan {
    let mut planned: Vec<Planned> = view.devices.iter().map(idle).collect();
    let real = Import::of(view, false);
    let nodes = real.fill(view, policy, settings, now, decreases_only, &mut planned);
    if view.devices.iter().any(|seen| seen.role == Role::Shadow) {
        let mut imagined = planned.clone();
        Import::of(view, true).fill(view, policy, settings, now, decreases_only, &mut imagined);
        for (index, seen) in view.devices.iter().enumerate() {
            if seen.role == Role::Shadow {
                planned[index] = imagined[index];
            }
        }
    }
    curtail(view, policy, &mut planned);
    for (seen, planned) in view.devices.iter().zip(&mut planned) {
        if let Role::Silent(why) = seen.role {
            *planned = silent(seen, why, settings, now);
        }
    }
    let findings = certify::certify(view, &planned, settings);
    if !findings.is_empty() {
        hold_to_what_is_safe(view, &mut planned);
    }
    Plan { devices: planned, nodes, findings }
}

fn idle(seen: &Seen<'_>) -> Planned {
    let reason = match seen.role {
        Role::Passive(reason) | Role::Silent(reason) => reason,
        Role::Controlled | Role::Shadow => Reason::NotCommanded,
    };
    Planned { share_w: 0, setpoint_w: None, reason, bound_by: None, marginal_w: 0, running: false }
}

/// A plan that failed its check never reaches a device: nobody gets more than the last setpoint allowed.
fn hold_to_what_is_safe(view: &View<'_>, planned: &mut [Planned]) {
    for (seen, planned) in view.devices.iter().zip(planned) {
        if seen.role == Role::Controlled
            && let Some(setpoint) = planned.setpoint_w
        {
            let last = seen.device.and_then(|device| device.setpoint_w).map_or(0, |last| last.0);
            planned.setpoint_w = Some(setpoint.min(last));
            planned.reason = Reason::Uncertified;
        }
    }
}

/// What a device that is not heard gets.
fn silent(seen: &Seen<'_>, why: Reason, settings: &ControlSettings, now: Timestamp) -> Planned {
    let hold = match why {
        Reason::Restart => settings.restart_behavior == RestartBehavior::HoldLast,
        _ => settings.missing_behavior == MissingBehavior::HoldLast,
    };
    let last = seen.device.and_then(|device| device.setpoint_w);
    let hold_since = seen.device.and_then(|device| device.hold_since).unwrap_or(now);
    let held = last.filter(|_| hold && now.since(hold_since) <= settings.hold_last_max_ms);
    let excluded =
        settings.missing_behavior == MissingBehavior::ExcludeDevice && why != Reason::Restart;
    // Zero stops charging. For generation it would mean to curtail it, which no import limit asks for.
    let stoppable = seen.device_type != DeviceType::Pv;
    let (setpoint_w, reason) = match held {
        _ if excluded || !stoppable => (None, why),
        Some(last) => (Some(last.0), Reason::HoldLast),
        None => (Some(0), why),
    };
    Planned { setpoint_w, reason, ..idle(seen) }
}

/// The import side: devices that may take power, and the budgets of the nodes they stand under.
struct Import {
    problem: Problem,
    /// Index of each claim's device in the view.
    device_of: Vec<usize>,
}

impl Import {
    fn of(view: &View<'_>, with_shadow: bool) -> Self {
        let mut budgets: Vec<i64> =
            view.nodes.iter().map(super::estimate::NodeEstimate::budget_w).collect();
        let mut import = Self { problem: Problem::default(), device_of: Vec::new() };
        for (index, seen) in view.devices.iter().enumerate() {
            let shadow = seen.role == Role::Shadow && with_shadow;
            if (seen.role != Role::Controlled && !shadow) || seen.device_type == DeviceType::Pv {
                continue;
            }
            if shadow {
                // Imagined under control: no longer part of the load that nobody commands.
                view.topology.path(seen.node).for_each(|node| budgets[node] += seen.power_w);
            }
            import.problem.claims.push(claim(seen));
            import.device_of.push(index);
        }
        import.problem.nodes = view
            .topology
            .nodes
            .iter()
            .zip(budgets)
            .map(|(node, budget_w)| Node { parent: node.parent, budget_w })
            .collect();
        import
    }

    fn seen<'v, 'a>(&self, view: &'v View<'a>, claim: usize) -> &'v Seen<'a> {
        &view.devices[self.device_of[claim]]
    }

    fn fill(
        &self,
        view: &View<'_>,
        policy: &dyn Policy,
        settings: &ControlSettings,
        now: Timestamp,
        decreases_only: bool,
        planned: &mut [Planned],
    ) -> Vec<NodePlan> {
        let fair = policy.allocate(&self.problem);
        let (target, running) = self.select(view, policy, settings, now, &fair);
        let raised = self.raise(view, policy, &target.shares_w, decreases_only);
        let free_weights = self.free_weights(&fair);
        for (claim, device) in self.device_of.iter().enumerate() {
            let seen = &view.devices[*device];
            let bound_by = self.bound_by(&fair, claim);
            let wished = Wished {
                fair_w: fair.shares_w[claim],
                target_w: target.shares_w[claim],
                raised_w: raised[claim],
                running: running[claim],
            };
            let (setpoint, reason) = wished.settle(seen, settings, now, bound_by.is_some());
            let weight = self.problem.claims[claim].weight_milli;
            planned[*device] = Planned {
                share_w: fair.shares_w[claim],
                setpoint_w: Some(setpoint),
                reason,
                bound_by,
                marginal_w: bound_by
                    .map_or(0, |node| 1_000 * weight / free_weights[node].max(weight)),
                running: running[claim],
            };
        }
        self.node_plans(&fair)
    }

    /// Chooses who runs among devices with a minimum that their fair share does not reach.
    ///
    /// Together they may use what they would have had as shares, plus what is free. Those that run and are within
    /// their dwell time come first, then those with the largest deficit.
    fn select(
        &self,
        view: &View<'_>,
        policy: &dyn Policy,
        settings: &ControlSettings,
        now: Timestamp,
        fair: &Shares,
    ) -> (Shares, Vec<bool>) {
        let claims = &self.problem.claims;
        let min_w = |claim: usize| self.seen(view, claim).want.min_w;
        let contested: Vec<bool> = (0..claims.len())
            .map(|claim| fair.shares_w[claim] > 0 && fair.shares_w[claim] < min_w(claim))
            .collect();
        let mut running: Vec<bool> =
            (0..claims.len()).map(|claim| fair.shares_w[claim] > 0).collect();
        if !contested.contains(&true) {
            return (fair.clone(), running);
        }
        let kept =
            self.problem.sums(|claim| if contested[claim] { 0 } else { fair.shares_w[claim] });
        let mut free: Vec<i64> = self
            .problem
            .nodes
            .iter()
            .zip(&kept)
            .map(|(node, kept)| node.budget_w.saturating_sub(*kept))
            .collect();
        let mut order: Vec<usize> = (0..claims.len()).filter(|claim| contested[*claim]).collect();
        order.sort_by_key(|claim| {
            let device = self.seen(view, *claim).device;
            let dwelling = device.is_some_and(|device| {
                device.running
                    && device
                        .running_since
                        .is_some_and(|since| now.since(since) < settings.dwell_ms)
            });
            let deficit = device.map_or(0, |device| device.deficit_wms);
            (!dwelling, std::cmp::Reverse(deficit), claims[*claim].tie, *claim)
        });
        let mut narrowed = self.problem.clone();
        for claim in order {
            let node = claims[claim].node;
            let fits = view.topology.path(node).all(|above| free[above] >= min_w(claim));
            running[claim] = fits;
            if fits {
                view.topology.path(node).for_each(|above| free[above] -= min_w(claim));
                narrowed.claims[claim].low_w = min_w(claim);
            } else {
                narrowed.claims[claim].high_w = narrowed.claims[claim].low_w.max(0);
            }
        }
        (policy.allocate(&narrowed), running)
    }

    /// Setpoints that raise only into headroom that is there (G2): what devices may take already comes first.
    fn raise(
        &self,
        view: &View<'_>,
        policy: &dyn Policy,
        target_w: &[i64],
        decreases_only: bool,
    ) -> Vec<i64> {
        let mut occupied = self.problem.clone();
        for (claim, target) in target_w.iter().enumerate() {
            let floor = self.seen(view, claim).floor_w;
            occupied.claims[claim].low_w = floor;
            occupied.claims[claim].high_w = if decreases_only { floor } else { floor.max(*target) };
        }
        let shares = policy.allocate(&occupied).shares_w;
        shares.iter().zip(target_w).map(|(share, target)| *share.min(target)).collect()
    }

    /// The nearest node above a claim whose budget holds it; none when it has all it wants.
    fn bound_by(&self, shares: &Shares, claim: usize) -> Option<usize> {
        let Claim { node, high_w, .. } = self.problem.claims[claim];
        if shares.shares_w[claim] >= high_w {
            return None;
        }
        std::iter::successors(Some(node), |node| self.problem.nodes[*node].parent)
            .find(|node| shares.levels_w[*node].is_some())
    }

    /// For each node, the weights of the claims that would share one more watt of it.
    fn free_weights(&self, shares: &Shares) -> Vec<i64> {
        let mut weights = vec![0; self.problem.nodes.len()];
        for (index, claim) in self.problem.claims.iter().enumerate() {
            if let Some(node) = self.bound_by(shares, index) {
                weights[node] += claim.weight_milli;
            }
        }
        weights
    }

    fn node_plans(&self, shares: &Shares) -> Vec<NodePlan> {
        let leasts = self.problem.sums(|claim| self.problem.claims[claim].low_w);
        let nodes = self.problem.nodes.iter().zip(leasts).zip(&shares.levels_w);
        nodes
            .map(|((node, least), level)| {
                let unmet_w = (least - node.budget_w).max(0);
                let rung = match level {
                    None => Rung::Normal,
                    Some(_) if unmet_w > 0 => Rung::Alarm,
                    Some(level) if *level > 0 => Rung::Trim,
                    Some(_) => Rung::Pause,
                };
                NodePlan { water_level_w: *level, unmet_w, rung }
            })
            .collect()
    }
}

fn claim(seen: &Seen<'_>) -> Claim {
    let (low_w, high_w, weight_milli) = match seen.override_w {
        Some(watts) => (watts.min(0), watts.max(0).min(seen.want.rated_w), OVERRIDE_WEIGHT_MILLI),
        None => (seen.want.low_w, seen.want.high_w, seen.want.weight_milli),
    };
    // A device that does not follow is counted at what it takes, and gets no more than it had.
    let follows = seen.device.is_none_or(|device| !device.non_compliant);
    let (low_w, high_w) = if follows { (low_w, high_w) } else { (seen.floor_w, seen.floor_w) };
    Claim { node: seen.node, low_w, high_w, weight_milli, tie: seen.tie }
}

/// What the steps before shaping say about one device.
struct Wished {
    fair_w: i64,
    target_w: i64,
    raised_w: i64,
    running: bool,
}

impl Wished {
    /// The setpoint after shaping, and why it is what it is.
    fn settle(
        &self,
        seen: &Seen<'_>,
        settings: &ControlSettings,
        now: Timestamp,
        bound: bool,
    ) -> (i64, Reason) {
        if let Some(device) = seen.device.filter(|device| device.non_compliant) {
            // It is told to stop, and counted at what it takes until it has been seen to follow.
            let last = device.setpoint_w.map_or(0, |last| last.0);
            return (last.min(0), Reason::NonCompliant);
        }
        let why = match () {
            () if seen.override_w.is_some() => Reason::Override,
            () if self.raised_w < self.target_w => Reason::AwaitsHeadroom,
            () if self.target_w == 0 && self.fair_w > 0 && !self.running => Reason::Rotation,
            () if self.target_w < 0 => Reason::Discharge,
            () if bound => Reason::FairShare,
            () => seen.want.reason,
        };
        shape::shape(seen, self.raised_w, self.target_w, why, settings, now)
    }
}

/// The export side: generation is capped where an export limit stands above it, each by its rating.
fn curtail(view: &View<'_>, policy: &dyn Policy, planned: &mut [Planned]) {
    let generators: Vec<usize> = (0..view.devices.len())
        .filter(|index| {
            let seen = &view.devices[*index];
            seen.role == Role::Controlled && seen.device_type == DeviceType::Pv
        })
        .collect();
    if generators.is_empty() {
        return;
    }
    let mut taken = vec![0_i64; view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(planned.iter()) {
        taken[seen.node] += sure_load(seen, planned);
    }
    view.topology.roll_up(&mut taken);
    let nodes = view.nodes.iter().zip(&view.topology.nodes).zip(&taken);
    let problem = Problem {
        nodes: nodes
            .map(|((node, place), taken)| Node {
                parent: place.parent,
                budget_w: node.limits.export.map_or(UNLIMITED_W, |export| {
                    (export.0 - node.limits.margin.0.min(export.0) + taken).max(0)
                }),
            })
            .collect(),
        claims: generators.iter().map(|index| generation_claim(&view.devices[*index])).collect(),
    };
    let shares = policy.allocate(&problem);
    for (claim, index) in generators.iter().enumerate() {
        let share = shares.shares_w[claim];
        let curtailed = share < problem.claims[claim].high_w;
        planned[*index].share_w = -share;
        planned[*index].setpoint_w = Some(-share);
        planned[*index].reason = if curtailed { Reason::Curtailed } else { Reason::Satisfied };
    }
}

fn generation_claim(seen: &Seen<'_>) -> Claim {
    let rating = seen.device.and_then(|device| device.capabilities.export_cap());
    let rated_w = rating.map_or(-seen.power_w, |cap| cap.0).max(0);
    Claim {
        node: seen.node,
        low_w: 0,
        high_w: rated_w,
        weight_milli: rated_w.max(1),
        tie: seen.tie,
    }
}

/// Load that is there for generation to feed, whatever happens: observed where nobody commands it, none of what a
/// command could end, and all that storage gives back.
fn sure_load(seen: &Seen<'_>, planned: &Planned) -> i64 {
    match seen.role {
        Role::Controlled if seen.device_type == DeviceType::Pv => 0,
        Role::Controlled => planned.setpoint_w.unwrap_or(0).min(seen.power_w).min(0),
        Role::Passive(_) | Role::Shadow if seen.freshness == Freshness::Fresh => seen.power_w,
        Role::Passive(_) | Role::Shadow | Role::Silent(_) => seen.power_w.min(0),
    }
}
