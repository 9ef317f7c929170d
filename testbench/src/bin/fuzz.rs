//! `fuzz`: hostile traffic for every listener of a running `derms up`, and whether it still serves.

use std::process::ExitCode;

use clap::Parser;
use testbench::fuzz::options::Options;
use testbench::fuzz::run::run;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&options)) {
        Ok(report) => {
            print!("{}", report.text());
            if report.all_serve() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
