//! What the feeders truly carry, and whether that is what ramps and delays allow. Written from the definitions: no line of the
//! core's is used but the registry's fold.
//!
//! A control loop cannot answer before it has seen, decided and been heard. [`REACTION_MS`] is the time it has for that,
//! ramps included. While control works, at every moment and for every feeder:
//!
//! - a device that keeps to its last command counts with all that it takes, at once;
//! - a device that takes more than it was last told (it ramps down, or the message is lost, or its lease lapsed to more) counts with
//!   the least that it has taken for the reaction time and the time until silence is noticed;
//! - what nobody commands counts with the least that it has taken since the sample that was its last in the log when the reaction
//!   time began: what nobody can know is nobody's fault, nor what a meter's word cannot tell apart from devices not heard then;
//! - and all that together is at most the highest limit that has been in force within the reaction time.

use std::collections::BTreeMap;

use device_model::Drive;
use schemas::records::operator::ProgramMode;
use schemas::registry::Registry;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::member::{Body, Member, Taken};
use super::reference::{Violation, violation};

/// From a change to its full answer: a sample (up to 3 s apart), two ways (1 s), the window, its lateness and idle time (8 s), append,
/// read and publish (up to 5 s where an answer is lost), the slowest ramp (11 kW at 1.5 kW/s: 8 s), and clocks that differ (1 s).
pub const REACTION_MS: i64 = 30_000;
/// Until a device that is not heard counts as that, or one that a decrease has not reached makes others yield.
pub const NOTICE_MS: i64 = 35_000;
/// Rounding at the edge, W per device, and meters.
const SLACK_W: i64 = 10;

/// What the world knows about one device beside itself.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Its power, second by second.
    pub power_w: Vec<i64>,
    /// The last command published for it.
    pub newest: Option<Taken>,
    /// When the last sample that reached the log was taken.
    pub logged: i64,
    /// Of what only a meter sees: when the meter's last word was said, whether or not it told anything.
    pub word: i64,
    /// And until when so much of that word may have been others, who were told that and were not heard.
    pub unsure: Option<(i64, i64)>,
    /// The same as it was, second by second.
    pub logged_then: Vec<i64>,
    /// Commands that may be in force, as the log has it: decided less than two leases ago, and not known to be replaced.
    pub live: Vec<(Uuid, i64, i64)>,
}

/// The truth about the feeders.
#[derive(Debug, Default)]
pub struct Physics {
    limits: BTreeMap<FeederId, Vec<(i64, Option<i64>)>>,
    excused: BTreeMap<FeederId, i64>,
    /// Checks made.
    pub checks: u64,
    /// Checks left out: control was away, or has said that it cannot be done.
    pub skipped: u64,
    /// Feeder seconds above the limit, of those checked.
    pub over_s: u64,
}

impl Watched {
    /// The least it has taken since the sample that was the last in the log so long ago. Before the world began it took nothing.
    #[must_use]
    pub fn least_known_w(&self, before_ms: i64, start: i64, power_w: i64) -> i64 {
        let then =
            self.logged_then.len().checked_sub(usize::try_from(before_ms / 1_000).unwrap_or(0));
        let known = then.and_then(|then| self.logged_then.get(then)).map_or(0, |at| at - start);
        let power_w = if known <= 0 { power_w.min(0) } else { power_w };
        let from = usize::try_from(known.max(0) / 1_000).unwrap_or(0).min(self.power_w.len());
        self.power_w[from..].iter().copied().fold(power_w, i64::min)
    }
}

fn place(second: usize, back_ms: i64) -> usize {
    second.saturating_sub(usize::try_from(back_ms / 1_000).unwrap_or(0))
}

impl Physics {
    /// Notes the limits in force.
    pub fn note_limits(&mut self, registry: &Registry, now: i64) {
        for (feeder_id, feeder) in &registry.feeders {
            let import = import_limit(registry, feeder_id, now);
            let export = feeder.export_limit_w.map(|limit| limit.0);
            let second = self.limits.entry(feeder_id.clone()).or_default();
            second.push((import, export));
        }
    }

    /// What the record itself says cannot be done, or what changed the tree: no check until so much later.
    pub fn excuse(&mut self, feeder_id: &FeederId, until: i64) {
        let entry = self.excused.entry(feeder_id.clone()).or_insert(until);
        *entry = until.max(*entry);
    }

