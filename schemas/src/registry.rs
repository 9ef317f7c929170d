//! What `operator.v1` adds up to: feeders and their tree, devices and their feeder, events, programs, overrides,
//! settings. One fold for bridge, processor and API; the order of the records is all it depends on.
//!
//! A change that breaks a rule (a cycle, an unknown event) is ignored in the same way by every reader; who writes
//! it checks first and tells its user.

mod lifecycle;
mod moves;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::caps::TREE_DEPTH_MAX;
use crate::identity::Lineage;
use crate::ids::{DeviceId, FeederId};
use crate::records::operator::{
    Change, ControlSettings, DeviceChange, EventChanged, EventCreated, FeederChange, FeederCleared,
    FeederField, FeederMode, LogMade, OperatorRecord, POLICIES, ProgramSet, SimulationMode,
};
use crate::records::telemetry::{DeviceOrigin, DeviceType};
use crate::units::{Soc, Timestamp, Watts};

pub use self::lifecycle::{Notices, Waiting};
use self::moves::Moves;

/// Priority of a device that names none.
pub const DEFAULT_PRIORITY: i32 = 1;

/// A feeder as operators have set it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feeder {
    /// Its parent; none for a root.
    pub parent_id: Option<FeederId>,
    /// Its own import limit; none = the default limit of the settings.
    pub import_limit_w: Option<Watts>,
    /// Its own export limit; none = no limit.
    pub export_limit_w: Option<Watts>,
    /// Its mode.
    pub mode: FeederMode,
    /// Its policy; none = the settings' one.
    pub policy: Option<String>,
    /// How often an operator has resumed its control.
    pub resumes: i64,
    /// The device that opened it by its claim, as long as no operator has said anything of the feeder.
    pub opened_by: Option<DeviceId>,
}

/// A device as registered and as operators have set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// The feeder it belongs to.
    pub feeder_id: FeederId,
    /// Its site.
    pub site_id: Option<String>,
    /// 1 to 10; none = what the device says.
    pub priority: Option<i32>,
    /// State of charge wanted; none = what the device says.
    pub target_soc: Option<Soc>,
    /// What it does when its setpoint lapses.
    pub fallback_w: Option<Watts>,
    /// Counted, not commanded.
    pub opted_out: bool,
    /// An operator's setpoint and its end.
    pub override_w: Option<(Watts, Timestamp)>,
    /// Derived: the hash of its id, for ties.
    pub id_hash: u64,
}

/// An event and whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// As created.
    pub created: EventCreated,
    /// Who created it.
    pub created_by: String,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

impl Event {
    /// Whether it lowers its feeder's limit at `at`: from its start (included) to its end or its cancellation (excluded).
    #[must_use]
    pub fn is_active(&self, at: Timestamp) -> bool {
        let end =
            self.cancelled_at.map_or(self.created.end, |cancelled| cancelled.min(self.created.end));
        self.created.start <= at && at < end
    }

    /// The latest moment at which it can end.
    fn latest_end(&self) -> Timestamp {
        let end = latest_end(self.created.end, self.created.randomize_s);
        self.cancelled_at.map_or(end, |cancelled| cancelled.min(end))
    }
}

/// The latest moment at which something can end that is ordered until `end` and ends up to `randomize_s` later.
#[must_use]
pub fn latest_end(end: Timestamp, randomize_s: i32) -> Timestamp {
    end.plus_ms(i64::from(randomize_s.max(0)) * 1_000)
}

