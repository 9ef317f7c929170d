//! How many bytes a device costs: in the state of its tree, and in the records of one decision.

mod fleet;

use fleet::Fleet;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

#[expect(clippy::print_stdout, reason = "what a bench is for")]
fn main() {
    println!("{:>10}{:>12}{:>12}{:>12}  bytes per device", "devices", "state", "records", "peak");
    for devices in SIZES {
        let mut fleet = Fleet::new(devices, 1, "water-fill");
        fleet.warm_up(12);
        let whole = ALLOCATED.current_usage();
        let trees = std::mem::take(&mut fleet.trees);
        let copy = trees.clone();
        let state = ALLOCATED.current_usage() - whole;
        drop(copy);
        fleet.trees = trees;
        fleet.speak(|tree, input, registry| tree.apply(input, registry));
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let decisions = fleet.decide();
        let records = ALLOCATED.current_usage() - before;
        let peak = ALLOCATED.peak_usage() - before;
        drop(decisions);
        println!(
            "{devices:>10}{:>12}{:>12}{:>12}",
            state / devices,
            records / devices,
            peak / devices
        );
    }
}
