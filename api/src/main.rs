//! `derms-api`: runs the API, or hashes a password.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use derms_api::{Config, auth};
use service_kit::log::{LogConfig, notices};
use service_kit::service::{EXIT_BAD_SETTINGS, load_settings};
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main, task};

/// GraphQL, dashboard and logins of Mini-DERMS.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Read a password from standard input and print its hash for AUTH_USERS.
    HashPassword,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::HashPassword) = cli.command {
        return match auth::hash_new_password(std::io::stdin()) {
            Ok(hash) => {
                println!("{hash}");
                ExitCode::SUCCESS
            }
            Err(problem) => {
                eprintln!("error: {problem}");
                ExitCode::from(EXIT_BAD_SETTINGS)
            }
        };
    }
    // What the catalogue cannot check is checked before anything starts.
    if !cli.service.list_settings {
        let checked = ServiceArgs { check_config: false, ..cli.service.clone() };
        match load_settings(Service::Api, &checked).map(|settings| Config::from_settings(&settings))
        {
            Ok(Ok(_)) => {}
            Ok(Err(problems)) => {
                eprint!("{problems}");
                return ExitCode::from(EXIT_BAD_SETTINGS);
            }
            Err(exit_code) => return exit_code,
        }
    }
    service_main(Service::Api, &cli.service, |settings, shutdown| async move {
        let heard = notices::hear(LogConfig::from_settings(&settings), shutdown.clone());
        drop(task::spawn("notices", heard));
        derms_api::run(Config::from_settings(&settings)?, shutdown).await
    })
}
