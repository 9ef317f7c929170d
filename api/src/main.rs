//! `derms-api`: runs the API, or hashes a password.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use derms_api::{Config, auth};
use service_kit::log::{LogConfig, notices};
use service_kit::service::EXIT_BAD_SETTINGS;
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
    let read = Config::from_settings;
    service_main(Service::Api, &cli.service, read, |config, settings, shutdown| async move {
        let heard = notices::hear(LogConfig::from_settings(&settings), shutdown.clone());
        drop(task::spawn("notices", heard));
        derms_api::run(config, shutdown).await
    })
}
