//! The import limit of a feeder at one moment, by its definition, as it was ordered: what is randomised or looked at ahead
//! can only be stricter.

use schemas::records::operator::{ProgramMode, ProgramSet};
use schemas::registry::{Event, Feeder, Registry};
use schemas::{FeederId, Timestamp, Watts};

/// W, at least 0.
pub(super) fn limit_w(
    registry: &Registry,
    feeder_id: &FeederId,
    feeder: &Feeder,
    now: Timestamp,
) -> Watts {
    let standing = standing_w(registry, feeder_id, feeder);
    let here = |event: &&Event| event.created.feeder_id == *feeder_id && event.is_active(now);
    let events = registry.events_after(now).filter(here).map(|event| {
        let created = &event.created;
        let shed = (standing - created.limit_w.max(Watts::ZERO)).max(Watts::ZERO);
        standing - ramped(shed, now.since(created.start), created.ramp_s)
    });
    let holds = |program: &&ProgramSet| program.active && program.start <= now && now < program.end;
    let programs = registry.programs.values().filter(holds);
    let shed: Watts = programs
        .map(|program| {
            let shed = shed_w(registry, program, feeder_id, standing);
            ramped(shed.min(standing), now.since(program.start), program.ramp_s)
        })
        .sum();
    events.fold(standing - shed, Watts::min).max(Watts::ZERO)
}

/// Its own limit, and of a root no more than its part of the one over all roots.
fn standing_w(registry: &Registry, feeder_id: &FeederId, feeder: &Feeder) -> Watts {
    let own = registry.import_limit(feeder).max(Watts::ZERO);
    let Some(global) = registry.settings.global_limit_w.filter(|_| feeder.parent_id.is_none())
    else {
        return own;
    };
    let mut all = Watts::ZERO;
    let mut shares = false;
    for root in registry.controlled_roots() {
        shares |= root == feeder_id;
        let limit =
            registry.feeders.get(root).map_or(Watts::ZERO, |root| registry.import_limit(root));
        all += limit.max(Watts::ZERO);
    }
    let global = global.max(Watts::ZERO);
    if !shares || all <= global {
        return own.min(global);
    }
    global.scaled(own.0, all.0).min(own)
}

/// What a program takes from a feeder's limit when it is all there.
fn shed_w(
    registry: &Registry,
    program: &ProgramSet,
    feeder_id: &FeederId,
    standing: Watts,
) -> Watts {
    let (named, takes_part) = if program.feeder_ids.is_empty() {
        let roots = registry.controlled_roots();
        roots.fold((0, false), |(count, is), root| (count + 1, is || root == feeder_id))
    } else {
        (program.feeder_ids.len(), program.feeder_ids.contains(feeder_id))
    };
    if !takes_part {
        return Watts::ZERO;
    }
    let part =
        program.target_shed_w.max(Watts::ZERO) / i64::try_from(named).unwrap_or(i64::MAX).max(1);
    match program.mode {
        ProgramMode::FixedCap => part,
        ProgramMode::PriceElastic => {
            let (penalty, incentive) =
                (program.penalty_milli_per_kwh.max(0), program.incentive_milli_per_kwh.max(0));
            // A unit of price is one per cent of the limit.
            let permille = ((penalty - incentive) / 100).clamp(0, 800);
            let by_price = standing.scaled(permille, 1_000);
            if penalty > incentive { part.max(by_price) } else { Watts::ZERO }
        }
    }
}

/// The part that has been reached so long after the start.
fn ramped(whole: Watts, into_ms: i64, ramp_s: i32) -> Watts {
    let ramp_ms = i64::from(ramp_s.max(0)) * 1_000;
    if into_ms >= ramp_ms {
        return whole;
    }
    whole.scaled(into_ms.max(0), ramp_ms.max(1))
}
