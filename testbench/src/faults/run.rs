//! One run: start, faults by the schedule, settle, compare, report.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use service_kit::clock::{Clock, SystemClock};

use super::findings::Findings;
use super::fleet::{Fleet, FleetOptions};
use super::judge::{self, Evidence};
use super::options::{Options, Scenario};
use super::report::{Happened, Report};
use super::schedule::{duration_ms, schedule};
use super::system::{System, Vital};
use super::target::{Fault, Planned, Target};
use super::{ledger, stored};

/// How often services are asked for their vitals.
const LOOK: Duration = Duration::from_millis(200);
/// The bridge stays under this.
const BRIDGE_KIB_MAX: u64 = 150 * 1024;
/// A takeover may take the session time-out and so much more.
const TAKEOVER_MORE_MS: i64 = 2_000;

type Vitals = Vec<(i64, Vec<Vital>)>;

fn now() -> i64 {
    SystemClock.now().0
}

fn say(words: &str) {
    tracing::info!("{words}");
}

/// Runs it all.
///
/// # Errors
/// When something could not be started, done or read: that is no finding, the run says nothing then.
pub async fn run(options: &Options, arguments: Vec<String>) -> anyhow::Result<Report> {
    say("starting the servers and services");
    let options_for_start = options.clone();
    let system = on_thread(move || System::start(&options_for_start)).await??;
    let system = Arc::new(system);
    say(&format!("logs are in {}", system.folder().display()));
    let run = u16::try_from(now() & 0xffff).unwrap_or(0);
    let fleet = Fleet::start(&FleetOptions {
        port: system.devices_port(),
        devices: options.devices,
        feeders: options.feeders,
        rate: options.rate,
        run,
        receipts: options.receipts,
        login: None,
    });
    let watching = watch(Arc::clone(&system));
    let began = now();
    let plan = schedule(options);
    let happened = play(&plan, duration_ms(options, &plan), &system, &fleet).await;
    say("the schedule is over: settling");
    let evidence = settle(options, &system, fleet, run).await?;
    let (vitals, fallen) = watching.end();

    let mut findings = Findings::default();
    judge::messages(&evidence, options, &mut findings);
    judge::setpoints(&evidence, &mut findings);
    look_for_lost(&evidence, &system, &mut findings).await?;
    rollups(&system, &mut findings)?;
    findings.measured("services that ended by themselves and were started again", fallen.len());
    memory(&vitals, &mut findings);
    resumption(options, &happened, &evidence, &mut findings);
    takeovers(options, &happened, &vitals, &mut findings);
    if options.scenario == Scenario::Watchdog {
        watchdog(options, &happened, &evidence, &mut findings);
    }
    let replayed = Arc::clone(&system);
    let (same, words) = on_thread(move || replayed.run("derms-processor", &["replay"])).await??;
    let last = words.lines().last().unwrap_or_default().to_owned();
    findings.held("replay over the whole run reports no difference", last, same);
    let seconds = u64::try_from((evidence.settled_at - began) / 1_000).unwrap_or(0);
    Ok(Report {
        arguments,
        scenario: format!("{:?}", options.scenario).to_lowercase(),
        seed: options.seed,
        began,
        seconds,
        schedule: happened,
        findings,
    })
}

/// Runs something that blocks.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("a thread of the harness panicked")
}

struct Watching {
    ended: Arc<AtomicBool>,
    vitals: Arc<Mutex<Vitals>>,
    /// Services that ended by themselves.
    fallen: Arc<Mutex<Vec<Target>>>,
    thread: Option<thread::JoinHandle<()>>,
}

fn watch(system: Arc<System>) -> Watching {
    let (ended, vitals) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (until, into) = (Arc::clone(&ended), Arc::clone(&vitals));
    let fallen: Arc<Mutex<Vec<Target>>> = Arc::default();
    let note = Arc::clone(&fallen);
    let thread = thread::spawn(move || {
        while !until.load(Ordering::SeqCst) {
            let look = (now(), system.vitals());
            into.lock().unwrap_or_else(PoisonError::into_inner).push(look);
            note.lock().unwrap_or_else(PoisonError::into_inner).extend(system.supervise());
            thread::sleep(LOOK);
        }
    });
    Watching { ended, vitals, fallen, thread: Some(thread) }
}

impl Watching {
    fn end(mut self) -> (Vitals, Vec<Target>) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // What it has seen until then counts.
            thread.join().ok();
        }
        let take = |vitals: &Mutex<Vitals>| {
            std::mem::take(&mut *vitals.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let fallen = self.fallen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (take(&self.vitals), fallen)
    }
}

