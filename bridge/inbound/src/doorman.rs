//! Who may come in, and what is worth a sign to the operator: the registry's word against what a device says of itself.
//!
//! A notice is written once: what stands in the registry, or is on its way there, is not written again.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::mqtt::{RejectReason, Rejection, SocUnit, Source, TelemetryMessage};
use schemas::records::lifecycle::{DeviceApproved, DeviceNoted, DeviceNotice, WaitReason};
use schemas::records::operator::Change;
use schemas::records::telemetry::TopicLayout;
use schemas::registry::Registry;

use crate::admission::{self, Barrier, Fleet, Newcomers, Rules};
use crate::caps;
use crate::known::Known;
use crate::note::Note;
use crate::soc_units::SocUnits;
use crate::twins::Twins;

/// So many samples let an unproven device in, this far apart at least.
const PROOFS: u8 = 3;
const PROOF_PAUSE_MS: i64 = 500;

/// What it has heard, and what is on its way into the registry.
#[derive(Debug)]
pub struct Doorman {
    rules: Rules,
    newcomers: Newcomers,
    soc_units: SocUnits,
    twins: Twins,
    /// Notices that the registry has not shown yet.
    on_their_way: BTreeSet<(DeviceId, DeviceNotice)>,
    /// Devices that have to say a few times what they say: how often they have, and when last.
    proofs: BTreeMap<DeviceId, (u8, Timestamp)>,
}

