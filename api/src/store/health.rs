//! Which parts of the system work, as far as the API can see: probes set by its tasks, and what the live view tells.

use std::sync::{Arc, Mutex, PoisonError};

use schemas::records::operator::FeederMode;
use schemas::{FeederId, Timestamp};
use service_kit::clock::Clock;
use service_kit::notices::{self, Area, Notice};

use super::live::{FeederView, Live, View};

/// Intervals without a decision after which control is not well.
pub const INTERVALS_WITHOUT_DECISION_MAX: i64 = 3;

/// How one part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Whether it works.
    pub ok: bool,
    /// What is known of it.
    pub detail: Option<String>,
    /// Since when it has been like that, where that is known.
    pub since: Option<Timestamp>,
}

/// The state of one part, set by who uses it.
pub struct Probe {
    part: Mutex<Part>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Probe").field(&self.read()).finish()
    }
}

impl Probe {
    /// A probe of a part that has not been seen yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let part = Part {
            ok: false,
            detail: Some("not reached yet".to_owned()),
            since: Some(clock.now()),
        };
        Self { part: Mutex::new(part), clock }
    }

    /// The part works.
    pub fn pass(&self, detail: &str) {
        self.set(true, detail.to_owned());
    }

    /// The part does not work.
    pub fn fail(&self, detail: String) {
        self.set(false, detail);
    }

    fn set(&self, ok: bool, detail: String) {
        let mut part = self.part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.ok != ok {
            part.since = Some(self.clock.now());
        }
        part.ok = ok;
        part.detail = Some(detail);
    }

    /// How it is.
    #[must_use]
    pub fn read(&self) -> Part {
        self.part.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The log.
    pub log: Part,
    /// ClickHouse.
    pub clickhouse: Part,
    /// Decisions.
    pub control: Part,
    /// Devices.
    pub mqtt: Part,
    /// What is not well by the word of who watches it, by name.
    pub down: Vec<String>,
}

impl Health {
    /// `ok` when all parts are, else `degraded`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        let parts = [&self.log, &self.clickhouse, &self.control, &self.mqtt];
        if parts.iter().all(|part| part.ok) { "ok" } else { "degraded" }
    }

    /// Takes in what somebody who watches a part says of it: that comes first, and what is seen from here after it.
    fn heed(&mut self, notice: Notice) {
        let part = match notice.area {
            Area::Log => &mut self.log,
            Area::ClickHouse => &mut self.clickhouse,
            Area::Control => &mut self.control,
            Area::Mqtt => &mut self.mqtt,
        };
        let seen = part.detail.take().filter(|_| !part.ok).map(|seen| format!("; {seen}"));
        *part = Part {
            ok: false,
            detail: Some(format!("{}{}", notice.words, seen.unwrap_or_default())),
            since: Some(
                part.since
                    .filter(|_| !part.ok)
                    .map_or(notice.since, |since| since.min(notice.since)),
            ),
        };
        self.down.push(notice.what);
    }
}

/// Where health is read.
#[derive(Debug)]
pub struct HealthMonitor {
    live: Arc<Live>,
    log: Arc<Probe>,
    clickhouse: Arc<Probe>,
}

impl HealthMonitor {
    /// Reads these.
    #[must_use]
    pub fn new(live: Arc<Live>, log: Arc<Probe>, clickhouse: Arc<Probe>) -> Self {
        Self { live, log, clickhouse }
    }

    /// How everything is at `now`.
    #[must_use]
    pub fn read(&self, now: Timestamp) -> Health {
        let view = self.live.view();
        let mut log = self.log.read();
        if log.ok && !view.is_complete() {
            log.ok = false;
            log.detail = Some("reachable; its records are still being read".to_owned());
        }
        let mut health = Health {
            log,
            clickhouse: self.clickhouse.read(),
            control: control(&view, now),
            mqtt: devices(&view, now),
            down: Vec::new(),
        };
        notices::all().into_iter().for_each(|notice| health.heed(notice));
        health
    }
}

/// The longest silence of a feeder's decisions that is still well, ms.
#[must_use]
pub fn silence_max_ms(view: &View) -> i64 {
    let settings = &view.registry().settings;
    INTERVALS_WITHOUT_DECISION_MAX * settings.interval_ms + settings.lateness_ms + settings.idle_ms
}

/// How long a feeder's decisions have been silent, if for too long.
#[must_use]
pub fn silent_for_ms(view: &View, feeder: &FeederView, now: Timestamp) -> Option<i64> {
    let silence = now.since(feeder.state.as_ref()?.at);
    (silence > silence_max_ms(view)).then_some(silence)
}

fn control(view: &View, now: Timestamp) -> Part {
    let with_devices = view.feeders().into_iter().filter(|feeder| {
        feeder.settings.mode != FeederMode::Disabled
            && view.registered_under(&feeder.id).next().is_some()
    });
    let mut undecided = Vec::new();
    let mut silent = Vec::new();
    let mut stopped = Vec::new();
    let mut since = None;
    let newest = view.feeders().iter().filter_map(|feeder| Some(feeder.state.as_ref()?.at)).max();
    for feeder in with_devices {
        let Some(state) = &feeder.state else {
            undecided.push(feeder.id);
            continue;
        };
        if silent_for_ms(view, &feeder, now).is_some() {
            since = since.max(Some(state.at));
            silent.push(feeder.id.clone());
        }
        if let Some(reason) = &state.node.stopped {
            stopped.push(format!("{} is stopped: {reason}", feeder.id));
        }
    }
    let mut problems = stopped;
    if !silent.is_empty() {
        problems.push(format!("decisions have stopped for {}", names(&silent)));
    }
    if !undecided.is_empty() {
        problems.push(format!("no decision yet for {}", names(&undecided)));
    }
    let detail = if problems.is_empty() {
        match view.feeders().len() {
            0 => "no feeders yet".to_owned(),
            count => {
                let age = newest.map_or_else(String::new, |at| {
                    format!(", the newest {} s ago", now.since(at).max(0) / 1_000)
                });
                format!("{count} feeders decided in time{age}")
            }
        }
    } else {
        problems.join("; ")
    };
    Part { ok: problems.is_empty(), detail: Some(detail), since }
}

/// The API does not speak MQTT: whether samples still arrive is what it can see of it.
fn devices(view: &View, now: Timestamp) -> Part {
    let Some(newest) = view.newest_sample() else {
        let detail = if view.registry().devices.is_empty() {
            "no device has been heard yet"
        } else {
            "no device has been heard since control looked last"
        };
        return Part { ok: true, detail: Some(detail.to_owned()), since: None };
    };
    let age_ms = now.since(newest).max(0);
    let allowed_ms = view.registry().settings.stale_ms + silence_max_ms(view);
    Part {
        ok: age_ms <= allowed_ms,
        detail: Some(format!("judged by samples: the newest arrived {} s ago", age_ms / 1000)),
        since: (age_ms > allowed_ms).then_some(newest),
    }
}

/// The first few of many ids.
fn names(ids: &[FeederId]) -> String {
    const SHOWN: usize = 3;
    let mut text = ids.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() > SHOWN {
        text.push_str(&format!(" and {} more", ids.len() - SHOWN));
    }
    text
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
