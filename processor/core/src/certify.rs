//! The independent check of a plan, written against the definitions in docs/control.md, not against the allocator.

use schemas::records::decision::Freshness;
use schemas::records::operator::ControlSettings;
use schemas::records::telemetry::DeviceType;
use schemas::{Soc, Watts};

use crate::estimate::{Role, Seen, View};
use crate::plan::Planned;

/// What is wrong with a plan, a sentence each; empty when nothing is.
pub(crate) fn certify(
    view: &View<'_>,
    planned: &[Planned],
    settings: &ControlSettings,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (seen, planned) in view.devices.iter().zip(planned) {
        if seen.role == Role::Controlled
            && let Some(setpoint) = planned.setpoint_w
        {
            check_device(seen, setpoint, settings, &mut findings);
        }
    }
    for (node, sums) in sums(view, planned).iter().enumerate() {
        check_node(view, node, sums, &mut findings);
    }
    check_export(view, planned, &mut findings);
    findings
}

/// G4 and G10: zero or at least the minimum, within the rating, storage within its state of charge.
fn check_device(
    seen: &Seen<'_>,
    setpoint_w: i64,
    settings: &ControlSettings,
    findings: &mut Vec<String>,
) {
    let Some(device) = seen.device else { return };
    let id = seen.device_id;
    let rated = device.capabilities.import_cap().map_or(i64::MAX, |cap| cap.0);
    if device.non_compliant || seen.device_type == DeviceType::Pv {
        return;
    }
    if setpoint_w > rated.max(device.setpoint_w.map_or(0, |last| last.0)) {
        findings.push(format!("{id}: setpoint {setpoint_w} W is above its rating of {rated} W"));
    }
    let min = device.capabilities.min_power_w.unwrap_or(Watts::ZERO).0.min(rated);
    if setpoint_w > 0 && setpoint_w < min && seen.override_w.is_none() {
        findings.push(format!("{id}: setpoint {setpoint_w} W is below its minimum of {min} W"));
    }
    let soc = device.soc.unwrap_or(Soc::EMPTY);
    if setpoint_w < 0 && soc <= settings.min_soc_reserve {
        findings.push(format!("{id}: would be discharged below the reserve"));
    }
    let last = device.setpoint_w.map_or(seen.power_w, |last| last.0);
    let step = match device.capabilities.ramp_w_per_s {
        Some(ramp) => ramp.0.saturating_mul(settings.interval_ms) / 1_000,
        None => seen.want.rated_w.saturating_mul(i64::from(settings.ramp_permille)) / 1_000,
    };
    let highest = last.max(seen.want.low_w).saturating_add(step.max(settings.deadband_w.0).max(1));
    if seen.override_w.is_none() && setpoint_w > last && setpoint_w > highest.max(min) {
        findings.push(format!("{id}: would rise from {last} W to {setpoint_w} W at once"));
    }
}

/// What stands under a node.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// What devices may take: the setpoint or what they may take already, whichever is more.
    may_take_w: i64,
    /// Setpoints.
    planned_w: i64,
    /// What was given beyond what they may take already.
    raised_w: i64,
    /// Fair shares, and the least that they can be.
    shared_w: i64,
    least_w: i64,
    /// Setpoints that cannot be lower, because the device does not follow.
    stubborn_w: i64,
}

impl Sums {
    fn add(&mut self, more: &Self) {
        self.may_take_w += more.may_take_w;
        self.planned_w += more.planned_w;
        self.raised_w += more.raised_w;
        self.shared_w += more.shared_w;
        self.least_w += more.least_w;
        self.stubborn_w += more.stubborn_w;
    }
}

