//! `derms-processor`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use derms_processor::Config;
use derms_processor::command::{DdlArgs, ReplayArgs, ddl, log_restored, replay};
use service_kit::log::LogConfig;
use service_kit::log::notices::{self, Speaker};
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main, task};

/// A decision for 100 000 devices needs some 100 MB for a moment. The system's allocator gives them back to the kernel and
/// fetches them again each time, which took a tenth of a decision.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The control processor of Mini-DERMS: decides for every feeder, and writes history into ClickHouse.
#[derive(Debug, Parser)]
#[command(name = "derms-processor", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(ReplayArgs),
    /// Says that a copy of the log was put back, before any service writes to it.
    LogRestored,
    /// Prints the statements that make ClickHouse's tables, as they are run at the start; with --cluster those for a cluster.
    Ddl(DdlArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let read = Config::from_settings;
    service_main(Service::Processor, &args.service, read, |config, settings, shutdown| async move {
        match args.command {
            None => {
                let log = LogConfig::from_settings(&settings);
                drop(task::spawn(
                    "notices",
                    notices::tell(log, Speaker::Processor, shutdown.clone()),
                ));
                derms_processor::run(config, shutdown).await
            }
            Some(Command::Ddl(args)) => ddl(config, args),
            Some(Command::LogRestored) => log_restored(config).await,
            Some(Command::Replay(replayed)) => tokio::select! {
                outcome = replay(config, replayed) => outcome,
                () = shutdown.cancelled() => anyhow::bail!("interrupted"),
            },
        }
    })
}