/// Lets every fault happen at its time, and waits until the last one is over.
async fn play(
    plan: &[Planned],
    duration_ms: u64,
    system: &Arc<System>,
    fleet: &Fleet,
) -> Vec<Happened> {
    let start = Instant::now();
    let mut running = Vec::new();
    for planned in plan.iter().copied() {
        sleep_until(start, planned.at_ms).await;
        say(&format!("{:>7} ms: {:?}", planned.at_ms, planned.fault));
        if let Fault::DeviceClocks { by_ms } = planned.fault {
            fleet.jump_clocks(by_ms);
        }
        let system = Arc::clone(system);
        running.push(thread::spawn(move || happen(planned, &system)));
    }
    sleep_until(start, duration_ms).await;
    let mut happened = Vec::new();
    for thread in running {
        while !thread.is_finished() {
            tokio::time::sleep(LOOK).await;
        }
        happened.extend(thread.join().ok());
    }
    happened
}

async fn sleep_until(start: Instant, at_ms: u64) {
    let left = Duration::from_millis(at_ms).saturating_sub(start.elapsed());
    tokio::time::sleep(left).await;
}

fn happen(planned: Planned, system: &System) -> Happened {
    let began = now();
    let pause = |ms| move || thread::sleep(Duration::from_millis(ms));
    let outcome = match planned.fault {
        Fault::Kill { target, away_ms } => system.kill(target, pause(away_ms)),
        Fault::Stop { target, away_ms } => system.stop(target, pause(away_ms)),
        Fault::Pause { target, for_ms } => system.pause(target, pause(for_ms)),
        Fault::Cut { wire, for_ms } => {
            system.cut(wire, pause(for_ms));
            Ok(())
        }
        Fault::DiskFull { for_ms } => system.fill_disk(pause(for_ms)),
        Fault::DeviceClocks { .. } => Ok(()),
    };
    Happened {
        fault: planned.fault,
        planned_ms: planned.at_ms,
        began,
        ended: now(),
        failed: outcome.err().map(|error| format!("{error:#}")),
    }
}

