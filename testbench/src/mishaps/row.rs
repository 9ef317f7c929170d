//! One row of the table: a mishap in a place, with a fleet that counts, a look at decisions before and after, and what
//! health says meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use service_kit::clock::{Clock, SystemClock};
use service_kit::mqtt::Credentials;

use super::Mishap;
use crate::faults::device::{Kind, message_id};
use crate::faults::fleet::{Fleet, FleetOptions};
use crate::faults::ledger;
use crate::place::{Place, SERVICE};
use crate::wait;

const DEVICES: u32 = 20;
const RATE: u32 = 40;
/// Before a mishap everything has gone well for so long.
const BEFORE: Duration = Duration::from_secs(15);
/// After it, everything must be well again within this, and goes on for `BEFORE`.
const WELL_AGAIN_MAX: Duration = Duration::from_secs(150);
const STORED_MAX: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(250);
/// How health begins to say that the log is another one than before.
const NEW_LOG: [&str; 2] = ["the log was made anew", "a copy of log"];
const HEALTH: &str = "{ health { status log { ok detail } clickhouse { ok detail } control { ok detail } mqtt { ok detail } } }";

/// What came of a mishap.
#[derive(Debug, Clone)]
pub struct Row {
    /// What happened.
    pub mishap: String,
    /// The longest time without a decision of a tree, s.
    pub undecided_s: f64,
    /// From the mishap to health saying that all is well, s.
    pub well_after_s: f64,
    /// Samples that a device has a receipt for, or an acknowledgement of the broker.
    pub receipted: usize,
    /// The former that are not stored.
    pub lost: usize,
    /// Samples stored more than once.
    pub doubled: u64,
    /// What health said of what was not well, in its order.
    pub said: Vec<String>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "| {} | {:.1} | {:.1} | {} of {} | {} | {} |",
            self.mishap,
            self.undecided_s,
            self.well_after_s,
            self.lost,
            self.receipted,
            self.doubled,
            self.said.join(" · ").replace('|', "/")
        )
    }
}

/// The heading of the table that rows make.
pub const HEADING: &str = "| what happens | longest time without a decision, s | health well again after, s | lost of the samples with a receipt | doubled | health said |\n| --- | --- | --- | --- | --- | --- |";

/// Asks for health until told to end.
struct Watching {
    ended: Arc<AtomicBool>,
    said: Arc<Mutex<Vec<String>>>,
    thread: thread::JoinHandle<()>,
}

pub(super) fn play(mishap: Mishap, mut place: Place, clock: &Path) -> anyhow::Result<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let token = place.login("ada").with_context(|| place.logs())?;
    let run = u16::try_from(SystemClock.now().0 % 60_000).unwrap_or(1);
    let fleet = {
        let _inside = runtime.enter();
        let port = place.mqtt_port;
        let (user, password) = SERVICE;
        let login = Credentials { user: user.to_owned(), password: password.to_owned() };
        Fleet::start(&FleetOptions {
            port,
            devices: DEVICES,
            feeders: 2,
            rate: RATE,
            run,
            receipts: true,
            login: Some(login),
        })
    };
    well(&place, &token).with_context(|| place.logs())?;
    thread::sleep(BEFORE);

    let log = ledger::log_config(place.environment())?;
    let before = runtime.block_on(ledger::decisions(&log))?.times;
    let began = (Instant::now(), SystemClock.now().0);
    let watching = watch(&place, &token);
    mishap.happen(&mut place, clock)?;
    // What has not been noticed yet is not well either.
    thread::sleep(super::LASTS / 4);
    // A token of the time before may not be one of the time after.
    let token = place.login("ada").with_context(|| place.logs())?;
    let again = well(&place, &token);
    let well_after_s = began.0.elapsed().as_secs_f64();
    let said = watching.end();
    again.with_context(|| format!("health said {said:?}\n{}", place.logs()))?;
    thread::sleep(BEFORE);

    let after = runtime.block_on(ledger::decisions(&log))?.times;
    let undecided_s = longest_gap(&before, &after, began.1);
    fleet.fall_silent();
    let settled = wait::until("every sample has its receipt", STORED_MAX, || {
        (fleet.unreceipted() == 0).then_some(())
    });
    let unreceipted = fleet.unreceipted();
    let (counts, _) = runtime.block_on(fleet.end());
    let sent: BTreeSet<String> = counts
        .iter()
        .flat_map(|(device, counts)| {
            let receipted = counts.samples_receipted.iter();
            receipted.map(|number| message_id(run, *device, Kind::Sample, *number).to_string())
        })
        .collect();
    settled.with_context(|| format!("{unreceipted} have none\n{}", place.logs()))?;
    let mut missing = sent.clone();
    // What is still missing after that is lost, and said so by the row.
    drop(wait::until("every sample is stored", STORED_MAX, || {
        for id in place.sql("SELECT message_id FROM derms.telemetry").lines() {
            missing.remove(id);
        }
        missing.is_empty().then_some(())
    }));
    let doubled = place.sql("SELECT count() - uniqExact(message_id) FROM derms.telemetry");
    place.stop().context("the end")?;
    Ok(Row {
        mishap: mishap.words(),
        undecided_s,
        well_after_s,
        receipted: sent.len(),
        lost: missing.len(),
        doubled: doubled.parse().unwrap_or(u64::MAX),
        said,
    })
}

