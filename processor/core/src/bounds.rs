//! What a device or a node may take: from its least to its most, negative where it gives.

use schemas::Watts;

/// Watts from `least` to `most`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: Watts,
    pub(crate) most: Watts,
}

impl Bounds {
    /// Neither taken nor given.
    pub(crate) const NOTHING: Self = Self { least: Watts::ZERO, most: Watts::ZERO };

    pub(crate) fn exactly(watts: Watts) -> Self {
        Self { least: watts, most: watts }
    }

    /// From the one to the other, whichever is less.
    pub(crate) fn between(one: Watts, other: Watts) -> Self {
        Self { least: one.min(other), most: one.max(other) }
    }

    /// Where either may hold.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    pub(crate) fn contains(self, watts: Watts) -> bool {
        (self.least..=self.most).contains(&watts)
    }

    /// The nearest to `watts` within them.
    pub(crate) fn clamp(self, watts: Watts) -> Watts {
        watts.clamp(self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_of_two_bounds_may_hold() {
        let charges = Bounds::between(Watts(4_000), Watts::ZERO);
        let discharges = Bounds::between(Watts(-1_000), Watts(-3_000));
        assert_eq!(charges.or(discharges), Bounds { least: Watts(-3_000), most: Watts(4_000) });
        assert_eq!(charges.or(Bounds::exactly(Watts(1_000))), charges);
    }

    #[test]
    fn what_is_beyond_a_bound_is_brought_to_it() {
        let bounds = Bounds { least: Watts(-3_000), most: Watts(4_000) };
        assert!(bounds.contains(Watts(-3_000)) && bounds.contains(Watts(4_000)));
        assert!(!bounds.contains(Watts(-3_001)) && !bounds.contains(Watts(4_001)));
        assert_eq!([-9_000, 5, 9_000].map(|w| bounds.clamp(Watts(w)).0), [-3_000, 5, 4_000]);
    }
}
