//! Policies: how headroom is shared among those who want it. One file each, behind one trait.
//!
//! A policy sees a [`Problem`]: budgets of nodes, and for each claim its bounds, its weight, when it came and what the
//! policy itself carried over. It answers with shares. It sees no device, no registry and no clock, and what it answers
//! reaches no device by itself: reservations stand before it (they are taken off the budgets and bounds it is given),
//! raising into free headroom, shaping and the independent check after it. An answer outside of bounds or budgets is
//! found by the check and replaced by what was certified last.

mod deficit;
mod equal_share;
mod greedy;
mod level;
mod lifo;
mod optimizer;
mod pro_rata;
mod water_fill;

use schemas::{Timestamp, Watts};

pub use deficit::Deficit;
pub use equal_share::EqualShare;
pub use level::Level;
pub use lifo::Lifo;
pub use optimizer::Optimizer;
pub use pro_rata::ProRata;
pub use water_fill::WaterFill;

use crate::topology::{add_watts, roll_up};

/// A node of the tree, parents before children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Index of its parent; none for the root.
    pub parent: Option<usize>,
    /// What the claims under it may take together, W. May be negative: then discharge is needed.
    pub budget_w: Watts,
}

/// One device's claim. Claims stand in the order of their devices' ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Index of its node.
    pub node: usize,
    /// Least it may get, W; at most `high_w`.
    pub low_w: Watts,
    /// Most it may get, W.
    pub high_w: Watts,
    /// Least at which its device runs, W: it takes nothing, or at least that; 0 where any share will do.
    pub min_w: Watts,
    /// Its weight, in thousandths, at least 1.
    pub weight_milli: i64,
    /// Since when it wants power.
    pub since: Timestamp,
    /// What the policy carried over for it from the last window, W.
    pub carried_w: Watts,
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

/// A share for each claim. What stands by claim is in the order of the claims, what stands by node in that of the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// W, by claim.
    pub shares_w: Vec<Watts>,
    /// By node, the level at which its budget binds, W per unit of weight; none where it does not bind.
    pub levels_w: Vec<Option<Watts>>,
    /// By claim, in what proportion one more watt would be shared where a budget binds; empty: by weight.
    pub growth: Vec<i64>,
    /// By claim, what is carried over to the next window; empty where the policy carries nothing.
    pub carried_w: Vec<Watts>,
    /// Why another policy stood in for this one, where it did.
    pub stood_in: Option<String>,
}

impl Problem {
    /// Sum of the given watts under each node.
    #[must_use]
    pub fn sums(&self, watts: impl Fn(usize) -> Watts) -> Vec<Watts> {
        let mut sums = vec![Watts::ZERO; self.nodes.len()];
        for (index, claim) in self.claims.iter().enumerate() {
            sums[claim.node] += watts(index);
        }
        self.roll_up(&mut sums, add_watts);
        sums
    }

    /// Sum of other numbers of claims under each node.
    pub(crate) fn totals(&self, of: impl Fn(usize) -> i64) -> Vec<i64> {
        let mut totals = vec![0; self.nodes.len()];
        for (index, claim) in self.claims.iter().enumerate() {
            totals[claim.node] += of(index);
        }
        self.roll_up(&mut totals, |above, below| *above += below);
        totals
    }

    /// Adds up what stands at each node over the whole subtree below it.
    pub(crate) fn roll_up<T: Copy>(&self, own: &mut [T], add: impl Fn(&mut T, T)) {
        roll_up(own, |node| self.nodes[node].parent, add);
    }

    /// A node and all above it.
    pub(crate) fn path(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |node| self.nodes[*node].parent)
    }

    /// What the given watts leave of each node's budget.
    pub(crate) fn spare(&self, watts: impl Fn(usize) -> Watts) -> Vec<Watts> {
        let sums = self.sums(watts);
        let nodes = self.nodes.iter().zip(sums);
        nodes.map(|(node, sum)| node.budget_w - sum).collect()
    }

    /// Takes watts for a claim where every node above it has them to spare. Says whether it did.
    pub(crate) fn take(&self, spare: &mut [Watts], claim: usize, watts: Watts) -> bool {
        let path = || self.path(self.claims[claim].node);
        let fits = path().all(|node| spare[node] >= watts);
        if fits {
            path().for_each(|node| spare[node] -= watts);
        }
        fits
    }
}

/// Shares what there is.
pub trait Policy {
    /// Its name in settings and records.
    fn name(&self) -> &'static str;

    /// Whether its shares are weighted max-min fair and leave nothing unused: then every plan is checked for that.
    fn is_max_min(&self) -> bool {
        false
    }

    /// Gives each claim a share within its bounds, such that no node's budget is passed; where even the least of
    /// all claims passes it, the claims under that node get their least.
    fn allocate(&self, problem: &Problem) -> Shares;

    /// Chooses who runs among devices with a smallest running power that their share does not reach. What it chooses must
    /// fit; by default those run whose turn it is.
    fn choose(&self, problem: &Problem, contest: &Contest) -> Choice {
        contest.in_turn(problem)
    }
}

/// A device that would have to stop if it got its share, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contender {
    /// Index of its claim.
    pub claim: usize,
    /// Least at which it runs beyond what is set aside for it anyhow, W.
    pub min_w: Watts,
    /// Energy that it is behind its fair share, W·ms; one that runs is given a turn's worth ahead.
    pub owed_wms: i64,
    /// It began to run less than a dwell time ago, and should go on.
    pub held: bool,
    /// It was lowered less than a dwell time ago, and should wait.
    pub rests: bool,
}

/// Those that cannot all run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contest {
    /// By node, what they may take together, W.
    pub free_w: Vec<Watts>,
    /// Whose turn it is comes first.
    pub contenders: Vec<Contender>,
    /// How long a turn is at least, ms.
    pub turn_ms: i64,
}

/// Who runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// In the order of the contenders.
    pub runs: Vec<bool>,
    /// Why turns stood in for another way to choose, where they did.
    pub stood_in: Option<String>,
}

impl Contender {
    /// Takes its minimum out of what is free, if it fits. Says whether it did.
    fn take(&self, problem: &Problem, free_w: &mut [Watts]) -> bool {
        let node = problem.claims[self.claim].node;
        let fits = problem.path(node).all(|above| free_w[above] >= self.min_w);
        if fits {
            problem.path(node).for_each(|above| free_w[above] -= self.min_w);
        }
        fits
    }
}

impl Contest {
    /// Each in turn that still fits.
    #[must_use]
    pub fn in_turn(&self, problem: &Problem) -> Choice {
        let mut free_w = self.free_w.clone();
        let runs = self.contenders.iter().map(|who| who.take(problem, &mut free_w)).collect();
        Choice { runs, stood_in: None }
    }
}

/// The policy of a name, of those in [`schemas::records::operator::POLICIES`].
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Policy>> {
    Some(match name {
        "water-fill" => Box::new(WaterFill),
        "optimizer" => Box::new(Optimizer::default()),
        "pro-rata" => Box::new(ProRata),
        "equal-share" => Box::new(EqualShare),
        "lifo" => Box::new(Lifo),
        "deficit" => Box::new(Deficit::FAIR),
        "deficit-predecessor" => Box::new(Deficit::PREDECESSOR),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
