//! The frame of every service's `main`: arguments, settings, logging, metrics, signals, exit code.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::logging::{self, Destination};
use crate::settings::{Service, Settings};
use crate::{metrics, shutdown};

/// Exit code for settings that cannot be used.
pub const EXIT_BAD_SETTINGS: u8 = 2;

/// How long blocking calls may go on after the service itself has ended.
const BLOCKING_GRACE: Duration = Duration::from_millis(500);

/// The arguments that every service takes.
#[derive(Debug, Clone, Default, Parser)]
pub struct ServiceArgs {
    /// A TOML file of settings: NAME = value.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A setting; the last word after defaults, file and environment.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Check the settings, say all that is wrong with them, and end.
    #[arg(long)]
    pub check_config: bool,
    /// List the settings of this service with their defaults, and end.
    #[arg(long)]
    pub list_settings: bool,
}

/// Loads the settings of a service; with problems, prints them all and gives the exit code.
///
/// # Errors
/// The exit code to end with: 2 for bad settings, 0 after `--check-config` and `--list-settings`.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
pub fn load_settings(service: Service, args: &ServiceArgs) -> Result<Settings, ExitCode> {
    if args.list_settings {
        print!("{}", crate::settings::describe(service));
        return Err(ExitCode::SUCCESS);
    }
    match Settings::load(service, args.config.as_deref(), &args.set) {
        Ok(_) if args.check_config => {
            println!("settings are fine");
            Err(ExitCode::SUCCESS)
        }
        Ok(settings) => Ok(settings),
        Err(problems) => {
            eprint!("{problems}");
            Err(ExitCode::from(EXIT_BAD_SETTINGS))
        }
    }
}

/// Runs a service until it ends by itself or a signal asks it to.
///
/// Exit code 0 after a clean end, 1 after a failure (with its cause on standard error), 2 for bad settings.
#[expect(clippy::print_stderr, reason = "the words of a command line tool")]
pub fn service_main<F, R>(service: Service, args: &ServiceArgs, run: F) -> ExitCode
where
    F: FnOnce(Settings, CancellationToken) -> R,
    R: Future<Output = anyhow::Result<()>>,
{
    let settings = match load_settings(service, args) {
        Ok(settings) => settings,
        Err(exit_code) => return exit_code,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        logging::init(&settings, &Destination::Stderr)?;
        let token = shutdown::on_signal()?;
        let metrics_server = settings
            .optional_address("DERMS_METRICS_ADDR")
            .map(|address| crate::task::spawn("metrics", metrics::serve(address, token.clone())));
        let outcome = run(settings, token.clone()).await;
        token.cancel();
        if let Some(server) = metrics_server {
            server.await??;
        }
        outcome
    });
    // A call into the log client that nobody awaits any more would hold the end up for seconds.
    runtime.shutdown_timeout(BLOCKING_GRACE);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "ended by a failure");
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
