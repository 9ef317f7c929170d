//! What keeps the sink from storing, and for how long: once that is too long, health hears of it with its cause. It knows
//! places in the log and errors, and neither blocks nor ClickHouse.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::Timestamp;
use schemas::topics::Topic;
use service_kit::notices::{self, Area};

/// What health calls it.
const NOTICE: &str = "history";
/// Storing may fail for so long before anybody is told: a restart of ClickHouse takes less.
const QUIET_MS: i64 = 30_000;

/// What cannot be done: a step of the start, or a block of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Making the tables.
    Tables,
    /// Asking where to go on.
    Positions,
    /// Writing a block.
    Block(Topic, i32),
}

impl Step {
    /// Its stable name: a metric's label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Tables => "migrations",
            Self::Positions => "positions",
            Self::Block(..) => "write",
        }
    }
}

#[derive(Debug, Clone)]
struct Failing {
    since: Timestamp,
    why: String,
}

/// Everything that fails now. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Troubles(Arc<Mutex<BTreeMap<Step, Failing>>>);

impl Troubles {
    /// A step has failed again.
    pub(super) fn failed(&self, step: Step, why: &anyhow::Error, now: Timestamp) {
        let mut all = self.all();
        let why = format!("{why:#}");
        all.entry(step)
            .and_modify(|before| before.why.clone_from(&why))
            .or_insert(Failing { since: now, why });
        tell(&all, now);
    }

    /// A step has been done, or is another's.
    pub(super) fn over(&self, step: Step, now: Timestamp) {
        let mut all = self.all();
        if all.remove(&step).is_some() {
            tell(&all, now);
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Step, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(all: &BTreeMap<Step, Failing>, now: Timestamp) {
    match words(all, now) {
        Some(words) => notices::post(NOTICE, Area::ClickHouse, words),
        None => notices::clear(NOTICE),
    }
}

/// What to say of it; none where nothing has failed for long.
fn words(all: &BTreeMap<Step, Failing>, now: Timestamp) -> Option<String> {
    let long = |failing: &Failing| now.since(failing.since) >= QUIET_MS;
    let failing = all.iter().filter(|(_, failing)| long(failing));
    let (step, oldest) = failing.min_by_key(|(_, failing)| failing.since)?;
    let seconds = now.since(oldest.since) / 1_000;
    let what = match step {
        Step::Tables => "the tables could not be made".to_owned(),
        Step::Positions => "it could not be found out where storing goes on".to_owned(),
        Step::Block(topic, _) => format!("no block of {} could be stored", topic.suffix()),
    };
    Some(format!("{what} for {seconds} s, and what is missing waits in the log: {}", oldest.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELEMETRY: Step = Step::Block(Topic::Telemetry, 0);

    fn fail(troubles: &Troubles, step: Step, why: &str, now: i64) -> Option<String> {
        troubles.failed(step, &anyhow::anyhow!(why.to_owned()), Timestamp(now));
        words(&troubles.all(), Timestamp(now))
    }

    #[test]
    fn what_fails_for_half_a_minute_is_told_with_its_latest_cause_until_it_is_over() {
        let troubles = Troubles::default();
        assert_eq!(fail(&troubles, TELEMETRY, "refused", 0), None);
        assert_eq!(fail(&troubles, TELEMETRY, "refused", QUIET_MS - 1), None);
        let told = fail(&troubles, TELEMETRY, "no room", QUIET_MS + 5_000).expect("it is told");
        assert!(
            told.contains("no block of telemetry.v1 could be stored for 35 s")
                && told.contains("no room"),
            "{told}"
        );
        troubles.over(TELEMETRY, Timestamp(QUIET_MS + 6_000));
        assert_eq!(words(&troubles.all(), Timestamp(QUIET_MS + 6_000)), None);
        assert_eq!(fail(&troubles, TELEMETRY, "refused", QUIET_MS + 7_000), None, "it begins anew");
    }

    #[test]
    fn one_that_succeeds_does_not_hide_another_that_fails() {
        let troubles = Troubles::default();
        let acks = Step::Block(Topic::Acks, 0);
        fail(&troubles, TELEMETRY, "telemetry is refused", 0);
        fail(&troubles, acks, "acks are refused", 5);
        troubles.over(acks, Timestamp(10));
        let told = fail(&troubles, TELEMETRY, "telemetry is refused", QUIET_MS).expect("told");
        assert!(told.contains("telemetry is refused"), "{told}");
    }
}
