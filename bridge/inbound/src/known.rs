//! What the registry says of a device that speaks.

use schemas::ids::{DeviceId, FeederId};
use schemas::records::lifecycle::WaitReason;
use schemas::records::telemetry::DeviceType;
use schemas::registry::Registry;

/// Where a device stands: its feeder and the root of that feeder's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its feeder.
    pub feeder_id: FeederId,
    /// The root of that feeder's tree.
    pub root: FeederId,
}

/// A device that the registry knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub place: Place,
    /// What it was registered as; no message changes it.
    pub device_type: DeviceType,
    /// Why it waits, where it does.
    pub waits: Option<WaitReason>,
}

impl Known {
    /// A device, once it is registered or waits for an operator.
    #[must_use]
    pub fn of(registry: &Registry, device_id: &DeviceId) -> Option<Self> {
        let (feeder_id, device_type, waits) = match registry.devices.get(device_id) {
            Some(device) => (&device.feeder_id, device.device_type, None),
            None => {
                let waiting = registry.waiting.get(device_id)?;
                (&waiting.feeder_id, waiting.device_type, Some(waiting.why))
            }
        };
        let root = registry.root_of(feeder_id);
        let place = Place { feeder_id: feeder_id.clone(), root };
        Some(Self { place, device_type, waits })
    }
}
