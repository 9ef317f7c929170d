//! What stands under each node: counts, setpoints, load by type.

use schemas::Watts;
use schemas::records::decision::{Freshness, TypeTotal};
use schemas::records::telemetry::DeviceType;

use crate::alarms::Below;
use crate::estimate::{Role, Seen};
use crate::plan::Planned;

/// Totals of one node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// Setpoints of devices under control.
    pub(super) allocated_w: Watts,
    pub(super) fresh: i32,
    pub(super) stale: i32,
    /// What only alarms go by.
    pub(super) below: Below,
    /// Count and power, in the order of [`DeviceType::ALL`].
    types: [(i32, Watts); DeviceType::ALL.len()],
}

impl Totals {
    /// Counts a device at its node.
    pub(super) fn count(&mut self, seen: &Seen<'_>, planned: &Planned) {
        if seen.role == Role::Controlled {
            self.allocated_w += planned.setpoint_w.unwrap_or_default();
            if !seen.device_type.generates() {
                self.below.fallbacks_w += seen.fallback_w;
            }
        }
        if seen.device.is_none() && seen.may.most > Watts::ZERO {
            self.below.unheard += 1;
            self.below.unheard_w += seen.may.most;
        }
        if seen.freshness == Freshness::Fresh {
            self.fresh += 1;
        } else {
            self.stale += 1;
        }
        let (count, power_w) = &mut self.types[place(seen.device_type)];
        *count += 1;
        *power_w += seen.power_w;
    }

    pub(super) fn add(&mut self, below: Self) {
        self.allocated_w += below.allocated_w;
        self.fresh += below.fresh;
        self.stale += below.stale;
        self.below.fallbacks_w += below.below.fallbacks_w;
        for (mine, theirs) in self.types.iter_mut().zip(&below.types) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
    }

    pub(super) fn by_type(&self) -> Vec<TypeTotal> {
        let types = DeviceType::ALL.iter().zip(&self.types).filter(|(_, (count, _))| *count > 0);
        types
            .map(|(device_type, (count, power_w))| TypeTotal {
                device_type: *device_type,
                count: *count,
                power_w: *power_w,
            })
            .collect()
    }
}

fn place(device_type: DeviceType) -> usize {
    let place = DeviceType::ALL.iter().position(|known| *known == device_type);
    place.expect("ALL has every type")
}
