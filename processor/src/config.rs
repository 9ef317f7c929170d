//! The processor's settings.

use std::time::Duration;

use schemas::records::operator::{ControlSettings, MissingBehavior, POLICIES, RestartBehavior};
use schemas::{Soc, Watts};
use service_kit::clickhouse::tables::Access;
use service_kit::log::{LogConfig, Partitions};
use service_kit::settings::Settings;

use crate::decision_log::DecisionLog;

/// How to reach ClickHouse, and how blocks are cut.
#[derive(Debug, Clone)]
pub struct SinkConfig {
    /// Its tables.
    pub access: Access,
    /// Rows wait at most this long.
    pub max_age: Duration,
    /// Rows in a block.
    pub max_rows: usize,
}

/// Everything the processor is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The log.
    pub log: LogConfig,
    /// What decisions are made with.
    pub control: ControlSettings,
    /// Which partitions it works on.
    pub partitions: Partitions,
    /// Whether it follows the partitions that others hold, to take over without a replay.
    pub standby: bool,
    /// Longest wait for an append in the control path.
    pub append_timeout: Duration,
    /// A snapshot every so many decisions.
    pub snapshot_decisions: i64,
    /// How much of each decision is said in the log of the process.
    pub decision_log: DecisionLog,
    /// The sink.
    pub sink: SinkConfig,
}

impl Config {
    /// Takes it from the settings.
    ///
    /// # Errors
    /// When a text cannot be read.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            log: LogConfig::from_settings(settings),
            control: control(settings),
            partitions: Partitions::parse(settings.text("DERMS_PARTITIONS"))
                .map_err(anyhow::Error::msg)?,
            standby: settings.flag("DERMS_STANDBY"),
            append_timeout: settings.millis("DB_QUERY_TIMEOUT_MS"),
            snapshot_decisions: settings.int("DERMS_SNAPSHOT_DECISIONS"),
            decision_log: DecisionLog::parse(settings.text("DECISION_LOG_LEVEL")),
            sink: SinkConfig {
                access: Access::from_settings(settings)?,
                max_age: settings.millis("DERMS_SINK_MAX_AGE_MS"),
                max_rows: usize::try_from(settings.int("DERMS_SINK_MAX_ROWS"))
                    .expect("the catalogue bounds it"),
            },
        })
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn watts(kw: f64) -> Watts {
    Watts::from_kw(kw).expect("the catalogue bounds it")
}

#[expect(clippy::cast_possible_truncation, reason = "the catalogue bounds them")]
fn permille(number: f64, thousandths: f64) -> i32 {
    (number * thousandths).round() as i32
}

fn soc(fraction: f64) -> Soc {
    Soc::from_fraction(fraction).expect("the catalogue bounds it")
}

fn control(settings: &Settings) -> ControlSettings {
    ControlSettings {
        interval_ms: ms(settings.seconds("CONTROL_INTERVAL_SECONDS")),
        lateness_ms: ms(settings.millis("DERMS_ALLOWED_LATENESS_MS")),
        idle_ms: ms(settings.millis("DERMS_IDLE_TIMEOUT_MS")),
        stale_ms: ms(settings.millis("TELEMETRY_STALE_MS")),
        missing_behavior: match settings.choice("TELEMETRY_MISSING_BEHAVIOR") {
            "HOLD_LAST" => MissingBehavior::HoldLast,
            "EXCLUDE_DEVICE" => MissingBehavior::ExcludeDevice,
            _ => MissingBehavior::SafeZero,
        },
        hold_last_max_ms: ms(settings.millis("HOLD_LAST_MAX_MS")),
        lease_ms: ms(settings.millis("DERMS_SETPOINT_TTL_MS")),
        default_limit_w: watts(settings.float("FEEDER_DEFAULT_LIMIT_KW")),
        global_limit_w: settings.optional_float("CONTROL_GLOBAL_KW_LIMIT").map(watts),
        margin_w: watts(settings.float("DERMS_MARGIN_KW")),
        margin_permille: permille(settings.float("DERMS_MARGIN_PERCENT"), 10.0),
        min_soc_reserve: soc(settings.float("CONTROL_MIN_SOC_RESERVE")),
        target_soc: soc(settings.float("CONTROL_TARGET_SOC")),
        respect_priority: settings.flag("CONTROL_RESPECT_PRIORITY"),
        soc_weight_permille: permille(settings.float("CONTROL_SOC_WEIGHT"), 1_000.0),
        deadband_w: watts(settings.float("DERMS_DEADBAND_KW")),
        dwell_ms: ms(settings.millis("DERMS_DWELL_MS")),
        ramp_permille: permille(settings.float("DERMS_RAMP_PERCENT"), 10.0),
        shed_margin_w: watts(settings.float("DERMS_SHED_MARGIN_KW")),
        restart_behavior: match settings.choice("RESTART_BEHAVIOR") {
            "HOLD_LAST" => RestartBehavior::HoldLast,
            _ => RestartBehavior::SafeZero,
        },
        max_consecutive_failures: i32::try_from(settings.int("MAX_CONSECUTIVE_FAILURES"))
            .expect("the catalogue bounds it"),
        tracking_window_ms: ms(Duration::from_secs_f64(
            settings.float("TRACKING_ERROR_WINDOW_MINUTES") * 60.0,
        )),
        policy: match settings.choice("CONTROL_ALLOCATION_MODE") {
            "heuristic" => POLICIES[0].to_owned(),
            policy => policy.to_owned(),
        },
        unheard_w: watts(settings.float("DERMS_UNHEARD_KW")),
    }
}
