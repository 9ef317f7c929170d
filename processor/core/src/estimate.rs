//! Who is who in this decision, and the load that nobody commands.

use std::collections::BTreeMap;

use schemas::ids::stable_hash;
use schemas::records::decision::{Freshness, Reason};
use schemas::records::operator::{ControlSettings, FeederMode, MissingBehavior, RestartBehavior};
use schemas::records::snapshot::{DeviceSnapshot as Device, NodeSnapshot};
use schemas::records::telemetry::DeviceType;
use schemas::registry::{self, Registry};
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use uuid::Uuid;

use crate::device::{commanded, tolerance};
use crate::limits::{Limits, limits};
use crate::topology::Topology;
use crate::wants::{Want, want};

/// After an event devices begin to return spread over so long.
pub(crate) const RELEASE_SPREAD_MS: i64 = 60_000;

/// The part a device plays in this decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Heard, and takes setpoints.
    Controlled,
    /// Takes setpoints, but is not heard: its power stays reserved.
    Silent(Reason),
    /// Counted, not commanded.
    Passive(Reason),
    /// Would be controlled, but its feeder only watches.
    Shadow,
}

/// One device in this decision.
#[derive(Debug, Clone)]
pub(crate) struct Seen<'a> {
    pub(crate) device_id: &'a DeviceId,
    pub(crate) device_type: DeviceType,
    pub(crate) node: usize,
    pub(crate) role: Role,
    pub(crate) freshness: Freshness,
    pub(crate) device: Option<&'a Device>,
    pub(crate) registered: Option<&'a registry::Device>,
    /// Power in the window, W; 0 when never heard.
    pub(crate) power_w: i64,
    /// What it may take whatever is decided now (G1): live commands, fallback, power not seen to have moved yet.
    pub(crate) floor_w: i64,
    /// The least it may take whatever is decided now; negative where it may give power.
    pub(crate) least_w: i64,
    pub(crate) fallback_w: i64,
    /// It does not follow, or a decrease has not reached it: counted at what it may take, asked for no more.
    pub(crate) stuck: bool,
    /// What it is told while it is not heard: the setpoint, if any, and why.
    pub(crate) told: (Option<i64>, Reason),
    /// Returns later after an event, spread by event and device (G20).
    pub(crate) released_later: bool,
    pub(crate) want: Want,
    pub(crate) override_w: Option<i64>,
    pub(crate) tie: u64,
}

/// One node in this decision.
#[derive(Debug, Clone)]
pub(crate) struct NodeEstimate {
    pub(crate) limits: Limits,
    pub(crate) mode: FeederMode,
    /// Observed load under it.
    pub(crate) load_w: i64,
    /// Observed power of controlled devices under it.
    pub(crate) controlled_w: i64,
    /// B(n): upper estimate of what nobody commands, silent devices' reservations included.
    pub(crate) uncontrolled_w: i64,
    /// Load that only the head meter knows of.
    pub(crate) unexplained_w: Option<i64>,
    /// The part of B(n) that is held for devices that are not heard, beyond what they were last seen to take.
    pub(crate) reserved_w: i64,
}

impl NodeEstimate {
    /// What the controlled devices under the node may take together.
    pub(crate) fn budget_w(&self) -> i64 {
        self.limits.import.0 - self.limits.margin.0 - self.uncontrolled_w
    }
}

/// What a decision is made from, beside the devices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a, 'n> {
    pub(crate) registry: &'a Registry,
    pub(crate) nodes: &'n BTreeMap<FeederId, NodeSnapshot>,
    pub(crate) now: Timestamp,
    pub(crate) restarted_at: Option<Timestamp>,
    /// In between windows the newest samples count, not the last window's means.
    pub(crate) between_windows: bool,
}

/// The view that a decision is made on.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) topology: Topology,
    pub(crate) nodes: Vec<NodeEstimate>,
    pub(crate) devices: Vec<Seen<'a>>,
}

