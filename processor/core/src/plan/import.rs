//! The import side: what each device may take of what its nodes leave, and what it is told.

use std::cmp::Reverse;

use schemas::Watts;
use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;

use super::select::Selected;
use super::settle::{Terms, Wished, claim_of, terms_of};
use super::{NodePlan, Planned};
use crate::estimate::{Role, Seen, View};
use crate::policy::{Claim, Node, Policy, Problem, Shares, WaterFill};
use crate::shape;

/// The import side: devices that may take power, and the budgets of the nodes they stand under.
pub(super) struct Import {
    pub(super) problem: Problem,
    /// Index of each claim's device in the view.
    pub(super) device_of: Vec<usize>,
    /// What each claim's device may be told; the claim itself is at least what counts for it.
    pub(super) terms: Vec<Terms>,
    /// Some device does not follow, or has not got its decrease.
    any_stuck: bool,
}

impl Import {
    /// `dimmed` is what will be missing of the generation under each node.
    pub(super) fn of(view: &View<'_>, with_shadow: bool, dimmed: &[Watts]) -> Self {
        let nodes = view.nodes.iter().zip(dimmed);
        let mut budgets: Vec<Watts> =
            nodes.map(|(node, dimmed)| node.budget_w() - *dimmed).collect();
        let mut import = Self {
            problem: Problem::default(),
            device_of: Vec::with_capacity(view.devices.len()),
            terms: Vec::with_capacity(view.devices.len()),
            any_stuck: false,
        };
        import.problem.claims.reserve(view.devices.len());
        for (index, seen) in view.devices.iter().enumerate() {
            let shadow = seen.role == Role::Shadow && with_shadow;
            if (seen.role != Role::Controlled && !shadow) || seen.device_type.generates() {
                continue;
            }
            if seen.standby_w.is_some() {
                continue;
            }
            if shadow {
                // Imagined under control: no longer part of the load that nobody commands.
                view.topology.path(seen.node).for_each(|node| budgets[node] += seen.power_w);
            }
            import.problem.claims.push(claim_of(seen, false));
            import.device_of.push(index);
            import.terms.push(terms_of(seen));
            import.any_stuck |= seen.stuck;
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

    pub(super) fn seen<'v, 'a>(&self, view: &'v View<'a>, claim: usize) -> &'v Seen<'a> {
        &view.devices[self.device_of[claim]]
    }

    /// Those who stand by may start; what that takes is held back already. As long as what the others may take leaves no
    /// room, none of them is told more than before.
    pub(super) fn stand_by(
        &self,
        view: &View<'_>,
        settings: &ControlSettings,
        decreases_only: bool,
        planned: &mut [Planned],
    ) {
        if !planned.iter().any(|planned| planned.standby) {
            return;
        }
        let full = self.full(|claim| self.terms[claim].least_taken());
        for (seen, planned) in view.devices.iter().zip(planned) {
            let Some(watts) = (if planned.standby { seen.standby_w } else { None }) else {
                continue;
            };
            let last = seen.known.setpoint_w.unwrap_or_default().max(Watts::ZERO);
            let keeps = decreases_only || full[seen.node];
            let step = if keeps { Watts::ZERO } else { shape::ramp_step_w(seen, settings) };
            let least = if keeps { Watts::ZERO } else { seen.want.min_w };
            planned.setpoint_w = Some(watts.min((last + step).max(least)));
            planned.reason = seen.want.reason;
        }
    }

    pub(super) fn fill(
        &self,
        view: &View<'_>,
        policy: &dyn Policy,
        settings: &ControlSettings,
        decreases_only: bool,
        planned: &mut [Planned],
    ) -> (Vec<NodePlan>, Option<String>) {
        let fair = self.share(policy, &self.problem);
        let bound_by: Vec<Option<usize>> =
            (0..self.device_of.len()).map(|claim| self.bound_by(&fair, claim)).collect();
        let deserved = self.deserved(view, policy, &fair);
        let Selected { target, running, stood_in } = self.select(view, policy, settings, &fair);
        let useful =
            |shares: &Shares, claim: usize| shares.shares_w[claim].min(self.terms[claim].told.most);
        let wished = |claim: usize| Wished {
            terms: self.terms[claim],
            fair_w: useful(&fair, claim),
            deserved_w: useful(&deserved, claim),
            target_w: useful(&target, claim),
            running: running[claim],
            bound: bound_by[claim].is_some(),
            decreases_only,
        };
        let told = |claim: usize, allotted_w: Watts| {
            wished(claim).settle(self.seen(view, claim), allotted_w, settings)
        };
        let claims = 0..self.device_of.len();
        let target: Vec<Watts> = claims.clone().map(|claim| useful(&target, claim)).collect();
        // What each would be told if there were room for all.
        let reach: Vec<(Watts, Reason)> = claims.map(|claim| told(claim, target[claim])).collect();
        let raised = self.raise(view, &reach, decreases_only);
        let free_weights = self.free_weights(&fair, &bound_by);
        for (claim, device) in self.device_of.iter().enumerate() {
            let (setpoint, reason) = if raised[claim] < reach[claim].0 {
                told(claim, raised[claim])
            } else {
                reach[claim]
            };
            let bound_by = bound_by[claim];
            let growth = self.growth(&fair, claim);
            let set_aside = self.terms[claim].stuck;
            let planned = &mut planned[*device];
            *planned = Planned {
                role: planned.role,
                // Of one that does not follow, all that is set aside for it.
                share_w: if set_aside { fair.shares_w[claim] } else { useful(&fair, claim) },
                setpoint_w: Some(setpoint),
                reason,
                bound_by,
                marginal_w: bound_by.map_or(Watts::ZERO, |node| {
                    Watts(1_000 * growth / free_weights[node].max(growth).max(1))
                }),
                running: running[claim],
                carried_w: fair.carried_w.get(claim).copied().unwrap_or_default(),
                contained: planned.contained,
                standby: false,
            };
        }
        self.keep_small_decreases(view, settings, planned);
        (self.node_plans(&fair, &target), fair.stood_in.or(stood_in))
    }

    /// What each would get if those that do not follow were like the others: no more is asked of them.
    fn deserved(&self, view: &View<'_>, policy: &dyn Policy, fair: &Shares) -> Shares {
        // Whoever does not follow is stuck.
        if !self.any_stuck {
            return fair.clone();
        }
        let mut honest = self.problem.clone();
        for (claim, index) in self.device_of.iter().enumerate() {
            honest.claims[claim] = claim_of(&view.devices[*index], true);
        }
        self.share(policy, &honest)
    }

    /// A decrease that is too small to send is not sent, as long as nobody needs the watts. It changes nothing of what
    /// may be taken: the command in force still allows as much.
    fn keep_small_decreases(
        &self,
        view: &View<'_>,
        settings: &ControlSettings,
        planned: &mut [Planned],
    ) {
        let small = |claim: usize| {
            let (terms, planned) = (&self.terms[claim], &planned[self.device_of[claim]]);
            let last = terms.last_w?;
            let setpoint = planned.setpoint_w.filter(|setpoint| *setpoint > Watts::ZERO)?;
            let more = last - setpoint;
            // Its lease is still alive, so nothing more is given.
            let small = more > Watts::ZERO
                && more < settings.deadband_w
                && last <= terms.floor_w
                && !terms.stuck
                && self.seen(view, claim).override_w.is_none();
            small.then_some((self.problem.claims[claim].tie, claim, last))
        };
        let mut order: Vec<_> = (0..self.device_of.len()).filter_map(small).collect();
        if order.is_empty() {
            return;
        }
        order.sort_unstable();
        let counted = |claim: usize| {
            let setpoint = planned[self.device_of[claim]].setpoint_w.unwrap_or_default();
            let seen = self.seen(view, claim);
            seen.counted(if seen.stuck { setpoint.max(seen.may.most) } else { setpoint })
        };
        let mut spare = self.problem.spare(counted);
        for (_, claim, last) in order {
            let planned = &mut planned[self.device_of[claim]];
            let seen = self.seen(view, claim);
            let more = seen.counted(last) - seen.counted(planned.setpoint_w.unwrap_or_default());
            if self.problem.take(&mut spare, claim, more) {
                planned.setpoint_w = Some(last);
                planned.reason = Reason::Deadband;
            }
        }
    }

    /// Setpoints that raise only into headroom that is there (G2): what devices may take already comes first. Whatever the
    /// policy, who rises first is by water-filling: no policy has a say in what is reserved.
    fn raise(
        &self,
        view: &View<'_>,
        reach: &[(Watts, Reason)],
        decreases_only: bool,
    ) -> Vec<Watts> {
        let mut occupied = self.problem.clone();
        for (claim, (reach, _)) in reach.iter().enumerate() {
            // A discharge that ends is no matter of choice: what it leaves missing comes before raises, too.
            let floor = self.terms[claim].least_taken();
            occupied.claims[claim].low_w = floor;
            occupied.claims[claim].high_w = if decreases_only { floor } else { floor.max(*reach) };
        }
        let full = self.full(|claim| occupied.claims[claim].low_w);
        let mut shares = WaterFill.allocate(&occupied).shares_w;
        if self.let_start(view, &mut occupied, &shares) {
            shares = WaterFill.allocate(&occupied).shares_w;
        }
        let allotted = shares.iter().zip(reach).enumerate().map(|(claim, (share, (reach, _)))| {
            // One that is seen above its last setpoint is on its way down: what it still takes is set aside, and not given
            // to it again where the others leave no room.
            let most = self.terms[claim].last_w.filter(|_| full[self.problem.claims[claim].node]);
            most.map_or(*share, |last| (*share).min(last)).min(*reach)
        });
        allotted.collect()
    }

    /// Where some are to start together and a few watts are missing, none of them would reach its smallest power, window
    /// after window: as many start as there is room for, those first that are owed most. Says whether any share was short.
    fn let_start(&self, view: &View<'_>, occupied: &mut Problem, shares: &[Watts]) -> bool {
        let min_w = |claim: usize| self.problem.claims[claim].min_w;
        let mut short: Vec<usize> = (0..shares.len())
            .filter(|claim| {
                let Claim { low_w, high_w, .. } = occupied.claims[*claim];
                let min = min_w(*claim);
                min > low_w.max(shares[*claim]).max(Watts::ZERO) && min <= high_w
            })
            .collect();
        if short.is_empty() {
            return false;
        }
        short.sort_by_cached_key(|claim| {
            (Reverse(self.seen(view, *claim).known.deficit_wms), occupied.claims[*claim].tie)
        });
        for claim in &short {
            let claim = &mut occupied.claims[*claim];
            claim.high_w = claim.low_w;
        }
        let mut spare = occupied.spare(|claim| shares[claim].min(occupied.claims[claim].high_w));
        for claim in short {
            let more = min_w(claim) - occupied.claims[claim].low_w;
            if self.problem.take(&mut spare, claim, more) {
                let claim = &mut occupied.claims[claim];
                (claim.low_w, claim.high_w) = (claim.min_w, claim.min_w);
            }
        }
        true
    }

    /// Which nodes have no room, or stand under one that has none, with these watts taken.
    fn full(&self, watts: impl Fn(usize) -> Watts) -> Vec<bool> {
        let sums = self.problem.sums(watts);
        let mut full = vec![false; sums.len()];
        for (node, place) in self.problem.nodes.iter().enumerate() {
            full[node] =
                sums[node] > place.budget_w || place.parent.is_some_and(|above| full[above]);
        }
        full
    }

    /// The nearest node above a claim whose budget holds it; none when it has all it wants.
    fn bound_by(&self, shares: &Shares, claim: usize) -> Option<usize> {
        let Claim { node, high_w, .. } = self.problem.claims[claim];
        if shares.shares_w[claim] >= high_w {
            return None;
        }
        self.problem.path(node).find(|node| shares.levels_w[*node].is_some())
    }

    /// In what proportion to others a claim would take part in one more watt.
    fn growth(&self, shares: &Shares, claim: usize) -> i64 {
        let weight_milli = self.problem.claims[claim].weight_milli;
        shares.growth.get(claim).copied().unwrap_or(weight_milli)
    }

    /// For each node, the sum of that over the claims that it holds back.
    fn free_weights(&self, shares: &Shares, bound_by: &[Option<usize>]) -> Vec<i64> {
        let mut weights = vec![0; self.problem.nodes.len()];
        for (claim, bound_by) in bound_by.iter().enumerate() {
            if let Some(node) = *bound_by {
                weights[node] += self.growth(shares, claim);
            }
        }
        weights
    }
}
