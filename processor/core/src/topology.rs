//! The tree as the registry has it: nodes, parents before children, each by index.

use std::collections::HashMap;

use schemas::FeederId;
use schemas::Watts;
use schemas::registry::Registry;

/// One feeder of the tree.
#[derive(Debug, Clone)]
pub(crate) struct TreeNode {
    pub(crate) feeder_id: FeederId,
    pub(crate) parent: Option<usize>,
}

/// The feeders below a root, parents before children, siblings by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Topology {
    pub(crate) nodes: Vec<TreeNode>,
    /// For looking up only: its order is nobody's.
    by_id: HashMap<FeederId, usize>,
}

impl Topology {
    pub(crate) fn of(registry: &Registry, root: &FeederId) -> Self {
        let mut topology = Self::default();
        topology.add(root.clone(), None);
        let mut next = 0;
        while let Some(node) = topology.nodes.get(next) {
            let feeder_id = node.feeder_id.clone();
            for child in registry.children(&feeder_id) {
                topology.add(child.clone(), Some(next));
            }
            next += 1;
        }
        topology
    }

    fn add(&mut self, feeder_id: FeederId, parent: Option<usize>) {
        self.by_id.insert(feeder_id.clone(), self.nodes.len());
        self.nodes.push(TreeNode { feeder_id, parent });
    }

    /// The index of a feeder, if it stands in this tree.
    pub(crate) fn index_of(&self, feeder_id: &FeederId) -> Option<usize> {
        self.by_id.get(feeder_id).copied()
    }

    /// A node and all above it.
    pub(crate) fn path(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |node| self.nodes[*node].parent)
    }

    /// Adds up what stands at each node over the whole subtree below it.
    pub(crate) fn roll_up<T: Copy>(&self, own: &mut [T], add: impl Fn(&mut T, T)) {
        roll_up(own, |node| self.nodes[node].parent, add);
    }
}

/// Adds up what stands at each node over the whole subtree below it; parents stand before their children.
pub(crate) fn roll_up<T: Copy>(
    own: &mut [T],
    parent: impl Fn(usize) -> Option<usize>,
    add: impl Fn(&mut T, T),
) {
    for node in (0..own.len()).rev() {
        if let Some(parent) = parent(node) {
            let below = own[node];
            add(&mut own[parent], below);
        }
    }
}

/// How watts are added up: what a registry allows does not add up to more than fits, what a test makes up might.
pub(crate) fn add_watts(above: &mut Watts, below: Watts) {
    *above += below;
}