impl Doorman {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            newcomers: Newcomers::new(rules.new_per_minute),
            rules,
            soc_units: SocUnits::new(caps::WATCHED_DEVICES_MAX),
            twins: Twins::new(caps::WATCHED_DEVICES_MAX),
            on_their_way: BTreeSet::new(),
            proofs: BTreeMap::new(),
        }
    }

    /// The unit to read a device's state of charge in.
    pub(crate) fn soc_unit(&self, registry: &Registry, device_id: &DeviceId) -> SocUnit {
        if registry.is_noted(device_id, DeviceNotice::SpeaksPercent) {
            return SocUnit::PerhapsPercent;
        }
        self.soc_units.of(device_id)
    }

    /// The change that makes an unknown device known. `coming` are on their way into the registry.
    pub(crate) fn welcome(
        &mut self,
        registry: &Registry,
        sample: &TelemetryMessage,
        coming: usize,
        at: Timestamp,
        notes: &mut Vec<Note>,
    ) -> Result<Change, Rejection> {
        let mut fleet = Fleet::at(registry, &admission::feeder_of(&self.rules, sample));
        fleet.devices += coming;
        fleet.waiting += coming;
        fleet.at_feeder += coming;
        let admitted = admission::admit(&self.rules, fleet, sample).and_then(|change| {
            if self.newcomers.take(at) { Ok(change) } else { Err(Barrier::PerMinute) }
        });
        match admitted {
            Ok(change) => {
                notes.push(Note::Registered);
                Ok(change)
            }
            Err(barrier) => {
                notes.push(Note::KeptOut(barrier));
                Err(barrier.rejection(&self.rules, sample))
            }
        }
    }

    /// Refuses a sample that contradicts the registry. What a device is, it is until an operator says otherwise.
    ///
    /// # Errors
    /// The refusal.
    pub fn check(known: &Known, sample: &TelemetryMessage) -> Result<(), Rejection> {
        let says = sample.envelope.device_type;
        if says == known.device_type {
            return Ok(());
        }
        let accepted = format!(
            "{}, what the device is registered as; if it is another one now, retire or replace it (mutations \
             retireDevice, replaceDevice)",
            known.device_type.as_str()
        );
        let rejection =
            Rejection::at(RejectReason::DeviceConflict, "deviceType", says.as_str(), &accepted);
        Err(rejection.signs(DeviceNotice::OtherType))
    }

    /// Takes note of a sample that is stored; gives the changes that it is worth.
    pub(crate) fn heard(
        &mut self,
        registry: &Registry,
        sample: &TelemetryMessage,
        known: &Known,
        arrival: Timestamp,
        notes: &mut Vec<Note>,
    ) -> Vec<Change> {
        let device_id = &sample.envelope.device_id;
        let (mut worth, mut approved) = (Vec::new(), None);
        if sample.readings.soc.is_some() {
            let is_predecessors =
                sample.envelope.source == Source::PiAgent && sample.layout == TopicLayout::Typed;
            if is_predecessors {
                let detail = "the predecessor's agent: its readings.soc is read as percent";
                worth.push((DeviceNotice::SpeaksPercent, detail.to_owned()));
            } else if self.soc_unit(registry, device_id) == SocUnit::Fraction {
                self.soc_units.fraction(device_id);
            }
        }
        let claimed = sample.claimed_feeder();
        if let Some(claimed) = claimed.filter(|claimed| *claimed != known.place.feeder_id) {
            notes.push(Note::ClaimDiffers);
            let detail = format!("it claims {claimed} and belongs to {}", known.place.feeder_id);
            worth.push((DeviceNotice::OtherFeeder, detail));
        }
        if known.waits == Some(WaitReason::Unproven) {
            approved = self.prove(device_id, arrival);
        }
        if let Some(shown) = self.twins.hear(sample, arrival) {
            worth.push((DeviceNotice::TwoPublishers, shown.to_owned()));
        }
        let noted = worth.into_iter().filter_map(|(notice, detail)| {
            self.note(registry, device_id, (notice, detail), arrival, notes)
        });
        noted.chain(approved).collect()
    }

    /// Counts a sample of a device that has said more than one may say once; lets it in when that was enough.
    fn prove(&mut self, device_id: &DeviceId, arrival: Timestamp) -> Option<Change> {
        if self.proofs.len() >= self.rules.waiting_max && !self.proofs.contains_key(device_id) {
            self.proofs.clear();
        }
        let (count, last) = self.proofs.entry(device_id.clone()).or_insert((0, Timestamp(0)));
        if arrival.since(*last) < PROOF_PAUSE_MS {
            return None;
        }
        (*count, *last) = (*count + 1, arrival);
        if *count < PROOFS {
            return None;
        }
        self.proofs.remove(device_id);
        let approved = DeviceApproved { device_id: device_id.clone(), feeder_id: None };
        Some(Change::DeviceApproved(approved))
    }

    /// Takes note of a message that is refused; gives the notice that it is worth.
    pub(crate) fn refused(
        &mut self,
        registry: &Registry,
        device_id: &DeviceId,
        rejection: &Rejection,
        arrival: Timestamp,
        notes: &mut Vec<Note>,
    ) -> Option<Change> {
        let notice = rejection.sign?;
        if notice == DeviceNotice::SpeaksPercent && !self.soc_units.percent(device_id) {
            return None;
        }
        self.note(registry, device_id, (notice, rejection.detail.clone()), arrival, notes)
    }

    fn note(
        &mut self,
        registry: &Registry,
        device_id: &DeviceId,
        (notice, detail): (DeviceNotice, String),
        at: Timestamp,
        notes: &mut Vec<Note>,
    ) -> Option<Change> {
        let key = (device_id.clone(), notice);
        let is_known = registry.is_noted(device_id, notice) || self.on_their_way.contains(&key);
        let has_room = self.on_their_way.len() < caps::NOTICES_ON_THEIR_WAY_MAX
            && registry.notices.len() < self.rules.devices_max;
        if is_known || !has_room || !self.newcomers.take(at) {
            return None;
        }
        self.on_their_way.insert(key);
        let device_id = device_id.clone();
        notes.push(Note::Noticed { device_id: device_id.clone(), notice, detail: detail.clone() });
        Some(Change::DeviceNoted(DeviceNoted { device_id, notice, detail }))
    }

    /// What was on its way with the connection before may be lost.
    pub(crate) fn forget(&mut self) {
        self.on_their_way.clear();
    }

    /// The registry has changed.
    pub(crate) fn look_again(&mut self, registry: &Registry) {
        self.on_their_way.retain(|(device_id, notice)| !registry.is_noted(device_id, *notice));
    }
}
