//! The import limit at every node of the tree (G1, G2, G11), lapsed leases included (G12).

use schemas::Watts;
use schemas::records::telemetry::DeviceType;

use super::{Finding, Load, Order};
use crate::estimate::{Role, View};

/// What stands under a node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Limit less margin less B(n).
    pub(super) room_w: Watts,
    /// Σ U(d): setpoint, what may be taken already, fallback, whichever is most.
    pub(super) may_take_w: Watts,
    /// What is given beyond what may be taken already.
    pub(super) raised_w: Watts,
    /// Setpoints or what they lapse to; of devices that do not follow what they take.
    pub(super) planned_w: Watts,
    /// Bare setpoints, without what they lapse to.
    pub(super) told_w: Watts,
    /// How many setpoints of devices that follow could be lower.
    pub(super) lowerable: i64,
    /// What is set aside, and the least that can be.
    pub(super) shared_w: Watts,
    pub(super) least_w: Watts,
    /// The same without what setpoints lapse to.
    pub(super) bare_shared_w: Watts,
    pub(super) bare_least_w: Watts,
    /// How many devices, and so how many watts may be left over by rounding.
    pub(super) devices: i64,
    /// Generation under an export limit, and storage that may give power back: how many.
    pub(super) generators: i64,
    pub(super) givers: i64,
}

impl Sums {
    /// Of every node, before any device is counted.
    pub(super) fn none(view: &View<'_>) -> Vec<Self> {
        vec![Self::default(); view.nodes.len()]
    }

    pub(super) fn count(&mut self, load: &Load<'_, '_>) {
        self.add(of_device(load));
    }

    fn add(&mut self, other: Self) {
        self.may_take_w += other.may_take_w;
        self.raised_w += other.raised_w;
        self.planned_w += other.planned_w;
        self.told_w += other.told_w;
        self.lowerable += other.lowerable;
        self.shared_w += other.shared_w;
        self.least_w += other.least_w;
        self.bare_shared_w += other.bare_shared_w;
        self.bare_least_w += other.bare_least_w;
        self.room_w += other.room_w;
        self.devices += other.devices;
        self.generators += other.generators;
        self.givers += other.givers;
    }

    /// Storage and generation take room from each other under an export limit: what is left is not sure.
    pub(super) fn is_unsure(&self) -> bool {
        self.generators > 0 && self.givers > 0
    }

    /// Shares fill it, or cannot be told.
    pub(super) fn is_full(&self) -> bool {
        self.shared_w + Watts(self.devices) >= self.room_w || self.is_unsure()
    }

    /// Even at their least, or at what leases lapse to, devices do not fit.
    pub(super) fn is_short(&self) -> bool {
        self.least_w > self.room_w
    }
}

/// Sums per node over its subtree, from those of the devices at the nodes themselves, whatever the order of the devices.
pub(super) fn roll_up(view: &View<'_>, orders: &[Order], mut sums: Vec<Sums>) -> Vec<Sums> {
    // Generation is commanded only under an export limit.
    let generation = view.limits_export().then(|| view.devices.iter().zip(orders));
    for (seen, order) in generation.into_iter().flatten() {
        // Generation that is curtailed feeds less than was counted on.
        if let (Role::Controlled, DeviceType::Pv, Some(setpoint)) =
            (seen.role, seen.device_type, order.setpoint_w)
        {
            sums[seen.node].generators += 1;
            sums[seen.node].room_w -= (setpoint - seen.power_w.max(seen.may.most)).max(Watts::ZERO);
        }
    }
    view.topology.roll_up(&mut sums, Sums::add);
    for (sums, node) in sums.iter_mut().zip(&view.nodes) {
        sums.room_w += node.limits.import - node.limits.margin - node.uncontrolled_w;
    }
    sums
}

fn of_device(load: &Load<'_, '_>) -> Sums {
    let (x, floor) = (load.setpoint_w, load.seen.may.most);
    let stuck = load.seen.stuck;
    let told = if stuck { x.max(floor) } else { x };
    Sums {
        room_w: Watts::ZERO,
        may_take_w: load.lapsed_w(x).max(floor),
        raised_w: (x - floor.max(load.bare_least_w())).max(Watts::ZERO),
        planned_w: load.lapsed_w(told),
        told_w: told,
        lowerable: i64::from(!stuck && x > load.bare_least_w().max(Watts::ZERO)),
        shared_w: load.lapsed_w(load.share_w),
        least_w: load.least_w(),
        bare_shared_w: if stuck { load.share_w.max(floor) } else { load.share_w },
        bare_least_w: if stuck { load.least_w() } else { load.bare_least_w() },
        devices: 1,
        generators: 0,
        givers: i64::from(load.bare_least_w() < Watts::ZERO),
    }
}

pub(super) fn check(view: &View<'_>, sums: &[Sums], findings: &mut Vec<Finding>) {
    check_setpoints(view, sums, findings);
    for (index, (place, sums)) in view.topology.nodes.iter().zip(sums).enumerate() {
        // Ramps may hide for a while that shares are too large; they are checked by themselves.
        let (shared, least) = if sums.is_short() {
            (sums.bare_shared_w, sums.bare_least_w)
        } else {
            (sums.shared_w, sums.least_w)
        };
        let room = sums.room_w;
        if shared > room.max(least) {
            let what = format!("shares of {shared} for {room}");
            findings.push(Finding::of_node(index, &place.feeder_id, &what));
        }
    }
}

pub(super) fn check_setpoints(view: &View<'_>, sums: &[Sums], findings: &mut Vec<Finding>) {
    for (index, (place, sums)) in view.topology.nodes.iter().zip(sums).enumerate() {
        let mut find =
            |what: String| findings.push(Finding::of_node(index, &place.feeder_id, &what));
        let room = sums.room_w;
        // G2: whoever is raised is raised into room that is left beside all that may be taken already.
        if sums.may_take_w > room && sums.raised_w > Watts::ZERO {
            let (may, raised) = (sums.may_take_w, sums.raised_w);
            find(format!("devices may take {may} of {room}, and {raised} more were given"));
        }
        // G1: setpoints fit with what they lapse to; where that cannot be, at least as long as leases are kept alive.
        let planned = if sums.is_short() { sums.told_w } else { sums.planned_w };
        if planned > room && sums.lowerable > 0 {
            find(format!("setpoints of {planned} for {room}"));
        }
    }
}
