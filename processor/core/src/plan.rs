//! From the view to setpoints: share fairly, choose who runs, raise only into headroom that is there, shape, certify.

mod export;

use schemas::Timestamp;
use schemas::records::decision::{Reason, Rung};
use schemas::records::operator::ControlSettings;
use schemas::records::telemetry::DeviceType;

use crate::certify;
use crate::estimate::{Role, Seen, View};
use crate::policy::{Claim, Node, Policy, Problem, Shares, WaterFill};
use crate::shape;
use crate::wants::Want;

/// An operator's setpoint comes first: its weight stands above every other.
const OVERRIDE_WEIGHT_MILLI: i64 = 1_000_000_000;
/// A turn of a device with a minimum is worth about so many dwell times at that minimum.
const TURN_DWELLS: i64 = 2;

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
    let made = make(view, policy, settings, now, decreases_only);
    let findings = certify::certify(view, &made.devices, settings);
    if findings.is_empty() {
        return made;
    }
    // A plan that failed its check never reaches a device. In its place: what was certified last, lowered by the
    // default policy to what is safe now; and where even that fails, no more than each device's fallback.
    let mut safe = make(view, &WaterFill, settings, now, true);
    hold_to_the_last(view, &mut safe.devices);
    if !certify::certify(view, &safe.devices, settings).is_empty() {
        to_fallbacks(view, &mut safe.devices);
    }
    for (seen, planned) in view.devices.iter().zip(&mut safe.devices) {
        if seen.role == Role::Controlled {
            planned.reason = Reason::Uncertified;
        }
    }
    Plan { findings, ..safe }
}

fn make(
    view: &View<'_>,
    policy: &dyn Policy,
    settings: &ControlSettings,
    now: Timestamp,
    decreases_only: bool,
) -> Plan {
    let mut planned: Vec<Planned> = view.devices.iter().map(idle).collect();
    let dimmed = export::dimmed(view, policy, settings.deadband_w.0, decreases_only, &planned);
    let real = Import::of(view, false, &dimmed);
    let nodes = real.fill(view, policy, settings, now, decreases_only, &mut planned);
    if view.devices.iter().any(|seen| seen.role == Role::Shadow) {
        let mut imagined = planned.clone();
        let imagine = Import::of(view, true, &dimmed);
        imagine.fill(view, policy, settings, now, decreases_only, &mut imagined);
        for (index, seen) in view.devices.iter().enumerate() {
            if seen.role == Role::Shadow {
                planned[index] = imagined[index];
            }
        }
    }
    export::curtail(view, policy, settings.deadband_w.0, decreases_only, &mut planned);
    for (seen, planned) in view.devices.iter().zip(&mut planned) {
        if let Role::Silent(_) = seen.role {
            let (setpoint_w, reason) = seen.told;
            *planned = Planned { setpoint_w, reason, ..idle(seen) };
        }
    }
    Plan { devices: planned, nodes, findings: Vec::new() }
}

/// Nobody gets more than the last setpoint allowed.
fn hold_to_the_last(view: &View<'_>, planned: &mut [Planned]) {
    for (seen, planned) in view.devices.iter().zip(planned) {
        let last = seen.device.and_then(|device| device.setpoint_w).map_or(0, |last| last.0);
        let generates = seen.device_type == DeviceType::Pv;
        if let (Role::Controlled, Some(setpoint)) = (seen.role, planned.setpoint_w) {
            planned.setpoint_w =
                Some(if generates { setpoint.max(last) } else { setpoint.min(last) });
        }
    }
}

/// Everyone whom setpoints reach goes to the fallback.
pub(crate) fn to_fallbacks(view: &View<'_>, planned: &mut [Planned]) {
    for (seen, planned) in view.devices.iter().zip(planned) {
        if seen.role == Role::Controlled {
            planned.setpoint_w = Some(seen.fallback_w);
            planned.running = false;
            planned.reason = Reason::Uncertified;
        }
    }
}

fn idle(seen: &Seen<'_>) -> Planned {
    let reason = match seen.role {
        Role::Passive(reason) | Role::Silent(reason) => reason,
        Role::Controlled | Role::Shadow => Reason::NotCommanded,
    };
    Planned { share_w: 0, setpoint_w: None, reason, bound_by: None, marginal_w: 0, running: false }
}

/// The import side: devices that may take power, and the budgets of the nodes they stand under.
struct Import {
    problem: Problem,
    /// Index of each claim's device in the view.
    device_of: Vec<usize>,
}

