//! Lives the demo's day under the default policy and under the predecessor's rule, and draws a chart for each feeder into a
//! folder. `day record` writes the inputs and the decisions of the default one to standard output instead, and `day replay`
//! reads such a day, of this state of the code or of an earlier one, and says what would be decided otherwise now.
#![expect(clippy::print_stdout, reason = "the words of a command line tool")]

use std::io::{BufReader, BufWriter, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proving::chart::chart;
use proving::day::{Event, live, watched};
use proving::recorded::{Recorder, replay};

const POLICIES: [(&str, &str); 2] =
    [("water-fill", "water-fill"), ("deficit-predecessor", "the predecessor's deficit rule")];

fn main() -> anyhow::Result<ExitCode> {
    let what = std::env::args().nth(1).unwrap_or_else(|| "docs/images".to_owned());
    match what.as_str() {
        "record" => record()?,
        "replay" => println!("{}", replay(BufReader::new(stdin().lock()))?),
        folder => return Ok(draw(&PathBuf::from(folder))),
    }
    Ok(ExitCode::SUCCESS)
}

fn record() -> anyhow::Result<()> {
    let mut recorder = Recorder(BufWriter::new(stdout().lock()));
    let mut written = Ok(());
    watched(POLICIES[0].0, &mut |event| {
        if written.is_ok() {
            written = match event {
                Event::Operator(offset, record) => recorder.write(offset, record),
                Event::Ack(offset, ack) => recorder.write(offset, ack),
                Event::Sample(offset, sample) => recorder.write(offset, sample),
                Event::Ledger(offset, record) => recorder.write(offset, record),
                Event::Decided(_) => Ok(()),
            };
        }
    });
    written?;
    Ok(recorder.0.flush()?)
}

fn draw(folder: &Path) -> ExitCode {
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
