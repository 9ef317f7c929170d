//! Control is stopped: everyone is told the fallback, or less where fallbacks do not fit, and nobody more.

use schemas::Watts;

use super::{Finding, Order};
use crate::estimate::{Role, View};

pub(super) fn check(view: &View<'_>, orders: &[Order], findings: &mut Vec<Finding>) {
    for (index, (seen, order)) in view.devices.iter().zip(orders).enumerate() {
        if seen.role != Role::Controlled {
            continue;
        }
        let mut find = |what: &str| findings.push(Finding::of_device(index, seen.device_id, what));
        let Some(told) = order.setpoint_w else {
            find("control is stopped, and it is told nothing");
            continue;
        };
        let fallback = seen.fallback_w;
        let fits = if seen.device_type.generates() {
            told >= fallback
        } else {
            told <= fallback && told >= fallback.min(Watts::ZERO)
        };
        if !fits {
            find(&format!("control is stopped, and it is told {told} instead of {fallback}"));
        }
    }
}
