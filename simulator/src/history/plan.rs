//! What to make: the arguments of `derms-sim history`, checked.

use clap::Args;
use schemas::Timestamp;
use schemas::ids::mix;
use service_kit::clock::{Clock, SystemClock, parse_time};
use uuid::Uuid;

const DAY_MS: i64 = 86_400_000;
/// The controller's own lateness: a window is decided this long after its end.
pub(super) const DECIDED_AFTER_MS: i64 = 2_100;
/// Devices of a feeder, unless told otherwise.
const PER_FEEDER: usize = 50;

/// Writes the past of a fleet into ClickHouse: telemetry, decisions, setpoints and when they were sent, acks, alarms and operator
/// changes of the last days, as if it had run. The same arguments, with --until, give the same rows. 5 % of the samples come late, as devices lose their
/// connection and send what they kept; 5 % come twice and are dropped, as the history service drops them; and every 20th block is
/// sent twice under its name, so that ClickHouse drops it.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Devices of the fleet (DERMS_SIM_DEVICES), 1 to 100 000.
    #[arg(long, value_name = "N")]
    pub devices: Option<String>,
    /// Seed of the fleet (DERMS_SIM_SEED).
    #[arg(long, value_name = "S")]
    pub seed: Option<String>,
    /// ClickHouse's HTTP interface (DERMS_CLICKHOUSE_URL; user and password are settings too).
    #[arg(long, value_name = "URL")]
    pub clickhouse: Option<String>,
    /// The database (DERMS_CLICKHOUSE_DATABASE); it is made where it is not there.
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Days of history, such as 7 or 0.5; at most 400.
    #[arg(long, value_name = "D", value_parser = days)]
    days: f64,
    /// End of the history: RFC 3339, or ms since the epoch; now unless told otherwise.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Feeders that the devices are spread over; one for each 50 devices unless told otherwise. Four of them make an area, a tree.
    #[arg(long, value_name = "F", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    feeders: Option<u32>,
    /// Seconds between two samples of a device.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=60))]
    interval: i64,
    /// Seconds between two decisions of a tree: a multiple of --interval.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(i64).range(5..=3600))]
    window: i64,
    /// Write also into a database that holds rows already.
    #[arg(long)]
    pub beside_other_rows: bool,
}

fn days(text: &str) -> Result<f64, String> {
    let days = text.parse::<f64>().ok().filter(|days| (0.01..=400.0).contains(days));
    days.ok_or_else(|| format!("expected days from 0.01 to 400, got {text:?}"))
}

fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).filter(|at| at.0 > 400 * DAY_MS).ok_or_else(|| {
        format!("expected a time such as 2026-05-01T12:00:00Z, or ms since the epoch, got {text:?}")
    })
}

/// What to make.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) devices: usize,
    pub(super) feeders: usize,
    pub(super) seed: u64,
    pub(super) start: Timestamp,
    pub(super) until: Timestamp,
    pub(super) interval_ms: i64,
    pub(super) window_ms: i64,
}

impl Plan {
    /// # Errors
    /// When the arguments do not fit each other.
    pub(super) fn new(args: &HistoryArgs, devices: usize, seed: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(
            (1..=100_000).contains(&devices),
            "--devices: expected 1 to 100 000, got {devices}"
        );
        anyhow::ensure!(
            args.window % args.interval == 0,
            "--window: expected a multiple of --interval, {} s, got {} s",
            args.interval,
            args.window
        );
        let feeders = args.feeders.map_or(devices.div_ceil(PER_FEEDER), |feeders| {
            usize::try_from(feeders).unwrap_or(usize::MAX)
        });
        anyhow::ensure!(
            feeders <= devices,
            "--feeders: {feeders} are more than there are devices, {devices}"
        );
        let window_ms = args.window * 1_000;
        // Windows begin where the controller's do.
        let until = args.until.unwrap_or_else(|| SystemClock.now()).window_start(window_ms);
        #[expect(clippy::cast_possible_truncation, reason = "at most 400 days")]
        let length_ms = (args.days * 86_400_000.0) as i64;
        let start = until.plus_ms(-length_ms).window_start(window_ms);
        Ok(Self {
            devices,
            feeders,
            seed,
            start,
            until,
            interval_ms: args.interval * 1_000,
            window_ms,
        })
    }

    /// The identity of the log that the rows name: older than that of any real log, and never taken for one.
    pub(super) fn log(&self) -> Uuid {
        Uuid::from_u128((0x7000_u128 << 64) | (0x2 << 62) | u128::from(self.seed >> 2))
    }

    /// A number that looks like chance, of a few numbers.
    pub(super) fn number(&self, parts: [u64; 3]) -> u64 {
        let step = |hash: u64, part: u64| mix(hash.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ part);
        parts.into_iter().fold(mix(self.seed ^ 0x5eed), step)
    }

    /// An id that looks like chance.
    pub(super) fn id(&self, kind: u64, number: u64) -> Uuid {
        let (high, low) = (self.number([kind, number, 0]), self.number([kind, number, 1]));
        let bits = (u128::from(high) << 64) | u128::from(low);
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}
