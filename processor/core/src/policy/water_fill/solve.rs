//! The level at which claims together reach a budget: a continuous knapsack, solved by narrowing down.

use super::super::{Claim, Level};

/// A claim as a function of the level: `clamp(level · weight, low, high)`, in [`Level::WATT`]s.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slope {
    weight: i64,
    low: i128,
    pub(super) high: i128,
}

impl Slope {
    pub(super) fn of(claim: &Claim) -> Self {
        let low = i128::from(claim.low_w) * Level::WATT;
        let high = i128::from(claim.high_w) * Level::WATT;
        Self { weight: claim.weight_milli.max(1), low, high: high.max(low) }
    }

    /// Holds it to what it takes at a level.
    pub(super) fn cap(&mut self, level: Level) {
        self.high = self.at(level.0).clamp(self.low, self.high);
    }

    fn at(&self, level: i64) -> i128 {
        i128::from(level) * i128::from(self.weight)
    }

    /// A level strictly between the two at which it stops rising or begins to, if there is one.
    fn bend(&self, low: i64, high: i64) -> Option<i64> {
        [self.high, self.low].into_iter().find_map(|bound| {
            let level = i64::try_from(bound.div_euclid(i128::from(self.weight))).ok()?;
            (level > low && level < high).then_some(level)
        })
    }
}

/// The highest level at which the claims take no more than the budget together, where they pass it at the top and keep
/// it at the bottom.
///
/// The level is narrowed down between bends of claims that are not settled yet. A claim is settled when it cannot bend
/// any more between the two ends; when all are, the level is a quotient. Each round about halves those that are left, so
/// all rounds together are linear; every other round halves the distance of the two ends, so that no order of claims
/// makes it more than a fixed number.
pub(super) fn level_of(slopes: &[Slope], budget: i128, open: &mut Vec<Slope>) -> Level {
    open.clear();
    open.extend_from_slice(slopes);
    let (mut low, mut high) = (Level::BOTTOM.0, Level::TOP.0);
    let (mut settled, mut rising) = (0_i128, 0_i128);
    let mut by_bend = true;
    while high - low > 1 && !open.is_empty() {
        let middle = low + (high - low) / 2;
        let bend = open[open.len() / 2].bend(low, high).filter(|_| by_bend);
        let level = bend.unwrap_or(middle);
        by_bend = !by_bend;
        let linear = i128::from(level) * rising;
        let taken: i128 =
            open.iter().map(|slope| slope.at(level).clamp(slope.low, slope.high)).sum();
        if settled + linear + taken <= budget {
            low = level;
        } else {
            high = level;
        }
        open.retain(|slope| {
            let (at_low, at_high) = (slope.at(low), slope.at(high));
            if at_low >= slope.high {
                settled += slope.high;
            } else if at_high <= slope.low {
                settled += slope.low;
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
