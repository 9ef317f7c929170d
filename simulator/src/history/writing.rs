//! Blocks into ClickHouse, and what is said about it.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use service_kit::clickhouse::tables::{Access, BlockId, Tables};
use service_kit::settings::{Settings, key};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::blocks::{Block, Rows};
use super::plan::{HistoryArgs, Plan};
use super::world::World;

/// Blocks that are made while one is written.
const AHEAD: usize = 2;
/// Every so-manieth block is sent twice.
const TWICE_EVERY: u64 = 20;
/// Tables that the log goes into.
const FILLED: [&str; 8] = [
    "telemetry",
    "acks",
    "operator_log",
    "decisions",
    "decision_devices",
    "setpoints",
    "decision_alarms",
    "sent",
];

/// Makes the history that the arguments ask for, and writes it.
///
/// # Errors
/// When the arguments do not fit each other, the database holds rows already, or ClickHouse does not take a block.
#[expect(clippy::print_stdout, reason = "the words of a command line tool")]
pub async fn write(
    settings: &Settings,
    args: HistoryArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let devices = usize::try_from(settings.int(key::DERMS_SIM_DEVICES)).unwrap_or(0);
    let plan = Plan::new(&args, devices, settings.int(key::DERMS_SIM_SEED).unsigned_abs())?;
    let tables = Tables::new(Access::from_settings(settings)?)?;
    tables.migrate().await.context("making the tables")?;
    if !args.beside_other_rows {
        refuse_other_rows(&tables).await?;
    }
    let (sender, mut blocks) = mpsc::channel(AHEAD);
    let log = Some(plan.log());
    let maker = std::thread::spawn(move || make(plan, &sender));
    let began = Instant::now();
    let mut written: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
    let mut count = 0;
    loop {
        let block = tokio::select! {
            () = shutdown.cancelled() => anyhow::bail!("interrupted: the history is not complete"),
            block = blocks.recv() => block,
        };
        let Some(block) = block else { break };
        let began = Instant::now();
        let rows = send(&tables, log, &block).await?;
        let sum = written.entry(block.table).or_default();
        *sum = (sum.0 + rows, sum.1 + began.elapsed().as_secs_f64());
        count += 1;
        if count % TWICE_EVERY == 0 {
            send(&tables, log, &block).await?;
        }
    }
    maker.join().map_err(|_| anyhow::anyhow!("making the history panicked"))?;
    let seconds = began.elapsed().as_secs_f64();
    for (table, (rows, busy)) in &written {
        println!("{table}: {rows} rows, {busy:.1} s");
    }
    let rows: u64 = written.values().map(|(rows, _)| rows).sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rows as f64 / seconds.max(0.001);
    println!("{rows} rows in {seconds:.1} s: {rate:.0} rows/s");
    Ok(())
}

/// Two histories in one database would count twice.
async fn refuse_other_rows(tables: &Tables) -> anyhow::Result<()> {
    for table in FILLED {
        let query = format!("SELECT count(), toString(any(log_id)) FROM {table}");
        let (rows, log): (u64, String) =
            tables.client().query(&query).fetch_one().await.context("asking for rows")?;
        anyhow::ensure!(
            rows == 0,
            "the database holds {rows} rows of log {log:?} in {table} already: name another with --database, or say --beside-other-rows"
        );
    }
    Ok(())
}

fn make(plan: Plan, sender: &mpsc::Sender<Block>) {
    let mut world = World::new(plan);
    while world.step() {
        for block in world.take() {
            if sender.blocking_send(block).is_err() {
                return;
            }
        }
    }
    for block in world.finish() {
        if sender.blocking_send(block).is_err() {
            return;
        }
    }
}

async fn send(tables: &Tables, log: Option<uuid::Uuid>, block: &Block) -> anyhow::Result<u64> {
    let Block { table, first, last, rows } = block;
    let id = BlockId { table, partition: 0, first: *first, last: *last, log };
    let count = match rows {
        Rows::Telemetry(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Acks(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Operator(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Decisions(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Devices(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Setpoints(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Alarms(rows) => tables.write(id, rows).await.map(|()| rows.len()),
        Rows::Sent(rows) => tables.write(id, rows).await.map(|()| rows.len()),
    }?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}
