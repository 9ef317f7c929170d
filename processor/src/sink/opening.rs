//! Where to go on with partitions: what ClickHouse holds, and what was on its way when it was left.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{LogConfig, Positions, Reader};

use super::block::Planned;
use super::service::Store;
use super::stream::Resume;
use crate::caps::{DEDUP_WINDOW, SINK_TOKEN_KNOWN_MS};

/// Topics with one partition: they go with the first partition of the others.
const SINGLE: [Topic; 2] = [Topic::Operator, Topic::DeadLetters];
const SPREAD: [Topic; 3] = [Topic::Telemetry, Topic::Acks, Topic::Decisions];

/// The table whose highest stored place says where a topic goes on.
pub(super) fn position_table(topic: Topic) -> &'static str {
    match topic {
        Topic::Acks => "acks",
        Topic::Operator => "operator_log",
        Topic::DeadLetters => "dead_letters",
        // Written last of the three that a decision goes into.
        Topic::Decisions => "decisions",
        _ => "telemetry",
    }
}

/// The streams of a partition.
pub(super) fn topics_of(partition: i32) -> impl Iterator<Item = Topic> {
    let single = SINGLE.into_iter().filter(move |_| partition == 0);
    SPREAD.into_iter().chain(single)
}

/// A stream that can begin.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) topic: Topic,
    pub(super) partition: i32,
    pub(super) resume: Resume,
    /// Where to read from.
    pub(super) from: i64,
}

/// Asks where to go on with all streams of these partitions.
///
/// # Errors
/// When ClickHouse or the log does not answer.
pub(super) async fn open(
    store: &Store,
    positions: &Positions,
    log: &LogConfig,
    partitions: &[i32],
) -> anyhow::Result<Vec<Opened>> {
    let places: Vec<(Topic, i32)> = partitions
        .iter()
        .flat_map(|partition| topics_of(*partition).map(|topic| (topic, *partition)))
        .collect();
    // The plans first: a block that is planned after this is of somebody who has the partition after us.
    let plans = positions.get(&places).await?;
    let mut stored = BTreeMap::new();
    for topic in SPREAD.into_iter().chain(SINGLE) {
        stored.insert(topic, store.positions(position_table(topic)).await?);
    }
    let bounds = Reader::new(log, &[])?;
    let mut opened = Vec::new();
    for (topic, partition) in places {
        let highest = stored.get(&topic).and_then(|of| of.get(&partition)).copied().unwrap_or(-1);
        let plan = plans.get(&(topic, partition)).and_then(|(at, text)| Planned::read(*at, text));
        let (at, again) = go_on(highest, plan, SystemClock.now());
        let (first, _) = bounds.bounds(topic, partition).await?;
        // What was seen before is read again, so that duplicates of it are known.
        let window = i64::try_from(DEDUP_WINDOW).unwrap_or(i64::MAX);
        let from = at.saturating_sub(window).max(first).max(0);
        let resume = Resume { at, again, whole: from == 0 };
        opened.push(Opened { topic, partition, resume, from });
    }
    Ok(opened)
}

/// Where storing goes on, and which block is to be written again as it was.
///
/// A block whose fate is unknown is written again under its token, also where it is stored: ClickHouse may have ended between
/// a table and its views. Only when it is so old that ClickHouse may have forgotten the token does what is stored decide.
fn go_on(highest: i64, plan: Option<Planned>, now: Timestamp) -> (i64, Option<Planned>) {
    let next = highest + 1;
    match plan {
        Some(plan) if now.since(plan.at) > SINK_TOKEN_KNOWN_MS && highest >= plan.first => {
            (next, None)
        }
        Some(plan) => (next.min(plan.first), Some(plan)),
        None => (next, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Planned = Planned { first: 10, last: 19, at: Timestamp(1_000) };

    #[track_caller]
    fn check(highest: i64, plan: Option<Planned>, now: i64, expected: (i64, bool)) {
        let (at, again) = go_on(highest, plan, Timestamp(now));
        assert_eq!((at, again.is_some()), expected);
    }

    #[test]
    fn a_block_of_unknown_fate_is_written_again_as_it_was() {
        check(-1, None, 0, (0, false));
        check(9, None, 0, (10, false));
        check(9, Some(PLAN), 2_000, (10, true));
        check(19, Some(PLAN), 2_000, (10, true));
        check(4, Some(PLAN), 2_000, (5, true));
    }

    #[test]
    fn a_stored_block_whose_token_may_be_forgotten_is_left_alone() {
        let later = PLAN.at.0 + SINK_TOKEN_KNOWN_MS + 1;
        check(19, Some(PLAN), later, (20, false));
        check(9, Some(PLAN), later, (10, true));
    }
}
