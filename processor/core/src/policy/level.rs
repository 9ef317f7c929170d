//! The level of the water: watts per unit of weight.

use schemas::Watts;

use super::Claim;

/// Watts per unit of weight, in fractions of 2⁻²⁰ W, so that rounding is far below a watt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub i64);

impl Level {
    const FRACTION_BITS: u32 = 20;
    /// No claim's share is bounded by it.
    pub const TOP: Self = Self(1 << 60);
    /// Every claim is at its least.
    pub const BOTTOM: Self = Self(-(1 << 60));

    /// A watt in the unit that levels times weights have: a level is in fractions of a watt, a weight in thousandths.
    pub(super) const WATT: i64 = 1_000 << Self::FRACTION_BITS;

    /// What a claim gets at this level, within its bounds.
    #[must_use]
    pub fn share(self, claim: &Claim) -> Watts {
        let product = i128::from(self.0) * i128::from(claim.weight_milli);
        if product >= Self::reaching(claim.high_w) {
            return claim.high_w.max(claim.low_w);
        }
        if product <= Self::reaching(claim.low_w) {
            return claim.low_w;
        }
        let milliwatts = i64::try_from(product >> Self::FRACTION_BITS);
        Watts(milliwatts.expect("between two numbers of watts").div_euclid(1_000))
    }

    /// Watts in the unit that levels times weights have.
    fn reaching(watts: Watts) -> i128 {
        i128::from(watts.0) * i128::from(Self::WATT)
    }

    /// Whether a claim has begun to rise above its least at this level, be it by less than a watt.
    pub(super) fn is_above_least(self, claim: &Claim) -> bool {
        let product = i128::from(self.0) * i128::from(claim.weight_milli);
        product > Self::reaching(claim.low_w)
    }

    /// Whole watts per unit of weight.
    #[must_use]
    pub fn watts(self) -> Watts {
        Watts(self.0 >> Self::FRACTION_BITS)
    }
}
