//! The limit of a feeder at a moment: the strictest of its own, its part of the global one, events and programs.

use std::collections::BTreeSet;

use schemas::records::decision::NodeBinding;
use schemas::records::operator::{PRICE_SHED_MAX_PERMILLE, ProgramMode, ProgramSet};
use schemas::registry::{Event, Registry, latest_end};
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;

use crate::release::randomised_ms;
use crate::topology::Topology;

/// Limits in force over a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The feeder's own import limit.
    pub(crate) own_import: Watts,
    /// The import limit in force: the strictest in the stretch.
    pub(crate) import: Watts,
    /// The export limit, if there is one; a positive number.
    pub(crate) export: Option<Watts>,
    /// Distance kept from the import limit, and from the export limit.
    pub(crate) margin: Watts,
    pub(crate) export_margin: Watts,
    /// What makes the limit what it is.
    pub(crate) binding: NodeBinding,
    /// The event or program that does.
    pub(crate) source: Option<Uuid>,
}

/// The limits of each feeder of a tree from `from` to `to`, both included, in the order of its nodes.
///
/// A limit that falls within the stretch counts from its beginning: setpoints sent now are still in force then.
pub(crate) fn limits(
    registry: &Registry,
    topology: &Topology,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Limits> {
    let stretch = Stretch::of(registry, from, to);
    topology.nodes.iter().map(|node| limits_of(registry, &node.feeder_id, &stretch)).collect()
}

/// A stretch of time, and the events and programs that may hold in it: of all that there ever were these are few.
struct Stretch<'r> {
    from: Timestamp,
    to: Timestamp,
    events: Vec<(&'r Event, Span)>,
    /// Each with the feeders that share its shed.
    programs: Vec<(&'r ProgramSet, Vec<FeederId>)>,
    /// The roots that share the limit over all of them, and their own limits together, W.
    roots: BTreeSet<&'r FeederId>,
    roots_w: Watts,
}

impl<'r> Stretch<'r> {
    fn of(registry: &'r Registry, from: Timestamp, to: Timestamp) -> Self {
        let roots: BTreeSet<&FeederId> = registry.controlled_roots().collect();
        let own = roots.iter().filter_map(|root| registry.feeders.get(*root));
        let roots_w = own.map(|root| registry.import_limit(root).max(Watts::ZERO));
        let events = registry.events_after(from).map(|event| (event, Span::of(event)));
        let programs = registry.programs.values().filter(|program| {
            program.active && latest_end(program.end, program.randomize_s) > from
        });
        let named = |program: &ProgramSet| {
            if program.feeder_ids.is_empty() {
                roots.iter().map(|root| (*root).clone()).collect()
            } else {
                program.feeder_ids.clone()
            }
        };
        Self {
            from,
            to,
            events: events.filter(|(_, span)| span.touches(from, to)).collect(),
            programs: programs.map(|program| (program, named(program))).collect(),
            roots_w: roots_w.sum(),
            roots,
        }
    }

    /// What a root has of the limit over all roots: trees are decided apart, so it is split by their own limits.
    fn part_of_global(&self, root: &FeederId, own: Watts, global: Watts) -> Watts {
        let global = global.max(Watts::ZERO);
        if self.roots_w <= global || !self.roots.contains(root) {
            return own.min(global);
        }
        own.min(global.scaled(own.0, self.roots_w.0))
    }
}

fn limits_of(registry: &Registry, feeder_id: &FeederId, stretch: &Stretch<'_>) -> Limits {
    let default = schemas::registry::Feeder::default();
    let feeder = registry.feeders.get(feeder_id).unwrap_or(&default);
    let settings = &registry.settings;
    let own_import = registry.import_limit(feeder).max(Watts::ZERO);
    let global = settings.global_limit_w.filter(|_| feeder.parent_id.is_none());
    let standing =
        global.map_or(own_import, |global| stretch.part_of_global(feeder_id, own_import, global));
    let mut import = standing;
    let mut binding = NodeBinding::ImportLimit;
    let mut source = None;
    for (event, span) in &stretch.events {
        if event.created.feeder_id == *feeder_id
            && let Some(limit) = event_limit(event, span, standing, stretch)
            && limit < import
        {
            import = limit;
            binding = NodeBinding::Event;
            source = Some(event.created.event_id);
        }
    }
    let (shed, program) = program_shed(feeder_id, standing, stretch);
    if standing - shed < import {
        import = (standing - shed).max(Watts::ZERO);
        binding = NodeBinding::Program;
        source = program;
    }
    let margin_of = |limit: Watts| {
        let relative = limit * i64::from(settings.margin_permille) / 1_000;
        settings.margin_w.max(relative).min(limit)
    };
    let export = feeder.export_limit_w;
    let export_margin = margin_of(export.unwrap_or(Watts::ZERO));
    Limits { own_import, import, export, margin: margin_of(import), export_margin, binding, source }
}

/// The lowest limit that an event sets within the stretch; none when it does not touch it.
fn event_limit(
    event: &Event,
    span: &Span,
    standing: Watts,
    stretch: &Stretch<'_>,
) -> Option<Watts> {
    let wanted = (standing - event.created.limit_w.max(Watts::ZERO)).max(Watts::ZERO);
    Some(standing - span.reached(wanted, stretch.from, stretch.to)?)
}

/// A time in which something holds, reached over a ramp.
struct Span {
    start: Timestamp,
    end: Timestamp,
    ramp_s: i32,
}

impl Span {
    fn of(event: &Event) -> Self {
        let created = &event.created;
        let (early, late) =
            randomised_ms(created.event_id, &created.feeder_id, created.randomize_s);
        let end = created.end.plus_ms(late);
        let end = event.cancelled_at.map_or(end, |cancelled| cancelled.min(end));
        Self { start: created.start.plus_ms(-early), end, ramp_s: created.ramp_s }
    }

    fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        self.start <= to && self.end > from
    }

    /// The most of `whole` that is reached within the stretch; none when the stretch does not touch it.
    ///
    /// It grows evenly over the ramp, so the most is at the last point of the stretch.
    fn reached(&self, whole: Watts, from: Timestamp, to: Timestamp) -> Option<Watts> {
        if !self.touches(from, to) {
            return None;
        }
        let ramp_ms = i64::from(self.ramp_s.max(0)).saturating_mul(1000);
        let into = to.since(self.start).min(ramp_ms);
        if into >= ramp_ms {
            return Some(whole);
        }
        Some(whole.scaled(into, ramp_ms))
    }
}

/// Watts that active programs take from a feeder's limit, each one's shed split evenly over the feeders it names, and
/// the program that takes most.
fn program_shed(
    feeder_id: &FeederId,
    standing: Watts,
    stretch: &Stretch<'_>,
) -> (Watts, Option<Uuid>) {
    let (mut shed, mut largest) = (Watts::ZERO, None);
    for (program, named) in &stretch.programs {
        if !named.contains(feeder_id) {
            continue;
        }
        let count = i64::try_from(named.len()).unwrap_or(i64::MAX).max(1);
        let split = program.target_shed_w.max(Watts::ZERO) / count;
        let (early, late) = randomised_ms(program.program_id, feeder_id, program.randomize_s);
        let span = Span {
            start: program.start.plus_ms(-early),
            end: program.end.plus_ms(late),
            ramp_s: program.ramp_s,
        };
        let whole = match program.mode {
            ProgramMode::FixedCap => split,
            ProgramMode::PriceElastic => {
                // Of each unit of net price per kWh one per cent of the limit, up to the most that a price takes.
                let penalty = program.penalty_milli_per_kwh.max(0);
                let price = penalty.saturating_sub(program.incentive_milli_per_kwh.max(0));
                let permille = (price / 100).clamp(0, PRICE_SHED_MAX_PERMILLE);
                // An incentive invites to take more: it sheds nothing, and no limit is passed for it.
                let least = if price > 0 { split } else { Watts::ZERO };
                least.max(standing * permille / 1_000)
            }
        };
        let Some(part) = span.reached(whole.min(standing), stretch.from, stretch.to) else {
            continue;
        };
        shed += part;
        largest = largest.max(Some((part, program.program_id)));
    }
    (shed, largest.map(|(_, program_id)| program_id))
}

#[cfg(test)]
mod tests;
