//! `derms-sim`: a simulated fleet at an MQTT broker, for demos and for load.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use derms_sim::{Config, HistoryArgs, Stats, run, write_history};
use service_kit::settings::{Service, Settings};
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
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    History(HistoryArgs),
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
    let mut set = |name: &str, value: Option<&String>| {
        service.set.extend(value.map(|value| format!("{name}={value}")));
    };
    for (name, value) in &flags {
        set(name, value.as_ref());
    }
    if let Some(Command::History(history)) = &args.command {
        set("DERMS_SIM_DEVICES", history.devices.as_ref());
        set("DERMS_SIM_SEED", history.seed.as_ref());
        set("DERMS_CLICKHOUSE_URL", history.clickhouse.as_ref());
        set("DERMS_CLICKHOUSE_DATABASE", history.database.as_ref());
    }
    let is_history = args.command.is_some();
    let read = |settings: &Settings| {
        // History is written without a broker.
        if is_history { Ok(None) } else { Config::from_settings(settings).map(Some) }
    };
    service_main(Service::Sim, &service, read, |config, settings, shutdown| async move {
        if let Some(Command::History(history)) = args.command {
            return write_history(&settings, history, shutdown).await;
        }
        let Some(config) = config else { return Ok(()) };
        let stats = Stats::default();
        let outcome = run(config, stats.clone(), shutdown).await;
        println!("telemetry acknowledged: {}", stats.telemetry_acked());
        outcome
    })
}
