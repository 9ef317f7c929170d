//! The subcommands of `derms-processor`: their arguments and their words.

use clap::Args;
use schemas::Timestamp;
use schemas::clickhouse::cluster::is_name;
use service_kit::clock::parse_time;
use service_kit::log::{existing_partitions, identity};

use crate::config::Config;
use crate::replay::{Outcome, Range, replay_partition};

/// Makes every decision again from the recorded inputs, compares it byte for byte with the log, and says where the first
/// difference is and why. Ends with 0 when there is none, else with 1. Writes nothing.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Compare decisions made at or after this: RFC 3339, or ms since the epoch.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Compare decisions made before this.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
    /// Only these partitions.
    #[arg(long = "partition", value_name = "N")]
    partitions: Vec<i32>,
}

/// Says that a copy of the log was put back: to be run before any service writes to it. Devices and history then know the
/// log from the one that went on without this copy.
///
/// # Errors
/// When the log does not answer.
#[expect(clippy::print_stdout, reason = "the words of a command line tool")]
pub async fn log_restored(config: Config) -> anyhow::Result<()> {
    let partitions = existing_partitions(&config.log).await?;
    let log_id = identity::restore(&config.log, partitions).await?;
    println!("the log is {log_id} from here on: start all services (again)");
    Ok(())
}

/// Which tables to print.
#[derive(Debug, Clone, Args)]
pub struct DdlArgs {
    /// The cluster over which they are spread (DERMS_CLICKHOUSE_CLUSTER).
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

/// Prints the statements that make the tables.
///
/// # Errors
/// When the cluster's name is none.
#[expect(clippy::print_stdout, reason = "the words of a command line tool")]
pub fn ddl(config: Config, args: DdlArgs) -> anyhow::Result<()> {
    let mut access = config.sink.access;
    access.cluster = args.cluster.or(access.cluster);
    anyhow::ensure!(
        access.cluster.as_deref().is_none_or(is_name),
        "--cluster: the name of a cluster is made of letters, digits, _ and -"
    );
    print!("{}", access.ddl()?);
    Ok(())
}

fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| {
        format!("expected a time such as 2026-05-01T12:00:00Z, or ms since the epoch, got {text:?}")
    })
}

/// Runs the command.
///
/// # Errors
/// When the log cannot be read, or a decision differs.
#[expect(clippy::print_stdout, reason = "the words of a command line tool")]
pub async fn replay(config: Config, args: ReplayArgs) -> anyhow::Result<()> {
    let partitions = existing_partitions(&config.log).await?;
    let chosen =
        if args.partitions.is_empty() { (0..partitions).collect() } else { args.partitions };
    let range = Range { from: args.from, to: args.to };
    let (mut compared, mut differing) = (0, 0);
    for partition in chosen {
        let outcome = replay_partition(&config.log, partitions, partition, range).await?;
        print!("{}", words(&outcome));
        compared += outcome.compared;
        differing += outcome.differing;
    }
    anyhow::ensure!(differing == 0, "{differing} of {compared} decisions differ");
    println!("no difference: {compared} decisions, byte for byte");
    Ok(())
}

fn words(outcome: &Outcome) -> String {
    let Outcome { partition, compared, differing, void, unreadable, .. } = outcome;
    let begun = if outcome.from_snapshots { "snapshots" } else { "the log's first record" };
    let mut words = format!(
        "partition {partition}, from {begun}: {compared} decisions compared, {differing} differ; {void} records void, {unreadable} unreadable\n"
    );
    if let Some(first) = &outcome.first {
        words += &format!(
            "  first difference: decision {} of {} at {} ms, offset {}\n    {}\n    cause: {}\n",
            first.seq, first.root, first.at.0, first.offset, first.what, first.cause
        );
    }
    words
}
