//! Which device stands where: the fold of `operator.v1`, kept up to date, and the records that the bridge adds to it.
//!
//! The fold is the authority: a sample of a new device is forwarded when the fold knows the device, so that every bridge
//! and the processor see it at the same place, whoever registered it first.

use std::sync::{PoisonError, RwLock};

use bridge_inbound::Known;
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ids::{DeviceId, FeederId};
use schemas::records::operator::{Change, OperatorRecord, SimulationMode};
use schemas::registry::Registry;
use schemas::topics::Topic;
use service_kit::log::{self, LogConfig, LogRecord, Only, Outgoing, Start};
use tokio::sync::watch;
use uuid::Uuid;

use crate::metrics;

/// Who writes registrations and notices.
const ACTOR: &str = "bridge";

/// The registry, shared by all tasks.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    registry: RwLock<Registry>,
    changes: watch::Sender<u64>,
}

impl Directory {
    /// Reads what must be of one moment.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A device, once it is registered or waits for an operator.
    pub(crate) fn known(&self, device_id: &DeviceId) -> Option<Known> {
        self.read(|registry| Known::of(registry, device_id))
    }

    /// The root of the tree of a device that control counts.
    pub(crate) fn root_of_device(&self, device_id: &DeviceId) -> Option<FeederId> {
        self.read(|registry| registry.feeder_of(device_id).map(|feeder| registry.root_of(feeder)))
    }

    /// The root of a feeder's tree.
    pub(crate) fn root_of(&self, feeder_id: &FeederId) -> FeederId {
        self.read(|registry| registry.root_of(feeder_id))
    }

    /// Which log it is, once somebody has said so.
    pub(crate) fn lineage(&self) -> Option<Lineage> {
        self.read(|registry| registry.log.clone())
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
            Ok(()) => {
                self.read(|registry| {
                    metrics::devices(registry.devices.len(), registry.waiting.len());
                });
                self.changes.send_modify(|version| *version += 1);
            }
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

/// The record of a change that the bridge makes by itself.
pub(crate) fn record(change: Change, at: Timestamp) -> Outgoing {
    let record =
        OperatorRecord { id: Uuid::now_v7(), at, source: None, actor: ACTOR.to_owned(), change };
    Outgoing::of(&record, Only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::records::lifecycle::{DeviceApproved, DeviceRetired, DeviceWaiting, WaitReason};
    use schemas::records::operator::DeviceRegistered;
    use schemas::records::telemetry::{DeviceOrigin, DeviceType};

    fn device() -> DeviceId {
        DeviceId::new("ev-1").unwrap()
    }

    fn change(directory: &Directory, change: Change) {
        let outgoing = record(change, Timestamp(5));
        assert_eq!(outgoing.key, "ev-1");
        directory.apply(&OperatorRecord::decode(&outgoing.value).unwrap());
    }

    fn registered(feeder: &str) -> Change {
        Change::DeviceRegistered(DeviceRegistered {
            device_id: device(),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Physical,
            feeder_id: FeederId::new(feeder).unwrap(),
            site_id: None,
        })
    }

    #[test]
    fn the_first_registration_holds() {
        let directory = Directory::default();
        for feeder in ["north", "south"] {
            change(&directory, registered(feeder));
        }
        assert_eq!(directory.known(&device()).unwrap().place.feeder_id.as_str(), "north");
    }

    #[test]
    fn a_waiting_device_is_known_and_stands_in_no_tree_until_it_is_approved() {
        let directory = Directory::default();
        let waiting = DeviceWaiting {
            device_id: device(),
            device_type: DeviceType::Ev,
            origin: DeviceOrigin::Physical,
            feeder_id: FeederId::new("north").unwrap(),
            site_id: None,
            why: WaitReason::UnknownDevice,
        };
        change(&directory, Change::DeviceWaiting(waiting));
        assert!(directory.known(&device()).is_some_and(|known| known.waits.is_some()));
        assert_eq!(directory.root_of_device(&device()), None);
        let approved = DeviceApproved { device_id: device(), feeder_id: None };
        change(&directory, Change::DeviceApproved(approved));
        assert!(directory.known(&device()).is_some_and(|known| known.waits.is_none()));
        assert!(directory.root_of_device(&device()).is_some());
    }

    #[test]
    fn a_retired_device_is_unknown() {
        let directory = Directory::default();
        change(&directory, registered("north"));
        change(&directory, Change::DeviceRetired(DeviceRetired { device_id: device() }));
        assert_eq!(directory.known(&device()), None);
    }
}
