//! What ClickHouse holds, as the API sees it from outside: whether the sink keeps up with decisions, and whether rows come
//! from another log than the one that is there. It knows nothing of how rows get there.

use std::sync::Arc;

use chrono::DateTime;
use schemas::identity::Lineage;
use schemas::{FeederId, Timestamp};
use service_kit::clock::Clock;
use service_kit::notices::{self, Area};
use tokio_util::sync::CancellationToken;

use super::health::Probe;
use super::history::{History, HistoryError};
use super::live::{Live, View};
use crate::caps::{LOG_CHANGE_TOLD_MS, PROBE_INTERVAL, STORED_BEHIND_MAX_MS};

/// What health calls a log that is another one than before.
const NOTICE: &str = "log made anew";
/// Rows older than the newest decision by more than this are not looked for.
const STORED_LOOK_BACK_MS: i64 = 3_600_000;

/// Asks ClickHouse now and then whether it is there and what it holds, until `shutdown`.
///
/// # Errors
/// None today: ClickHouse may come and go.
pub async fn watch_clickhouse(
    history: Arc<History>,
    live: Arc<Live>,
    probe: Arc<Probe>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let answer = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            answer = look(&history, &live, &*clock) => answer,
        };
        match answer {
            Ok(words) => probe.pass(&words),
            Err(words) => probe.fail(words),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(PROBE_INTERVAL) => {}
        }
    }
}

/// How history is, or why it is not well.
async fn look(history: &History, live: &Live, clock: &dyn Clock) -> Result<String, String> {
    let unavailable = |error: HistoryError| error.to_string();
    history.ping().await.map_err(|error| error.to_string())?;
    let rows_of = history.logs().await.map_err(unavailable)?;
    let (told, newest) = {
        let view = live.view();
        (another_log(view.registry().log.as_ref(), &rows_of, clock.now()), newest_decision(&view))
    };
    match told {
        Some(words) => notices::post(NOTICE, Area::Log, words),
        None => notices::clear(NOTICE),
    }
    let Some((feeder_id, decided)) = newest else { return Ok("reachable".to_owned()) };
    let from = decided.plus_ms(-STORED_LOOK_BACK_MS);
    let stored = history.newest_decision(&feeder_id, from).await.map_err(unavailable)?;
    behind(decided, stored).map_or_else(|| Ok(keeps_up(decided, stored)), Err)
}

/// The feeder that was decided last, and when.
fn newest_decision(view: &View) -> Option<(FeederId, Timestamp)> {
    let decided =
        view.feeders().into_iter().filter_map(|feeder| Some((feeder.state?.at, feeder.id)));
    decided.max().map(|(at, feeder_id)| (feeder_id, at))
}

/// What to say where it is not.
fn keeps_up(decided: Timestamp, stored: Option<Timestamp>) -> String {
    let lag_ms = stored.map_or(0, |stored| decided.since(stored).max(0));
    format!("reachable; {} s behind the newest decision", lag_ms / 1_000)
}

/// What to say where the newest stored decision of a feeder is too far behind the newest one.
fn behind(decided: Timestamp, stored: Option<Timestamp>) -> Option<String> {
    let lag_ms = stored.map_or(STORED_LOOK_BACK_MS, |stored| decided.since(stored));
    (lag_ms > STORED_BEHIND_MAX_MS).then(|| {
        let at_least = if stored.is_none() { "at least " } else { "" };
        format!(
            "reachable, but the newest stored decision is {at_least}{} s behind the newest one: the sink does not store. \
             Where it says why, its words come first; derms_sink_errors_total and the processor's log have more. What is \
             missing waits in the log",
            lag_ms / 1_000
        )
    })
}

/// What to say of a log that is another one than rows in ClickHouse are of, for a while after it was made.
fn another_log(log: Option<&Lineage>, rows_of: &[String], now: Timestamp) -> Option<String> {
    let log = log?;
    let made = log.made_at().filter(|made| now.since(*made) <= LOG_CHANGE_TOLD_MS)?;
    let at = DateTime::from_timestamp_millis(made.0)?.to_rfc3339();
    if let Some(before) = log.before().last() {
        return Some(format!(
            "a copy of log {before} was put back at {at}: what was written to it after the copy was made is not in it"
        ));
    }
    let before = rows_of.iter().filter(|id| **id != log.current().to_string()).max()?;
    let adopted_these = log.adopted() && before.is_empty();
    let name = if before.is_empty() { "one without identity" } else { before };
    (!adopted_these).then(|| {
        format!(
            "the log was made anew at {at}, and ClickHouse holds rows of another one before it ({name}): limits, events, \
             overrides and registrations of that one hold no more, and have to be given again"
        )
    })
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
