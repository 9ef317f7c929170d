//! `derms-sim`: a simulated fleet at an MQTT broker, for demos and for load.

use std::process::ExitCode;

use clap::Parser;
use derms_sim::{Config, Stats, run};
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main};

/// A simulated fleet of PV inverters, batteries and EV chargers at an MQTT broker.
#[derive(Debug, Parser)]
#[command(name = "derms-sim", version)]
struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// Devices of the fleet (DERMS_SIM_DEVICES).
    #[arg(long, value_name = "N")]
    devices: Option<String>,
    /// Samples per second of the whole fleet (DERMS_SIM_RATE).
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<String>,
    /// End by itself after so many seconds (DERMS_SIM_FOR_SECONDS).
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<String>,
}

#[expect(clippy::print_stdout, reason = "the last word of a command line tool")]
fn main() -> ExitCode {
    let args = Args::parse();
    let mut service = args.service;
    let flags = [
        ("DERMS_SIM_DEVICES", args.devices),
        ("DERMS_SIM_RATE", args.rate),
        ("DERMS_SIM_FOR_SECONDS", args.seconds),
    ];
    for (name, value) in flags {
        service.set.extend(value.map(|value| format!("{name}={value}")));
    }
    service_main(Service::Sim, &service, |settings, shutdown| async move {
        let config = Config::from_settings(&settings)?;
        let stats = Stats::default();
        let outcome = run(config, stats.clone(), shutdown).await;
        println!("telemetry acknowledged: {}", stats.telemetry_acked());
        outcome
    })
}
