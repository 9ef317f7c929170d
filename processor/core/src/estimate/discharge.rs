//! What storage gives back: no more than an export limit leaves, and shared by the energy that is there.

use schemas::Watts;
use schemas::records::decision::Freshness;
use schemas::records::operator::ControlSettings;
use schemas::records::telemetry::DeviceType;

use super::{Role, View};
use crate::topology::add_watts;

/// Most that storage weighs when it gives: a gigawatt-hour.
const WEIGHT_MAX: i64 = 1_000_000_000;

/// Where storage has to give, each gives by its energy above the reserve: all of them are empty at one time.
pub(super) fn weigh_by_energy(view: &mut View<'_>, settings: &ControlSettings) {
    let (mut givers, mut least) = (Vec::new(), vec![Watts::ZERO; view.nodes.len()]);
    for (index, seen) in view.devices.iter().enumerate() {
        if seen.want.low_w < Watts::ZERO {
            givers.push(index);
        }
        let counts = seen.role == Role::Controlled && !seen.device_type.generates();
        if counts && seen.standby_w.is_none() {
            least[seen.node] += seen.least_counted_w().max(Watts::ZERO);
        }
    }
    if givers.is_empty() {
        return;
    }
    view.topology.roll_up(&mut least, add_watts);
    let mut has_to_give: Vec<bool> = Vec::with_capacity(least.len());
    for ((node, place), least) in view.nodes.iter().zip(&view.topology.nodes).zip(least) {
        let above = place.parent.is_some_and(|parent| has_to_give[parent]);
        has_to_give.push(above || least > node.budget_w());
    }
    for index in givers {
        let seen = &mut view.devices[index];
        if has_to_give[seen.node]
            && let Some(energy) = seen.device.and_then(|device| device.capabilities.energy_wh)
            && let Some((soc, _)) = seen.known.soc
        {
            // In whole per cent: less moves nothing.
            let above = i64::from((soc.0 - settings.min_soc_reserve.0).max(0)) / 100;
            let there = energy.0.saturating_mul(above) / 100;
            seen.want.weight_milli = there.clamp(1, WEIGHT_MAX);
        }
    }
}

/// Storage gives back no more than an export limit above it leaves, each by its rating: an import limit never drives a
/// feeder over its export limit.
pub(super) fn keep_inside(view: &mut View<'_>) {
    if !view.limits_export() {
        return;
    }
    // The storage under each node that limits export.
    let mut under = vec![Vec::new(); view.nodes.len()];
    for (index, seen) in
        view.devices.iter().enumerate().filter(|(_, seen)| seen.want.low_w < Watts::ZERO)
    {
        let limits = |node: &usize| view.nodes[*node].limits.export.is_some();
        view.topology.path(seen.node).filter(limits).for_each(|node| under[node].push(index));
    }
    let unsure = unsure_of_others(view);
    for (index, under) in under.into_iter().enumerate() {
        let node = &view.nodes[index];
        let Some(export) = node.limits.export else { continue };
        let others = node.load_w - node.controlled_w - unsure[index];
        let room = (export - node.limits.export_margin + others).max(Watts::ZERO);
        let all: Watts = under.iter().map(|index| -view.devices[*index].want.low_w).sum();
        if all <= room {
            continue;
        }
        for device in under {
            let low_w = &mut view.devices[device].want.low_w;
            *low_w = low_w.scaled(room.0, all.0);
        }
    }
}

/// How much less the load of the others may be under each node than the sums say. While storage moves, a meter's mean and
/// that of storage are not of one moment, and the difference is partly imagined; and what is not heard may have ceased, as
/// far as no meter knows better.
fn unsure_of_others(view: &View<'_>) -> Vec<Watts> {
    let count = view.nodes.len();
    let (mut moving, mut unheard) = (vec![Watts::ZERO; count], vec![Watts::ZERO; count]);
    let mut metered = vec![false; count];
    for seen in &view.devices {
        let newest = seen.device.and_then(|device| device.power_w).unwrap_or(seen.power_w);
        let fresh = seen.freshness == Freshness::Fresh;
        match seen.role {
            Role::Passive(_) if seen.device_type == DeviceType::Meter => {
                metered[seen.node] |= view.nodes[seen.node].believes_meter;
                moving[seen.node] += (seen.power_w - newest).max(Watts::ZERO);
            }
            Role::Controlled if !seen.device_type.generates() => {
                moving[seen.node] += (newest - seen.power_w).max(Watts::ZERO);
            }
            Role::Silent(_) | Role::Passive(_) if !fresh => {
                unheard[seen.node] +=
                    (seen.power_w - seen.may.least.min(Watts::ZERO)).max(Watts::ZERO);
            }
            Role::Controlled | Role::Silent(_) | Role::Passive(_) | Role::Shadow => {}
        }
    }
    for node in (0..count).rev() {
        let imagined = view.nodes[node].unexplained_w.unwrap_or_default().max(Watts::ZERO);
        let below = if metered[node] { Watts::ZERO } else { unheard[node] + imagined };
        unheard[node] = below;
        if let Some(parent) = view.topology.nodes[node].parent {
            unheard[parent] += below;
        }
    }
    view.topology.roll_up(&mut moving, add_watts);
    moving.iter().zip(unheard).map(|(moving, unheard)| *moving + unheard).collect()
}
