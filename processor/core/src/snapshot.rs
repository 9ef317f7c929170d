//! The tree's state as records of the log, and back.

use std::collections::BTreeMap;

use schemas::FeederId;
use schemas::records::snapshot::{DeviceSnapshot, TreeSnapshot};

use crate::tree::Tree;

impl Tree {
    /// The whole state.
    #[must_use]
    pub fn snapshot(&self) -> (TreeSnapshot, Vec<DeviceSnapshot>) {
        let tree = TreeSnapshot {
            nodes: self.nodes.values().cloned().collect(),
            window_end: self.window_end,
            latest: self.latest,
            decided_at: self.decided_at,
            late_samples: self.late_samples,
            restarted_at: self.restarted_at,
        };
        (tree, self.devices.to_vec())
    }

    /// A tree that goes on where the snapshot was taken.
    #[must_use]
    pub fn restore(root: FeederId, tree: TreeSnapshot, devices: Vec<DeviceSnapshot>) -> Self {
        Self {
            root,
            devices: devices.into_iter().collect(),
            nodes: tree
                .nodes
                .into_iter()
                .map(|node| (node.feeder_id.clone(), node))
                .collect::<BTreeMap<_, _>>(),
            window_end: tree.window_end,
            latest: tree.latest,
            decided_at: tree.decided_at,
            late_samples: tree.late_samples,
            restarted_at: tree.restarted_at,
        }
    }
}
