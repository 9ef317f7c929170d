//! The level at which claims together reach a budget: a continuous knapsack, solved by narrowing down.

use super::super::{Claim, Level};

/// Rounds that narrow down by the bends of claims; after them the distance of the two ends is halved.
const ROUNDS_BY_BEND: usize = 64;

/// A claim as a function of the level: `clamp(level · weight, low, high)`, in [`Level::WATT`]s. More than eight gigawatts
/// count as that.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slope {
    weight: i64,
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Slope {
    pub(super) fn of(claim: &Claim) -> Self {
        let low = claim.low_w.0.saturating_mul(Level::WATT);
        let high = claim.high_w.0.saturating_mul(Level::WATT);
        Self { weight: claim.weight_milli.max(1), low, high: high.max(low) }
    }

    /// Holds it to what it takes at a level.
    pub(super) fn cap(&mut self, level: Level) {
        self.high = self.taken(level.0);
    }

    fn at(&self, level: i64) -> i64 {
        level.saturating_mul(self.weight)
    }

    fn taken(&self, level: i64) -> i64 {
        self.at(level).clamp(self.low, self.high)
    }

    /// A level strictly between the two at which it stops rising or begins to, if there is one.
    fn bend(&self, low: i64, high: i64) -> Option<i64> {
        let bends = [self.high.div_euclid(self.weight), self.low.div_euclid(self.weight)];
        bends.into_iter().find(|level| *level > low && *level < high)
    }
}

/// The highest level at which the claims take no more than the budget together, where they pass it at the top and keep
/// it at the bottom.
///
/// The level is narrowed down between bends of claims that are not settled yet. A claim is settled when it cannot bend
/// any more between the two ends; when all are, the level is a quotient. Each round about halves those that are left, so
/// all rounds together are linear; should some order of claims defeat that, halving the distance ends it.
pub(super) fn level_of(slopes: &[Slope], budget: i128, open: &mut Vec<Slope>) -> Level {
    open.clear();
    open.extend_from_slice(slopes);
    let (mut low, mut high) = (Level::BOTTOM.0, Level::TOP.0);
    let (mut settled, mut rising) = (0_i128, 0_i128);
    for round in 0.. {
        if high - low <= 1 || open.is_empty() {
            break;
        }
        let bend = open[open.len() / 2].bend(low, high).filter(|_| round < ROUNDS_BY_BEND);
        let level = bend.unwrap_or(low + (high - low) / 2);
        let linear = i128::from(level) * rising;
        let taken: i128 = open.iter().map(|slope| i128::from(slope.taken(level))).sum();
        if settled + linear + taken <= budget {
            low = level;
        } else {
            high = level;
        }
        open.retain(|slope| {
            let (at_low, at_high) = (slope.at(low), slope.at(high));
            if at_low >= slope.high {
                settled += i128::from(slope.high);
            } else if at_high <= slope.low {
                settled += i128::from(slope.low);
            } else if at_low >= slope.low && at_high <= slope.high {
                rising += i128::from(slope.weight);
            } else {
                return true;
            }
            false
        });
    }
    if !open.is_empty() || rising == 0 {
        return Level(low);
    }
    let level = (budget - settled).div_euclid(rising);
    Level(i64::try_from(level).unwrap_or(low).clamp(low, high - 1))
}
