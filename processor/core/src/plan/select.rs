//! Who runs among devices with a smallest running power (G7): those that are behind, in turns of at least a dwell time.

use std::cmp::Reverse;

use schemas::Timestamp;
use schemas::records::operator::ControlSettings;

use super::import::Import;
use crate::estimate::View;
use crate::policy::{Claim, Policy, Shares};
use crate::shape;

/// A turn of a device with a minimum is worth about so many dwell times at that minimum.
const TURN_DWELLS: i64 = 2;

impl Import {
    /// Chooses who runs among devices with a minimum that their fair share does not reach.
    ///
    /// Together they may use what they would have had as shares, plus what is free. Those that run and are within
    /// their dwell time come first, then those with the largest deficit.
    pub(super) fn select(
        &self,
        view: &View<'_>,
        policy: &dyn Policy,
        settings: &ControlSettings,
        now: Timestamp,
        fair: &Shares,
    ) -> (Shares, Vec<bool>) {
        let claims = &self.problem.claims;
        let shares = || fair.shares_w.iter().zip(claims);
        let contested: Vec<bool> =
            shares().map(|(share, claim)| *share > 0 && *share < claim.min_w).collect();
        let mut running: Vec<bool> = shares().map(|(share, _)| *share > 0).collect();
        if !contested.contains(&true) {
            return (fair.clone(), running);
        }
        let kept =
            self.problem.sums(|claim| if contested[claim] { 0 } else { fair.shares_w[claim] });
        let nodes = self.problem.nodes.iter().zip(&kept);
        let mut free: Vec<i64> =
            nodes.map(|(node, kept)| node.budget_w.saturating_sub(*kept)).collect();
        let contenders = (0..claims.len()).filter(|claim| contested[*claim]);
        let mut order: Vec<_> =
            contenders.map(|claim| (self.turn(view, settings, now, claim), claim)).collect();
        order.sort_unstable();
        let mut narrowed = self.problem.clone();
        for (_, claim) in order {
            let Claim { node, min_w, .. } = claims[claim];
            let fits = self.problem.path(node).all(|above| free[above] >= min_w);
            running[claim] = fits;
            if fits {
                self.problem.path(node).for_each(|above| free[above] -= min_w);
                narrowed.claims[claim].low_w = min_w;
            } else {
                narrowed.claims[claim].high_w = narrowed.claims[claim].low_w.max(0);
            }
        }
        (policy.allocate(&narrowed), running)
    }
    /// Whose turn it is: the smallest comes first.
    fn turn(
        &self,
        view: &View<'_>,
        settings: &ControlSettings,
        now: Timestamp,
        claim: usize,
    ) -> (bool, bool, Reverse<i64>, u64) {
        let Claim { min_w, tie, .. } = self.problem.claims[claim];
        let seen = self.seen(view, claim);
        let runs = seen.device.is_some_and(|device| device.running);
        let since = seen.device.and_then(|device| device.running_since);
        let dwelling = runs && since.is_some_and(|since| now.since(since) < settings.dwell_ms);
        // Who runs is only relieved by one that is behind by a quantum: else they would change places all the time.
        let quantum = TURN_DWELLS * min_w.saturating_mul(settings.dwell_ms);
        let deficit = seen.device.map_or(0, |device| device.deficit_wms);
        let deficit = deficit.saturating_add(if runs { quantum } else { 0 });
        (!dwelling, !runs && shape::rests(seen, settings, now), Reverse(deficit), tie)
    }
}
