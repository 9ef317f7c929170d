//! The fold's part for the life of devices: registered, waiting, approved, replaced, retired, and noticed.
//!
//! A device that waits or was retired is *outside*: control neither counts nor commands it, whatever it says. Every
//! reader asks [`Registry::is_outside`] and nothing else.

use std::collections::BTreeMap;

use super::{Device, Feeder, Refused, Registry};
use crate::ids::{DeviceId, FeederId, stable_hash};
use crate::records::lifecycle::{
    DeviceApproved, DeviceNoted, DeviceNotice, DeviceReplaced, DeviceWaiting, WaitReason,
};
use crate::records::operator::DeviceRegistered;
use crate::records::telemetry::{DeviceOrigin, DeviceType};
use crate::units::Timestamp;

/// A device that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What it says it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// The feeder it claims.
    pub feeder_id: FeederId,
    /// The site it names.
    pub site_id: Option<String>,
    /// Why it waits.
    pub why: WaitReason,
    /// Since when.
    pub since: Timestamp,
}

/// What was noticed about a device, with what was seen.
pub type Notices = BTreeMap<DeviceNotice, String>;

impl Registry {
    /// Whether control leaves the device out: it waits for an operator, or was retired.
    #[must_use]
    pub fn is_outside(&self, device_id: &DeviceId) -> bool {
        self.waiting.contains_key(device_id) || self.retired.contains(device_id)
    }

    /// Whether any device is outside.
    #[must_use]
    pub fn has_outside(&self) -> bool {
        !self.waiting.is_empty() || !self.retired.is_empty()
    }

    /// Whether something was noticed about a device.
    #[must_use]
    pub fn is_noted(&self, device_id: &DeviceId, notice: DeviceNotice) -> bool {
        self.notices.get(device_id).is_some_and(|notices| notices.contains_key(&notice))
    }

    /// How many devices belong to a feeder itself.
    #[must_use]
    pub fn devices_at(&self, feeder_id: &FeederId) -> usize {
        self.counts.get(feeder_id).copied().unwrap_or(0)
    }

    pub(super) fn register(&mut self, registered: &DeviceRegistered) -> Result<(), Refused> {
        if self.devices.contains_key(&registered.device_id) {
            return Err(Refused::Exists);
        }
        let opened_by = Some(registered.device_id.clone());
        let opened = || Feeder { opened_by, ..Feeder::default() };
        self.feeders.entry(registered.feeder_id.clone()).or_insert_with(opened);
        let device = Device {
            device_type: registered.device_type,
            origin: registered.origin,
            feeder_id: registered.feeder_id.clone(),
            site_id: registered.site_id.clone(),
            priority: None,
            target_soc: None,
            fallback_w: None,
            opted_out: false,
            override_w: None,
            id_hash: stable_hash(&[registered.device_id.as_str().as_bytes()]),
        };
        self.retired.remove(&registered.device_id);
        self.waiting.remove(&registered.device_id);
        self.add_member(registered.device_id.clone(), device);
        Ok(())
    }

    pub(super) fn wait(&mut self, waiting: &DeviceWaiting, at: Timestamp) -> Result<(), Refused> {
        let is_known = self.devices.contains_key(&waiting.device_id)
            || self.waiting.contains_key(&waiting.device_id);
        if is_known {
            return Err(Refused::Exists);
        }
        self.retired.remove(&waiting.device_id);
        let entry = Waiting {
            device_type: waiting.device_type,
            origin: waiting.origin,
            feeder_id: waiting.feeder_id.clone(),
            site_id: waiting.site_id.clone(),
            why: waiting.why,
            since: at,
        };
        self.waiting.insert(waiting.device_id.clone(), entry);
        Ok(())
    }

    pub(super) fn approve(&mut self, approved: &DeviceApproved) -> Result<(), Refused> {
        let device_id = &approved.device_id;
        let waiting = self
            .waiting
            .get(device_id)
            .ok_or_else(|| Refused::NotWaiting(device_id.clone()))?
            .clone();
        let named = approved.feeder_id.clone();
        self.register(&DeviceRegistered {
            device_id: device_id.clone(),
            device_type: waiting.device_type,
            origin: waiting.origin,
            feeder_id: named.clone().unwrap_or(waiting.feeder_id),
            site_id: waiting.site_id,
        })?;
        // Who names a feeder means it: then it is not there by a device's claim.
        if let Some(feeder) = named.and_then(|feeder_id| self.feeders.get_mut(&feeder_id)) {
            feeder.opened_by = None;
        }
        Ok(())
    }

    pub(super) fn retire(&mut self, device_id: &DeviceId) -> Result<(), Refused> {
        let was_noticed = self.notices.remove(device_id).is_some();
        if self.remove_member(device_id).is_some() {
            self.retired.insert(device_id.clone());
            return Ok(());
        }
        if self.waiting.remove(device_id).is_some() || was_noticed {
            return Ok(());
        }
        Err(Refused::UnknownDevice(device_id.clone()))
    }

    pub(super) fn replace(&mut self, replaced: &DeviceReplaced) -> Result<(), Refused> {
        let DeviceReplaced { device_id, by } = replaced;
        let unknown = |id: &DeviceId| Refused::UnknownDevice(id.clone());
        let old = self.devices.get(device_id).ok_or_else(|| unknown(device_id))?.clone();
        let known = self.devices.get(by).map(|device| device.device_type);
        let waits = self.waiting.get(by).map(|waiting| waiting.device_type);
        let new_type = known.or(waits).ok_or_else(|| unknown(by))?;
        if by == device_id {
            return Err(Refused::Exists);
        }
        if new_type != old.device_type {
            return Err(Refused::OtherType(
                by.clone(),
                new_type.as_str(),
                old.device_type.as_str(),
            ));
        }
        if known.is_none() {
            let feeder_id = Some(old.feeder_id.clone());
            self.approve(&DeviceApproved { device_id: by.clone(), feeder_id })?;
        }
        self.retire(device_id)?;
        if let Some(new) = self.remove_member(by) {
            let device = Device {
                feeder_id: old.feeder_id,
                priority: old.priority,
                target_soc: old.target_soc,
                fallback_w: old.fallback_w,
                opted_out: old.opted_out,
                ..new
            };
            self.add_member(by.clone(), device);
        }
        Ok(())
    }

    /// Notes something, once.
    pub(super) fn note(&mut self, noted: &DeviceNoted) -> Result<(), Refused> {
        let notices = self.notices.entry(noted.device_id.clone()).or_default();
        if notices.contains_key(&noted.notice) {
            return Err(Refused::Exists);
        }
        notices.insert(noted.notice, noted.detail.clone());
        Ok(())
    }

    fn add_member(&mut self, device_id: DeviceId, device: Device) {
        let root = self.root_of(&device.feeder_id);
        *self.counts.entry(device.feeder_id.clone()).or_default() += 1;
        self.members.entry(root).or_default().insert(device_id.clone());
        self.devices.insert(device_id, device);
    }

    fn remove_member(&mut self, device_id: &DeviceId) -> Option<Device> {
        let device = self.devices.remove(device_id)?;
        let root = self.root_of(&device.feeder_id);
        self.count_out(&device.feeder_id);
        if let Some(members) = self.members.get_mut(&root) {
            members.remove(device_id);
        }
        Some(device)
    }

    pub(super) fn count_out(&mut self, feeder_id: &FeederId) {
        if let Some(count) = self.counts.get_mut(feeder_id) {
            *count = count.saturating_sub(1);
        }
    }
}
