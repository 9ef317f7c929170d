//! Plays cases against every named listener side by side, bounded in rate and time, and asks each listener now and
//! then as a well-behaved client does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::options::Options;
use super::watch::Watch;
use super::{Listener, Outcome, Target};
use crate::faults::chance::Chance;

/// How often a well-behaved client asks, and memory and progress are looked at.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long a well-behaved client waits.
const ASK_MAX: Duration = Duration::from_secs(5);
/// So many questions in a row without an answer are a listener that is gone.
const UNANSWERED_MAX: u32 = 6;

/// What came of it, for one listener.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cases by what became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Questions of the well-behaved client.
    pub asked: u64,
    /// Those that were not answered as they should be.
    pub unanswered: u64,
    /// The most of them in a row.
    pub unanswered_in_a_row: u32,
    /// The longest answer.
    pub slowest: Duration,
    /// The number of the last case when the listener was given up.
    pub gone_at: Option<u64>,
    /// What the last unanswered question met.
    pub last_error: Option<String>,
}

/// The verdict over all listeners.
#[derive(Debug)]
pub struct Report {
    /// Per listener.
    pub tallies: Vec<(&'static str, Tally)>,
    /// What was seen from outside.
    pub watch: Watch,
}

impl Report {
    /// Whether every listener still serves.
    #[must_use]
    pub fn all_serve(&self) -> bool {
        self.tallies.iter().all(|(_, tally)| tally.gone_at.is_none())
    }

    /// For a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, tally) in &self.tallies {
            let cases: u64 = tally.outcomes.values().sum();
            // Writing to a string does not fail.
            write!(
                text,
                "{name}: {cases} cases {:?}; asked {} unanswered {} (in a row {}) slowest {:?}",
                tally.outcomes,
                tally.asked,
                tally.unanswered,
                tally.unanswered_in_a_row,
                tally.slowest,
            )
            .ok();
            if let Some(error) = &tally.last_error {
                write!(text, "; last: {error}").ok();
            }
            if let Some(case) = tally.gone_at {
                write!(text, "; GONE at case {case}").ok();
            }
            text.push('\n');
        }
        let watch = &self.watch;
        writeln!(
            text,
            "control: longest time without a decision {:?}; memory {} KiB at first, {} at most, {} at last",
            watch.longest_stall,
            watch.memory_first_kib.unwrap_or(0),
            watch.memory_most_kib,
            watch.memory_last_kib,
        )
        .ok();
        text
    }
}

/// Plays until the time is over, or a listener is gone.
///
/// # Errors
/// When no listener was named, one does not serve before the first case, or an address is not on loopback.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let listeners = options.listeners();
    anyhow::ensure!(
        !listeners.is_empty(),
        "name a listener's address: --kafka, --mqtt, --clickhouse or --api"
    );
    let foreign = listeners.iter().find(|(_, target)| !target.address.ip().is_loopback());
    if let Some((listener, target)) = foreign {
        anyhow::bail!(
            "{} at {} is not on loopback: this is for one's own machine",
            listener.name(),
            target.address
        );
    }
    for (listener, target) in &listeners {
        let name = listener.name();
        let asked = ask(listener.as_ref(), target).await;
        asked.with_context(|| format!("{name} does not serve before the first case"))?;
    }
    let mut playing = JoinSet::new();
    for (listener, target) in listeners {
        playing.spawn(listen(options.clone(), Arc::from(listener), target));
    }
    let mut watch = Watch::new(options.metrics, options.pid);
    let mut tallies = Vec::new();
    let mut look = interval(ASK_EVERY);
    loop {
        tokio::select! {
            ended = playing.join_next() => match ended {
                Some(tally) => tallies.push(tally.context("a listener's cases")?),
                None => break,
            },
            _ = look.tick() => watch.look().await,
        }
    }
    tallies.sort_by_key(|(name, _)| *name);
    Ok(Report { tallies, watch })
}

async fn listen(
    options: Options,
    listener: Arc<dyn Listener>,
    target: Target,
) -> (&'static str, Tally) {
    let next = Arc::new(AtomicU64::new(options.seed));
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut tally = Tally::default();
    let mut cases = JoinSet::new();
    let mut pace = interval(Duration::from_secs(1) / options.rate.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ask = interval(ASK_EVERY);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut in_a_row = 0;
    let mut played = 0;
    while Instant::now() < end && !(options.once && played == 1) {
        tokio::select! {
            _ = pace.tick(), if cases.len() < options.at_once => {
                let chance = Chance::new(next.fetch_add(1, Ordering::Relaxed));
                let (listener, target) = (Arc::clone(&listener), target.clone());
                cases.spawn(async move { listener.play(&target, chance).await });
                played += 1;
            }
            Some(outcome) = cases.join_next() => {
                *tally.outcomes.entry(outcome.unwrap_or(Outcome::Closed)).or_default() += 1;
            }
            _ = ask.tick() => {
                in_a_row = question(&mut tally, listener.as_ref(), &target, in_a_row).await;
                if in_a_row >= UNANSWERED_MAX {
                    tally.gone_at = Some(next.load(Ordering::Relaxed));
                    break;
                }
            }
        }
    }
    while let Some(outcome) = cases.join_next().await {
        *tally.outcomes.entry(outcome.unwrap_or(Outcome::Closed)).or_default() += 1;
    }
    (listener.name(), tally)
}

/// Asks once as a well-behaved client; gives how many questions in a row had no answer.
async fn question(
    tally: &mut Tally,
    listener: &dyn Listener,
    target: &Target,
    in_a_row: u32,
) -> u32 {
    let began = Instant::now();
    let answer = ask(listener, target).await;
    tally.asked += 1;
    tally.slowest = tally.slowest.max(began.elapsed());
    let Err(error) = answer else { return 0 };
    tally.unanswered += 1;
    tally.unanswered_in_a_row = tally.unanswered_in_a_row.max(in_a_row + 1);
    tally.last_error = Some(format!("{error:#}"));
    in_a_row + 1
}

/// Asks as a well-behaved client, which does not wait for ever.
async fn ask(listener: &dyn Listener, target: &Target) -> anyhow::Result<()> {
    match tokio::time::timeout(ASK_MAX, listener.ask(target)).await {
        Ok(answer) => answer,
        Err(_) => anyhow::bail!("no answer within {ASK_MAX:?}"),
    }
}