/// Estimates the tree.
pub(crate) fn estimate<'a>(
    moment: &Moment<'a, '_>,
    topology: Topology,
    devices: &'a BTreeMap<DeviceId, Device>,
) -> View<'a> {
    let Moment { registry, now, .. } = *moment;
    let horizon = now.plus_ms(2 * registry.settings.interval_ms);
    let nodes: Vec<NodeEstimate> = topology
        .nodes
        .iter()
        .map(|node| NodeEstimate {
            limits: limits(registry, &node.feeder_id, now, horizon),
            mode: registry.feeders.get(&node.feeder_id).map_or(FeederMode::Automatic, |f| f.mode),
            load_w: 0,
            controlled_w: 0,
            uncontrolled_w: 0,
            unexplained_w: None,
            reserved_w: 0,
        })
        .collect();
    let mut view = View { topology, nodes, devices: Vec::new() };
    view.devices = see_devices(moment, &view, devices);
    add_up(&mut view, moment);
    if let_go(&mut view) {
        add_up(&mut view, moment);
    }
    keep_discharge_inside(&mut view);
    view
}

/// Storage gives back no more than an export limit above it leaves, each by its rating: an import limit never drives a
/// feeder over its export limit.
fn keep_discharge_inside(view: &mut View<'_>) {
    for (index, node) in view.nodes.iter().enumerate() {
        let Some(export) = node.limits.export else { continue };
        let others = node.load_w - node.controlled_w;
        let room = (export.0 - node.limits.margin.0.min(export.0) + others).max(0);
        let under = |seen: &Seen<'_>| view.topology.path(seen.node).any(|above| above == index);
        let all: i64 = view.devices.iter().filter(|seen| under(seen)).map(|s| -s.want.low_w).sum();
        if all <= room {
            continue;
        }
        for seen in view.devices.iter_mut().filter(|seen| seen.want.low_w < 0) {
            if view.topology.path(seen.node).any(|above| above == index) {
                let part = i128::from(seen.want.low_w) * i128::from(room) / i128::from(all);
                seen.want.low_w = i64::try_from(part).unwrap_or(0);
            }
        }
    }
}

fn see_devices<'a>(
    moment: &Moment<'a, '_>,
    view: &View<'a>,
    devices: &'a BTreeMap<DeviceId, Device>,
) -> Vec<Seen<'a>> {
    let registry = moment.registry;
    // Devices of the registry, and devices heard that are not registered yet, by id.
    let mut ids: BTreeMap<&DeviceId, usize> = BTreeMap::new();
    for (device_id, registered) in &registry.devices {
        if let Some(node) = view.topology.index_of(&registered.feeder_id) {
            ids.insert(device_id, node);
        }
    }
    for (device_id, device) in devices {
        if !registry.devices.contains_key(device_id) {
            ids.insert(device_id, view.topology.index_of(&device.feeder_id).unwrap_or(0));
        }
    }
    ids.into_iter()
        .map(|(device_id, node)| see(moment, view, device_id, node, devices.get(device_id)))
        .collect()
}

fn see<'a>(
    moment: &Moment<'a, '_>,
    view: &View<'a>,
    device_id: &'a DeviceId,
    node: usize,
    device: Option<&'a Device>,
) -> Seen<'a> {
    let Moment { registry, now, .. } = *moment;
    let settings = &registry.settings;
    let registered = registry.devices.get(device_id);
    let freshness = freshness(device, now, settings.stale_ms);
    let device_type = device.map(|device| device.device_type);
    let device_type = device_type
        .or(registered.map(|registered| registered.device_type))
        .unwrap_or(DeviceType::Other);
    let override_w = registered
        .and_then(|registered| registered.override_w)
        .filter(|(_, until)| *until > now)
        .map(|(watts, _)| watts.0);
    let role = role(view, node, registered, device_type, freshness, override_w.is_some());
    let role = match role {
        Role::Silent(_) if unheard_since_restart(moment, device) => Role::Silent(Reason::Restart),
        Role::Controlled | Role::Silent(_) | Role::Passive(_) | Role::Shadow => role,
    };
    let fallback = registered
        .and_then(|registered| registered.fallback_w)
        .or(device.and_then(|device| device.capabilities.fallback_w))
        .unwrap_or(Watts::ZERO);
    let told = match role {
        Role::Silent(why) => told_unheard(device, device_type, why, settings, now),
        Role::Controlled | Role::Passive(_) | Role::Shadow => (None, Reason::NotCommanded),
    };
    let floor_w = device.map_or(fallback.0, |device| floor(device, role, fallback, settings, now));
    let want = device.map_or(Want::UNHEARD, |device| want(device, registered, settings, now));
    Seen {
        device_id,
        device_type,
        node,
        role,
        freshness,
        device,
        registered,
        power_w: device.map_or(0, |device| power(device, role, freshness, moment.between_windows)),
        stuck: device.is_some_and(|device| is_stuck(device, floor_w, settings, now)),
        floor_w: floor_w.max(told.0.unwrap_or(i64::MIN)),
        least_w: device.map_or(fallback.0.min(0), |device| least(device, fallback, now)),
        fallback_w: fallback.0,
        told,
        released_later: view.topology.path(node).any(|above| {
            is_released_later(moment, &view.topology.nodes[above].feeder_id, device_id)
        }),
        want,
        override_w,
        // Ties change hands by the hour, so that nobody is first for ever and nothing flickers.
        tie: stable_hash(&[
            device_id.as_str().as_bytes(),
            &now.window_start(3_600_000).0.to_be_bytes(),
        ]),
    }
}

