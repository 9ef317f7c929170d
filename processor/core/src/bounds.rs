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
