//! Which device stands where: the fold of `operator.v1`, kept up to date, and the record that registers a new device.
//!
//! The fold is the authority: a sample of a new device is forwarded when the fold knows the device, so that every bridge
//! and the processor see it at the same place, whoever registered it first.

use std::sync::{PoisonError, RwLock};

use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ids::{DeviceId, FeederId};
use schemas::mqtt::TelemetryMessage;
use schemas::records::operator::{Change, DeviceRegistered, OperatorRecord, SimulationMode};
use schemas::registry::Registry;
use schemas::topics::Topic;
use service_kit::log::{self, LogConfig, LogRecord, Outgoing, Start};
use tokio::sync::watch;
use uuid::Uuid;

use crate::mapping::Place;
use crate::metrics;

/// Who writes registrations.
const ACTOR: &str = "bridge";

/// The registry, shared by all tasks.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    registry: RwLock<Registry>,
    changes: watch::Sender<u64>,
}

impl Directory {
    fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where a device stands, once it is registered.
    pub(crate) fn place(&self, device_id: &DeviceId) -> Option<Place> {
        self.read(|registry| {
            let feeder_id = registry.feeder_of(device_id)?.clone();
            let root = registry.root_of(&feeder_id);
            Some(Place { feeder_id, root })
        })
    }

    /// The root of a feeder's tree.
    pub(crate) fn root_of(&self, feeder_id: &FeederId) -> FeederId {
        self.read(|registry| registry.root_of(feeder_id))
    }

    /// How many devices are registered.
    pub(crate) fn devices(&self) -> usize {
        self.read(|registry| registry.devices.len())
    }

    /// The simulators' time of day, once an operator has set it.
    pub(crate) fn simulation(&self) -> Option<SimulationMode> {
        self.read(|registry| registry.simulation.1.map(|_| registry.simulation.0))
    }

    /// Tells of changes, many at once where they come fast.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn apply(&self, record: &OperatorRecord) {
        let applied = self.registry.write().unwrap_or_else(PoisonError::into_inner).apply(record);
        match applied {
            Ok(()) => self.changes.send_modify(|version| *version += 1),
            // Every reader ignores it in the same way.
            Err(refused) => tracing::debug!(%refused, id = %record.id, "a change does not apply"),
        }
    }

    fn read_record(&self, record: &LogRecord) {
        match OperatorRecord::decode(&record.value) {
            Ok(change) => self.apply(&change),
            Err(error) => {
                metrics::poison(record.topic.suffix());
                tracing::error!(%error, offset = record.offset, "an operator record cannot be read");
            }
        }
    }

    /// Reads `operator.v1` from its first record on and keeps reading; `caught_up` is called once, in between.
    ///
    /// # Errors
    /// When the log refuses for good.
    pub(crate) async fn follow(
        &self,
        config: &LogConfig,
        caught_up: impl FnOnce(),
    ) -> anyhow::Result<()> {
        let from = [(Topic::Operator, 0, Start::Beginning)];
        let each = |record: LogRecord| -> anyhow::Result<()> {
            self.read_record(&record);
            Ok(())
        };
        match log::follow(config, &from, each, caught_up).await? {}
    }
}

/// The record that registers the device of a sample at the feeder it claims.
pub(crate) fn registration(
    sample: &TelemetryMessage,
    default_feeder: &FeederId,
    at: Timestamp,
) -> Outgoing {
    let change = Change::DeviceRegistered(DeviceRegistered {
        device_id: sample.envelope.device_id.clone(),
        device_type: sample.envelope.device_type,
        origin: sample.origin(),
        feeder_id: sample.claimed_feeder().unwrap_or_else(|| default_feeder.clone()),
        site_id: sample.site_id.clone(),
    });
    let record = OperatorRecord { id: Uuid::now_v7(), at, actor: ACTOR.to_owned(), change };
    Outgoing {
        topic: Topic::Operator,
        partition: 0,
        key: record.change.entity(),
        value: record.encode(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::mqtt::{Topics, decode_telemetry};

    fn sample(feeder: &str) -> TelemetryMessage {
        let payload = format!(
            r#"{{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-000000000001",
            "deviceId":"ev-1","deviceType":"ev","timestampMs":1000,
            "payload":{{"readings":{{"powerKw":2.5}},"status":{{"online":true}}{feeder}}}}}"#
        );
        let topic = Topics::default().parse_telemetry("der/telemetry/ev-1").unwrap();
        decode_telemetry(&topic, payload.as_bytes(), 10_000).unwrap()
    }

    #[track_caller]
    fn check(feeder: &str, expected: &str) {
        let default_feeder = FeederId::new("default-feeder").unwrap();
        let outgoing = registration(&sample(feeder), &default_feeder, Timestamp(5));
        let directory = Directory::default();
        directory.apply(&OperatorRecord::decode(&outgoing.value).unwrap());
        let place = directory.place(&DeviceId::new("ev-1").unwrap()).unwrap();
        assert_eq!(place.feeder_id.as_str(), expected);
        assert_eq!(outgoing.key, "ev-1");
    }

    #[test]
    fn a_device_is_registered_at_its_feeder_else_its_site_else_the_default() {
        check(r#","feederId":"north","siteId":"s1""#, "north");
        check(r#","siteId":"s1""#, "s1");
        check("", "default-feeder");
    }

    #[test]
    fn the_first_registration_holds() {
        let default_feeder = FeederId::new("d").unwrap();
        let directory = Directory::default();
        for feeder in [r#","feederId":"north""#, r#","feederId":"south""#] {
            let outgoing = registration(&sample(feeder), &default_feeder, Timestamp(5));
            directory.apply(&OperatorRecord::decode(&outgoing.value).unwrap());
        }
        let place = directory.place(&DeviceId::new("ev-1").unwrap()).unwrap();
        assert_eq!(place.feeder_id.as_str(), "north");
    }
}
