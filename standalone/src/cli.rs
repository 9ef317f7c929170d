//! Owns the command line: arguments, settings, the runtime and the exit status. What runs is decided elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use service_kit::ServiceArgs;
use service_kit::logging::{self, Destination};
use service_kit::service::load_settings;
use service_kit::settings::{Service, Settings, key};
use service_kit::shutdown;
use tokio_util::sync::CancellationToken;

use crate::draft::Draft;
use crate::report;
use crate::solo::{self, Server};
use crate::supervisor::GivenUp;
use crate::up;
use crate::users::Users;
use crate::{backup, banner};

/// Exit code for a part that could not be kept running.
const EXIT_GIVEN_UP: i32 = 3;

/// A feeder controller for fleets of distributed energy resources, by one command.
#[derive(Debug, Parser)]
#[command(name = "derms", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything: embedded servers and services.
    Up(UpArguments),
    /// Run only the embedded ClickHouse engine.
    Clickhouse(ServerArguments),
    /// Run only the embedded MQTT broker.
    Broker(ServerArguments),
    /// Run only the embedded log (Kafka protocol).
    Log(ServerArguments),
    /// Write all of a data folder into one file, while it is used or not.
    Backup {
        /// Folder of everything that is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The file to write; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Put such a file back into an empty folder.
    Restore {
        /// The file.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The folder; it must be empty or not be there yet.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Name the devices that may log in at the embedded MQTT broker.
    Users(UsersArguments),
}

#[derive(Debug, Args)]
struct UsersArguments {
    #[command(subcommand)]
    users: Users,
    /// Folder of everything that is kept [setting: DERMS_DATA_DIR].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Args)]
struct UpArguments {
    /// Simulate a fleet, make a login and print where everything is.
    #[arg(long)]
    demo: bool,
    /// Folder of everything that is kept [setting: DERMS_DATA_DIR].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Devices of the simulated fleet [setting: DERMS_SIM_DEVICES].
    #[arg(long, value_name = "N")]
    devices: Option<u32>,
    /// Log to standard error instead of DIR/derms.log.
    #[arg(long)]
    log_stderr: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Args)]
struct ServerArguments {
    /// Folder that the server keeps its data in.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Port to listen on; 0 takes any free one.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Run as a part of another derms: end when standard input does.
    #[arg(long, hide = true)]
    child: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Runs the command and gives the process's exit status.
#[must_use]
pub fn run(arguments: Arguments) -> i32 {
    match arguments.command {
        Command::Up(up) => run_up(up),
        Command::Clickhouse(server) => run_server(Server::ClickHouse, server),
        Command::Broker(server) => run_server(Server::Mqtt, server),
        Command::Log(server) => run_server(Server::Log, server),
        Command::Backup { data, to } => say(async { backup::backup(&data, &to).await }),
        Command::Restore { from, data } => say(async { backup::restore(&from, &data) }),
        Command::Users(users) => run_users(users),
    }
}

/// Runs a command that says what it has done.
fn say(work: impl Future<Output = anyhow::Result<String>>) -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(work)) {
        Ok(words) => {
            banner::done(&words);
            0
        }
        Err(error) => {
            banner::failure(&error);
            1
        }
    }
}

fn run_users(arguments: UsersArguments) -> i32 {
    let settings = match load_settings(Service::Standalone, &arguments.service, |_| Ok(())) {
        Ok(((), settings)) => settings,
        Err(code) => return status(code),
    };
    let data = arguments.data.unwrap_or_else(|| settings.text(key::DERMS_DATA_DIR).into());
    match arguments.users.run(&data) {
        Ok(()) => 0,
        Err(error) => {
            banner::failure(&error);
            1
        }
    }
}

fn run_up(arguments: UpArguments) -> i32 {
    let mut service = arguments.service;
    if let Some(data) = &arguments.data {
        service.set.push(format!("DERMS_DATA_DIR={}", data.display()));
    }
    if let Some(devices) = arguments.devices {
        service.set.push(format!("DERMS_SIM_DEVICES={devices}"));
    }
    let draft_of = |settings: &Settings| Draft::new(settings, arguments.demo);
    let (draft, settings) = match load_settings(Service::Standalone, &service, draft_of) {
        Ok(loaded) => loaded,
        Err(code) => return status(code),
    };
    let data = draft.data.clone();
    let destination = if arguments.log_stderr {
        Destination::Stderr
    } else {
        Destination::File(data.join("derms.log"))
    };
    on_runtime(&settings, &data, &destination, |shutdown| up::up(draft, arguments.demo, shutdown))
}

fn run_server(server: Server, arguments: ServerArguments) -> i32 {
    let mut service = arguments.service;
    if let Some(port) = arguments.port {
        service.set.push(format!("{}={port}", server.port_setting().name()));
    }
    let settings = match load_settings(Service::Standalone, &service, |_| Ok(())) {
        Ok(((), settings)) => settings,
        Err(code) => return status(code),
    };
    let (data, child) = (arguments.data, arguments.child);
    on_runtime(&settings.clone(), &data.clone(), &Destination::Stderr, |shutdown| async move {
        if child {
            solo::end_with_parent(shutdown.clone())?;
            report::tell(shutdown.clone());
        }
        solo::serve(server, &data, &settings, shutdown).await
    })
}

/// `ExitCode` cannot be read back; this program ends by status numbers.
fn status(code: ExitCode) -> i32 {
    if code == ExitCode::SUCCESS { 0 } else { i32::from(service_kit::service::EXIT_BAD_SETTINGS) }
}

fn on_runtime<F, R>(
    settings: &Settings,
    data: &std::path::Path,
    destination: &Destination,
    run: F,
) -> i32
where
    F: FnOnce(CancellationToken) -> R,
    R: Future<Output = anyhow::Result<()>>,
{
    let outcome = (|| {
        std::fs::create_dir_all(data).map_err(|error| {
            anyhow::anyhow!("cannot make the data folder {}: {error}", data.display())
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            logging::init(settings, destination)?;
            run(shutdown::on_signal()?).await
        });
        // Blocking threads that are stuck must not hold the end up.
        runtime.shutdown_background();
        outcome
    })();
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "ended by a failure");
            banner::failure(&error);
            if error.is::<GivenUp>() { EXIT_GIVEN_UP } else { 1 }
        }
    }
}
