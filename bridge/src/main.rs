//! `derms-bridge`: the bridge as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use derms_bridge::Config;
use derms_bridge::command::{self, Command};
use service_kit::log::LogConfig;
use service_kit::log::notices::{self, Speaker};
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main, task};

/// The bridge of Mini-DERMS: carries what devices say into the log, and what is decided to the devices.
#[derive(Debug, Parser)]
#[command(name = "derms-bridge", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let read = Config::from_settings;
    service_main(Service::Bridge, &args.service, read, |config, settings, shutdown| async move {
        match args.command {
            None => {
                let told = notices::tell(
                    LogConfig::from_settings(&settings),
                    Speaker::Bridge,
                    shutdown.clone(),
                );
                drop(task::spawn("notices", told));
                derms_bridge::run(config, shutdown).await
            }
            Some(command) => tokio::select! {
                outcome = command::run(&config, command) => outcome,
                () = shutdown.cancelled() => anyhow::bail!("interrupted"),
            },
        }
    })
}
