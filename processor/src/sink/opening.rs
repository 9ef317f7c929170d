//! Where to go on with partitions: what ClickHouse holds, and what was on its way when it was left.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::Timestamp;
use schemas::identity::Lineage;
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{LogConfig, Positions, Reader};
use uuid::Uuid;

use super::block::Planned;
use super::seen::Past;
use super::service::{Store, Stored};
use super::stream::Resume;
use super::tables::Kept;
use crate::caps::{DEDUP_WINDOW, SINK_TOKEN_KNOWN_MS};

/// A stream that can begin.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) kept: Kept,
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
    lineage: &Lineage,
    partitions: &[i32],
) -> anyhow::Result<Vec<Opened>> {
    let streams: Vec<(Kept, i32)> = partitions
        .iter()
        .flat_map(|partition| Kept::of_partition(*partition).map(|kept| (kept, *partition)))
        .collect();
    let places: Vec<(Topic, i32)> =
        streams.iter().map(|(kept, partition)| (kept.topic, *partition)).collect();
    // The plans first: a block that is planned after this is of somebody who has the partition after us.
    let plans = positions.get(&places).await?;
    let mut stored = BTreeMap::new();
    for kept in Kept::ALL {
        stored.insert(kept.topic, store.positions(kept.position_table).await?);
    }
    let mut newest: BTreeMap<Topic, Past> = BTreeMap::new();
    let bounds = Reader::new(log, &[])?;
    let mut opened = Vec::new();
    for (kept, partition) in streams {
        let topic = kept.topic;
        let (first, end) = bounds.bounds(topic, partition).await?;
        let rows = Rows { stored: &stored[&topic], topic, partition };
        let highest = rows.highest(lineage);
        refuse_shorter(topic, partition, highest, end, lineage)?;
        let plan = plans.get(&(topic, partition)).and_then(|(at, text)| Planned::read(*at, text));
        let plan = plan.filter(|plan| stands(plan, lineage, end));
        let (at, again) = go_on(highest, plan, SystemClock.now());
        // What was seen before is read again, so that duplicates of it are known.
        let window = i64::try_from(DEDUP_WINDOW).unwrap_or(i64::MAX);
        let from = at.saturating_sub(window).max(first).max(0);
        let past = if from == 0 && rows.are_of(lineage) {
            Past::Nothing
        } else if let Some(past) = newest.get(&topic) {
            past.clone()
        } else {
            let past = Past::Newest(Arc::new(store.newest(kept, SystemClock.now()).await?));
            newest.entry(topic).or_insert(past).clone()
        };
        let resume = Resume { at, again, past, log: lineage.current() };
        opened.push(Opened { kept, partition, resume, from });
    }
    Ok(opened)
}

/// The rows of one partition, of every log that there ever was.
struct Rows<'s> {
    stored: &'s Stored,
    topic: Topic,
    partition: i32,
}

impl Rows<'_> {
    /// Whether none of them is of another log. A device sends again what it has no receipt for, also into a new log.
    fn are_of(&self, lineage: &Lineage) -> bool {
        let current = lineage.current().to_string();
        self.stored.keys().all(|(log, _)| *log == current)
    }

    /// The highest place that is stored of this log; -1 where nothing is.
    fn highest(&self, lineage: &Lineage) -> i64 {
        let of = |log: String| self.stored.get(&(log, self.partition)).copied();
        if let Some(own) = of(lineage.current().to_string()) {
            return own;
        }
        // Nothing yet under its present identity: what it was before counts as far as the copy went that was put back.
        let named = lineage.before().iter().map(ToString::to_string);
        let unnamed = lineage.adopted().then(String::new);
        let before = named.chain(unnamed).filter_map(of).max().unwrap_or(-1);
        match lineage.restored_to(self.topic, self.partition) {
            Some(next) => before.min(next.saturating_sub(1)),
            None => before,
        }
    }
}

/// Whether a block can be written again as it was: one of another log is that log's business, and one beyond the end of
/// this one would be waited for in vain.
fn stands(plan: &Planned, lineage: &Lineage, end: i64) -> bool {
    is_of(lineage, plan.log) && plan.last < end
}

fn is_of(lineage: &Lineage, log: Option<Uuid>) -> bool {
    lineage.is_current(log) || (log.is_none() && lineage.adopted() && lineage.before().is_empty())
}

/// The log ends before what is stored of it: going on would pass over every record up to there in silence.
fn refuse_shorter(
    topic: Topic,
    partition: i32,
    highest: i64,
    end: i64,
    lineage: &Lineage,
) -> anyhow::Result<()> {
    let topic = topic.suffix();
    anyhow::ensure!(
        highest < end,
        "ClickHouse holds {topic}, partition {partition}, of log {} up to {highest}, but the log \
         ends at {end}: an older copy of it was put back, or the topic was deleted. History stands still until \
         it is said that this is another log: with `derms up` stop it, make an empty file `restored` in its data \
         folder, and start it; else stop all services, run `derms-processor log-restored`, and start them",
        lineage.current()
    );
    Ok(())
}

