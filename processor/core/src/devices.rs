//! The devices of a tree, side by side in memory: found by id for each sample, passed over in the order of ids in each decision.

use indexmap::IndexMap;
use schemas::DeviceId;
use schemas::records::snapshot::DeviceSnapshot as Device;

/// Devices by id. New ones stand at the end until [`Devices::sort`]: in between only lookups are right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Devices {
    by_id: IndexMap<DeviceId, Device>,
    unsorted: bool,
}

impl Devices {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, device_id: &DeviceId) -> Option<&Device> {
        self.by_id.get(device_id)
    }

    pub(crate) fn get_mut(&mut self, device_id: &DeviceId) -> Option<&mut Device> {
        self.by_id.get_mut(device_id)
    }

    /// The device, made if it is new.
    pub(crate) fn get_or_insert(
        &mut self,
        device_id: &DeviceId,
        make: impl FnOnce() -> Device,
    ) -> &mut Device {
        let index = self.by_id.get_index_of(device_id).unwrap_or_else(|| {
            self.unsorted |= self.by_id.last().is_some_and(|(last, _)| last > device_id);
            self.by_id.insert_full(device_id.clone(), make()).0
        });
        &mut self.by_id[index]
    }

    /// Brings new ones to their places.
    pub(crate) fn sort(&mut self) {
        if self.unsorted {
            self.by_id.sort_unstable_keys();
            self.unsorted = false;
        }
    }

    /// In the order of ids, if sorted.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.by_id.values_mut()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut Device) -> bool) {
        self.by_id.retain(|_, device| keep(device));
    }

    /// Copies in the order of ids.
    pub(crate) fn to_vec(&self) -> Vec<Device> {
        let mut all: Vec<Device> = self.by_id.values().cloned().collect();
        if self.unsorted {
            all.sort_unstable_by(|one, other| one.device_id.cmp(&other.device_id));
        }
        all
    }
}

impl FromIterator<Device> for Devices {
    fn from_iter<I: IntoIterator<Item = Device>>(devices: I) -> Self {
        let by_id = devices.into_iter().map(|device| (device.device_id.clone(), device)).collect();
        let mut devices = Self { by_id, unsorted: true };
        devices.sort();
        devices
    }
}

/// The same devices, wherever they stand.
impl PartialEq for Devices {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id
    }
}

impl Eq for Devices {}
