//! Lives the demo's day under the default policy and under the predecessor's rule, and draws a chart for each feeder into a folder.
#![expect(clippy::print_stdout, reason = "the words of a command line tool")]

use std::path::PathBuf;
use std::process::ExitCode;

use proving::chart::chart;
use proving::day::live;

const POLICIES: [(&str, &str); 2] =
    [("water-fill", "water-fill"), ("deficit-predecessor", "the predecessor's deficit rule")];

fn main() -> ExitCode {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "docs/images".to_owned()));
    let days: Vec<_> = std::thread::scope(|scope| {
        let threads = POLICIES.map(|(policy, title)| (title, scope.spawn(move || live(policy))));
        threads.into_iter().filter_map(|(title, day)| Some((title, day.join().ok()?))).collect()
    });
    let Some((_, first)) = days.first() else { return ExitCode::FAILURE };
    for feeder in first.keys() {
        let panels: Vec<_> =
            days.iter().filter_map(|(title, day)| Some((*title, day.get(feeder)?))).collect();
        for (title, day) in &panels {
            println!(
                "{feeder}, {title}: {} s above the limit, {} s without a cause, {} changed setpoints, cars {} kWh",
                day.over_s,
                day.over_without_cause_s,
                day.changes,
                day.charged_ws / 3_600_000
            );
        }
        let path = folder.join(format!("day-{feeder}.svg"));
        if let Err(error) = std::fs::write(&path, chart(feeder.as_str(), &panels)) {
            println!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    let default = first.values().all(|day| day.over_without_cause_s == 0);
    if default { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
