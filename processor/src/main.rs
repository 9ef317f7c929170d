//! `derms-processor`.

use std::process::ExitCode;

use clap::Parser;
use derms_processor::Config;
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main};

/// The control processor of Mini-DERMS: decides for every feeder, and writes history into ClickHouse.
#[derive(Debug, Parser)]
#[command(name = "derms-processor", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    service_main(Service::Processor, &args.service, |settings, shutdown| async move {
        derms_processor::run(Config::from_settings(&settings)?, shutdown).await
    })
}
