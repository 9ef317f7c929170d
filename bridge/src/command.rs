//! `derms-bridge dead-letters` and `redrive`: their arguments and their words.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use schemas::Timestamp;
use schemas::records::dead_letter::DeadLetter;
use service_kit::clock::parse_time;

use crate::config::Config;
use crate::redrive::{Chosen, letters, redrive};

/// What the program can do beside running.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Lists dead letters, the newest last, and how many there are of each reason.
    DeadLetters(ListArgs),
    /// Sends dead letters on their way again, after what was wrong has been put right. Doing so twice changes nothing.
    Redrive(RedriveArgs),
}

/// Which letters to list.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Only of this reason, for example `not_json`.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    times: Times,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 20)]
    last: usize,
}

/// Which letters to send.
#[derive(Debug, Clone, Args)]
pub struct RedriveArgs {
    /// Of this reason, for example `rate_limited`.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    times: Times,
}

#[derive(Debug, Clone, Args)]
struct Times {
    /// Laid down at or after this: RFC 3339, or ms since the epoch.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Laid down before this.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| {
        format!("expected a time such as 2026-05-01T12:00:00Z, or ms since the epoch, got {text:?}")
    })
}

/// Runs a command.
///
/// # Errors
/// When the log does not answer.
#[expect(clippy::print_stdout, reason = "the words of a command line tool")]
pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::DeadLetters(ListArgs { reason, times: Times { from, to }, last }) => {
            let found = letters(config, &Chosen { reason, from, to }).await?;
            for (offset, letter) in &found[found.len().saturating_sub(last)..] {
                println!("{}", line(*offset, letter));
            }
            let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
            for (_, letter) in &found {
                *reasons.entry(&letter.reason).or_default() += 1;
            }
            for (reason, count) in reasons {
                println!("{count} {reason}");
            }
        }
        Command::Redrive(RedriveArgs { reason, times: Times { from, to } }) => {
            let outcome = redrive(config, &Chosen { reason: Some(reason), from, to }).await?;
            println!("{} sent on their way", outcome.sent);
            for (why, count) in outcome.refused {
                println!("{count} not: {why}");
            }
        }
    }
    Ok(())
}

fn line(offset: i64, letter: &DeadLetter) -> String {
    const SHOWN: usize = 120;
    let raw = String::from_utf8_lossy(&letter.raw);
    let shown: String = raw.chars().take(SHOWN).filter(|c| !c.is_control()).collect();
    let DeadLetter { at, source, reason, detail, .. } = letter;
    format!("{offset} {} {reason} {source}: {detail}\n    {shown}", at.0)
}
