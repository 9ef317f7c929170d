//! Who speaks for which device, where no login says it: the first client that reports under a device's id, as long as
//! that client's session lasts. One connection may so be a whole fleet's (a gateway, a simulator), and hear what is meant
//! for its devices and no other's. It must not know topics.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemas::ids::DeviceId;

/// Devices that one client may speak for.
const CLIENT_DEVICES_MAX: usize = 20_000;
/// Devices that are spoken for, in all.
const DEVICES_MAX: usize = 100_000;

/// Devices and their speakers, by client id.
#[derive(Debug, Default)]
pub(super) struct Speakers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    speaker: HashMap<DeviceId, Box<str>>,
    devices: HashMap<Box<str>, HashSet<DeviceId>>,
}

impl Speakers {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This client has reported under a device's id. Whoever did so before it stays the speaker.
    pub(super) fn spoke(&self, client: &str, device: DeviceId) {
        let Known { speaker, devices } = &mut *self.known();
        if speaker.contains_key(&device) || speaker.len() >= DEVICES_MAX {
            return;
        }
        let own = devices.entry(client.into()).or_default();
        if own.len() < CLIENT_DEVICES_MAX {
            own.insert(device.clone());
            speaker.insert(device, client.into());
        }
    }

    /// Whether a client is the speaker of a device.
    pub(super) fn speaks(&self, client: &str, device: &DeviceId) -> bool {
        self.known().speaker.get(device).is_some_and(|speaker| **speaker == *client)
    }

    /// A client's session is over: its devices are free for the next.
    pub(super) fn ended(&self, client: &str) {
        let Known { speaker, devices } = &mut *self.known();
        for device in devices.remove(client).unwrap_or_default() {
            speaker.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: usize) -> DeviceId {
        DeviceId::new(&format!("ev-{number}")).expect("an id")
    }

    #[test]
    fn the_first_to_report_speaks_for_a_device_until_its_session_ends() {
        let speakers = Speakers::default();
        assert!(!speakers.speaks("fleet", &device(1)));
        speakers.spoke("fleet", device(1));
        speakers.spoke("stranger", device(1));
        speakers.spoke("stranger", device(2));
        assert!(speakers.speaks("fleet", &device(1)) && !speakers.speaks("stranger", &device(1)));
        assert!(speakers.speaks("stranger", &device(2)));

        speakers.ended("fleet");
        speakers.ended("nobody");
        assert!(!speakers.speaks("fleet", &device(1)) && speakers.speaks("stranger", &device(2)));
        speakers.spoke("stranger", device(1));
        assert!(speakers.speaks("stranger", &device(1)));
    }

    #[test]
    fn a_client_that_makes_up_ids_takes_no_more_than_its_part() {
        let speakers = Speakers::default();
        for number in 0..CLIENT_DEVICES_MAX + 2 {
            speakers.spoke("greedy", device(number));
        }
        assert!(speakers.speaks("greedy", &device(CLIENT_DEVICES_MAX - 1)));
        let next = device(CLIENT_DEVICES_MAX + 1);
        assert!(!speakers.speaks("greedy", &next));
        speakers.spoke("modest", next.clone());
        assert!(speakers.speaks("modest", &next));
        speakers.ended("greedy");
        assert_eq!(speakers.known().speaker.len(), 1);
    }
}