fn unheard_since_restart(moment: &Moment<'_, '_>, device: Option<&Device>) -> bool {
    let arrival = device.and_then(|device| device.last_arrival);
    moment.restarted_at.is_some_and(|restarted_at| arrival.is_none_or(|at| at < restarted_at))
}

/// Whether a device still waits after the end of the restriction on a feeder above it.
fn is_released_later(moment: &Moment<'_, '_>, feeder_id: &FeederId, device_id: &DeviceId) -> bool {
    let state = moment.nodes.get(feeder_id);
    let (Some(at), Some(by)) =
        (state.and_then(|state| state.released_at), state.and_then(|state| state.restricted_by))
    else {
        return false;
    };
    moment.now.since(at) < release_offset_ms(by, device_id)
}

/// How long after the end of an event a device begins to return: anyone can compute it from the two ids.
fn release_offset_ms(event_id: Uuid, device_id: &DeviceId) -> i64 {
    let hash = stable_hash(&[event_id.as_bytes(), device_id.as_str().as_bytes()]);
    i64::try_from(hash % RELEASE_SPREAD_MS.unsigned_abs()).unwrap_or(0)
}

/// The power that counts: the window's mean, between windows the newest. Of what nobody commands the larger of the two,
/// and generation that is not heard any more as none.
fn power(device: &Device, role: Role, freshness: Freshness, between_windows: bool) -> i64 {
    let newest = device.power_w.unwrap_or(Watts::ZERO).0;
    let mean = device.mean_w.map_or(newest, |mean| mean.0);
    match role {
        Role::Passive(_) if freshness != Freshness::Fresh => newest.max(mean).max(0),
        Role::Passive(_) if device.device_type != DeviceType::Meter => newest.max(mean),
        Role::Silent(_) if device.device_type == DeviceType::Pv => newest.max(mean).max(0),
        Role::Passive(_) | Role::Silent(_) | Role::Controlled | Role::Shadow => {
            if between_windows {
                newest
            } else {
                mean
            }
        }
    }
}

/// What a device that is not heard is told.
fn told_unheard(
    device: Option<&Device>,
    device_type: DeviceType,
    why: Reason,
    settings: &ControlSettings,
    now: Timestamp,
) -> (Option<i64>, Reason) {
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
    let stoppable = device_type != DeviceType::Pv;
    match held {
        _ if excluded || !stoppable => (None, why),
        Some(last) => (Some(last.0), Reason::HoldLast),
        None => (Some(0), why),
    }
}

/// Where what is held for devices that are not heard passes a limit, they are told 0 instead. Says whether any was.
fn let_go(view: &mut View<'_>) -> bool {
    let short: Vec<bool> = view.nodes.iter().map(|node| node.budget_w() < 0).collect();
    let mut changed = false;
    for seen in &mut view.devices {
        let holds = seen.told.1 == Reason::HoldLast && seen.told.0.is_some_and(|told| told > 0);
        if holds
            && view.topology.path(seen.node).any(|above| short[above])
            && let Role::Silent(why) = seen.role
        {
            seen.told = (Some(0), why);
            let last = seen.device.and_then(|device| commanded(device, Timestamp(i64::MIN)));
            let observed = seen.device.and_then(|device| device.power_w).unwrap_or_default();
            seen.floor_w = last.map_or(observed, |(most, _)| most.max(observed)).0;
            changed = true;
        }
    }
    changed
}

