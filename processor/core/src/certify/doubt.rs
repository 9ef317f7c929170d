//! The estimate that a plan was made on, held against what is certain: it may count more, and never less.

use schemas::{DeviceId, Watts};

use super::world::{Certain, Claim, Fact, Part, World};
use super::{Finding, Judged, Order};
use crate::estimate::{NodeEstimate, Role, Seen, View};

/// An estimate and the world that it is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt<'d, 'a> {
    view: &'d View<'a>,
    world: &'d World<'d>,
    limits_export: bool,
    /// The first device in whose place the estimate has another.
    misplaced: Option<&'d DeviceId>,
}

impl<'d, 'a> Doubt<'d, 'a> {
    pub(super) fn of(view: &'d View<'a>, world: &'d World<'_>) -> Self {
        Self { view, world, limits_export: view.limits_export(), misplaced: None }
    }

    pub(super) fn check_device(&mut self, judged: &Judged<'d, '_>, findings: &mut Vec<Finding>) {
        let Judged { index, seen, fact, order } = *judged;
        let mut find =
            |what: String| findings.push(Finding::of_device(index, seen.device_id, &what));
        // Nearly always it is the same place of memory.
        if !std::ptr::eq(seen.device_id, fact.device_id) && seen.device_id != fact.device_id {
            self.misplaced = self.misplaced.or(Some(fact.device_id));
        }
        if seen.node != fact.node {
            find("is counted at another feeder than its own".to_owned());
        }
        check_part(seen, fact, &order, &mut find);
        check_bounds(seen, fact, self.limits_export, &mut find);
        check_claim(seen, fact, &mut find);
    }

    pub(super) fn check_nodes(&self, findings: &mut Vec<Finding>) {
        let Self { view, world, .. } = *self;
        let nodes = view.nodes.iter().zip(&world.nodes).zip(&view.topology.nodes).enumerate();
        for (index, ((node, certain), place)) in nodes {
            let mut find =
                |what: &str| findings.push(Finding::of_node(index, &place.feeder_id, what));
            check_node(node, certain, world, &mut find);
        }
        if let (Some(left_out), Some(root)) = (self.left_out(), view.topology.nodes.first()) {
            let what = format!("{left_out} was not counted");
            findings.push(Finding::of_node(0, &root.feeder_id, &what));
        }
    }

    /// A device of the tree that the estimate does not have, or no more since it was made.
    fn left_out(&self) -> Option<&'d DeviceId> {
        let at_the_end = self.world.facts.get(self.view.devices.len()).map(|fact| fact.device_id);
        self.world.left_out.first().copied().or(self.misplaced).or(at_the_end)
    }
}

/// Who is not heard follows nothing, and who does not follow is taken as it is.
fn check_part(seen: &Seen<'_>, fact: &Fact<'_>, order: &Order, find: &mut impl FnMut(String)) {
    let told = order.setpoint_w;
    match (fact.part, seen.role) {
        (Part::Commanded, Role::Controlled)
        | (Part::Silent, Role::Silent(_))
        | (Part::Watched, Role::Shadow)
        | (Part::Left | Part::Meter, Role::Passive(_)) => {}
        (Part::Silent, Role::Controlled) => {
            find("is not heard, and counts as one that follows".to_owned());
        }
        (part, role) => find(format!("is {part:?} and was taken for {role:?}")),
    }
    if let (Part::Silent, Some(told)) = (fact.part, told.filter(|told| *told > Watts::ZERO))
        && fact.remembered.and_then(|device| device.told_w).is_none_or(|last| told > last)
    {
        find(format!("is not heard, and would be told {told}"));
    }
    if let (Part::Left | Part::Meter, Some(told)) = (fact.part, told) {
        find(format!("nobody commands it, and it would be told {told}"));
    }
    if fact.strays && fact.part == Part::Commanded && !seen.stuck {
        find("does not follow, and others do not yield to it".to_owned());
    }
}

/// It may take what its commands allow, and what it is seen to take beyond them.
fn check_bounds(
    seen: &Seen<'_>,
    fact: &Fact<'_>,
    limits_export: bool,
    find: &mut impl FnMut(String),
) {
    if !matches!(fact.part, Part::Commanded | Part::Silent) {
        return;
    }
    if seen.may.most < fact.may.most {
        let (most, counted) = (fact.may.most, seen.may.most);
        find(format!("may take {most} and counts at {counted}"));
    }
    if limits_export && seen.may.least > fact.may.least {
        let (least, counted) = (fact.may.least, seen.may.least);
        find(format!("may be at {least} and counts at {counted}"));
    }
}

/// What it falls back to, what it could use until it has shown that it needs less, and what it weighs.
fn check_claim(seen: &Seen<'_>, fact: &Fact<'_>, find: &mut impl FnMut(String)) {
    let Claim { fallback_w, could_use_w, weight_milli } = fact.claim;
    if let Some(falls_to) = fallback_w.filter(|falls_to| seen.fallback_w < *falls_to)
        && !seen.set_aside
    {
        find(format!("falls back to {falls_to} and counts at {}", seen.fallback_w));
    }
    if seen.override_w.is_some() {
        return;
    }
    if let Some(weight) = weight_milli.filter(|weight| seen.want.weight_milli != *weight) {
        find(format!("weighs {} where its priority says {weight}", seen.want.weight_milli));
    }
    if let Some(could) = could_use_w.filter(|could| seen.want.high_w < *could) {
        find(format!("could use {could} and is offered {} at most", seen.want.high_w));
    }
}

/// Limits, the distance to them, and what nobody commands.
fn check_node(
    node: &NodeEstimate,
    certain: &Certain,
    world: &World<'_>,
    find: &mut impl FnMut(&str),
) {
    let limits = &node.limits;
    let settings = &world.registry.settings;
    let margin = |limit: Watts| {
        let relative = limit * i64::from(settings.margin_permille) / 1_000;
        settings.margin_w.max(relative).min(limit)
    };
    if limits.import > certain.limit_w {
        find(&format!("a limit of {} was taken where {} hold", limits.import, certain.limit_w));
    }
    if limits.margin < margin(limits.import) {
        find(&format!("a margin of {} is too small", limits.margin));
    }
    if let Some(export) = certain.export_w
        && limits.export.is_none_or(|taken| taken > export || limits.export_margin < margin(taken))
    {
        find(&format!("the export limit of {export} was not taken"));
    }
    if node.uncontrolled_w < certain.base_w {
        let (counted, base) = (node.uncontrolled_w, certain.base_w);
        find(&format!("{counted} that nobody commands were counted where there are {base}"));
    }
}
