//! Those who draw nothing: none may start with more than its smallest power, and at every node above them the two that
//! start with most, or the one, are held back for.

use schemas::Watts;

use super::{Finding, Judged};
use crate::estimate::View;

/// What is found, device by device.
pub(super) struct Starts {
    /// By node, the most that one starts with under it, W.
    most_w: Vec<Watts>,
    findings: Vec<Finding>,
}

impl Starts {
    /// Before any device is counted.
    pub(super) fn none(view: &View<'_>) -> Self {
        Self { most_w: vec![Watts::ZERO; view.nodes.len()], findings: Vec::new() }
    }

    pub(super) fn count(&mut self, judged: &Judged<'_, '_>) {
        let Judged { index, seen, order, .. } = *judged;
        let Some(standby) = seen.standby_w else { return };
        let told = order.setpoint_w.unwrap_or_default();
        if told > standby {
            let what = format!("{told} where it may start with {standby}");
            self.findings.push(Finding::of_device(index, seen.device_id, &what));
        }
        self.most_w[seen.node] = self.most_w[seen.node].max(told);
    }

    pub(super) fn check(mut self, view: &View<'_>, findings: &mut Vec<Finding>) {
        findings.append(&mut self.findings);
        view.topology.roll_up(&mut self.most_w, |above, below| *above = below.max(*above));
        let nodes = view.nodes.iter().zip(&view.topology.nodes).zip(self.most_w);
        for (index, ((node, place), most)) in nodes.enumerate() {
            let held = node.reserved_w;
            if held < most {
                let what = format!("{held} are held back for starts of {most}");
                findings.push(Finding::of_node(index, &place.feeder_id, &what));
            }
        }
    }
}