fn freshness(device: Option<&Device>, now: Timestamp, stale_ms: i64) -> Freshness {
    match device.and_then(|device| device.last_steering.map(|at| (device, at))) {
        None => Freshness::Missing,
        Some((device, _)) if device.offline => Freshness::Offline,
        Some((_, at)) if now.since(at) > stale_ms => Freshness::Stale,
        Some(_) => Freshness::Fresh,
    }
}

fn role(
    view: &View<'_>,
    node: usize,
    registered: Option<&registry::Device>,
    device_type: DeviceType,
    freshness: Freshness,
    overridden: bool,
) -> Role {
    let mut modes = view.topology.path(node).map(|above| view.nodes[above].mode);
    let mut mode = FeederMode::Automatic;
    for above in &mut modes {
        // The most reserved mode on the way to the root holds.
        mode = match (mode, above) {
            (FeederMode::Disabled, _) | (_, FeederMode::Disabled) => FeederMode::Disabled,
            (FeederMode::Shadow, _) | (_, FeederMode::Shadow) => FeederMode::Shadow,
            (FeederMode::Manual, _) | (_, FeederMode::Manual) => FeederMode::Manual,
            (FeederMode::Automatic, FeederMode::Automatic) => FeederMode::Automatic,
        };
    }
    let Some(registered) = registered else {
        return Role::Passive(Reason::NotCommanded);
    };
    if registered.opted_out {
        return Role::Passive(Reason::OptedOut);
    }
    let limited_export =
        view.topology.path(node).any(|above| view.nodes[above].limits.export.is_some());
    let commanded = match device_type {
        DeviceType::Ev | DeviceType::Battery => true,
        DeviceType::Pv => limited_export,
        DeviceType::Meter | DeviceType::Other => false,
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

/// What the device may take whatever is decided now.
///
/// A live command counts until its lease is over or the device was seen or said to have left it; the fallback counts
/// because a lease can lapse; observed power counts while it is above what was commanded, or nothing was. A device that
/// is not heard counts at the larger of all that, until every lease that it may have had is over: then one that is known
/// to keep leases is at its fallback.
fn floor(
    device: &Device,
    role: Role,
    fallback: Watts,
    settings: &ControlSettings,
    now: Timestamp,
) -> i64 {
    let observed =
        device.power_w.unwrap_or(Watts::ZERO).max(device.mean_w.unwrap_or(Watts(i64::MIN)));
    let most = commanded(device, now).map(|(most, _)| most);
    if matches!(role, Role::Silent(_)) {
        let unheard_ms = device.last_steering.map_or(i64::MAX, |at| now.since(at));
        let keeps_leases = device.capabilities.fallback_w.is_some() && !device.non_compliant;
        let was_commanded = device.setpoint_w.is_some();
        let lapsed = keeps_leases && was_commanded && unheard_ms > 2 * settings.lease_ms;
        let least = if lapsed { fallback } else { observed.max(fallback) };
        return most.unwrap_or(least).max(least).0;
    }
    match most {
        None => observed.max(fallback).0,
        Some(most) if observed > most + tolerance(device) => observed.0,
        Some(most) => most.0,
    }
}

/// Whether the device does not follow (G21), or may still take more than it was told two intervals ago: then others yield.
fn is_stuck(device: &Device, floor_w: i64, settings: &ControlSettings, now: Timestamp) -> bool {
    let tolerance = tolerance(device);
    let lower = device
        .live
        .iter()
        .filter(|live| (live.setpoint_w.max(live.fallback_w) + tolerance).0 < floor_w);
    let since = lower.map(|live| live.decided).min();
    let told = device.setpoint_w.is_some_and(|told| (told + tolerance).0 < floor_w);
    device.non_compliant
        || told && since.is_some_and(|since| now.since(since) >= 2 * settings.interval_ms)
}

/// The mirror image: the least it may take, or the most it may give.
fn least(device: &Device, fallback: Watts, now: Timestamp) -> i64 {
    let observed =
        device.power_w.unwrap_or(Watts::ZERO).min(device.mean_w.unwrap_or(Watts(i64::MAX)));
    match commanded(device, now) {
        None => observed.min(fallback).0,
        Some((_, least)) if observed < least - tolerance(device) => observed.0,
        Some((_, least)) => least.0,
    }
}

/// What devices that follow take beyond their setpoints, each within its tolerance: together that can be much.
fn overshoot(seen: &Seen<'_>) -> i64 {
    let Some(device) = seen.device else { return 0 };
    let (Some(mean), Some(allowed)) = (device.mean_w, device.allowed_w) else { return 0 };
    let steady = device.allowed_before_w == Some(allowed) && allowed > Watts::ZERO;
    let beyond = mean - allowed;
    let follows = beyond.0.abs() <= tolerance(device).0;
    if steady && follows && !device.non_compliant { beyond.0 } else { 0 }
}

/// Adds devices up to nodes, and nodes to their parents, head meters having the word where they are heard.
fn add_up(view: &mut View<'_>, moment: &Moment<'_, '_>) {
    let count = view.nodes.len();
    let mut own = vec![Parts::default(); count];
    for seen in &view.devices {
        let parts = &mut own[seen.node];
        match seen.role {
            Role::Controlled if seen.device_type != DeviceType::Pv => {
                parts.controlled += seen.power_w;
                parts.beyond += overshoot(seen);
            }
            Role::Silent(_) => {
                parts.held += seen.floor_w;
                // Of one whose lease is over no more than its fallback is taken to be in a meter's reading.
                parts.silent += seen.power_w.min(seen.floor_w);
            }
            Role::Passive(_) if seen.device_type == DeviceType::Meter => {
                parts.has_meter |= !seen.registered.is_some_and(|registered| registered.opted_out);
                if seen.freshness == Freshness::Fresh {
                    parts.meter = Some(parts.meter.unwrap_or(0) + seen.power_w);
                }
            }
            // Generation under export control counts on the import side as much as its commands leave of it.
            Role::Controlled => parts.passive += seen.power_w.max(seen.floor_w),
            // One that was commanded until now may still take what its lease allows.
            Role::Passive(_) if seen.device.is_some_and(|device| !device.live.is_empty()) => {
                parts.passive += seen.power_w.max(seen.floor_w);
            }
            Role::Passive(_) | Role::Shadow => parts.passive += seen.power_w,
        }
    }
    for index in (0..count).rev() {
        // Children stand after their parents: theirs have been added here already.
        let parts = &mut own[index];
        let known = parts.controlled + parts.passive + parts.silent;
        let feeder_id = &view.topology.nodes[index].feeder_id;
        let before = moment.nodes.get(feeder_id).and_then(|state| state.unexplained_w);
        let unexplained = match parts.meter {
            Some(meter) => Some(follow(before, meter - known, moment.between_windows)),
            // A meter that falls silent takes nothing away: what it knew of is still there.
            None if parts.has_meter => before.map(|unexplained| unexplained.0.max(0)),
            None => None,
        };
        parts.passive += unexplained.unwrap_or(0);
        let node = &mut view.nodes[index];
        node.unexplained_w = unexplained;
        node.load_w = parts.meter.unwrap_or(known + unexplained.unwrap_or(0));
        node.controlled_w = parts.controlled;
        node.uncontrolled_w = parts.passive + parts.held + parts.beyond.max(0);
        node.reserved_w = (parts.held - parts.silent + parts.beyond.max(0)).max(0);
        if let Some(parent) = view.topology.nodes[index].parent {
            let below = own[index];
            let above = &mut own[parent];
            above.controlled += below.controlled;
            above.passive += below.passive;
            above.silent += below.silent;
            above.held += below.held;
            above.beyond += below.beyond;
        }
    }
}

/// What only the meter knows of follows a rise at once and a fall slowly: samples of meter and devices are not of one
/// moment, and while devices move the difference is partly imagined.
fn follow(before: Option<Watts>, measured: i64, between_windows: bool) -> i64 {
    let before = before.map_or(0, |before| before.0);
    if measured >= before {
        return measured;
    }
    if between_windows {
        return before;
    }
    // Unknown generation would give headroom: it is believed only when it stays for minutes.
    if before > 0 {
        return (before - (before - measured + 3) / 4).max(0);
    }
    before - (before - measured + 63) / 64
}

/// Watts under a node, as they add up.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    controlled: i64,
    /// Observed, commanded by nobody.
    passive: i64,
    /// What silent devices were last seen to take, and what is held for them.
    silent: i64,
    held: i64,
    beyond: i64,
    meter: Option<i64>,
    has_meter: bool,
}
