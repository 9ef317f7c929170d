//! What is measured in a scene, and the verdict by the rule above all: over the limit no longer than it takes to answer,
//! or an alarm that names the culprit and nothing raised on what it says; and the others lose nothing by it.

use schemas::records::decision::{Alarm, Decision, Emit};
use schemas::registry::Registry;
use schemas::{Timestamp, Watts};

use super::{MINUTE, SECOND, Trial};
use crate::world::{STEP_MS, World, feeder};

/// Seen, decided, heard, ramped.
const ANSWER_MS: i64 = 30 * SECOND;
/// An alarm comes within so long.
const ALARM_MS: i64 = 2 * MINUTE;
/// Of the best that could be had so much is served at least.
const SERVED_PERCENT: i64 = 85;

/// What came of a scene.
pub(super) struct Figures {
    over_ms: i64,
    worst_w: i64,
    /// The worst after an alarm has stood for the answer time is beyond what it was until then, load aside that nobody can
    /// know of.
    rises_after_alarm: bool,
    alarm: Option<(i64, String)>,
    served_percent: Option<i64>,
    commands: i64,
    refused: usize,
    good: bool,
}

/// Runs a trial to its end.
pub(super) fn live(trial: Trial) -> Figures {
    lived(trial).0
}

/// The same, with the world as it is then.
pub(super) fn lived(mut trial: Trial) -> (Figures, World) {
    let start = trial.world.now;
    let (mut over_ms, mut worst_w, mut served_wms) = (0, 0, 0);
    let (mut worst_until_alarm, mut worst_after_alarm) = (0, 0);
    let mut unseen_before = 0;
    let mut alarm = None;
    for step in 0..trial.lasts_s * SECOND / STEP_MS {
        let into_ms = step * STEP_MS;
        if into_ms % SECOND == 0 {
            (trial.script)(&mut trial.world, into_ms / SECOND);
        }
        trial.world.step();
        let into_fault = into_ms - trial.fault_s * SECOND;
        if into_fault >= 0 {
            let over = over_w(&trial.world);
            over_ms += if over > trial.tolerated_w { STEP_MS } else { 0 };
            worst_w = worst_w.max(over);
            alarm = alarm.or_else(|| naming(&trial).map(|named| (into_fault, named)));
            let unseen = trial.unseen.map_or(0, |load| trial.world.sims[load].power_w);
            if into_fault == 0 {
                unseen_before = unseen;
            }
            if alarm.as_ref().is_none_or(|(at, _)| into_fault < at + ANSWER_MS) {
                worst_until_alarm = worst_w;
            } else {
                worst_after_alarm = worst_after_alarm.max(over - (unseen - unseen_before).max(0));
            }
        }
        if into_ms >= trial.counts_from_s * SECOND {
            let powers = trial.innocents.iter().map(|sim| trial.world.sims[*sim].power_w.abs());
            served_wms += powers.sum::<i64>() * STEP_MS;
        }
    }
    let best_wms = trial.best_w * (trial.lasts_s - trial.counts_from_s) * SECOND;
    let mut figures = Figures {
        over_ms,
        worst_w,
        rises_after_alarm: worst_after_alarm > worst_until_alarm,
        alarm,
        served_percent: (best_wms > 0).then(|| served_wms * 100 / best_wms),
        commands: commands(&trial.world, start),
        refused: trial.world.decisions.iter().filter(|made| !made.header.certified).count(),
        good: false,
    };
    figures.good = figures.verdict(&trial) && (trial.holds)(&trial.world);
    (figures, trial.world)
}

/// How far the true load is beyond what is allowed, to either side.
fn over_w(world: &World) -> i64 {
    let (import, export) = limits(&world.registry, Timestamp(world.now));
    let load = world.load(&feeder("root"));
    let exported = export.map_or(0, |export| (-load - export.0).max(0));
    (load - import.0).max(exported).max(0)
}

fn limits(registry: &Registry, now: Timestamp) -> (Watts, Option<Watts>) {
    let root = &registry.feeders[&feeder("root")];
    let own = root.import_limit_w.expect("every scene sets one");
    let events = registry.events.values().filter(|event| event.is_active(now));
    let import = events.map(|event| event.created.limit_w).min().unwrap_or(own).min(own);
    (import, root.export_limit_w)
}

/// The first alarm that names the culprit.
fn naming(trial: &Trial) -> Option<String> {
    let culprit = trial.culprit?;
    let names = |alarm: &&Alarm| {
        let device = alarm.device_id.as_ref().is_some_and(|id| id.as_str() == culprit);
        // Of a feeder only that its limit cannot be met says what is wrong.
        let feeder = alarm.code == "CTL-002"
            && alarm.feeder_id.as_ref().is_some_and(|id| id.as_str() == culprit);
        device
            || feeder
            || alarm
                .message
                .split(|c: char| c.is_whitespace() || c == ',')
                .any(|word| word == culprit)
    };
    let alarm = trial.world.decisions.last()?.header.alarms.iter().find(names)?;
    Some(format!("{} {culprit}", alarm.code))
}

/// Changed commands per device and hour.
fn commands(world: &World, start: i64) -> i64 {
    let changed = |made: &Decision| made.devices.iter().filter(|d| d.emit == Emit::Change).count();
    let all: usize = world.decisions.iter().map(changed).sum();
    let devices = world.last().devices.iter().filter(|d| d.setpoint_w.is_some()).count().max(1);
    let all = i64::try_from(all).expect("few");
    let devices = i64::try_from(devices).expect("few");
    all * 60 * MINUTE / (world.now - start) / devices
}

impl Figures {
    fn verdict(&self, trial: &Trial) -> bool {
        let named = self.alarm.as_ref().is_some_and(|(at, _)| *at <= ALARM_MS);
        let safe = self.over_ms <= ANSWER_MS || named && !self.rises_after_alarm;
        let fair = self.served_percent.is_none_or(|percent| percent >= SERVED_PERCENT);
        let calm = self.commands <= trial.commands_max;
        safe && fair && calm && self.refused == 0 && (named || trial.culprit.is_none())
    }

    /// Whether all went as it should.
    pub(super) fn is_good(&self) -> bool {
        self.good
    }

    /// Its row of the table.
    pub(super) fn row(&self, rule: &str, scene: &str) -> String {
        let (after, named) = match &self.alarm {
            Some((at, named)) => ((at / SECOND).to_string(), named.clone()),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let served = self.served_percent.map_or("–".to_owned(), |percent| format!("{percent} %"));
        let Self { over_ms, worst_w, commands, refused, .. } = self;
        let (seconds, tenths) = (over_ms / SECOND, (worst_w + 50) / 100);
        format!(
            "| {rule} | {scene} | {seconds} | {}.{} | {after} | {named} | {served} | {commands} | {refused} | {} |",
            tenths / 10,
            tenths % 10,
            if self.good { "yes" } else { "**no**" }
        )
    }
}
