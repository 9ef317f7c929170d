//! `derms-agent --config FILE`: one device at an MQTT broker.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use derms_agent::{AgentConfig, run};
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main};

const EXIT_BAD_CONFIG: u8 = 2;

/// One device (PV, battery or EV charger) at an MQTT broker.
#[derive(Debug, Parser)]
#[command(name = "derms-agent", version)]
struct Args {
    /// The device's JSON file; see config.example.json.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check the file, say all that is wrong with it, and end.
    #[arg(long)]
    check_config: bool,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
fn main() -> ExitCode {
    let args = Args::parse();
    let config = match AgentConfig::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            eprint!("{problems}");
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    if args.check_config {
        println!("{} is fine", args.config.display());
        return ExitCode::SUCCESS;
    }
    service_main(
        Service::Agent,
        &ServiceArgs::default(),
        |_| Ok(()),
        |(), _, shutdown| run(config, shutdown),
    )
}