/// Why a change does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The feeder would be its own ancestor.
    #[error("feeder {0} cannot be below {1}: it would be its own ancestor")]
    Cycle(FeederId, FeederId),
    /// The tree would be too deep.
    #[error("feeder {0} would stand deeper than {TREE_DEPTH_MAX} levels")]
    TooDeep(FeederId),
    /// No such feeder.
    #[error("unknown feeder {0}")]
    UnknownFeeder(FeederId),
    /// Something hangs on the feeder.
    #[error("feeder {0} is not empty: {1}")]
    FeederInUse(FeederId, String),
    /// A program names a feeder more than once.
    #[error("feeder {0} is named twice")]
    Twice(FeederId),
    /// No such device.
    #[error("unknown device {0}")]
    UnknownDevice(DeviceId),
    /// No such event, or it is over.
    #[error("unknown or already cancelled event {0}")]
    UnknownEvent(Uuid),
    /// No such program.
    #[error("unknown program {0}")]
    UnknownProgram(Uuid),
    /// No such policy.
    #[error("unknown policy {0:?}: expected one of {known}", known = POLICIES.join(", "))]
    UnknownPolicy(String),
    /// Nothing waits under this id.
    #[error("device {0} does not wait for approval")]
    NotWaiting(DeviceId),
    /// A replacement is of the same kind.
    #[error("device {0} is of type {1}, the one it is to replace of type {2}")]
    OtherType(DeviceId, &'static str, &'static str),
    /// It is there already.
    #[error("already there")]
    Exists,
    /// The log has an identity that this one does not continue.
    #[error("the log is {0} and does not become another by this")]
    OtherLog(Uuid),
}

/// The fold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// The settings that decisions are made with.
    pub settings: ControlSettings,
    /// Every feeder.
    pub feeders: BTreeMap<FeederId, Feeder>,
    /// Every device.
    pub devices: BTreeMap<DeviceId, Device>,
    /// Devices that wait for an operator's word; no device is among [`Self::devices`] too.
    pub waiting: BTreeMap<DeviceId, Waiting>,
    /// Devices that operators have retired and that were not heard again.
    pub retired: BTreeSet<DeviceId>,
    /// What was noticed about devices, also of unknown ones.
    pub notices: BTreeMap<DeviceId, Notices>,
    /// Every event, also past ones.
    pub events: BTreeMap<Uuid, Event>,
    /// Every program.
    pub programs: BTreeMap<Uuid, ProgramSet>,
    /// The simulator's time of day and when it was set.
    pub simulation: (SimulationMode, Option<Timestamp>),
    /// Which log this is; none where nobody has said so yet.
    pub log: Option<Lineage>,
    /// Feeders that were removed, also those that somebody has named again since.
    removed: BTreeSet<FeederId>,
    /// Derived: the feeders directly below each.
    children: BTreeMap<FeederId, BTreeSet<FeederId>>,
    /// Derived: the devices of each tree, by root, so that a decision looks at no others.
    members: BTreeMap<FeederId, BTreeSet<DeviceId>>,
    /// Derived: events by the latest moment at which they can end, so that a decision looks at no past ones.
    events_by_end: BTreeSet<(Timestamp, Uuid)>,
    /// Derived: how many devices belong to each feeder itself.
    counts: BTreeMap<FeederId, usize>,
    /// Derived: which devices the last changes moved.
    moves: Moves,
}