impl Import {
    /// `dimmed` is what will be missing of the generation under each node.
    fn of(view: &View<'_>, with_shadow: bool, dimmed: &[i64]) -> Self {
        let nodes = view.nodes.iter().zip(dimmed);
        let mut budgets: Vec<i64> = nodes.map(|(node, dimmed)| node.budget_w() - dimmed).collect();
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
            import.problem.claims.push(claim_of(seen, false));
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
        let deserved = self.deserved(view, policy, &fair);
        let (target, running) = self.select(view, policy, settings, now, &fair);
        let raised = self.raise(view, policy, &target.shares_w, decreases_only);
        let free_weights = self.free_weights(&fair);
        for (claim, device) in self.device_of.iter().enumerate() {
            let seen = &view.devices[*device];
            let bound_by = self.bound_by(&fair, claim);
            let wished = Wished {
                fair_w: fair.shares_w[claim],
                deserved_w: deserved[claim],
                target_w: target.shares_w[claim],
                raised_w: raised[claim],
                running: running[claim],
            };
            let (mut setpoint, reason) = wished.settle(seen, settings, now, bound_by.is_some());
            let last = seen.device.and_then(|device| device.setpoint_w);
            if let Some(last) = last.filter(|_| decreases_only) {
                setpoint = setpoint.min(last.0);
            }
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
        self.keep_small_decreases(view, settings, planned);
        self.node_plans(&fair)
    }

    /// What each would get if those that do not follow were like the others: no more is asked of them.
    fn deserved(&self, view: &View<'_>, policy: &dyn Policy, fair: &Shares) -> Vec<i64> {
        let mut honest = self.problem.clone();
        for (claim, index) in self.device_of.iter().enumerate() {
            honest.claims[claim] = claim_of(&view.devices[*index], true);
        }
        if honest == self.problem {
            return fair.shares_w.clone();
        }
        policy.allocate(&honest).shares_w
    }

    /// A decrease that is too small to send is not sent, as long as nobody needs the watts. It changes nothing of what
    /// may be taken: the command in force still allows as much.
    fn keep_small_decreases(
        &self,
        view: &View<'_>,
        settings: &ControlSettings,
        planned: &mut [Planned],
    ) {
        let setpoint = |claim: usize| planned[self.device_of[claim]].setpoint_w.unwrap_or(0);
        let sums = self.problem.sums(setpoint);
        let nodes = self.problem.nodes.iter().zip(sums);
        let mut spare: Vec<i64> = nodes.map(|(node, sum)| node.budget_w - sum).collect();
        let mut order: Vec<usize> = (0..self.device_of.len()).collect();
        order.sort_unstable_by_key(|claim| (self.problem.claims[*claim].tie, *claim));
        for claim in order {
            let seen = self.seen(view, claim);
            let planned = &mut planned[self.device_of[claim]];
            let last = seen.device.and_then(|device| device.setpoint_w).map(|last| last.0);
            let (Some(last), Some(setpoint)) = (last, planned.setpoint_w) else { continue };
            let more = last - setpoint;
            let small = more > 0 && more < settings.deadband_w.0 && setpoint > 0;
            // Its lease is still alive, so nothing more is given.
            let small = small && last <= seen.floor_w;
            let path = || view.topology.path(seen.node);
            if small
                && !seen.stuck
                && seen.override_w.is_none()
                && path().all(|node| spare[node] >= more)
            {
                path().for_each(|node| spare[node] -= more);
                planned.setpoint_w = Some(last);
                planned.reason = Reason::Deadband;
            }
        }
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
            let runs = device.is_some_and(|device| device.running);
            let since = device.and_then(|device| device.running_since);
            let dwelling = runs && since.is_some_and(|since| now.since(since) < settings.dwell_ms);
            // Who runs is only relieved by one that is behind by a quantum: else they would change places all the time.
            let quantum = TURN_DWELLS * min_w(*claim).saturating_mul(settings.dwell_ms);
            let deficit = device.map_or(0, |device| device.deficit_wms);
            let deficit = deficit.saturating_add(if runs { quantum } else { 0 });
            (
                !dwelling,
                !runs && shape::rests(self.seen(view, *claim), settings, now),
                std::cmp::Reverse(deficit),
                claims[*claim].tie,
                *claim,
            )
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

fn claim_of(seen: &Seen<'_>, trusting: bool) -> Claim {
    let Want { low_w, high_w, rated_w, .. } = seen.want;
    let (low_w, high_w, weight_milli) = match seen.override_w {
        // An order to give power is no wish: it is what it takes. Never below the reserve.
        Some(watts) if watts < 0 => (watts.max(low_w), watts.max(low_w), OVERRIDE_WEIGHT_MILLI),
        Some(watts) => (0, watts.min(rated_w), OVERRIDE_WEIGHT_MILLI),
        None => (low_w, high_w, seen.want.weight_milli),
    };
    let floor_w = seen.floor_w;
    let non_compliant = seen.device.is_some_and(|device| device.non_compliant);
    let (low_w, high_w) = match () {
        () if trusting => (low_w, high_w),
        // A device that does not follow is counted at what it takes, and gets no more than it had.
        () if non_compliant => (floor_w, floor_w),
        () if seen.stuck => (low_w.max(floor_w), high_w.max(floor_w)),
        () => (low_w, high_w),
    };
    Claim { node: seen.node, low_w, high_w, weight_milli, tie: seen.tie }
}

/// What the steps before shaping say about one device.
struct Wished {
    fair_w: i64,
    deserved_w: i64,
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
        if let Some(device) = seen.device.filter(|_| seen.stuck) {
            // It is asked for no more than of others, and counted at what it takes until it has been seen to follow.
            let last = device.setpoint_w.map_or(0, |last| last.0);
            let told = last.min(self.deserved_w).min(seen.floor_w);
            let told = if told < seen.want.min_w { told.min(0) } else { told };
            let why =
                if device.non_compliant { Reason::NonCompliant } else { Reason::AwaitsHeadroom };
            return (told, why);
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