/// Where storing goes on, and which block is to be written again as it was.
///
/// A block whose fate is unknown is written again under its token, also where it is stored: ClickHouse may have ended between
/// a table and its views. Only when it is so old that ClickHouse may have forgotten the token does what is stored decide.
fn go_on(highest: i64, plan: Option<Planned>, now: Timestamp) -> (i64, Option<Planned>) {
    let next = highest.saturating_add(1);
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
    use proptest::prelude::*;
    use schemas::records::operator::{LogEnd, LogMade};
    use schemas::samples::EXTREMES;

    use super::*;

    const PLAN: Planned = Planned { first: 10, last: 19, at: Timestamp(1_000), log: None };

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

    fn made(log: u128, adopted: bool, restored: Option<(u128, i64)>) -> LogMade {
        let end = |next| LogEnd { topic: Topic::Acks.suffix().to_owned(), partition: 0, next };
        LogMade {
            log_id: Uuid::from_u128(log),
            adopted,
            restored_from: restored.map(|(from, _)| Uuid::from_u128(from)),
            ends: restored.map(|(_, next)| end(next)).into_iter().collect(),
        }
    }

    fn highest(lineage: &Lineage, stored: &[(Option<u128>, i64)]) -> i64 {
        let name = |log: Option<u128>| {
            log.map_or_else(String::new, |log| Uuid::from_u128(log).to_string())
        };
        let stored = stored.iter().map(|(log, at)| ((name(*log), 0), *at)).collect();
        Rows { stored: &stored, topic: Topic::Acks, partition: 0 }.highest(lineage)
    }

    #[test]
    fn rows_of_another_log_never_say_where_this_one_goes_on() {
        let fresh = Lineage::new(made(7, false, None));
        assert_eq!(
            highest(&fresh, &[(None, 900), (Some(6), 800)]),
            -1,
            "made anew: from its beginning"
        );
        assert_eq!(highest(&fresh, &[(None, 900), (Some(7), 5)]), 5);
        let adopted = Lineage::new(made(7, true, None));
        assert_eq!(highest(&adopted, &[(None, 900), (Some(6), 990)]), 900, "older than identities");
        let mut restored = adopted;
        assert!(restored.restore(&made(8, false, Some((7, 600)))));
        let stored = [(None, 500), (Some(7), 900)];
        assert_eq!(highest(&restored, &stored), 599, "as far as the copy went");
        assert_eq!(highest(&restored, &[(Some(7), 550)]), 550);
        assert_eq!(highest(&restored, &[(Some(7), 900), (Some(8), 650)]), 650);
    }

    #[test]
    fn a_log_that_ends_before_what_is_stored_of_it_is_refused_with_what_to_do() {
        let lineage = Lineage::new(made(7, false, None));
        assert!(refuse_shorter(Topic::Acks, 0, 9, 10, &lineage).is_ok());
        let error = refuse_shorter(Topic::Acks, 0, 10, 10, &lineage).expect_err("it is shorter");
        assert!(error.to_string().contains("log-restored"), "{error}");
    }

    fn extreme() -> impl Strategy<Value = i64> {
        prop_oneof![prop::sample::select(EXTREMES.to_vec()), -3..30_i64]
    }

    proptest! {
        #[test]
        fn any_places_in_rows_and_positions_say_where_to_go_on(
            stored in prop::collection::vec((prop::option::of(5..9_u128), extreme()), 0..5),
            put_back in prop::option::of(extreme()),
            plan in (extreme(), extreme(), extreme(), prop::option::of(5..9_u128)),
            now in extreme(),
        ) {
            let mut lineage = Lineage::new(made(7, true, None));
            if let Some(next) = put_back {
                prop_assert!(lineage.restore(&made(8, false, Some((7, next)))));
            }
            let highest = highest(&lineage, &stored);
            drop(refuse_shorter(Topic::Acks, 0, highest, 20, &lineage));
            let (first, last, at, log) = plan;
            let text = Planned { first, last, at: Timestamp(at), log: log.map(Uuid::from_u128) }.text();
            let plan = Planned::read(first, &text).filter(|plan| stands(plan, &lineage, 20));
            let (at, again) = go_on(highest, plan, Timestamp(now));
            prop_assert!(at <= highest.saturating_add(1), "no record is passed over: {}", at);
            prop_assert!(again.is_none_or(|again| again.first <= again.last && again.last < 20));
        }
    }
}
