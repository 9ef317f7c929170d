//! Reads operator.v1, feeder-state.v1 and device-state.v1 from the beginning into the live view, for ever.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use chrono::DateTime;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::records::operator::OperatorRecord;
use schemas::records::state::{DeviceState, FeederState};
use schemas::topics::Topic;
use service_kit::log::{LogConfig, LogRecord, ReadError, Reader, Start, ensure_topics};
use tokio_util::sync::CancellationToken;

use super::health::Probe;
use super::live::Live;
use crate::caps::{LOG_RETRY_PAUSE, PROBE_INTERVAL};
use crate::metrics;

/// The offset to read next, of each partition.
type Positions = BTreeMap<(Topic, i32), i64>;

/// Reads until `shutdown`. A log that is away is waited for.
///
/// # Errors
/// When the log is another one than before, or holds what this program does not know: a new start is the way on.
pub async fn run(
    config: LogConfig,
    live: Arc<Live>,
    probe: Arc<Probe>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut positions = Positions::new();
    while !shutdown.is_cancelled() {
        let read = read(&config, &live, &probe, &mut positions);
        let problem = tokio::select! {
            () = shutdown.cancelled() => break,
            ended = read => match ended {
                Ended::Away(problem) => problem,
                Ended::Over(error) => {
                    probe.fail(error.to_string());
                    return Err(error.into());
                }
            },
        };
        tracing::warn!(problem, "the log cannot be read; trying again");
        probe.fail(problem);
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(LOG_RETRY_PAUSE) => {}
        }
    }
    Ok(())
}

/// Why reading has ended.
enum Ended {
    /// The log cannot be read now.
    Away(String),
    /// Nor later.
    Over(ReadError),
}

/// Reads on from the positions; ends only with a problem.
async fn read(config: &LogConfig, live: &Live, probe: &Probe, positions: &mut Positions) -> Ended {
    let partitions = match ensure_topics(config).await {
        Ok(partitions) => partitions,
        Err(error) => return Ended::Away(error.to_string()),
    };
    let places: Vec<(Topic, i32)> = [Topic::Operator, Topic::FeederState, Topic::DeviceState]
        .into_iter()
        .flat_map(|topic| (0..topic.partitions(partitions)).map(move |number| (topic, number)))
        .collect();
    let starts: Vec<(Topic, i32, Start)> = places
        .iter()
        .map(|place| {
            let start = positions.get(place).map_or(Start::Beginning, |next| Start::Offset(*next));
            (place.0, place.1, start)
        })
        .collect();
    let outcome = async {
        let reader = Reader::new(config, &starts)?;
        let mut behind = ends(&reader, &places, positions).await?;
        probe.pass("reachable");
        tracing::info!(partitions, behind = behind.len(), "reading the log");
        if behind.is_empty() {
            live.set_complete();
        }
        let mut watching = std::pin::pin!(watch_log(&reader, live, probe));
        loop {
            let record = tokio::select! {
                record = reader.next() => record?,
                never = &mut watching => match never {},
            };
            let place = (record.topic, record.partition);
            let next = record.offset + 1;
            positions.insert(place, next);
            take(live, &record);
            if behind.get(&place).is_some_and(|end| next >= *end) {
                behind.remove(&place);
                if behind.is_empty() {
                    tracing::info!("the live view is complete");
                    live.set_complete();
                }
            }
        }
    };
    let result: Result<Infallible, ReadError> = outcome.await;
    match result {
        Ok(never) => match never {},
        Err(error) if error.is_final() => Ended::Over(error),
        Err(error) => Ended::Away(error.to_string()),
    }
}

/// The ends of partitions that are not read up to them yet.
async fn ends(
    reader: &Reader,
    places: &[(Topic, i32)],
    positions: &Positions,
) -> Result<Positions, ReadError> {
    let mut behind = Positions::new();
    for (topic, partition) in places {
        let (first, end) = reader.bounds(*topic, *partition).await?;
        let next = positions.get(&(*topic, *partition)).copied().unwrap_or(first);
        if next < end {
            behind.insert((*topic, *partition), end);
        }
    }
    Ok(behind)
}

/// Asks the log now and then whether it is there.
async fn watch_log(reader: &Reader, live: &Live, probe: &Probe) -> Infallible {
    loop {
        tokio::time::sleep(PROBE_INTERVAL).await;
        match reader.bounds(Topic::Operator, 0).await {
            Ok(_) => probe.pass(&which_log(live.view().registry().log.as_ref())),
            // The reader itself goes on and finds the log again when it is back.
            Err(error) => probe.fail(error.to_string()),
        }
    }
}

/// Which log it is, and since when: one that was made anew says so.
fn which_log(lineage: Option<&Lineage>) -> String {
    let Some(lineage) = lineage else { return "reachable".to_owned() };
    let made = lineage.made_at().and_then(|at| DateTime::from_timestamp_millis(at.0));
    let made = made.map_or_else(String::new, |at| format!(" at {}", at.to_rfc3339()));
    let how = match lineage.before().last() {
        Some(before) => format!("put back{made} as a copy of log {before}"),
        None if lineage.adopted() => format!("older than its identity, given{made}"),
        None => format!("made anew{made}"),
    };
    format!("reachable; log {}, {how}", lineage.current())
}

fn take(live: &Live, record: &LogRecord) {
    // A tombstone removes nothing from the view: an id is never used for something else.
    if record.value.is_empty() {
        return;
    }
    let outcome = match record.topic {
        Topic::Operator => OperatorRecord::decode(&record.value)
            .map(|change| live.apply_operator(record.offset, &change))
            .inspect_err(|_| live.skip_operator(record.offset)),
        Topic::FeederState => {
            FeederState::decode(&record.value).map(|state| live.apply_feeder(state))
        }
        Topic::DeviceState => {
            DeviceState::decode(&record.value).map(|state| live.apply_device(state))
        }
        Topic::Telemetry
        | Topic::Acks
        | Topic::Decisions
        | Topic::Snapshots
        | Topic::DeadLetters
        | Topic::Sent => Ok(()),
    };
    match outcome {
        Ok(()) => metrics::count_record(record.topic),
        Err(error) => {
            metrics::count_unreadable(record.topic);
            tracing::error!(
                topic = record.topic.suffix(),
                partition = record.partition,
                offset = record.offset,
                %error,
                "a record cannot be read; it is passed over"
            );
        }
    }
}