    /// Checks every feeder whose control works.
    ///
    /// # Errors
    /// The first one that carries more than it may.
    pub fn check(
        &mut self,
        registry: &Registry,
        now: i64,
        start: i64,
        members: &[Member],
        watched: &[Watched],
        works: impl Fn(&FeederId) -> bool,
    ) -> Result<(), Violation> {
        for (feeder_id, limits) in &self.limits {
            let excused = self.excused.get(feeder_id).is_some_and(|until| *until > now);
            if excused || !works(&registry.root_of(feeder_id)) {
                self.skipped += 1;
                continue;
            }
            let recent = &limits[place(limits.len(), REACTION_MS + 1_000)..];
            let limit = recent.iter().map(|(import, _)| *import).max().unwrap_or(i64::MAX);
            let (mut counted, mut carried) = (0, 0);
            let mut slack = SLACK_W;
            let mut words = String::new();
            for (member, watched) in members.iter().zip(watched) {
                if matches!(member.body, Body::Meter(_))
                    || !is_under(registry, member_feeder(registry, member), feeder_id)
                {
                    continue;
                }
                let power = member.power_w();
                let counts = counts(member, watched, start, now);
                carried += power;
                counted += counts;
                slack += SLACK_W;
                words.push_str(&format!(
                    " {}={power}/{counts} of {:?}",
                    member.id,
                    watched.newest.map(|newest| newest.target_w)
                ));
            }
            self.checks += 1;
            self.over_s += u64::from(carried > limits.last().map_or(i64::MAX, |last| last.0));
            if counted > limit + slack {
                let what = format!(
                    "{feeder_id} carries {carried} W, {counted} W of it without excuse, at a limit of {limit} W:{words}"
                );
                return Err(violation("G1 the load is within the limit", what));
            }
        }
        Ok(())
    }
}

/// Where a device stands: as registered, else where it says.
#[must_use]
pub fn member_feeder<'a>(registry: &'a Registry, member: &'a Member) -> &'a FeederId {
    registry.feeder_of(&member.id).unwrap_or(&member.feeder)
}

/// What a device was told last.
#[must_use]
pub fn told_w(member: &Member, watched: &Watched) -> i64 {
    watched.newest.or(member.taken).map_or(i64::MIN, |taken| taken.target_w)
}

/// What of a device's power counts without excuse.
fn counts(member: &Member, watched: &Watched, start: i64, now: i64) -> i64 {
    let power = member.power_w();
    let second = watched.power_w.len();
    let least = |from: usize| watched.power_w[from.min(second)..].iter().copied().min();
    let free = member.generates() || matches!(member.drive(), Drive::Own);
    if free {
        let least = watched.least_known_w(REACTION_MS, start, power);
        let unsure = watched.unsure.filter(|(until, _)| *until > now).map_or(0, |(_, watts)| watts);
        return least.min((least - unsure).max(0));
    }
    let told = told_w(member, watched);
    if power > told + SLACK_W {
        let since = place(second, REACTION_MS + NOTICE_MS);
        return least(since).unwrap_or(power).min(power);
    }
    power
}

/// Whether a feeder stands below (or is) another.
#[must_use]
pub fn is_under(registry: &Registry, below: &FeederId, above: &FeederId) -> bool {
    let mut at = Some(below);
    while let Some(here) = at {
        if here == above {
            return true;
        }
        at = registry.feeders.get(here).and_then(|feeder| feeder.parent_id.as_ref());
    }
    false
}

/// The import limit of a feeder at a moment, by the definition: the strictest of its own, the global one, events and programs.
#[must_use]
pub fn import_limit(registry: &Registry, feeder_id: &FeederId, now: i64) -> i64 {
    let at = Timestamp(now);
    let Some(feeder) = registry.feeders.get(feeder_id) else { return i64::MAX };
    let own = registry.import_limit(feeder).0.max(0);
    let standing = match registry.settings.global_limit_w {
        Some(global) if feeder.parent_id.is_none() => own.min(part_of(registry, own, global.0)),
        Some(_) | None => own,
    };
    let mut limit = standing;
    for event in registry.events.values().filter(|event| event.created.feeder_id == *feeder_id) {
        let created = &event.created;
        let end = event.cancelled_at.map_or(created.end, |cancelled| cancelled.min(created.end));
        if at < created.start || at >= end {
            continue;
        }
        let ramp_ms = i64::from(created.ramp_s.max(0)) * 1_000;
        let into = at.since(created.start).min(ramp_ms);
        let whole = created.limit_w.0;
        let now_at = if ramp_ms == 0 || whole >= standing {
            whole
        } else {
            standing - (standing - whole) * into / ramp_ms
        };
        limit = limit.min(now_at);
    }
    let mut shed = 0;
    let roots: Vec<FeederId> = registry.controlled_roots().cloned().collect();
    for program in registry.programs.values().filter(|program| program.active) {
        let named =
            if program.feeder_ids.is_empty() { roots.clone() } else { program.feeder_ids.clone() };
        if at < program.start || at >= program.end || !named.contains(feeder_id) {
            continue;
        }
        let split = program.target_shed_w.0.max(0) / i64::try_from(named.len()).unwrap_or(1);
        shed += match program.mode {
            ProgramMode::FixedCap => split,
            ProgramMode::PriceElastic => {
                let price = program.penalty_milli_per_kwh - program.incentive_milli_per_kwh;
                if price <= 0 {
                    continue;
                }
                split.max(standing * (price / 100).clamp(0, 800) / 1_000)
            }
        };
    }
    limit.min(standing - shed).max(0)
}

/// What a root may take of the limit over all of them: in proportion to its own one.
fn part_of(registry: &Registry, own: i64, global: i64) -> i64 {
    let roots = registry.controlled_roots().map(|root| &registry.feeders[root]);
    let all: i64 = roots.map(|root| registry.import_limit(root).0.max(0)).sum();
    if all <= global { global } else { global * own / all }
}
