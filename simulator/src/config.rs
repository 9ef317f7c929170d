//! The simulator's settings as it uses them.

use std::time::Duration;

use schemas::mqtt::Topics;
use service_kit::mqtt::Broker;
use service_kit::settings::{Faults, Settings, key};

/// What to simulate, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker.
    pub broker: Broker,
    /// The topics.
    pub topics: Topics,
    /// How many devices.
    pub devices: usize,
    /// Over how many feeders, `feeder-1` and on.
    pub feeders: usize,
    /// Time between two samples of a device.
    pub interval: Duration,
    /// The same seed gives the same fleet.
    pub seed: u64,
    /// How far its day is ahead of the clock, in hours.
    pub hours_ahead: f64,
    /// Ends by itself after this.
    pub run_for: Option<Duration>,
}

impl Config {
    /// Reads the simulator's settings.
    ///
    /// # Errors
    /// When certificate files do not go together.
    pub fn from_settings(settings: &Settings) -> Result<Self, Faults> {
        let devices = usize::try_from(settings.int(key::DERMS_SIM_DEVICES)).unwrap_or(1);
        #[expect(clippy::cast_precision_loss, reason = "at most a million devices")]
        let interval = settings.optional_float(key::DERMS_SIM_RATE).map_or_else(
            || settings.millis(key::DERMS_SIM_INTERVAL_MS),
            |per_second| Duration::from_secs_f64(devices as f64 / per_second),
        );
        let mut faults = Faults::default();
        let broker = faults.take(Broker::from_settings(settings));
        let Some(broker) = broker else { return Err(faults) };
        Ok(Self {
            broker,
            topics: settings.topics(key::MQTT_TOPIC_PREFIX),
            devices,
            feeders: usize::try_from(settings.int(key::DERMS_SIM_FEEDERS)).unwrap_or(1),
            interval,
            seed: settings.int(key::DERMS_SIM_SEED).unsigned_abs(),
            hours_ahead: settings.float(key::DERMS_SIM_HOURS_AHEAD),
            run_for: settings
                .optional_float(key::DERMS_SIM_FOR_SECONDS)
                .map(Duration::from_secs_f64),
        })
    }
}
