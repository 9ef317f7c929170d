//! Who runs among devices with a smallest running power (G7): those that are behind, in turns of at least a dwell time.

use schemas::Timestamp;
use schemas::records::operator::ControlSettings;

use super::import::Import;
use crate::estimate::View;
use crate::policy::{Policy, Shares};
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
}
