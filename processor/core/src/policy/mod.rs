//! Policies: how headroom is shared among those who want it. One file each, behind one trait.
//!
//! A policy sees numbers only: it cannot bypass reservations, shaping and certification, which stand before and
//! after it.

mod water_fill;

pub use water_fill::WaterFill;

/// A node of the tree, parents before children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Index of its parent; none for the root.
    pub parent: Option<usize>,
    /// What the claims under it may take together, W. May be negative: then discharge is needed.
    pub budget_w: i64,
}

/// One device's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Index of its node.
    pub node: usize,
    /// Least it may get, W; at most `high_w`.
    pub low_w: i64,
    /// Most it may get, W.
    pub high_w: i64,
    /// Its weight, in thousandths, at least 1.
    pub weight_milli: i64,
    /// Breaks ties.
    pub tie: u64,
}

/// What is to be shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// The tree.
    pub nodes: Vec<Node>,
    /// Who wants what.
    pub claims: Vec<Claim>,
}

/// A share for each claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// W, in the order of the claims.
    pub shares_w: Vec<i64>,
    /// For each node, the level at which its budget binds, W per unit of weight; none where it does not bind.
    pub levels_w: Vec<Option<i64>>,
}

impl Problem {
    /// Sum of the given watts under each node.
    #[must_use]
    pub fn sums(&self, watts: impl Fn(usize) -> i64) -> Vec<i64> {
        let mut sums = vec![0_i64; self.nodes.len()];
        for (index, claim) in self.claims.iter().enumerate() {
            sums[claim.node] = sums[claim.node].saturating_add(watts(index));
        }
        for index in (0..self.nodes.len()).rev() {
            if let Some(parent) = self.nodes[index].parent {
                sums[parent] = sums[parent].saturating_add(sums[index]);
            }
        }
        sums
    }
}

/// Shares what there is.
pub trait Policy {
    /// Its name in settings and records.
    fn name(&self) -> &'static str;

    /// Gives each claim a share within its bounds, such that no node's budget is passed; where even the least of
    /// all claims passes it, the claims under that node get their least.
    fn allocate(&self, problem: &Problem) -> Shares;
}

/// The policy of a name; an unknown name gives water-filling.
#[must_use]
pub fn by_name(_name: &str) -> Box<dyn Policy> {
    Box::new(WaterFill)
}

/// A water level: watts per unit of weight, in fractions of 2⁻²⁰ W, so that rounding is far below a watt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub i64);

impl Level {
    const FRACTION_BITS: u32 = 20;
    /// No claim's share is bounded by it.
    pub const TOP: Self = Self(1 << 60);
    /// Every claim is at its least.
    pub const BOTTOM: Self = Self(-(1 << 60));

    /// What a claim gets at this level, within its bounds.
    #[must_use]
    pub fn share(self, claim: &Claim) -> i64 {
        let product = i128::from(self.0) * i128::from(claim.weight_milli);
        let watts = (product >> Self::FRACTION_BITS).div_euclid(1000);
        let low = i128::from(claim.low_w);
        let high = i128::from(claim.high_w.max(claim.low_w));
        i64::try_from(watts.clamp(low, high)).expect("clamped to two i64")
    }

    /// Whole watts per unit of weight.
    #[must_use]
    pub fn watts(self) -> i64 {
        self.0 >> Self::FRACTION_BITS
    }
}
