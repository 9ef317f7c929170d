//! A short storm: everything is killed, stopped, cut and filled once, and every promise is kept. `make faults` does this
//! for longer.

use clap::Parser;
use testbench::faults::options::Options;
use testbench::faults::run::run;

#[test]
fn nothing_is_lost_or_doubled_in_a_short_storm() {
    let arguments = [
        "faults",
        "--scenario",
        "mixed",
        "--seed",
        "7",
        "--kills",
        "6",
        "--minutes",
        "0.7",
        "--rate",
        "100",
        "--devices",
        "100",
        "--feeders",
        "3",
        "--partitions",
        "3",
    ];
    let options = Options::try_parse_from(arguments).expect("options");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let arguments = arguments.map(str::to_owned).to_vec();
    let report = runtime.block_on(run(&options, arguments)).expect("a run");
    assert!(report.findings.all_kept(), "{}", report.text());
}
