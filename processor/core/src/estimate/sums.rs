//! Sums per node: what devices under it take, what is held for those that are not heard, and what only a head meter knows.

use schemas::records::decision::{Freshness, Reason};
use schemas::records::telemetry::DeviceType;
use schemas::{Timestamp, Watts};

use super::{Moment, Role, Seen, View};
use crate::device::commanded;
use crate::topology::add_watts;

/// Adds up what devices are at each node to nodes and their parents, head meters having the word where they are heard.
pub(super) fn add_up(view: &mut View<'_>, moment: &Moment<'_, '_>, mut own: Vec<Parts>) {
    let count = view.nodes.len();
    for index in (0..count).rev() {
        // Children stand after their parents: theirs have been added here already.
        let parts = &mut own[index];
        let known = parts.controlled + parts.passive + parts.silent;
        let feeder_id = &view.topology.nodes[index].feeder_id;
        let before = moment.nodes.get(feeder_id).and_then(|state| state.unexplained_w);
        let unexplained = match parts.meter {
            Some(meter) => {
                let holds = moment.between_windows || parts.outdated;
                Some(follow(before, meter - known, holds))
            }
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
            above.outdated |= below.outdated;
        }
    }
}

/// What only the meter knows of follows a rise at once and a fall slowly: samples of meter and devices are not of one
/// moment, and while devices move the difference is partly imagined. Where it `holds`, a fall is not believed at all.
fn follow(before: Option<Watts>, measured: i64, holds: bool) -> i64 {
    let before = before.map_or(0, |before| before.0);
    if measured >= before {
        return measured;
    }
    if holds {
        return before;
    }
    // Unknown generation would give headroom: it is believed only when it stays for minutes.
    if before > 0 {
        // By a part of itself, not of the gap: after an outage the gap is wide, and most of it is no more than old samples.
        return (before - (before / 32 + 20).min(before - measured)).max(0);
    }
    before - (before - measured + 63) / 64
}

/// Watts under a node, as they add up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    controlled: i64,
    /// Observed, commanded by nobody.
    passive: i64,
    /// What silent devices were last seen to take, and what is held for them.
    silent: i64,
    held: i64,
    beyond: i64,
    meter: Option<i64>,
    has_meter: bool,
    /// Something under the node was not heard in the window.
    outdated: bool,
}

impl Parts {
    /// What stands at each node itself.
    pub(super) fn of_each(view: &View<'_>) -> Vec<Self> {
        let mut own = vec![Self::default(); view.nodes.len()];
        view.devices.iter().for_each(|seen| own[seen.node].count(seen));
        own
    }

    /// Counts one device.
    pub(super) fn count(&mut self, seen: &Seen<'_>) {
        self.outdated |= seen.known.outdated;
        match seen.role {
            Role::Controlled if seen.device_type != DeviceType::Pv => {
                self.controlled += seen.power_w;
                self.beyond += seen.known.overshoot_w;
            }
            Role::Silent(_) => {
                self.held += seen.floor_w;
                // Of one whose lease is over no more than its fallback is taken to be in a meter's reading.
                self.silent += seen.power_w.min(seen.floor_w);
            }
            Role::Passive(_) if seen.device_type == DeviceType::Meter => {
                self.has_meter |= seen.role != Role::Passive(Reason::OptedOut);
                if seen.freshness == Freshness::Fresh {
                    self.meter = Some(self.meter.unwrap_or(0) + seen.power_w);
                }
            }
            // Generation under export control counts on the import side as much as its commands leave of it.
            Role::Controlled => self.passive += seen.power_w.max(seen.floor_w),
            // One that was commanded until now may still take what its lease allows.
            Role::Passive(_) if seen.known.leased => {
                self.passive += seen.power_w.max(seen.floor_w);
            }
            // Nobody commands it and nobody has heard it: held for what it may take.
            Role::Passive(_) if seen.device.is_none() => self.held += seen.floor_w,
            Role::Passive(_) | Role::Shadow => self.passive += seen.power_w,
        }
    }
}

/// Where what is held for devices that are not heard passes a limit, they are told 0 instead. Says whether any was.
pub(super) fn let_go(view: &mut View<'_>) -> bool {
    let short: Vec<bool> = view.nodes.iter().map(|node| node.budget_w() < 0).collect();
    if !short.contains(&true) {
        return false;
    }
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

/// Storage gives back no more than an export limit above it leaves, each by its rating: an import limit never drives a
/// feeder over its export limit.
pub(super) fn keep_discharge_inside(view: &mut View<'_>) {
    if !view.limits_export() {
        return;
    }
    // The storage under each node that limits export.
    let mut under = vec![Vec::new(); view.nodes.len()];
    for (index, seen) in view.devices.iter().enumerate().filter(|(_, seen)| seen.want.low_w < 0) {
        let limits = |node: &usize| view.nodes[*node].limits.export.is_some();
        view.topology.path(seen.node).filter(limits).for_each(|node| under[node].push(index));
    }
    let unsure = unsure_of_others(view);
    for (index, under) in under.into_iter().enumerate() {
        let node = &view.nodes[index];
        let Some(export) = node.limits.export else { continue };
        let others = node.load_w - node.controlled_w - unsure[index];
        let room = (export.0 - node.limits.margin.0.min(export.0) + others).max(0);
        let all: i64 = under.iter().map(|index| -view.devices[*index].want.low_w).sum();
        if all <= room {
            continue;
        }
        for device in under {
            let low_w = &mut view.devices[device].want.low_w;
            let part = i128::from(*low_w) * i128::from(room) / i128::from(all);
            *low_w = i64::try_from(part).unwrap_or(0);
        }
    }
}

/// How much less the load of the others may be under each node than the sums say. While storage moves, a meter's mean and
/// that of storage are not of one moment, and the difference is partly imagined; and what is not heard may have ceased, as
/// far as no meter knows better.
fn unsure_of_others(view: &View<'_>) -> Vec<i64> {
    let count = view.nodes.len();
    let (mut moving, mut unheard, mut metered) =
        (vec![0; count], vec![0; count], vec![false; count]);
    for seen in &view.devices {
        let newest = seen.device.and_then(|device| device.power_w).map_or(seen.power_w, |w| w.0);
        let fresh = seen.freshness == Freshness::Fresh;
        match seen.role {
            Role::Passive(_) if seen.device_type == DeviceType::Meter => {
                metered[seen.node] |= fresh;
                moving[seen.node] += (seen.power_w - newest).max(0);
            }
            Role::Controlled if seen.device_type != DeviceType::Pv => {
                moving[seen.node] += (newest - seen.power_w).max(0);
            }
            Role::Silent(_) | Role::Passive(_) if !fresh => {
                unheard[seen.node] += (seen.power_w - seen.least_w.min(0)).max(0);
            }
            Role::Controlled | Role::Silent(_) | Role::Passive(_) | Role::Shadow => {}
        }
    }
    for node in (0..count).rev() {
        let imagined = view.nodes[node].unexplained_w.unwrap_or(0).max(0);
        let below = if metered[node] { 0 } else { unheard[node] + imagined };
        unheard[node] = below;
        if let Some(parent) = view.topology.nodes[node].parent {
            unheard[parent] += below;
        }
    }
    view.topology.roll_up(&mut moving, add_watts);
    moving.iter().zip(unheard).map(|(moving, unheard)| moving + unheard).collect()
}
