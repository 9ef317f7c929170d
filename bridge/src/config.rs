//! The bridge's settings, with their types. The names, defaults and ranges are in the kit's catalogue.

use std::time::Duration;

use anyhow::Context;
use bridge_inbound::admission::{self, Registration, UnknownFeeder};
use bridge_outbound::{OnSilence, Rules};
use schemas::Watts;
use schemas::ids::FeederId;
use schemas::mqtt::Topics;
use service_kit::log::{LogConfig, Partitions};
use service_kit::mqtt::Broker;
use service_kit::settings::{Faults, Settings, key};

/// A tree without a decision for so many intervals is without control.
const SILENT_INTERVALS: i64 = 3;

/// Bounds of one setpoint's publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishBounds {
    /// Longest wait for the PUBACK, each try.
    pub timeout: Duration,
    /// Tries of what the broker refuses, after the first.
    pub retries: u32,
    /// Wait before the first retry; doubles.
    pub backoff: Duration,
}

/// Everything the bridge is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The log.
    pub log: LogConfig,
    /// The broker.
    pub broker: Broker,
    /// Client id of the persistent session; the connection for setpoints adds `-out`.
    pub client_id: String,
    /// Shared-subscription group.
    pub share_group: Option<String>,
    /// Unacknowledged messages in flight from the broker.
    pub receive_max: u16,
    /// Longest payload accepted, bytes.
    pub payload_max: usize,
    /// Messages per second of one device.
    pub device_rate_max: u32,
    /// The MQTT topics.
    pub topics: Topics,
    /// Which unknown devices may speak, and how many.
    pub admission: admission::Rules,
    /// Which partitions of decisions to act on.
    pub partitions: Partitions,
    /// Bounds of publishing.
    pub publish: PublishBounds,
    /// What happens when decisions stop coming.
    pub watchdog: Rules,
}

impl Config {
    /// Takes it from the settings.
    ///
    /// # Errors
    /// [`Faults`] with every text that is not what it must be: a feeder id, a list of partitions.
    pub fn from_settings(settings: &Settings) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let broker = faults.take(Broker::from_settings(settings));
        let group = share_group(settings.optional_text(key::DERMS_MQTT_SHARE_GROUP));
        let group = faults.take(group.context("setting DERMS_MQTT_SHARE_GROUP"));
        let admission = faults.take(admission_rules(settings));
        let partitions = faults.take(Partitions::parse(settings.text(key::DERMS_PARTITIONS)));
        let (Some(broker), Some(share_group)) = (broker, group) else { return Err(faults) };
        let (Some(admission), Some(partitions)) = (admission, partitions) else {
            return Err(faults);
        };
        let interval = settings.seconds(key::CONTROL_INTERVAL_SECONDS);
        Ok(Self {
            log: LogConfig::from_settings(settings),
            broker,
            client_id: settings.text(key::DERMS_MQTT_CLIENT_ID).to_owned(),
            share_group,
            receive_max: bounded(settings.int(key::DERMS_MQTT_RECEIVE_MAX)),
            payload_max: bounded(settings.int(key::MQTT_MAX_PAYLOAD_BYTES)),
            device_rate_max: bounded(settings.int(key::DERMS_MQTT_DEVICE_RATE_MAX)),
            topics: settings.topics(key::MQTT_TOPIC_PREFIX),
            admission,
            partitions,
            publish: PublishBounds {
                timeout: settings.millis(key::MQTT_PUBLISH_TIMEOUT_MS),
                retries: bounded(settings.int(key::MQTT_MAX_RETRIES)),
                backoff: settings.millis(key::MQTT_RETRY_BACKOFF_MS),
            },
            watchdog: Rules {
                on_silence: match settings.text(key::DB_ERROR_BEHAVIOR) {
                    "HOLD_LAST" => OnSilence::HoldLast,
                    "STOP_LOOP" => OnSilence::Nothing,
                    _ => OnSilence::Zero,
                },
                silence_ms: SILENT_INTERVALS
                    * i64::try_from(interval.as_millis()).unwrap_or(i64::MAX / SILENT_INTERVALS),
                hold_max_ms: settings.int(key::HOLD_LAST_MAX_MS),
            },
        })
    }
}

fn admission_rules(settings: &Settings) -> anyhow::Result<admission::Rules> {
    Ok(admission::Rules {
        registration: match settings.text(key::DERMS_REGISTRATION) {
            "quarantine" => Registration::Quarantine,
            "closed" => Registration::Closed,
            _ => Registration::Open,
        },
        unknown_feeder: match settings.text(key::DERMS_UNKNOWN_FEEDER) {
            "default" => UnknownFeeder::Default,
            "quarantine" => UnknownFeeder::Quarantine,
            _ => UnknownFeeder::Open,
        },
        default_feeder: FeederId::new(settings.text(key::DEFAULT_FEEDER_ID))
            .context("setting DEFAULT_FEEDER_ID")?,
        devices_max: bounded(settings.int(key::DERMS_DEVICES_MAX)),
        per_feeder_max: bounded(settings.int(key::DERMS_DEVICES_PER_FEEDER_MAX)),
        waiting_max: bounded(settings.int(key::DERMS_WAITING_DEVICES_MAX)),
        unproven: Watts::from_kw(settings.float(key::DERMS_UNPROVEN_KW))
            .context("setting DERMS_UNPROVEN_KW")?,
        new_per_minute: bounded(settings.int(key::DERMS_NEW_DEVICES_PER_MINUTE)),
    })
}

fn bounded<T: TryFrom<i64>>(number: i64) -> T {
    T::try_from(number).ok().expect("the catalogue bounds the number")
}

/// A group is one level of a topic filter.
fn share_group(text: Option<&str>) -> anyhow::Result<Option<String>> {
    match text {
        Some(group) if group.contains(['/', '+', '#']) => {
            anyhow::bail!("expected a name without / + #, got {group:?}")
        }
        group => Ok(group.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::settings::Service;

    #[test]
    fn the_defaults_make_a_config() {
        let settings = Settings::from_pairs(Service::Bridge, &[]).unwrap();
        let config = Config::from_settings(&settings).unwrap();
        assert_eq!(config.watchdog.silence_ms, 15_000);
        assert_eq!(config.partitions, Partitions::Auto);
    }

    #[test]
    fn a_share_group_is_one_level_of_a_filter() {
        assert_eq!(share_group(Some("bridges")).unwrap().as_deref(), Some("bridges"));
        assert!(share_group(Some("a/b")).is_err());
    }

    #[test]
    fn a_password_is_never_printed() {
        let pairs = [("MQTT_USERNAME", "bridge"), ("MQTT_PASSWORD", "open sesame")];
        let settings = Settings::from_pairs(Service::Bridge, &pairs).unwrap();
        let config = Config::from_settings(&settings).unwrap();
        assert!(!format!("{config:?}").contains("sesame"));
    }
}
