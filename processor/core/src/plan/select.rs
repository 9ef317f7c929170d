//! Who runs among devices with a smallest running power (G7): those that are behind, in turns of at least a dwell time.

use std::cmp::Reverse;

use schemas::Watts;
use schemas::records::operator::ControlSettings;

use super::import::Import;
use crate::estimate::View;
use crate::policy::{Choice, Contender, Contest, Policy, Shares};

/// A turn of a device with a minimum is worth about so many dwell times at that minimum.
const TURN_DWELLS: i64 = 2;

/// What comes of the choice.
pub(super) struct Selected {
    /// The shares of those that run, and of all others beside them.
    pub(super) target: Shares,
    /// By claim.
    pub(super) running: Vec<bool>,
    /// Why turns stood in for the policy's own way to choose.
    pub(super) stood_in: Option<String>,
}

impl Import {
    /// Chooses who runs among devices with a minimum that their fair share does not reach.
    ///
    /// Together they may use what they would have had as shares, plus what is free. Those that run and are within
    /// their dwell time come first, then those with the largest deficit; a policy may choose otherwise.
    pub(super) fn select(
        &self,
        view: &View<'_>,
        policy: &dyn Policy,
        settings: &ControlSettings,
        fair: &Shares,
    ) -> Selected {
        let claims = &self.problem.claims;
        let wants = |claim: usize| {
            fair.shares_w[claim] > Watts::ZERO && self.terms[claim].told.most > Watts::ZERO
        };
        let mut running: Vec<bool> = (0..claims.len()).map(wants).collect();
        let contested: Vec<bool> = (0..claims.len())
            .map(|claim| running[claim] && fair.shares_w[claim] < claims[claim].min_w)
            .collect();
        if !contested.contains(&true) {
            return Selected { target: fair.clone(), running, stood_in: None };
        }
        // What is set aside for those who do not run stays set aside, and of the others where a node below is short.
        let free_w = self.problem.spare(|claim| {
            let least_w = claims[claim].low_w;
            if contested[claim] {
                least_w.max(Watts::ZERO)
            } else {
                fair.shares_w[claim].max(least_w)
            }
        });
        let mut contenders: Vec<Contender> = (0..claims.len())
            .filter(|claim| contested[*claim])
            .map(|claim| self.contender(view, settings, claim))
            .collect();
        contenders.sort_by_cached_key(|who| {
            (!who.held, who.rests, Reverse(who.owed_wms), claims[who.claim].tie, who.claim)
        });
        let contest = Contest { free_w, contenders, turn_ms: settings.dwell_ms };
        let Choice { runs, stood_in } = policy.choose(&self.problem, &contest);
        let mut narrowed = self.problem.clone();
        for (who, runs) in contest.contenders.iter().zip(runs) {
            running[who.claim] = runs;
            let claim = &mut narrowed.claims[who.claim];
            if runs {
                claim.low_w = claim.min_w;
            } else {
                claim.high_w = claim.low_w.max(Watts::ZERO);
            }
        }
        Selected { target: self.share(policy, &narrowed), running, stood_in }
    }

    fn contender(&self, view: &View<'_>, settings: &ControlSettings, claim: usize) -> Contender {
        let min_w = self.problem.claims[claim].min_w;
        let seen = self.seen(view, claim);
        let runs = seen.known.running;
        // Who runs is only relieved by one that is behind by a quantum: else they would change places all the time.
        let quantum = TURN_DWELLS * min_w.0.saturating_mul(settings.dwell_ms);
        Contender {
            claim,
            // Beyond what is set aside for it anyhow.
            min_w: min_w - self.problem.claims[claim].low_w.max(Watts::ZERO),
            owed_wms: seen.known.deficit_wms.saturating_add(if runs { quantum } else { 0 }),
            held: seen.known.began,
            rests: !runs && seen.known.rests,
        }
    }
}