fn sums(view: &View<'_>, planned: &[Planned]) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(planned) {
        if seen.role != Role::Controlled || seen.device_type == DeviceType::Pv {
            continue;
        }
        let setpoint = planned.setpoint_w.unwrap_or(seen.floor_w);
        sums[seen.node].add(&Sums {
            may_take_w: setpoint.max(seen.floor_w),
            planned_w: setpoint,
            raised_w: (setpoint - seen.floor_w).max(0),
            shared_w: planned.share_w,
            least_w: least_share(seen),
            stubborn_w: if seen.stuck { setpoint.max(0) } else { 0 },
        });
    }
    // Parents stand before their children.
    for node in (0..sums.len()).rev() {
        if let Some(parent) = view.topology.nodes[node].parent {
            let below = sums[node];
            sums[parent].add(&below);
        }
    }
    sums
}

/// The least that a device's share can be: what it takes where it cannot be told, else all that it may give back.
fn least_share(seen: &Seen<'_>) -> i64 {
    match seen.override_w {
        _ if seen.stuck => seen.floor_w.max(seen.want.low_w),
        Some(told) => told.clamp(seen.want.low_w, 0),
        None => seen.want.low_w,
    }
}

/// G1 and G2 at a node: what may be taken fits, or nobody is raised and the plan goes the right way.
fn check_node(view: &View<'_>, node: usize, sums: &Sums, findings: &mut Vec<String>) {
    let estimate = &view.nodes[node];
    let room_w = estimate.limits.import.0 - estimate.limits.margin.0 - estimate.uncontrolled_w;
    let feeder_id = &view.topology.nodes[node].feeder_id;
    let Sums { may_take_w, planned_w, raised_w, shared_w, least_w, stubborn_w } = *sums;
    // Ramps may hide for a while that shares are too large; they are checked by themselves.
    if shared_w > room_w.max(least_w) {
        findings.push(format!("{feeder_id}: shares of {shared_w} W for {room_w} W"));
    }
    if may_take_w > room_w && raised_w > 0 {
        findings.push(format!(
            "{feeder_id}: devices may take {may_take_w} W of {room_w} W, and {raised_w} W more were given"
        ));
    }
    if planned_w > room_w.max(0) && planned_w > stubborn_w {
        findings.push(format!("{feeder_id}: setpoints of {planned_w} W for {room_w} W"));
    }
}

/// G1 and G2 on the export side: what may be given fits beside what is sure to be taken, or nobody gives more.
fn check_export(view: &View<'_>, planned: &[Planned], findings: &mut Vec<String>) {
    if view.nodes.iter().all(|node| node.limits.export.is_none()) {
        return;
    }
    let count = view.nodes.len();
    let (mut may_give, mut told, mut more) = (vec![0; count], vec![0; count], vec![0; count]);
    let mut taken = vec![0; count];
    for (seen, planned) in view.devices.iter().zip(planned) {
        let node = seen.node;
        if seen.role == Role::Controlled && seen.device_type == DeviceType::Pv {
            let gives = -planned.setpoint_w.unwrap_or(seen.least_w);
            let gave = -seen.least_w;
            may_give[node] += gives.max(gave).max(0);
            told[node] += gives.max(0);
            more[node] += (gives - gave.max(0)).max(0);
        } else if seen.role == Role::Controlled {
            taken[node] += planned.setpoint_w.unwrap_or(0).min(seen.least_w).min(0);
        } else if seen.freshness == Freshness::Fresh && seen.device_type != DeviceType::Meter {
            taken[node] += seen.power_w;
        }
    }
    for sums in [&mut may_give, &mut told, &mut more, &mut taken] {
        view.topology.roll_up(sums);
    }
    for (node, estimate) in view.nodes.iter().enumerate() {
        let Some(export) = estimate.limits.export else { continue };
        let room = export.0 - estimate.limits.margin.0.min(export.0) + taken[node];
        let (may_give, told, more) = (may_give[node], told[node], more[node]);
        let feeder_id = &view.topology.nodes[node].feeder_id;
        if told > room.max(0) {
            findings.push(format!("{feeder_id}: {told} W of generation for room of {room} W"));
        }
        if may_give > room.max(0) && more > 0 {
            findings.push(format!(
                "{feeder_id}: {may_give} W may be given for room of {room} W, and {more} W more were allowed"
            ));
        }
    }
}
