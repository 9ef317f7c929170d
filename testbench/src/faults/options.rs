//! What a run of the harness is told.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Which faults a run is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// `--kills` times kill -9 of a bridge or a processor (with its sink).
    Kills,
    /// Kafka killed and restarted, Mosquitto stopped and restarted, the ClickHouse engine away for `--away-seconds`.
    Brokers,
    /// A processor and a bridge killed for good, a processor stopped for a minute and continued.
    Takeover,
    /// Everything: kills, stops, cuts, brokers, a full disk, clocks that jump.
    Mixed,
    /// Mosquitto killed with -9, again and again, each time while a bridge stands still, so that there is something to
    /// lose: measures what its own persistence loses, and with `--receipts` shows that devices make up for it.
    MosquittoKills,
    /// The processor away for longer than three intervals: what the watchdog does.
    Watchdog,
    /// No fault at all.
    Calm,
}

/// Runs the services against real servers under a seeded schedule of faults, and compares what devices had
/// acknowledged with what is stored, and what they applied with what was decided.
#[derive(Debug, Clone, Parser)]
#[command(name = "faults")]
pub struct Options {
    /// Which faults.
    #[arg(long, value_enum, default_value = "mixed")]
    pub scenario: Scenario,
    /// Seed of the schedule.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How often something is killed, in the scenarios that kill.
    #[arg(long, default_value_t = 10)]
    pub kills: u32,
    /// Samples per second of the whole fleet.
    #[arg(long, default_value_t = 500)]
    pub rate: u32,
    /// Devices of the fleet.
    #[arg(long, default_value_t = 500)]
    pub devices: u32,
    /// Feeders they are spread over; each is a tree of its own.
    #[arg(long, default_value_t = 12)]
    pub feeders: u32,
    /// How long faults happen, in minutes.
    #[arg(long, default_value_t = 2.0)]
    pub minutes: f64,
    /// Bridges; two or more share the subscriptions.
    #[arg(long, default_value_t = 1)]
    pub bridges: usize,
    /// Processors.
    #[arg(long, default_value_t = 1)]
    pub processors: usize,
    /// Partitions of the tree topics.
    #[arg(long, default_value_t = 12)]
    pub partitions: i32,
    /// `CONTROL_INTERVAL_SECONDS`.
    #[arg(long, default_value_t = 5.0)]
    pub interval: f64,
    /// `DERMS_KAFKA_SESSION_TIMEOUT_MS`.
    #[arg(long, default_value_t = 6_000)]
    pub session_timeout_ms: u64,
    /// How long the ClickHouse engine is away in the scenario of brokers.
    #[arg(long, default_value_t = 300)]
    pub away_seconds: u64,
    /// `DB_ERROR_BEHAVIOR` of the bridges.
    #[arg(long, default_value = "SAFE_ZERO_ALL")]
    pub db_error_behavior: String,
    /// How long to wait at the end for everything to arrive, in seconds.
    #[arg(long, default_value_t = 240)]
    pub settle_seconds: u64,
    /// Where reports go.
    #[arg(long, default_value = "artifacts")]
    pub artifacts: PathBuf,
    /// Devices ask for receipts from the log, keep each message until it has come, and send it again otherwise.
    #[arg(long)]
    pub receipts: bool,
    /// Keep the folder with the servers' data and the services' logs.
    #[arg(long)]
    pub keep: bool,
    /// A setting for all services, NAME=VALUE.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}
