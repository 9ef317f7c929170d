//! Who may come in, and what is worth a sign to the operator: the registry's word against what a device says of itself.
//!
//! A notice is written once: what stands in the registry, or is on its way there, is not written again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::mqtt::{RejectReason, Rejection, SocUnit, Source, TelemetryMessage};
use schemas::records::lifecycle::{DeviceApproved, DeviceNoted, DeviceNotice, WaitReason};
use schemas::records::operator::Change;
use schemas::records::telemetry::TopicLayout;
use service_kit::log::Outgoing;

use crate::admission::{self, Barrier, Newcomers, Rules};
use crate::caps;
use crate::metrics;
use crate::registrar::{Directory, Known, record};
use crate::soc_units::SocUnits;
use crate::twins::Twins;

/// So many samples let an unproven device in, this far apart at least.
const PROOFS: u8 = 3;
const PROOF_PAUSE_MS: i64 = 500;

pub(super) struct Doorman {
    rules: Rules,
    directory: Arc<Directory>,
    newcomers: Newcomers,
    soc_units: SocUnits,
    twins: Twins,
    /// Notices that the registry has not shown yet.
    on_their_way: BTreeSet<(DeviceId, DeviceNotice)>,
    /// Devices that have to say a few times what they say: how often they have, and when last.
    proofs: BTreeMap<DeviceId, (u8, Timestamp)>,
}

impl Doorman {
    pub(super) fn new(rules: Rules, directory: Arc<Directory>) -> Self {
        Self {
            newcomers: Newcomers::new(rules.new_per_minute),
            rules,
            directory,
            soc_units: SocUnits::new(caps::WATCHED_DEVICES_MAX),
            twins: Twins::new(caps::WATCHED_DEVICES_MAX),
            on_their_way: BTreeSet::new(),
            proofs: BTreeMap::new(),
        }
    }

    /// The unit to read a device's state of charge in.
    pub(super) fn soc_unit(&self, device_id: &DeviceId) -> SocUnit {
        if self.directory.is_noted(device_id, DeviceNotice::SpeaksPercent) {
            return SocUnit::PerhapsPercent;
        }
        self.soc_units.of(device_id)
    }

    /// The record that makes an unknown device known. `coming` are on their way into the registry.
    pub(super) fn welcome(
        &mut self,
        sample: &TelemetryMessage,
        coming: usize,
        at: Timestamp,
    ) -> Result<Outgoing, Rejection> {
        let mut fleet = self.directory.fleet(&admission::feeder_of(&self.rules, sample));
        fleet.devices += coming;
        fleet.waiting += coming;
        fleet.at_feeder += coming;
        let admitted = admission::admit(&self.rules, fleet, sample).and_then(|change| {
            if self.newcomers.take(at) { Ok(change) } else { Err(Barrier::PerMinute) }
        });
        match admitted {
            Ok(change) => {
                metrics::registered();
                Ok(record(change, at))
            }
            Err(barrier) => {
                metrics::kept_out(barrier);
                Err(barrier.rejection(&self.rules, sample))
            }
        }
    }

    /// Refuses a sample that contradicts the registry. What a device is, it is until an operator says otherwise.
    pub(super) fn check(known: &Known, sample: &TelemetryMessage) -> Result<(), Rejection> {
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

    /// Takes note of a sample that is stored; gives the records that it is worth.
    pub(super) fn heard(
        &mut self,
        sample: &TelemetryMessage,
        known: &Known,
        arrival: Timestamp,
    ) -> Vec<Outgoing> {
        let device_id = &sample.envelope.device_id;
        let mut records = Vec::new();
        if sample.readings.soc.is_some() {
            let is_predecessors =
                sample.envelope.source == Source::PiAgent && sample.layout == TopicLayout::Typed;
            if is_predecessors {
                let detail = "the predecessor's agent: its readings.soc is read as percent";
                records.extend(self.note(
                    device_id,
                    DeviceNotice::SpeaksPercent,
                    detail.to_owned(),
                    arrival,
                ));
            } else if self.soc_unit(device_id) == SocUnit::Fraction {
                self.soc_units.fraction(device_id);
            }
        }
        let claimed = sample.claimed_feeder();
        if let Some(claimed) = claimed.filter(|claimed| *claimed != known.place.feeder_id) {
            metrics::claim_differs();
            let detail = format!("it claims {claimed} and belongs to {}", known.place.feeder_id);
            records.extend(self.note(device_id, DeviceNotice::OtherFeeder, detail, arrival));
        }
        if known.waits == Some(WaitReason::Unproven) {
            records.extend(self.prove(device_id, arrival));
        }
        if let Some(shown) = self.twins.hear(sample, arrival) {
            records.extend(self.note(
                device_id,
                DeviceNotice::TwoPublishers,
                shown.to_owned(),
                arrival,
            ));
        }
        records
    }

    /// Counts a sample of a device that has said more than one may say once; lets it in when that was enough.
    fn prove(&mut self, device_id: &DeviceId, arrival: Timestamp) -> Option<Outgoing> {
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
        Some(record(Change::DeviceApproved(approved), arrival))
    }

    /// Takes note of a message that is refused; gives the notice that it is worth.
    pub(super) fn refused(
        &mut self,
        device_id: &DeviceId,
        rejection: &Rejection,
        arrival: Timestamp,
    ) -> Option<Outgoing> {
        let notice = rejection.sign?;
        if notice == DeviceNotice::SpeaksPercent && !self.soc_units.percent(device_id) {
            return None;
        }
        self.note(device_id, notice, rejection.detail.clone(), arrival)
    }

    fn note(
        &mut self,
        device_id: &DeviceId,
        notice: DeviceNotice,
        detail: String,
        at: Timestamp,
    ) -> Option<Outgoing> {
        let key = (device_id.clone(), notice);
        let is_known =
            self.directory.is_noted(device_id, notice) || self.on_their_way.contains(&key);
        let has_room = self.on_their_way.len() < caps::NOTICES_ON_THEIR_WAY_MAX
            && self.directory.noted_devices() < self.rules.devices_max;
        if is_known || !has_room || !self.newcomers.take(at) {
            return None;
        }
        tracing::warn!(%device_id, notice = notice.as_str(), detail, "noticed about a device");
        metrics::noticed(notice);
        self.on_their_way.insert(key);
        let noted = DeviceNoted { device_id: device_id.clone(), notice, detail };
        Some(record(Change::DeviceNoted(noted), at))
    }

    /// What was on its way with the connection before may be lost.
    pub(super) fn forget(&mut self) {
        self.on_their_way.clear();
    }

    /// The registry has changed.
    pub(super) fn look_again(&mut self) {
        let directory = &self.directory;
        self.on_their_way.retain(|(device_id, notice)| !directory.is_noted(device_id, *notice));
    }
}
