//! What operators should know, each with a stable code that has a page in docs/runbook.

use schemas::records::decision::{Alarm, Freshness, NodeDecision, Reason, Rung, Severity};
use schemas::records::operator::FeederMode;
use schemas::records::snapshot::MeterDoubt;
use schemas::records::telemetry::DeviceType;
use schemas::registry::Registry;
use schemas::{FeederId, Watts};

use crate::estimate::{NodeEstimate, Role, Seen};
use crate::plan::Planned;

/// The load under a feeder is above its limit.
pub const OVER_LIMIT: &str = "CTL-001";
/// The limit cannot be met.
pub const INFEASIBLE: &str = "CTL-002";
/// A device does not follow its setpoints.
pub const NON_COMPLIANT: &str = "CTL-003";
/// Many devices are not heard.
pub const STALE_FLEET: &str = "CTL-004";
/// Fallbacks and uncommanded load together pass the limit.
pub const FAIL_SAFE_SUM: &str = "CTL-005";
/// A device's clock is off.
pub const CLOCK_SKEW: &str = "CTL-006";
/// Control of a feeder is stopped.
pub const STOPPED: &str = "CTL-007";
/// Devices are registered that were never heard.
pub const NEVER_HEARD: &str = "CTL-008";
/// A head meter is silent or not believed.
pub const METER: &str = "CTL-009";
/// A device says what cannot be true.
pub const IMPLAUSIBLE: &str = "CTL-010";
/// What a device says that it can do contradicts itself.
pub const CONTRADICTION: &str = "CTL-011";
/// A plan was made again without those who made it fail its check.
pub const CONTAINED: &str = "CTL-012";
/// A device has opened a feeder, and nobody has set its limit.
pub const OPENED: &str = "CTL-013";
/// All codes.
pub const CODES: [&str; 13] = [
    OVER_LIMIT,
    INFEASIBLE,
    NON_COMPLIANT,
    STALE_FLEET,
    FAIL_SAFE_SUM,
    CLOCK_SKEW,
    STOPPED,
    NEVER_HEARD,
    METER,
    IMPLAUSIBLE,
    CONTRADICTION,
    CONTAINED,
    OPENED,
];

/// Alarms about devices in one decision; more would only hide the feeders'.
const DEVICE_ALARMS_MAX: usize = 20;

/// What is known under a node beside its decision.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Below {
    /// What commanded devices take when all leases have lapsed, W.
    pub(crate) fallbacks_w: Watts,
    /// Registered devices at the node itself that were never heard, and what is held for them, W.
    pub(crate) unheard: usize,
    pub(crate) unheard_w: Watts,
}

/// Alarms about one feeder.
pub(crate) fn of_feeder(
    node: &NodeDecision,
    estimate: &NodeEstimate,
    below: &Below,
    alarms: &mut Vec<Alarm>,
) {
    of_node(node, alarms);
    of_fallbacks(node, estimate, below.fallbacks_w, alarms);
    let Below { unheard: count, unheard_w: watts, .. } = below;
    if *count > 0 {
        let message = format!("{count} devices were never heard: {watts} are held for them");
        alarms.push(alarm(NEVER_HEARD, Severity::Warning, &node.feeder_id, message));
    }
}

/// A feeder that nobody has set up is held to the default limit, which nobody has chosen for it.
pub(crate) fn of_opened(node: &NodeDecision, registry: &Registry, alarms: &mut Vec<Alarm>) {
    let feeder = registry.feeders.get(&node.feeder_id);
    let Some(device_id) = feeder.and_then(|feeder| feeder.opened_by.as_ref()) else { return };
    let limit = node.import_limit_w;
    let message = format!(
        "device {device_id} opened it by its claim and nobody has set it up: the default limit of {limit} holds"
    );
    alarms.push(alarm(OPENED, Severity::Warning, &node.feeder_id, message));
}

