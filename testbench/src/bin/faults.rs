//! `faults`: the services against real servers while things break, and what was kept of their promises.

use std::process::ExitCode;

use clap::Parser;
use testbench::faults::options::Options;
use testbench::faults::run::run;
use tracing_subscriber::EnvFilter;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::new("warn,testbench=info,service_kit::mqtt=error");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(&options, std::env::args().collect()));
    match outcome.and_then(|report| Ok((report.keep(&options.artifacts)?, report))) {
        Ok((file, report)) => {
            print!("{}", report.text());
            println!("kept in {}", file.display());
            if report.findings.all_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
