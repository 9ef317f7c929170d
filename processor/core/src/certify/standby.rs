//! Those who draw nothing: none may start with more than its smallest power, and at every node above them the two that
//! start with most, or the one, are held back for.

use super::{Finding, Order};
use crate::estimate::View;

pub(super) fn check(view: &View<'_>, orders: &[Order], findings: &mut Vec<Finding>) {
    let mut most = vec![0; view.nodes.len()];
    for (index, (seen, order)) in view.devices.iter().zip(orders).enumerate() {
        let Some(standby) = seen.standby_w else { continue };
        let told = order.setpoint_w.unwrap_or(0);
        if told > standby {
            let what = format!("{told} W where it may start with {standby} W");
            findings.push(Finding::of_device(index, seen.device_id, &what));
        }
        view.topology.path(seen.node).for_each(|node| most[node] = most[node].max(told));
    }
    for (index, (node, place)) in view.nodes.iter().zip(&view.topology.nodes).enumerate() {
        if node.reserved_w < most[index] {
            let (held, most) = (node.reserved_w, most[index]);
            let what = format!("{held} W are held back for starts of {most} W");
            findings.push(Finding::of_node(index, &place.feeder_id, &what));
        }
    }
}
