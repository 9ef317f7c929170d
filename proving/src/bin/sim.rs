//! The command line of the simulation: seeds, one seed, or one seed's trace.
#![expect(clippy::print_stdout, reason = "the words of a command line tool")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use proving::sim::run::{Outcome, run_seed, run_seeds};

const USAGE: &str = "usage: sim [--seeds N] [--from N] [--threads N] | --seed N [--trace]";
const FAILURES_SHOWN_MAX: u64 = 20;

struct Arguments {
    seeds: u64,
    from: u64,
    threads: usize,
    seed: Option<u64>,
    trace: bool,
}

fn parse() -> Option<Arguments> {
    let mut arguments = Arguments { seeds: 200, from: 1, threads: 2, seed: None, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => arguments.seeds = words.next()?.parse().ok()?,
            "--from" => arguments.from = words.next()?.parse().ok()?,
            "--threads" => arguments.threads = words.next()?.parse().ok()?,
            "--seed" => arguments.seed = Some(words.next()?.parse().ok()?),
            "--trace" => arguments.trace = true,
            _ => return None,
        }
    }
    Some(arguments)
}

fn main() -> ExitCode {
    let Some(arguments) = parse() else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    let failed = match arguments.seed {
        Some(seed) => one(seed, arguments.trace),
        None => many(&arguments),
    };
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn one(seed: u64, trace: bool) -> bool {
    let outcome = run_seed(seed, trace);
    for line in &outcome.trace {
        println!("{line}");
    }
    tell(&outcome);
    println!("seed {seed}: trace {:016x}, {:?}", outcome.hash, outcome.summary);
    outcome.violation.is_some()
}

fn many(arguments: &Arguments) -> bool {
    let failures = AtomicU64::new(0);
    let summary = run_seeds(arguments.from, arguments.seeds, arguments.threads, |outcome| {
        if outcome.violation.is_some()
            && failures.fetch_add(1, Ordering::Relaxed) < FAILURES_SHOWN_MAX
        {
            tell(outcome);
        }
    });
    let failures = failures.into_inner();
    let hours = summary.seconds / 3_600;
    println!("seeds {}, simulated hours {hours}", summary.seeds);
    println!(
        "decisions {}, void records {}, setpoints taken {} ({} of the watchdog)",
        summary.decisions, summary.void, summary.counts.taken, summary.counts.watchdog
    );
    println!(
        "crashes {}, pauses {}, takeovers {}, decisions replayed {}, owners fenced {}, in doubt {}",
        summary.counts.crashes,
        summary.counts.pauses,
        summary.counts.recoveries,
        summary.counts.replayed,
        summary.counts.fenced,
        summary.counts.doubted
    );
    println!(
        "looks at a feeder's load {}, left out {}; snapshots compared {}; operators' changes {}",
        summary.checks, summary.skipped, summary.snapshots, summary.counts.changes
    );
    println!("violations {failures}");
    failures > 0
}

fn tell(outcome: &Outcome) {
    if let Some(violation) = &outcome.violation {
        let at = outcome.summary.seconds;
        println!("seed {} after {at} s: {violation}", outcome.seed);
        println!("  again: make sim SEED={}", outcome.seed);
    }
}
