//! `derms-bridge`: the bridge as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use derms_bridge::Config;
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main};

fn main() -> ExitCode {
    let args = ServiceArgs::parse();
    service_main(Service::Bridge, &args, |settings, shutdown| async move {
        derms_bridge::run(Config::from_settings(&settings)?, shutdown).await
    })
}