impl Registry {
    /// Applies the next record.
    ///
    /// # Errors
    /// [`Refused`] when the change breaks a rule; then nothing has changed.
    pub fn apply(&mut self, record: &OperatorRecord) -> Result<(), Refused> {
        match &record.change {
            Change::ControlSettings(settings) => self.settings = settings.clone(),
            Change::FeederChange(change) => self.change_feeder(change)?,
            Change::FeederCleared(cleared) => self.clear_feeder(cleared)?,
            Change::DeviceRegistered(registered) => self.register(registered)?,
            Change::DeviceChange(change) => self.change_device(change)?,
            Change::EventCreated(created) => self.create_event(created, &record.actor)?,
            Change::EventCancelled(cancelled) => {
                let event = self
                    .events
                    .get_mut(&cancelled.event_id)
                    .filter(|event| event.cancelled_at.is_none())
                    .ok_or(Refused::UnknownEvent(cancelled.event_id))?;
                let before = event.latest_end();
                event.cancelled_at = Some(record.at);
                self.events_by_end.remove(&(before, cancelled.event_id));
                self.events_by_end.insert((event.latest_end(), cancelled.event_id));
            }
            Change::EventChanged(changed) => self.change_event(changed)?,
            Change::FeederRemoved(removed) => self.remove_feeder(&removed.feeder_id, record.at)?,
            Change::ProgramSet(program) => {
                self.check_named(&program.feeder_ids)?;
                self.programs.insert(program.program_id, program.clone());
            }
            Change::ProgramDeleted(deleted) => {
                self.programs
                    .remove(&deleted.program_id)
                    .ok_or(Refused::UnknownProgram(deleted.program_id))?;
            }
            Change::OverrideSet(set) => {
                self.device_mut(&set.device_id)?.override_w = Some((set.power_w, set.until));
            }
            Change::OverrideCleared(cleared) => {
                self.device_mut(&cleared.device_id)?.override_w = None;
            }
            Change::ControlResumed(resumed) => {
                let feeder = self
                    .feeders
                    .get_mut(&resumed.feeder_id)
                    .ok_or_else(|| Refused::UnknownFeeder(resumed.feeder_id.clone()))?;
                feeder.resumes += 1;
            }
            Change::SimulationSet(set) => self.simulation = (set.mode, Some(record.at)),
            Change::DeviceWaiting(waiting) => self.wait(waiting, record.at)?,
            Change::DeviceApproved(approved) => self.approve(approved)?,
            Change::DeviceRetired(retired) => self.retire(&retired.device_id)?,
            Change::DeviceReplaced(replaced) => self.replace(replaced)?,
            Change::DeviceNoted(noted) => self.note(noted)?,
            Change::LogMade(made) => self.identify(made)?,
            Change::SessionEnded(_) => {}
        }
        self.moves.note(&record.change);
        Ok(())
    }

    /// Whether the next record would be taken.
    ///
    /// # Errors
    /// [`Refused`] as [`Self::apply`] would have it.
    pub fn check(&self, record: &OperatorRecord) -> Result<(), Refused> {
        match &record.change {
            Change::SessionEnded(_) | Change::SimulationSet(_) | Change::ControlSettings(_) => {
                Ok(())
            }
            // One rule for each change, and it stands there: a copy is cheap beside what people do.
            _ => self.clone().apply(record),
        }
    }

