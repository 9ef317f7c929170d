//! In which unit devices speak their state of charge, as far as the bridge has heard; what holds for good stands in the
//! registry as a notice.
//!
//! One value that can only be percent may be a glitch of a device that speaks fractions. So a device without a history
//! is suspected at once, one with a history after some in a row; then it is never read as a fraction again.

use std::collections::BTreeMap;

use schemas::ids::DeviceId;
use schemas::mqtt::SocUnit;

/// So many refused percentages in a row are no glitch.
const PERCENT_IN_A_ROW: u8 = 3;

/// A device that has sent so many fractions speaks them.
const FRACTIONS_KNOWN: u8 = 10;

/// What was heard of one device.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    percent: u8,
    fractions: u8,
}

/// What was heard of all devices.
#[derive(Debug)]
pub(crate) struct SocUnits {
    words: BTreeMap<DeviceId, Word>,
    devices_max: usize,
}

impl SocUnits {
    pub(crate) fn new(devices_max: usize) -> Self {
        Self { words: BTreeMap::new(), devices_max }
    }

    /// The unit to read a device's next sample in, where the registry says nothing of it.
    pub(crate) fn of(&self, device: &DeviceId) -> SocUnit {
        match self.words.get(device) {
            Some(word) if word.percent > 0 && word.fractions < FRACTIONS_KNOWN => {
                SocUnit::PerhapsPercent
            }
            _ => SocUnit::Fraction,
        }
    }

    /// A fraction was read of a device.
    pub(crate) fn fraction(&mut self, device: &DeviceId) {
        let word = self.word(device);
        *word = Word { percent: 0, fractions: word.fractions.saturating_add(1) };
    }

    /// What can only be percent was refused; whether that is sure now.
    pub(crate) fn percent(&mut self, device: &DeviceId) -> bool {
        let word = self.word(device);
        word.percent = word.percent.saturating_add(1);
        word.percent >= PERCENT_IN_A_ROW
    }

    /// At the limit all is forgotten: a suspicion costs little to gain again.
    fn word(&mut self, device: &DeviceId) -> &mut Word {
        if self.words.len() >= self.devices_max && !self.words.contains_key(device) {
            self.words.clear();
        }
        self.words.entry(device.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str) -> DeviceId {
        DeviceId::new(name).unwrap()
    }

    #[test]
    fn one_percentage_of_an_unheard_device_is_enough_to_doubt_its_ones() {
        let mut units = SocUnits::new(10);
        assert_eq!(units.of(&device("bat-1")), SocUnit::Fraction);
        assert!(!units.percent(&device("bat-1")));
        assert_eq!(units.of(&device("bat-1")), SocUnit::PerhapsPercent);
        assert_eq!(units.of(&device("bat-2")), SocUnit::Fraction);
        assert!(!units.percent(&device("bat-1")) && units.percent(&device("bat-1")));
    }

    #[test]
    fn a_glitch_of_a_device_that_speaks_fractions_changes_nothing() {
        let mut units = SocUnits::new(10);
        for _ in 0..20 {
            units.fraction(&device("bat-1"));
        }
        for _ in 0..2 {
            assert!(!units.percent(&device("bat-1")));
            assert_eq!(units.of(&device("bat-1")), SocUnit::Fraction);
        }
        units.fraction(&device("bat-1"));
        assert!(!units.percent(&device("bat-1")), "only in a row");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut units = SocUnits::new(2);
        for name in ["a", "b", "c"] {
            units.percent(&device(name));
        }
        assert_eq!(units.of(&device("c")), SocUnit::PerhapsPercent);
        assert!(units.words.len() <= 2);
    }
}