/// Waits until health says that all is well.
fn well(place: &Place, token: &str) -> anyhow::Result<()> {
    wait::until("all is well", WELL_AGAIN_MAX, || {
        let answer = place.graphql(token, HEALTH);
        is_well(&answer["data"]["health"]).then_some(())
    })
}

/// Whether all is well, but for the log's word that it is another one than before: that stands for ten minutes.
fn is_well(health: &Value) -> bool {
    let told = health["log"]["detail"].as_str().is_some_and(|words| {
        NEW_LOG.iter().any(|beginning| words.starts_with(beginning)) && !words.contains(';')
    });
    let others = ["clickhouse", "control", "mqtt"].iter().all(|part| health[*part]["ok"] == true);
    health["status"] == "ok" || (told && others)
}

fn watch(place: &Place, token: &str) -> Watching {
    let (ended, said) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<String>>>::default());
    let (until, into, asked) = (Arc::clone(&ended), Arc::clone(&said), place.asker(token));
    let thread = thread::spawn(move || {
        while !until.load(Ordering::SeqCst) {
            let answer = asked(HEALTH);
            let mut said = into.lock().unwrap_or_else(PoisonError::into_inner);
            for words in not_well(&answer) {
                if !said.iter().any(|before| same(before, &words)) {
                    said.push(words);
                }
            }
            drop(said);
            thread::sleep(LOOK);
        }
    });
    Watching { ended, said, thread }
}

impl Watching {
    fn end(self) -> Vec<String> {
        self.ended.store(true, Ordering::SeqCst);
        // What it has seen until then counts.
        self.thread.join().ok();
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }
}

fn not_well(answer: &Value) -> Vec<String> {
    let health = &answer["data"]["health"];
    if health.is_null() {
        return vec!["(the API does not answer)".to_owned()];
    }
    ["log", "clickhouse", "control", "mqtt"]
        .into_iter()
        .filter(|part| health[part]["ok"] == false)
        .map(|part| format!("{part}: {}", health[part]["detail"].as_str().unwrap_or_default()))
        .collect()
}

/// Whether two sentences differ in their numbers alone.
fn same(one: &str, other: &str) -> bool {
    let bare = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    bare(one) == bare(other)
}

/// The longest time from one decision of a tree to its next, from shortly before the mishap on, s.
fn longest_gap(
    before: &BTreeMap<String, Vec<i64>>,
    after: &BTreeMap<String, Vec<i64>>,
    began: i64,
) -> f64 {
    let trees: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = Vec::new();
    let gap = |tree: &String| {
        let times = [before, after].map(|all| all.get(tree).unwrap_or(&none));
        let times: BTreeSet<i64> = times.into_iter().flatten().copied().collect();
        let times: Vec<i64> = times.into_iter().collect();
        let pairs = times.windows(2).filter(|pair| pair[1] >= began);
        pairs.map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    };
    let longest = trees.into_iter().map(gap).max().unwrap_or(0);
    Duration::from_millis(u64::try_from(longest).unwrap_or(0)).as_secs_f64()
}
