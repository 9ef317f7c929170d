//! Which devices the last changes moved, so that what is derived from a registry of 100 000 devices need not be made anew
//! for each that registers.

use std::collections::VecDeque;

use crate::ids::DeviceId;
use crate::records::operator::Change;

/// Changes that are remembered: who follows a registry looks at it more often.
const REMEMBERED: usize = 1_024;

/// The count of changes, and what the last of them moved.
#[derive(Debug, Clone, Default, Eq)]
pub(super) struct Moves {
    /// How many changes there were.
    pub(super) revision: u64,
    /// Up to here it is not known what moved, or it was more than single devices.
    blank: u64,
    /// What moved since: the revision that a change made, and the device.
    devices: VecDeque<(u64, DeviceId)>,
}

/// Registries that say the same are equal, by whatever changes each came there.
impl PartialEq for Moves {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Moves {
    pub(super) fn note(&mut self, change: &Change) {
        self.revision += 1;
        let device_id = match change {
            Change::DeviceRegistered(of) => &of.device_id,
            Change::DeviceChange(of) => &of.device_id,
            Change::DeviceWaiting(of) => &of.device_id,
            Change::DeviceApproved(of) => &of.device_id,
            Change::DeviceRetired(of) => &of.device_id,
            Change::FeederChange(_)
            | Change::FeederCleared(_)
            | Change::FeederRemoved(_)
            | Change::DeviceReplaced(_) => {
                self.devices.clear();
                self.blank = self.revision;
                return;
            }
            Change::ControlSettings(_)
            | Change::EventCreated(_)
            | Change::EventCancelled(_)
            | Change::EventChanged(_)
            | Change::ProgramSet(_)
            | Change::ProgramDeleted(_)
            | Change::OverrideSet(_)
            | Change::OverrideCleared(_)
            | Change::ControlResumed(_)
            | Change::SimulationSet(_)
            | Change::DeviceNoted(_)
            | Change::LogMade(_)
            | Change::SessionEnded(_) => return,
        };
        if self.devices.len() == REMEMBERED
            && let Some((revision, _)) = self.devices.pop_front()
        {
            self.blank = revision;
        }
        self.devices.push_back((self.revision, device_id.clone()));
    }

    pub(super) fn since(&self, revision: u64) -> Option<impl Iterator<Item = &DeviceId>> {
        let known = self.blank <= revision;
        let first = self.devices.partition_point(|(made, _)| *made <= revision);
        known.then(|| self.devices.range(first..).map(|(_, device_id)| device_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::operator::OverrideCleared;
    use crate::registry::tests::{device, under};

    fn of(id: &str) -> Change {
        Change::DeviceRetired(crate::records::lifecycle::DeviceRetired { device_id: device(id) })
    }

    fn since(moves: &Moves, revision: u64) -> Option<Vec<&str>> {
        moves.since(revision).map(|ids| ids.map(DeviceId::as_str).collect())
    }

    #[test]
    fn it_tells_the_devices_that_moved_until_a_feeder_does() {
        let mut moves = Moves::default();
        moves.note(&of("a"));
        moves.note(&Change::OverrideCleared(OverrideCleared { device_id: device("z") }));
        moves.note(&of("b"));
        assert_eq!(since(&moves, 0), Some(vec!["a", "b"]));
        assert_eq!(since(&moves, 1), Some(vec!["b"]));
        assert_eq!(since(&moves, 3), Some(vec![]));
        moves.note(&under("below", "above"));
        assert_eq!(since(&moves, 3), None);
        moves.note(&of("c"));
        assert_eq!(since(&moves, 4), Some(vec!["c"]));
    }

    #[test]
    fn what_was_too_long_ago_is_said_to_be_unknown() {
        let mut moves = Moves::default();
        for _ in 0..REMEMBERED + 2 {
            moves.note(&of("a"));
        }
        assert_eq!(since(&moves, 1), None);
        assert_eq!(since(&moves, 2).map(|ids| ids.len()), Some(REMEMBERED));
    }
}
