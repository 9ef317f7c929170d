//! The part each device plays: how recently it was heard, whether it is commanded, and what it is told while it is not
//! heard.

use schemas::records::decision::{Freshness, Reason};
use schemas::records::operator::{ControlSettings, FeederMode, MissingBehavior, RestartBehavior};
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::records::telemetry::{DeviceType, Nature};
use schemas::registry;
use schemas::{Timestamp, Watts};

use super::{Moment, Role, View, Way};
use crate::device::stale_after_ms;

pub(super) fn freshness(
    device: Option<&Device>,
    now: Timestamp,
    settings: &ControlSettings,
) -> Freshness {
    match device.and_then(|device| device.last_steering.map(|at| (device, at))) {
        None => Freshness::Missing,
        Some((device, _)) if device.offline => Freshness::Offline,
        // Heard, but not believed: it says nothing.
        Some((device, _)) if device.distrusted => Freshness::Stale,
        Some((device, at)) if now.since(at) > stale_after_ms(device, settings) => Freshness::Stale,
        Some(_) => Freshness::Fresh,
    }
}

/// Notes for each node what holds there because of it and those above it.
pub(super) fn note_ways(view: &mut View<'_>, moment: &Moment<'_, '_>) {
    for index in 0..view.nodes.len() {
        let place = &view.topology.nodes[index];
        let node = &view.nodes[index];
        let state = moment.nodes.get(&place.feeder_id);
        let mut way = Way {
            mode: node.mode,
            limits_export: node.limits.export.is_some(),
            releases: state.is_some_and(|state| state.released_at.is_some()),
        };
        // Parents stand before their children: theirs is known.
        if let Some(above) = place.parent.map(|parent| view.nodes[parent].way) {
            way.mode = more_reserved(way.mode, above.mode);
            way.limits_export |= above.limits_export;
            way.releases |= above.releases;
        }
        view.nodes[index].way = way;
    }
}

fn more_reserved(one: FeederMode, other: FeederMode) -> FeederMode {
    match (one, other) {
        (FeederMode::Disabled, _) | (_, FeederMode::Disabled) => FeederMode::Disabled,
        (FeederMode::Shadow, _) | (_, FeederMode::Shadow) => FeederMode::Shadow,
        (FeederMode::Manual, _) | (_, FeederMode::Manual) => FeederMode::Manual,
        (FeederMode::Automatic, FeederMode::Automatic) => FeederMode::Automatic,
    }
}

pub(super) fn role(
    view: &View<'_>,
    node: usize,
    registered: Option<&registry::Device>,
    device_type: DeviceType,
    freshness: Freshness,
    overridden: bool,
) -> Role {
    let Way { mode, limits_export, .. } = view.nodes[node].way;
    let Some(registered) = registered else {
        return Role::Passive(Reason::NotCommanded);
    };
    if registered.opted_out {
        return Role::Passive(Reason::OptedOut);
    }
    let commanded = match device_type.nature() {
        Nature::Takes | Nature::Stores => true,
        Nature::Gives => limits_export,
        Nature::Measures | Nature::Free => false,
    };
    match mode {
        FeederMode::Disabled => Role::Passive(Reason::NotCommanded),
        _ if !commanded => Role::Passive(Reason::NotCommanded),
        FeederMode::Manual if !overridden => Role::Passive(Reason::NotCommanded),
        FeederMode::Shadow if freshness == Freshness::Fresh => Role::Shadow,
        FeederMode::Shadow => Role::Passive(Reason::NotCommanded),
        FeederMode::Automatic | FeederMode::Manual => match freshness {
            Freshness::Fresh => Role::Controlled,
            Freshness::Stale | Freshness::Offline => Role::Silent(Reason::Stale),
            Freshness::Missing => Role::Silent(Reason::Missing),
        },
    }
}

pub(super) fn unheard_since_restart(moment: &Moment<'_, '_>, device: Option<&Device>) -> bool {
    let arrival = device.and_then(|device| device.last_arrival);
    moment.restarted_at.is_some_and(|restarted_at| arrival.is_none_or(|at| at < restarted_at))
}

/// What a device that is not heard is told.
pub(super) fn told_unheard(
    device: Option<&Device>,
    device_type: DeviceType,
    why: Reason,
    settings: &ControlSettings,
    now: Timestamp,
) -> (Option<Watts>, Reason) {
    let hold = if why == Reason::Restart {
        settings.restart_behavior == RestartBehavior::HoldLast
    } else {
        settings.missing_behavior == MissingBehavior::HoldLast
    };
    let last = device.and_then(|device| device.setpoint_w);
    let hold_since = device.and_then(|device| device.hold_since).unwrap_or(now);
    let held = last.filter(|_| hold && now.since(hold_since) <= settings.hold_last_max_ms);
    let excluded =
        settings.missing_behavior == MissingBehavior::ExcludeDevice && why != Reason::Restart;
    // Zero stops charging. For generation it would mean to curtail it, which no import limit asks for.
    let stoppable = !device_type.generates();
    match held {
        _ if excluded || !stoppable => (None, why),
        Some(last) => (Some(last), Reason::HoldLast),
        None => (Some(Watts::ZERO), why),
    }
}
