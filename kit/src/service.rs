//! The frame of every service's `main`: arguments, settings, logging, metrics, signals, exit code.

use std::fmt::Display;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::logging::{self, Destination};
use crate::settings::{Faults, Service, Settings, key};
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

/// Loads the settings of a service and makes its config of them; with problems, prints them all and gives the exit code.
///
/// # Errors
/// The exit code to end with: 2 for bad settings, 0 after `--check-config` and `--list-settings`.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
pub fn load_settings<C>(
    service: Service,
    args: &ServiceArgs,
    config_of: impl FnOnce(&Settings) -> Result<C, Faults>,
) -> Result<(C, Settings), ExitCode> {
    if args.list_settings {
        print!("{}", crate::settings::describe(service));
        return Err(ExitCode::SUCCESS);
    }
    let bad = |problems: &dyn Display| {
        eprint!("{problems}");
        ExitCode::from(EXIT_BAD_SETTINGS)
    };
    let settings = Settings::load(service, args.config.as_deref(), &args.set);
    let settings = settings.map_err(|problems| bad(&problems))?;
    let config = config_of(&settings).map_err(|faults| bad(&faults))?;
    if args.check_config {
        println!("settings are fine");
        return Err(ExitCode::SUCCESS);
    }
    Ok((config, settings))
}

/// Makes a service's config and runs it until it ends by itself or a signal asks it to.
///
/// Exit code 0 after a clean end, 1 after a failure (with its cause on standard error), 2 for bad settings.
#[expect(clippy::print_stderr, reason = "the words of a command line tool")]
pub fn service_main<C, F, R>(
    service: Service,
    args: &ServiceArgs,
    config_of: impl FnOnce(&Settings) -> Result<C, Faults>,
    run: F,
) -> ExitCode
where
    F: FnOnce(C, Settings, CancellationToken) -> R,
    R: Future<Output = anyhow::Result<()>>,
{
    let (config, settings) = match load_settings(service, args, config_of) {
        Ok(loaded) => loaded,
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
            .optional_address(key::DERMS_METRICS_ADDR)
            .map(|address| crate::task::spawn("metrics", metrics::serve(address, token.clone())));
        let outcome = run(config, settings, token.clone()).await;
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