/// Alarms about one device, unless there are enough already.
pub(crate) fn of_device(
    seen: &Seen<'_>,
    planned: &Planned,
    node: &NodeEstimate,
    alarms: &mut Vec<Alarm>,
) {
    let mut raise = |code: &str, message: &str| {
        if alarms.len() < DEVICE_ALARMS_MAX {
            alarms.push(Alarm {
                code: code.to_owned(),
                severity: Severity::Warning,
                feeder_id: None,
                device_id: Some(seen.device_id.clone()),
                message: message.to_owned(),
            });
        }
    };
    if planned.reason == Reason::NonCompliant {
        raise(NON_COMPLIANT, "does not follow its setpoints");
    } else if seen.known.rejects {
        raise(NON_COMPLIANT, "rejects its setpoints: it counts at all that it can take");
    }
    if seen.known.skewed {
        raise(CLOCK_SKEW, "its clock is off; its samples count by their arrival");
    }
    if seen.known.distrusted {
        raise(IMPLAUSIBLE, "what it says cannot be true: it counts at its worst until it can");
    }
    if seen.known.contradicts {
        raise(
            CONTRADICTION,
            "what it says that it can do contradicts itself: it counts at what holds most back",
        );
    }
    if planned.contained {
        raise(CONTAINED, "the plan failed its check because of it: it counts at its worst");
    }
    if seen.device_type == DeviceType::Meter
        && seen.role != Role::Passive(Reason::OptedOut)
        && seen.device.is_some()
        && let Some(why) = doubt(seen, node)
    {
        raise(METER, why);
    }
}

/// Why a meter does not count, if it does not.
fn doubt(seen: &Seen<'_>, node: &NodeEstimate) -> Option<&'static str> {
    if seen.freshness != Freshness::Fresh {
        return Some("the meter is not heard: its feeder is held by what it has shown");
    }
    Some(match node.meter.as_ref()?.doubted? {
        MeterDoubt::BelowKnown => {
            "the meter says less than what flows under it: its feeder is held by what is known"
        }
        MeterDoubt::StandsStill => {
            "the meter stands still while load moves: its feeder is held by what it has shown"
        }
        MeterDoubt::Disagrees => {
            "the meter does not move with what moves under it: its feeder is held by what it has shown"
        }
    })
}

fn alarm(code: &str, severity: Severity, feeder_id: &FeederId, message: String) -> Alarm {
    Alarm {
        code: code.to_owned(),
        severity,
        feeder_id: Some(feeder_id.clone()),
        device_id: None,
        message,
    }
}

fn of_node(node: &NodeDecision, alarms: &mut Vec<Alarm>) {
    let mut raise = |code, severity, message| {
        alarms.push(alarm(code, severity, &node.feeder_id, message));
    };
    if node.load_w > node.limit_w {
        let over = node.load_w - node.limit_w;
        let message = format!("load is {over} over the limit of {}", node.limit_w);
        raise(OVER_LIMIT, Severity::Critical, message);
    }
    if let Some(export) = node.export_limit_w.filter(|export| -node.load_w > *export) {
        let over = -node.load_w - export;
        let message = format!("{over} more is fed back than the limit of {export}");
        raise(OVER_LIMIT, Severity::Critical, message);
    }
    if node.unmet_w > Watts::ZERO && node.rung == Rung::Fallback {
        let message = format!("only live setpoints keep the limit: {} missing", node.unmet_w);
        raise(INFEASIBLE, Severity::Warning, message);
    } else if node.unmet_w > Watts::ZERO {
        let message = format!("the limit cannot be met: {} missing", node.unmet_w);
        raise(INFEASIBLE, Severity::Critical, message);
    }
    if let Some(stopped) = &node.stopped {
        raise(STOPPED, Severity::Critical, format!("control is stopped: {stopped}"));
    }
    if node.stale_count * 3 > node.device_count {
        let (stale, all) = (node.stale_count, node.device_count);
        let message = format!("{stale} of {all} devices are not heard");
        raise(STALE_FLEET, Severity::Warning, message);
    }
}

/// G12: if every lease lapsed at once, would the limit hold?
fn of_fallbacks(
    node: &NodeDecision,
    estimate: &NodeEstimate,
    fallbacks_w: Watts,
    alarms: &mut Vec<Alarm>,
) {
    let over = fallbacks_w + estimate.uncontrolled_w - node.limit_w;
    if node.mode == FeederMode::Disabled || over <= Watts::ZERO {
        return;
    }
    let (base, limit) = (estimate.uncontrolled_w, node.limit_w);
    let message = format!(
        "fallbacks of {fallbacks_w} and uncommanded load of {base} pass the limit of {limit} by {over}"
    );
    alarms.push(alarm(FAIL_SAFE_SUM, Severity::Warning, &node.feeder_id, message));
}

#[cfg(test)]
mod tests;
