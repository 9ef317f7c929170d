//! `derms-api`: runs the API, or hashes a password.

use std::io::Read;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use derms_api::Config;
use derms_api::auth::{hash_password, weakness};
use service_kit::service::{EXIT_BAD_SETTINGS, load_settings};
use service_kit::settings::Service;
use service_kit::{ServiceArgs, service_main};

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
        return match hash_from_stdin() {
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
    let checked = ServiceArgs { check_config: false, list_settings: false, ..cli.service.clone() };
    if !cli.service.list_settings
        && let Ok(settings) = load_settings(Service::Api, &checked)
        && let Err(problems) = Config::from_settings(&settings)
    {
        eprint!("{problems}");
        return ExitCode::from(EXIT_BAD_SETTINGS);
    }
    service_main(Service::Api, &cli.service, |settings, shutdown| async move {
        derms_api::run(Config::from_settings(&settings)?, shutdown).await
    })
}

fn hash_from_stdin() -> Result<String, String> {
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).map_err(|error| error.to_string())?;
    let password = password.trim_end_matches(['\r', '\n']);
    match weakness(password) {
        Some(lack) => Err(lack),
        None => hash_password(password).map_err(|_| "the system gives no randomness".to_owned()),
    }
}