    /// How many changes it has taken: what was derived from it stands as long as this stays.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.moves.revision
    }

    /// The devices whose place may be another one since a revision: their type, their feeder, or whether they count.
    /// None where feeders have moved, or it was too many changes ago: then all of them may.
    #[must_use]
    pub fn moved_since(&self, revision: u64) -> Option<impl Iterator<Item = &DeviceId>> {
        self.moves.since(revision)
    }

    /// The root of the tree that a feeder stands in; an unknown feeder is a root of its own.
    #[must_use]
    pub fn root_of(&self, feeder_id: &FeederId) -> FeederId {
        let mut at = feeder_id;
        for _ in 0..=TREE_DEPTH_MAX {
            match self.feeders.get(at).and_then(|feeder| feeder.parent_id.as_ref()) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        at.clone()
    }

    /// The feeder that a device belongs to, if it is registered.
    #[must_use]
    pub fn feeder_of(&self, device_id: &DeviceId) -> Option<&FeederId> {
        self.devices.get(device_id).map(|device| &device.feeder_id)
    }

    /// Whether a feeder was removed and nobody has named it again.
    #[must_use]
    pub fn was_removed(&self, feeder_id: &FeederId) -> bool {
        self.removed.contains(feeder_id) && !self.feeders.contains_key(feeder_id)
    }

    /// Whether a feeder is there and stands below none.
    #[must_use]
    pub fn is_root(&self, feeder_id: &FeederId) -> bool {
        self.feeders.get(feeder_id).is_some_and(|feeder| feeder.parent_id.is_none())
    }

    /// Every root.
    #[must_use]
    pub fn roots(&self) -> BTreeSet<FeederId> {
        self.feeders
            .iter()
            .filter(|(_, feeder)| feeder.parent_id.is_none())
            .map(|(feeder_id, _)| feeder_id.clone())
            .collect()
    }

    /// Roots of trees that have devices and are not left alone (`DISABLED`): those that this installation controls.
    pub fn controlled_roots(&self) -> impl Iterator<Item = &FeederId> {
        let has_devices =
            |root: &FeederId| self.members.get(root).is_some_and(|all| !all.is_empty());
        let controlled = move |(root, feeder): &(&FeederId, &Feeder)| {
            feeder.parent_id.is_none() && feeder.mode != FeederMode::Disabled && has_devices(root)
        };
        self.feeders.iter().filter(controlled).map(|(root, _)| root)
    }

    /// Events that may hold at a moment or after it. Past ones cost nothing, however many there are.
    pub fn events_after(&self, at: Timestamp) -> impl Iterator<Item = &Event> {
        let ends_later = self.events_by_end.range((at.plus_ms(1), Uuid::nil())..);
        ends_later.filter_map(|(_, event_id)| self.events.get(event_id))
    }

    /// The feeders directly below one.
    pub fn children<'a>(&'a self, feeder_id: &FeederId) -> impl Iterator<Item = &'a FeederId> {
        self.children.get(feeder_id).into_iter().flatten()
    }

    /// The devices of the tree below a root, by id.
    pub fn members<'a>(
        &'a self,
        root: &FeederId,
    ) -> impl Iterator<Item = (&'a DeviceId, &'a Device)> {
        let members = self.members.get(root);
        // One tree that has them all is read in passing, without looking each one up.
        let is_whole = members.is_some_and(|members| members.len() == self.devices.len());
        let whole = is_whole.then_some(&self.devices).into_iter().flatten();
        let part = members.filter(|_| !is_whole).into_iter().flatten();
        whole.chain(part.map(|device_id| (device_id, &self.devices[device_id])))
    }

    /// A feeder's own import limit: its own, else the default.
    #[must_use]
    pub fn import_limit(&self, feeder: &Feeder) -> Watts {
        feeder.import_limit_w.unwrap_or(self.settings.default_limit_w)
    }

    fn identify(&mut self, made: &LogMade) -> Result<(), Refused> {
        match &mut self.log {
            None => self.log = Some(Lineage::new(made.clone())),
            Some(lineage) => {
                if !lineage.restore(made) {
                    return Err(Refused::OtherLog(lineage.current()));
                }
            }
        }
        Ok(())
    }

    fn change_feeder(&mut self, change: &FeederChange) -> Result<(), Refused> {
        if let Some(policy) = change.policy.as_deref().filter(|name| !POLICIES.contains(name)) {
            return Err(Refused::UnknownPolicy(policy.to_owned()));
        }
        if let Some(parent) = &change.parent_id {
            self.check_parent(&change.feeder_id, parent)?;
            // A feeder below which others are hung exists from then on.
            self.feeders.entry(parent.clone()).or_default();
            self.hang(&change.feeder_id, parent);
        }
        let feeder = self.feeders.entry(change.feeder_id.clone()).or_default();
        feeder.import_limit_w = change.import_limit_w.or(feeder.import_limit_w);
        feeder.export_limit_w = change.export_limit_w.or(feeder.export_limit_w);
        feeder.mode = change.mode.unwrap_or(feeder.mode);
        feeder.policy = change.policy.clone().or_else(|| feeder.policy.take());
        feeder.opened_by = None;
        Ok(())
    }

    /// Hangs a feeder below another, with all that stands under it.
    fn hang(&mut self, feeder_id: &FeederId, parent: &FeederId) {
        let (root_before, root_after) = (self.root_of(feeder_id), self.root_of(parent));
        let feeder = self.feeders.entry(feeder_id.clone()).or_default();
        if let Some(before) = feeder.parent_id.replace(parent.clone()) {
            self.children.entry(before).or_default().remove(feeder_id);
        }
        self.children.entry(parent.clone()).or_default().insert(feeder_id.clone());
        self.move_members(&root_before, &root_after);
    }

    /// Takes back what was set of a feeder.
    fn clear_feeder(&mut self, cleared: &FeederCleared) -> Result<(), Refused> {
        let feeder_id = &cleared.feeder_id;
        let root_before = self.root_of(feeder_id);
        let unknown = || Refused::UnknownFeeder(feeder_id.clone());
        let feeder = self.feeders.get_mut(feeder_id).ok_or_else(unknown)?;
        for field in &cleared.fields {
            match field {
                FeederField::ImportLimit => feeder.import_limit_w = None,
                FeederField::ExportLimit => feeder.export_limit_w = None,
                FeederField::Policy => feeder.policy = None,
                FeederField::Parent => {
                    if let Some(parent) = feeder.parent_id.take() {
                        self.children.entry(parent).or_default().remove(feeder_id);
                    }
                }
            }
        }
        let root_after = self.root_of(feeder_id);
        self.move_members(&root_before, &root_after);
        Ok(())
    }

    /// Devices of one tree that stand in another one now are counted there.
    fn move_members(&mut self, root_before: &FeederId, root_after: &FeederId) {
        if root_before == root_after {
            return;
        }
        let moves =
            |device_id: &DeviceId| self.root_of(&self.devices[device_id].feeder_id) == *root_after;
        let members = self.members.get(root_before);
        let moved: Vec<DeviceId> =
            members.into_iter().flatten().filter(|id| moves(id)).cloned().collect();
        for device_id in moved {
            self.move_member(device_id, root_before, root_after.clone());
        }
    }

    fn move_member(&mut self, device_id: DeviceId, from: &FeederId, to: FeederId) {
        if let Some(members) = self.members.get_mut(from) {
            members.remove(&device_id);
        }
        self.members.entry(to).or_default().insert(device_id);
    }

    fn check_parent(&self, child: &FeederId, parent: &FeederId) -> Result<(), Refused> {
        let mut depth_above = 1;
        let mut at = Some(parent);
        while let Some(ancestor) = at {
            if ancestor == child {
                return Err(Refused::Cycle(child.clone(), parent.clone()));
            }
            depth_above += 1;
            if depth_above > TREE_DEPTH_MAX {
                return Err(Refused::TooDeep(child.clone()));
            }
            at = self.feeders.get(ancestor).and_then(|feeder| feeder.parent_id.as_ref());
        }
        if depth_above + self.height(child) > TREE_DEPTH_MAX {
            return Err(Refused::TooDeep(child.clone()));
        }
        Ok(())
    }

    /// Levels below a feeder.
    fn height(&self, feeder_id: &FeederId) -> usize {
        self.children(feeder_id).map(|child| 1 + self.height(child)).max().unwrap_or(0)
    }

    fn change_device(&mut self, change: &DeviceChange) -> Result<(), Refused> {
        if let Some(feeder_id) = &change.feeder_id
            && !self.feeders.contains_key(feeder_id)
        {
            return Err(Refused::UnknownFeeder(feeder_id.clone()));
        }
        let feeder_before = self.device_mut(&change.device_id)?.feeder_id.clone();
        if let Some(feeder_id) = &change.feeder_id {
            let (from, to) = (self.root_of(&feeder_before), self.root_of(feeder_id));
            self.move_member(change.device_id.clone(), &from, to);
            self.count_out(&feeder_before);
            *self.counts.entry(feeder_id.clone()).or_default() += 1;
        }
        let device = self.device_mut(&change.device_id)?;
        if let Some(feeder_id) = &change.feeder_id {
            device.feeder_id = feeder_id.clone();
        }
        device.priority = change.priority.or(device.priority);
        device.target_soc = change.target_soc.or(device.target_soc);
        device.fallback_w = change.fallback_w.or(device.fallback_w);
        device.opted_out = change.opted_out.unwrap_or(device.opted_out);
        Ok(())
    }

    /// A program's shed is split over those whom it names: they are there, and each is named once.
    fn check_named(&self, feeder_ids: &[FeederId]) -> Result<(), Refused> {
        for (index, feeder_id) in feeder_ids.iter().enumerate() {
            if !self.feeders.contains_key(feeder_id) {
                return Err(Refused::UnknownFeeder(feeder_id.clone()));
            }
            if feeder_ids[..index].contains(feeder_id) {
                return Err(Refused::Twice(feeder_id.clone()));
            }
        }
        Ok(())
    }

    fn create_event(&mut self, created: &EventCreated, actor: &str) -> Result<(), Refused> {
        if self.events.contains_key(&created.event_id) {
            return Err(Refused::Exists);
        }
        if !self.feeders.contains_key(&created.feeder_id) {
            return Err(Refused::UnknownFeeder(created.feeder_id.clone()));
        }
        let event =
            Event { created: created.clone(), created_by: actor.to_owned(), cancelled_at: None };
        self.events_by_end.insert((event.latest_end(), created.event_id));
        self.events.insert(created.event_id, event);
        Ok(())
    }

    fn change_event(&mut self, changed: &EventChanged) -> Result<(), Refused> {
        let event = self
            .events
            .get_mut(&changed.event_id)
            .filter(|event| event.cancelled_at.is_none())
            .ok_or(Refused::UnknownEvent(changed.event_id))?;
        let before = event.latest_end();
        event.created = EventCreated {
            start: changed.start,
            end: changed.end,
            limit_w: changed.limit_w,
            kind: changed.kind.clone(),
            ramp_s: changed.ramp_s,
            ..event.created.clone()
        };
        self.events_by_end.remove(&(before, changed.event_id));
        self.events_by_end.insert((event.latest_end(), changed.event_id));
        Ok(())
    }

    /// Takes a feeder out that nothing hangs on; what devices and operators name it again opens it anew.
    fn remove_feeder(&mut self, feeder_id: &FeederId, at: Timestamp) -> Result<(), Refused> {
        let feeder =
            self.feeders.get(feeder_id).ok_or_else(|| Refused::UnknownFeeder(feeder_id.clone()))?;
        let in_use = |why: String| Refused::FeederInUse(feeder_id.clone(), why);
        match self.devices_at(feeder_id) {
            0 => {}
            count => return Err(in_use(format!("{count} devices belong to it"))),
        }
        if let Some(child) = self.children(feeder_id).next() {
            return Err(in_use(format!("feeder {child} hangs below it")));
        }
        if let Some(waiting) = self.waiting.iter().find(|(_, waits)| waits.feeder_id == *feeder_id)
        {
            return Err(in_use(format!("device {} waits for it", waiting.0)));
        }
        if let Some(event) =
            self.events_after(at).find(|event| event.created.feeder_id == *feeder_id)
        {
            return Err(in_use(format!("event {} is on it or to come", event.created.event_id)));
        }
        let named = |program: &&ProgramSet| program.feeder_ids.contains(feeder_id);
        if let Some(program) = self.programs.values().find(named) {
            return Err(in_use(format!("program {} names it", program.program_id)));
        }
        if let Some(parent) = feeder.parent_id.clone()
            && let Some(children) = self.children.get_mut(&parent)
        {
            children.remove(feeder_id);
        }
        self.feeders.remove(feeder_id);
        self.removed.insert(feeder_id.clone());
        self.children.remove(feeder_id);
        self.members.remove(feeder_id);
        self.counts.remove(feeder_id);
        Ok(())
    }

    fn device_mut(&mut self, device_id: &DeviceId) -> Result<&mut Device, Refused> {
        self.devices.get_mut(device_id).ok_or_else(|| Refused::UnknownDevice(device_id.clone()))
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod lifecycle_tests;