/// Waits until everything has arrived, and gathers what is to be compared.
async fn settle(
    options: &Options,
    system: &Arc<System>,
    fleet: Fleet,
    run: u16,
) -> anyhow::Result<Evidence> {
    let give_up = Instant::now() + Duration::from_secs(options.settle_seconds);
    fleet.fall_silent();
    let samples = fleet.samples();
    while Instant::now() < give_up {
        let stored = stored::number(system, "SELECT count() FROM derms.telemetry").unwrap_or(0);
        if fleet.outstanding() == 0 && fleet.unreceipted() == 0 && stored >= samples {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let settled_at = now();
    say("everything sent has arrived, or the time for it is over");
    // Setpoints of that moment are still on their way.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let unreceipted = fleet.unreceipted();
    let (devices, unsent) = fleet.end().await;
    let log = ledger::log_config(system.environment())?;
    let mut evidence = Evidence {
        run,
        devices,
        unsent,
        unreceipted,
        telemetry: stored::ids(system, "telemetry", "message_id")?,
        acks: HashMap::new(),
        setpoints: HashMap::new(),
        decisions: ledger::decisions(&log).await?,
        settled_at,
    };
    let before = format!("setpoints WHERE decided_at <= fromUnixTimestamp64Milli({settled_at})");
    loop {
        evidence.acks = stored::ids(system, "acks", "message_id")?;
        evidence.setpoints = stored::ids(system, &before, "setpoint_id")?;
        if (evidence.lost().is_empty() && evidence.not_stored() == 0) || Instant::now() > give_up {
            return Ok(evidence);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        evidence.telemetry = stored::ids(system, "telemetry", "message_id")?;
    }
}

/// Says where lost messages got to: the log, or not even that.
async fn look_for_lost(
    evidence: &Evidence,
    system: &System,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let lost = evidence.lost();
    if lost.is_empty() {
        return Ok(());
    }
    let log = ledger::log_config(system.environment())?;
    let known = ledger::known(&log, &lost).await?;
    findings.measured("of the lost, in the log but not in ClickHouse", known.len());
    let mut by_device: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for id in lost.iter().filter(|id| !known.contains(*id)) {
        let (device, _, number) = super::device::message_of(*id);
        by_device.entry(device).or_default().push(number);
    }
    let named: Vec<_> =
        by_device.iter().take(3).map(|(device, all)| format!("{device}:{all:?}")).collect();
    findings.measured("of the lost, not in the log, by device", named.join(" "));
    Ok(())
}

fn rollups(system: &System, findings: &mut Findings) -> anyhow::Result<()> {
    let rows = stored::number(system, "SELECT count() FROM derms.telemetry")?;
    let rolled = stored::number(system, "SELECT sum(samples) FROM derms.telemetry_1m")?;
    findings.held(
        "the rollup counts what the table holds",
        format!("{rolled} of {rows}"),
        rows == rolled,
    );
    Ok(())
}

fn memory(vitals: &Vitals, findings: &mut Findings) {
    let highest = |is: fn(Target) -> bool| {
        let all = vitals.iter().flat_map(|(_, all)| all);
        all.filter(|vital| is(vital.target)).map(|vital| vital.resident_kib).max().unwrap_or(0)
    };
    let bridge = highest(|target| matches!(target, Target::Bridge(_)));
    let processor = highest(|target| matches!(target, Target::Processor(_)));
    let words = format!("{} MiB", bridge / 1024);
    findings.held("the bridge's memory stays under 150 MiB", words, bridge < BRIDGE_KIB_MAX);
    findings.measured("highest memory of a processor", format!("{} MiB", processor / 1024));
}

/// How soon decisions and setpoints come again after a broker was away.
fn resumption(
    options: &Options,
    happened: &[Happened],
    evidence: &Evidence,
    findings: &mut Findings,
) {
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let bound_ms = (options.interval * 2_000.0) as i64;
    for one in happened {
        let (Fault::Kill { target, .. } | Fault::Stop { target, .. }) = one.fault else { continue };
        if !matches!(target, Target::Kafka | Target::Mosquitto) {
            continue;
        }
        // Another fault in the meantime has an effect of its own.
        let alone = happened.iter().all(|other| {
            std::ptr::eq(one, other)
                || other.ended < one.began
                || other.began > one.ended + bound_ms
        });
        let decided = evidence.decisions.all_decided_after(one.ended);
        let counts = evidence.devices.values().flat_map(|counts| &counts.applied);
        let applied = counts
            .filter(|applied| !applied.watchdog && applied.at >= one.ended)
            .map(|applied| applied.at)
            .min();
        let after = |at: Option<i64>| at.map(|at| at - one.ended);
        let (decided, applied) = (after(decided), after(applied));
        let words = format!("{} / {} ms", shown(decided), shown(applied));
        let what = format!("{target:?} back: every tree decided / a setpoint applied");
        if alone {
            let kept = decided.max(applied).filter(|_| decided.is_some() && applied.is_some());
            findings.held(&what, words, kept.is_some_and(|ms| ms <= bound_ms));
        } else {
            findings.measured(&what, words);
        }
    }
}

fn shown(ms: Option<i64>) -> String {
    ms.map_or_else(|| "never".to_owned(), |ms| ms.to_string())
}

/// How soon the partitions of a service that went away were worked on by the others.
fn takeovers(options: &Options, happened: &[Happened], vitals: &Vitals, findings: &mut Findings) {
    let bound_ms = i64::try_from(options.session_timeout_ms).unwrap_or(i64::MAX) + TAKEOVER_MORE_MS;
    for one in happened {
        let (target, away_ms) = match one.fault {
            Fault::Kill { target, away_ms } => (target, away_ms),
            Fault::Pause { target, for_ms } => (target, for_ms),
            _ => continue,
        };
        let others = match target {
            Target::Bridge(_) => options.bridges > 1,
            Target::Processor(_) => options.processors > 1,
            _ => false,
        };
        // Back before anybody took over: nothing to measure.
        if !others || i64::try_from(away_ms).unwrap_or(0) < bound_ms {
            continue;
        }
        let same_kind = |other: Target| {
            other != target && std::mem::discriminant(&other) == std::mem::discriminant(&target)
        };
        let held = |all: &[Vital]| -> i64 {
            let others = all.iter().filter(|vital| same_kind(vital.target));
            others.filter_map(|vital| vital.partitions).sum()
        };
        let all_partitions = i64::from(options.partitions);
        let taken = vitals
            .iter()
            .filter(|(at, _)| *at > one.began)
            .find(|(_, all)| held(all) >= all_partitions)
            .map(|(at, _)| at - one.began);
        let what = format!("{target:?} gone: its partitions are worked on by others");
        findings.held(
            &what,
            format!("{} ms", shown(taken)),
            taken.is_some_and(|ms| ms <= bound_ms),
        );
    }
}

/// What devices were told by the bridge while nobody decided.
fn watchdog(
    options: &Options,
    happened: &[Happened],
    evidence: &Evidence,
    findings: &mut Findings,
) {
    let Some(outage) = happened.first() else { return };
    let times = evidence.decisions.times.values().flatten();
    let last =
        times.filter(|at| **at < outage.began + 1_000).max().copied().unwrap_or(outage.began);
    let (mut zero, mut held, mut raised, mut first) = (0, 0, 0, None);
    for counts in evidence.devices.values() {
        for pair in counts.applied.windows(2).filter(|pair| pair[1].watchdog) {
            let told = &pair[1];
            first = Some(first.map_or(told.at, |first: i64| first.min(told.at)));
            let was_kw = if told.at < pair[0].until { pair[0].target_kw } else { 0.0 };
            if told.target_kw > was_kw {
                raised += 1;
            } else if told.target_kw == 0.0 {
                zero += 1;
            } else {
                held += 1;
            }
        }
    }
    findings.measured(
        "watchdog: first setpoint after the last decision, ms",
        shown(first.map(|at| at - last)),
    );
    findings.measured("watchdog: setpoints of 0 kW", zero);
    findings.measured("watchdog: setpoints held", held);
    findings.zero("watchdog: setpoints raised", raised);
    let behavior = options.db_error_behavior.as_str();
    let kept = match behavior {
        "SAFE_ZERO_ALL" => zero > 0 && held == 0,
        "HOLD_LAST" => held > 0,
        _ => zero + held == 0,
    };
    findings.held("watchdog: does what DB_ERROR_BEHAVIOR says", behavior.to_owned(), kept);
}
