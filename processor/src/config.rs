//! The processor's settings.

use std::time::Duration;

use schemas::records::operator::{ControlSettings, MissingBehavior, POLICIES, RestartBehavior};
use schemas::{Soc, Watts};
use service_kit::clickhouse::tables::Access;
use service_kit::log::{LogConfig, Partitions};
use service_kit::settings::{Faults, Settings, key};

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
    /// [`Faults`] with every text that cannot be read.
    pub fn from_settings(settings: &Settings) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let partitions = faults.take(Partitions::parse(settings.text(key::DERMS_PARTITIONS)));
        let access = faults.take(Access::from_settings(settings));
        let (Some(partitions), Some(access)) = (partitions, access) else { return Err(faults) };
        Ok(Self {
            log: LogConfig::from_settings(settings),
            control: control(settings),
            partitions,
            standby: settings.flag(key::DERMS_STANDBY),
            append_timeout: settings.millis(key::DB_QUERY_TIMEOUT_MS),
            snapshot_decisions: settings.int(key::DERMS_SNAPSHOT_DECISIONS),
            decision_log: DecisionLog::parse(settings.text(key::DECISION_LOG_LEVEL)),
            sink: SinkConfig {
                access,
                max_age: settings.millis(key::DERMS_SINK_MAX_AGE_MS),
                max_rows: usize::try_from(settings.int(key::DERMS_SINK_MAX_ROWS))
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
        interval_ms: ms(settings.seconds(key::CONTROL_INTERVAL_SECONDS)),
        lateness_ms: ms(settings.millis(key::DERMS_ALLOWED_LATENESS_MS)),
        idle_ms: ms(settings.millis(key::DERMS_IDLE_TIMEOUT_MS)),
        stale_ms: ms(settings.millis(key::TELEMETRY_STALE_MS)),
        missing_behavior: match settings.text(key::TELEMETRY_MISSING_BEHAVIOR) {
            "HOLD_LAST" => MissingBehavior::HoldLast,
            "EXCLUDE_DEVICE" => MissingBehavior::ExcludeDevice,
            _ => MissingBehavior::SafeZero,
        },
        hold_last_max_ms: ms(settings.millis(key::HOLD_LAST_MAX_MS)),
        lease_ms: ms(settings.millis(key::DERMS_SETPOINT_TTL_MS)),
        default_limit_w: watts(settings.float(key::FEEDER_DEFAULT_LIMIT_KW)),
        global_limit_w: settings.optional_float(key::CONTROL_GLOBAL_KW_LIMIT).map(watts),
        margin_w: watts(settings.float(key::DERMS_MARGIN_KW)),
        margin_permille: permille(settings.float(key::DERMS_MARGIN_PERCENT), 10.0),
        min_soc_reserve: soc(settings.float(key::CONTROL_MIN_SOC_RESERVE)),
        target_soc: soc(settings.float(key::CONTROL_TARGET_SOC)),
        respect_priority: settings.flag(key::CONTROL_RESPECT_PRIORITY),
        soc_weight_permille: permille(settings.float(key::CONTROL_SOC_WEIGHT), 1_000.0),
        deadband_w: watts(settings.float(key::DERMS_DEADBAND_KW)),
        dwell_ms: ms(settings.millis(key::DERMS_DWELL_MS)),
        ramp_permille: permille(settings.float(key::DERMS_RAMP_PERCENT), 10.0),
        shed_margin_w: watts(settings.float(key::DERMS_SHED_MARGIN_KW)),
        restart_behavior: match settings.text(key::RESTART_BEHAVIOR) {
            "HOLD_LAST" => RestartBehavior::HoldLast,
            _ => RestartBehavior::SafeZero,
        },
        max_consecutive_failures: i32::try_from(settings.int(key::MAX_CONSECUTIVE_FAILURES))
            .expect("the catalogue bounds it"),
        tracking_window_ms: ms(Duration::from_secs_f64(
            settings.float(key::TRACKING_ERROR_WINDOW_MINUTES) * 60.0,
        )),
        policy: match settings.text(key::CONTROL_ALLOCATION_MODE) {
            "heuristic" => POLICIES[0].to_owned(),
            policy => policy.to_owned(),
        },
        unheard_w: watts(settings.float(key::DERMS_UNHEARD_KW)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use service_kit::settings::{CATALOGUE, Kind, Service, Setting};

    use super::*;

    /// The fields of the record, with these settings.
    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, Value> {
        let settings = Settings::from_pairs(Service::Processor, pairs).expect("settings");
        let record = serde_json::to_value(control(&settings)).expect("a record");
        serde_json::from_value(record).expect("its fields")
    }

    /// A value that is not the default.
    fn another(setting: &Setting) -> String {
        let default = setting.default.unwrap_or_default();
        match setting.kind {
            Kind::Int { min, max, .. } if default == min.to_string() => max.to_string(),
            Kind::Int { min, .. } => min.to_string(),
            Kind::Float { min, max, .. } if default.parse() == Ok(min) => max.to_string(),
            Kind::Float { min, .. } => min.to_string(),
            Kind::Flag => (default != "true").to_string(),
            Kind::Choice(words) => words.last().copied().unwrap_or_default().to_owned(),
            other => panic!("{}: no control setting is {other:?}", setting.name),
        }
    }

    #[test]
    fn a_control_setting_moves_its_field_of_the_record_alone_and_every_field_has_one() {
        let default = fields(&[]);
        let mut without: Vec<&String> = default.keys().collect();
        for setting in CATALOGUE {
            let Some(field) = setting.record else { continue };
            without.retain(|name| *name != field);
            let changed = fields(&[(setting.name, &another(setting))]);
            let moved = default.keys().filter(|name| changed.get(*name) != default.get(*name));
            let moved: Vec<&String> = moved.collect();
            assert_eq!(moved, [field], "{} is recorded as {field}", setting.name);
        }
        assert!(without.is_empty(), "no setting of the catalogue is recorded as {without:?}");
    }
}
