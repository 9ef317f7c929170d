//! The export limit: the mirror image of the import limit, with generation where that has load.

use schemas::Watts;
use schemas::records::decision::Freshness;
use schemas::records::telemetry::DeviceType;

use super::{Finding, Order};
use crate::estimate::{Role, Seen, View};

/// What stands under a node.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Load that is there whatever happens; negative where more may be given by others.
    sure_w: Watts,
    /// What generation may give: its setpoint or what it may give already, whichever is more.
    may_give_w: Watts,
    told_w: Watts,
    /// What it was allowed beyond what it may give already.
    more_w: Watts,
}

impl Sums {
    fn add(&mut self, below: Self) {
        self.sure_w += below.sure_w;
        self.may_give_w += below.may_give_w;
        self.told_w += below.told_w;
        self.more_w += below.more_w;
    }
}

pub(super) fn check(view: &View<'_>, orders: &[Order], findings: &mut Vec<Finding>) {
    if !view.limits_export() {
        return;
    }
    let nodes = view.nodes.iter().zip(&view.topology.nodes);
    for (index, ((node, place), sums)) in nodes.zip(sums(view, orders)).enumerate() {
        let Some(export) = node.limits.export else { continue };
        let room = (export - node.limits.export_margin + sums.sure_w).max(Watts::ZERO);
        let mut find =
            |what: String| findings.push(Finding::of_node(index, &place.feeder_id, &what));
        if sums.told_w > room {
            find(format!("{} of generation for room of {room}", sums.told_w));
        }
        if sums.may_give_w > room && sums.more_w > Watts::ZERO {
            let (may, more) = (sums.may_give_w, sums.more_w);
            find(format!("{may} may be given for room of {room}, and {more} more were allowed"));
        }
    }
}

fn sums(view: &View<'_>, orders: &[Order]) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); view.nodes.len()];
    for (seen, order) in view.devices.iter().zip(orders) {
        let sums = &mut sums[seen.node];
        let follows = !seen.counts_as_it_is();
        if seen.role == Role::Controlled && seen.device_type.generates() && follows {
            let gave = (-seen.may.least).max(Watts::ZERO);
            let gives = order.setpoint_w.map_or(gave, |setpoint| (-setpoint).max(Watts::ZERO));
            sums.may_give_w += gives.max(gave);
            sums.told_w += gives;
            sums.more_w += (gives - gave).max(Watts::ZERO);
        } else {
            sums.sure_w += sure_w(seen, order);
        }
    }
    view.topology.roll_up(&mut sums, Sums::add);
    sums
}

/// Of a device under control nothing is sure but what it may give back; of one that nobody commands what is observed.
fn sure_w(seen: &Seen<'_>, order: &Order) -> Watts {
    match seen.role {
        // Generation that does not follow gives what it gives.
        Role::Controlled if seen.device_type.generates() => seen.may.least.min(Watts::ZERO),
        Role::Controlled => {
            order.setpoint_w.unwrap_or_default().min(seen.may.least).min(Watts::ZERO)
        }
        Role::Passive(_) | Role::Shadow if seen.device_type == DeviceType::Meter => Watts::ZERO,
        Role::Passive(_) | Role::Shadow if seen.freshness == Freshness::Fresh => seen.power_w,
        Role::Passive(_) | Role::Shadow | Role::Silent(_) => seen.may.least.min(Watts::ZERO),
    }
}
