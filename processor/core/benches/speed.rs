//! What a sample and a decision cost, for fleets of 100 to 1 000 000 devices on one tree and on many, and how the cost
//! grows. The decision is all of it: windows, estimate, sharing, shaping, check, and the record itself. The states of devices,
//! which are derived from a decision when it counts, are measured by themselves.

mod fleet;

/// As in the processor.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::hint::black_box;
use std::time::Duration;

use control_core::Tree;
use cpu_time::ThreadTime;
use criterion::{Bencher, BenchmarkId, Criterion, Throughput};

use fleet::Fleet;

/// Sizes of fleets, and with how many samples each is measured.
const SIZES: [(usize, usize); 5] =
    [(100, 50), (1_000, 40), (10_000, 30), (100_000, 12), (1_000_000, 10)];
/// Devices per tree, where a fleet stands on many.
const TREE_DEVICES: usize = 1_000;
const WARM_UP_WINDOWS: usize = 6;
/// Devices that the optimizer shares among at most.
const OPTIMIZER_DEVICES: usize = 256;

/// The shortest of all measurements of one thing: other work on the machine only adds.
#[derive(Debug, Clone)]
struct Shortest {
    what: String,
    devices: usize,
    time: Duration,
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
        .configure_from_args();
    let mut all = Vec::new();
    samples(&mut criterion, &mut all);
    states(&mut criterion, &mut all);
    decisions(&mut criterion, "one tree", |_| 1, &mut all);
    decisions(&mut criterion, "many trees", |devices| devices / TREE_DEVICES, &mut all);
    policies(&mut criterion, &mut all);
    criterion.final_summary();
    summarise(&all);
}

/// `Tree::apply`, per sample.
fn samples(criterion: &mut Criterion, all: &mut Vec<Shortest>) {
    let mut group = criterion.benchmark_group("sample");
    for (devices, _) in &SIZES[1..4] {
        let mut fleet = None;
        let mut shortest = Duration::MAX;
        group.throughput(Throughput::Elements(*devices as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter(devices), |bencher| {
            let fleet = fleet.get_or_insert_with(|| warm(*devices, 1, "water-fill"));
            timed(bencher, &mut shortest, || {
                let mut inputs = Vec::new();
                fleet.speak(|_, input, _| inputs.push(input.clone()));
                // As they come: not in the order of ids.
                let count = inputs.len();
                let inputs: Vec<_> = (0..count).map(|at| &inputs[at * 7_919 % count]).collect();
                let (tree, registry) = fleet.tree();
                let started = ThreadTime::now();
                for input in inputs {
                    Tree::apply(tree, input, registry);
                }
                let took = started.elapsed();
                let decisions = fleet.decide();
                fleet.follow(&decisions);
                took
            });
        });
        if shortest < Duration::MAX {
            all.push(Shortest { what: "sample".to_owned(), devices: *devices, time: shortest });
        }
    }
}

fn decisions(
    criterion: &mut Criterion,
    what: &str,
    trees: impl Fn(usize) -> usize,
    all: &mut Vec<Shortest>,
) {
    for (devices, samples) in SIZES {
        let trees = trees(devices);
        // Below that many devices "many" is one.
        if trees > 0 {
            decision(criterion, what, devices, trees, samples, "water-fill", all);
        }
    }
}

/// `Tree::device_states`, per device.
fn states(criterion: &mut Criterion, all: &mut Vec<Shortest>) {
    let mut group = criterion.benchmark_group("state");
    for (devices, _) in &SIZES[1..4] {
        let mut fleet = None;
        let mut shortest = Duration::MAX;
        group.throughput(Throughput::Elements(*devices as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter(devices), |bencher| {
            let (fleet, decisions) = fleet.get_or_insert_with(|| {
                let mut fleet = warm(*devices, 1, "water-fill");
                let decisions = fleet.decide();
                (fleet, decisions)
            });
            let (tree, registry) = fleet.tree();
            timed(bencher, &mut shortest, || {
                let started = ThreadTime::now();
                tree.device_states(&decisions[0], registry)
                    .for_each(|state| drop(black_box(state)));
                started.elapsed()
            });
        });
        if shortest < Duration::MAX {
            all.push(Shortest { what: "state".to_owned(), devices: *devices, time: shortest });
        }
    }
}

/// A fleet in operation: made when it is asked for, so that a filter on the command line costs nothing.
fn warm(devices: usize, trees: usize, policy: &str) -> Fleet {
    let mut fleet = Fleet::new(devices, trees, policy);
    fleet.warm_up(WARM_UP_WINDOWS);
    fleet
}

/// Measures what `round` says that it took, and keeps the shortest.
fn timed(bencher: &mut Bencher<'_>, shortest: &mut Duration, mut round: impl FnMut() -> Duration) {
    bencher.iter_custom(|rounds| {
        let mut total = Duration::ZERO;
        for _ in 0..rounds {
            let took = round();
            *shortest = took.min(*shortest);
            total += took;
        }
        total
    });
}

fn policies(criterion: &mut Criterion, all: &mut Vec<Shortest>) {
    // The largest fleet that it does not stand back for.
    decision(criterion, "optimizer", OPTIMIZER_DEVICES, 1, 10, "optimizer", all);
    for policy in schemas::records::operator::POLICIES {
        decision(criterion, policy, 10_000, 1, 10, policy, all);
    }
}

fn decision(
    criterion: &mut Criterion,
    what: &str,
    devices: usize,
    trees: usize,
    samples: usize,
    policy: &str,
    all: &mut Vec<Shortest>,
) {
    let mut fleet = None;
    let mut shortest = Duration::MAX;
    let mut group = criterion.benchmark_group("decision");
    group.sample_size(samples).throughput(Throughput::Elements(devices as u64));
    if devices >= 100_000 {
        group.sampling_mode(criterion::SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    }
    group.bench_function(BenchmarkId::new(what, devices), |bencher| {
        let fleet = fleet.get_or_insert_with(|| warm(devices, trees, policy));
        timed(bencher, &mut shortest, || {
            fleet.speak(|tree, input, registry| tree.apply(input, registry));
            let started = ThreadTime::now();
            let decisions = fleet.decide();
            let took = started.elapsed();
            fleet.follow(&decisions);
            took
        });
    });
    if fleet.is_some() {
        all.push(Shortest { what: what.to_owned(), devices, time: shortest });
    }
}

/// The table at the end: the shortest time of each, per device, and the exponent of growth against n log n.
#[expect(clippy::print_stdout, reason = "what a bench is for")]
#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn summarise(all: &[Shortest]) {
    println!("\n{:<22}{:>10}{:>14}{:>12}", "", "devices", "shortest", "ns/device");
    for Shortest { what, devices, time } in all {
        let each = time.as_nanos() as f64 / *devices as f64;
        println!("{what:<22}{devices:>10}{:>14}{each:>12.0}", format!("{time:.2?}"));
    }
    for what in ["one tree", "many trees"] {
        let points: Vec<(f64, f64)> = all
            .iter()
            .filter(|shortest| shortest.what == what)
            .map(|shortest| {
                let n = shortest.devices as f64;
                ((n * n.log2()).ln(), shortest.time.as_secs_f64().ln())
            })
            .collect();
        if points.len() > 1 {
            println!("{what}: grows with (n log n)^{:.2}", slope(&points));
        }
    }
}

/// Least squares.
#[expect(clippy::cast_precision_loss, reason = "a handful of points")]
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    covariance / variance
}
