//! The live view: operator.v1 folded, and the newest state of each feeder and device. In memory; knows no log client.
//!
//! Subscribers walk the order of changes with a cursor of their own: there is no queue per subscriber, and one that is
//! slow sees the newest state of each entity, once.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use schemas::records::decision::Alarm;
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, OperatorRecord};
use schemas::records::state::{DeviceState, FeederState};
use schemas::registry::{Device, Feeder, Refused, Registry};
use schemas::{DeviceId, FeederId, Timestamp};
use tokio::sync::watch;

use super::sessions::EndedSessions;

/// Number of a change; rises by one with each.
pub type Revision = u64;

/// What changed last, and in which order: each entity stands in it once, at its last change.
#[derive(Debug)]
struct Changes<Id> {
    by_revision: BTreeMap<Revision, Id>,
    of: BTreeMap<Id, Revision>,
}

impl<Id> Default for Changes<Id> {
    fn default() -> Self {
        Self { by_revision: BTreeMap::new(), of: BTreeMap::new() }
    }
}

impl<Id: Ord + Clone> Changes<Id> {
    fn mark(&mut self, id: &Id, revision: Revision) {
        if let Some(before) = self.of.insert(id.clone(), revision) {
            self.by_revision.remove(&before);
        }
        self.by_revision.insert(revision, id.clone());
    }

    fn after(&self, revision: Revision) -> impl Iterator<Item = (Revision, &Id)> {
        self.by_revision.range(revision + 1..).map(|(revision, id)| (*revision, id))
    }
}

/// An alarm that stands, and since when as far as this view has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Since the first decision that was seen with it.
    pub since: Timestamp,
    /// As the newest decision has it.
    pub alarm: Alarm,
}

/// What an alarm is about: one that says the same of the same goes on, although its words carry other figures.
pub type Subject = (String, Option<FeederId>, Option<DeviceId>);

/// The subject of an alarm.
#[must_use]
pub fn subject(alarm: &Alarm) -> Subject {
    (alarm.code.clone(), alarm.feeder_id.clone(), alarm.device_id.clone())
}

/// Everything in the view.
#[derive(Debug, Default)]
pub struct View {
    registry: Registry,
    feeders: BTreeMap<FeederId, Arc<FeederState>>,
    devices: BTreeMap<DeviceId, Arc<DeviceState>>,
    /// What stands about each feeder.
    alarms: BTreeMap<FeederId, Vec<Standing>>,
    /// The offset after the last record of operator.v1 that was read, and what became of the last ones.
    operator_next: i64,
    complete: bool,
    revision: Revision,
    feeder_changes: Changes<FeederId>,
    device_changes: Changes<DeviceId>,
}

/// A device: its registration, its newest state, or both.
#[derive(Debug, Clone, Copy)]
pub struct DeviceView<'v> {
    /// Which device.
    pub id: &'v DeviceId,
    /// As registered and as operators have set it.
    pub registered: Option<&'v Device>,
    /// As the last decision saw it.
    pub state: Option<&'v DeviceState>,
}

impl<'v> DeviceView<'v> {
    /// The feeder it belongs to: the registry's word, else the state's.
    #[must_use]
    pub fn feeder_id(self) -> Option<&'v FeederId> {
        match (self.registered, self.state) {
            (Some(device), _) => Some(&device.feeder_id),
            (None, Some(state)) => Some(&state.feeder_id),
            (None, None) => None,
        }
    }
}

/// A feeder: what operators have set, and its newest state.
#[derive(Debug, Clone)]
pub struct FeederView {
    /// Which feeder.
    pub id: FeederId,
    /// As operators have set it; the default for one that nobody has set.
    pub settings: Feeder,
    /// As the last decision saw it.
    pub state: Option<Arc<FeederState>>,
}

impl View {
    /// The fold of operator.v1.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether everything that was in the log at the start has been read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// One feeder; none that was removed, although its last state still stands in the log.
    #[must_use]
    pub fn feeder(&self, id: &FeederId) -> Option<FeederView> {
        let settings = self.registry.feeders.get(id);
        let state = self.feeders.get(id).filter(|_| !self.registry.was_removed(id));
        if settings.is_none() && state.is_none() {
            return None;
        }
        Some(FeederView {
            id: id.clone(),
            settings: settings.cloned().unwrap_or_default(),
            state: state.cloned(),
        })
    }

    /// Every feeder, by id.
    #[must_use]
    pub fn feeders(&self) -> Vec<FeederView> {
        let ids: BTreeSet<&FeederId> =
            self.registry.feeders.keys().chain(self.feeders.keys()).collect();
        ids.into_iter().filter_map(|id| self.feeder(id)).collect()
    }

    /// A feeder and all below it.
    #[must_use]
    pub fn subtree(&self, id: &FeederId) -> BTreeSet<FeederId> {
        let mut found = BTreeSet::new();
        let mut open = vec![id.clone()];
        while let Some(next) = open.pop() {
            open.extend(self.registry.children(&next).cloned());
            found.insert(next);
        }
        found
    }

    /// One device. What waits or was retired is none, whatever was once said of it.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<DeviceView<'_>> {
        let registered = self.registry.devices.get_key_value(id);
        let state = self.devices.get_key_value(id);
        self.seen(registered, state)
    }

    /// Every device, by id. Whoever wants a few of them looks at all, so nothing is copied here.
    pub fn devices(&self) -> impl Iterator<Item = DeviceView<'_>> {
        let mut registered = self.registry.devices.iter().peekable();
        let mut states = self.devices.iter().peekable();
        let all = std::iter::from_fn(move || {
            let order = match (registered.peek(), states.peek()) {
                (Some((left, _)), Some((right, _))) => left.cmp(right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
            };
            let registered = registered.next_if(|_| order.is_le());
            Some((registered, states.next_if(|_| order.is_ge())))
        });
        all.filter_map(|(registered, state)| self.seen(registered, state))
    }

    /// What is known of a device; none of one that waits or was retired.
    fn seen<'v>(
        &self,
        registered: Option<(&'v DeviceId, &'v Device)>,
        state: Option<(&'v DeviceId, &'v Arc<DeviceState>)>,
    ) -> Option<DeviceView<'v>> {
        let id = registered.map(|(id, _)| id).or(state.map(|(id, _)| id))?;
        let registered = registered.map(|(_, device)| device);
        let state = state.map(|(_, state)| state.as_ref());
        (!self.registry.is_outside(id)).then_some(DeviceView { id, registered, state })
    }

    /// Registered devices under a feeder, itself and its descendants.
    pub fn registered_under(&self, id: &FeederId) -> impl Iterator<Item = &Device> {
        let tree = self.subtree(id);
        self.registry.devices.values().filter(move |device| tree.contains(&device.feeder_id))
    }

    /// The alarms that stand: those about a feeder and the ones below it, or all. Critical ones first, then the newest.
    #[must_use]
    pub fn alarms(&self, under: Option<&FeederId>) -> Vec<Standing> {
        let tree = under.map(|id| self.subtree(id));
        let is_wanted = |id: &FeederId| {
            !self.registry.was_removed(id) && tree.as_ref().is_none_or(|tree| tree.contains(id))
        };
        let wanted = self.alarms.iter().filter(|(id, _)| is_wanted(id));
        let mut found: Vec<Standing> = wanted.flat_map(|(_, standing)| standing).cloned().collect();
        found.sort_by_key(|standing| {
            (Reverse(standing.alarm.severity), Reverse(standing.since), standing.alarm.code.clone())
        });
        found
    }

    /// When a device was heard last, over all devices.
    #[must_use]
    pub fn newest_sample(&self) -> Option<Timestamp> {
        self.devices.values().filter_map(|state| state.last_seen).max()
    }

    /// The next feeder that changed after a revision, and its revision.
    #[must_use]
    pub fn next_feeder(
        &self,
        after: Revision,
        wanted: impl Fn(&FeederView) -> bool,
    ) -> (Revision, Option<FeederView>) {
        for (revision, id) in self.feeder_changes.after(after) {
            if let Some(feeder) = self.feeder(id).filter(&wanted) {
                return (revision, Some(feeder));
            }
        }
        (self.revision, None)
    }

    /// The next device that changed after a revision, and its revision.
    #[must_use]
    pub fn next_device(
        &self,
        after: Revision,
        wanted: impl Fn(&DeviceView<'_>) -> bool,
    ) -> (Revision, Option<DeviceView<'_>>) {
        for (revision, id) in self.device_changes.after(after) {
            if let Some(device) = self.device(id).filter(&wanted) {
                return (revision, Some(device));
            }
        }
        (self.revision, None)
    }

    fn mark_feeder(&mut self, id: &FeederId) {
        self.revision += 1;
        self.feeder_changes.mark(id, self.revision);
    }

    fn mark_device(&mut self, id: &DeviceId) {
        self.revision += 1;
        self.device_changes.mark(id, self.revision);
    }

    fn apply_operator(&mut self, record: &OperatorRecord) -> Result<(), Refused> {
        self.registry.apply(record)?;
        match &record.change {
            Change::FeederChange(change) => self.mark_feeder(&change.feeder_id),
            Change::FeederCleared(cleared) => self.mark_feeder(&cleared.feeder_id),
            Change::ControlResumed(change) => self.mark_feeder(&change.feeder_id),
            Change::DeviceRegistered(change) => {
                self.mark_device(&change.device_id);
                self.mark_feeder(&change.feeder_id);
            }
            Change::DeviceChange(change) => self.mark_device(&change.device_id),
            Change::DeviceNoted(change) => self.mark_device(&change.device_id),
            Change::DeviceApproved(change) => {
                self.mark_device(&change.device_id);
                if let Some(feeder_id) = self.registry.feeder_of(&change.device_id).cloned() {
                    self.mark_feeder(&feeder_id);
                }
            }
            Change::DeviceReplaced(change) => self.mark_device(&change.by),
            Change::OverrideSet(change) => self.mark_device(&change.device_id),
            Change::OverrideCleared(change) => self.mark_device(&change.device_id),
            // Limits of feeders that have none of their own may have moved.
            Change::ControlSettings(_) => {
                let ids: Vec<FeederId> = self.registry.feeders.keys().cloned().collect();
                for id in ids {
                    self.mark_feeder(&id);
                }
            }
            // What is gone is told to nobody: who looks finds that it is not there.
            Change::FeederRemoved(_)
            | Change::EventCreated(_)
            | Change::EventChanged(_)
            | Change::EventCancelled(_)
            | Change::ProgramSet(_)
            | Change::ProgramDeleted(_)
            | Change::DeviceWaiting(_)
            | Change::DeviceRetired(_)
            | Change::SimulationSet(_)
            | Change::LogMade(_)
            | Change::SessionEnded(_) => {}
        }
        Ok(())
    }
}

/// Whether a state replaces another: the higher version of one tree; across trees the later one.
fn is_newer(
    old: (&FeederId, DecisionNo, Timestamp),
    new: (&FeederId, DecisionNo, Timestamp),
) -> bool {
    if old.0 == new.0 { new.1.replaces(old.1) } else { new.2 > old.2 }
}

/// Whether a device's state differs in anything that a reader sees.
fn differs(old: &DeviceState, new: &DeviceState) -> bool {
    let aligned = DeviceState { version: new.version, at: new.at, ..old.clone() };
    aligned != *new
}

/// What became of a record of operator.v1 when it was read.
pub type Outcome = Result<(), Refused>;

/// How many outcomes are kept for those who wait for them; a late asker is told that it was read.
const OUTCOMES_KEPT: usize = 1_024;

/// The view, shared.
#[derive(Debug)]
pub struct Live {
    view: RwLock<View>,
    outcomes: RwLock<BTreeMap<i64, Outcome>>,
    operator_next: watch::Sender<i64>,
    revision: watch::Sender<Revision>,
    ended: Arc<EndedSessions>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            view: RwLock::default(),
            outcomes: RwLock::default(),
            operator_next: watch::Sender::new(0),
            revision: watch::Sender::new(0),
            ended: Arc::default(),
        }
    }
}

impl Live {
    /// The sessions that their users have ended.
    #[must_use]
    pub fn ended(&self) -> &Arc<EndedSessions> {
        &self.ended
    }

    /// The view as it stands. Hold it briefly, never across an await.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        let mut view: RwLockWriteGuard<'_, View> =
            self.view.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut view);
        let revision = view.revision;
        drop(view);
        self.revision.send_if_modified(|seen| std::mem::replace(seen, revision) != revision);
        result
    }

    /// Takes the next record of operator.v1. A record that was read before changes nothing.
    pub fn apply_operator(&self, offset: i64, record: &OperatorRecord) {
        if let Change::SessionEnded(ended) = &record.change {
            self.ended.read_back(ended);
        }
        let outcome = self.change(|view| {
            if offset < view.operator_next {
                return None;
            }
            view.operator_next = offset + 1;
            Some(view.apply_operator(record))
        });
        if let Some(outcome) = outcome {
            self.settle(offset, outcome);
        }
    }

    /// Passes over a record of operator.v1 that cannot be read.
    pub fn skip_operator(&self, offset: i64) {
        self.change(|view| view.operator_next = view.operator_next.max(offset + 1));
        self.settle(offset, Ok(()));
    }

    fn settle(&self, offset: i64, outcome: Outcome) {
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        outcomes.insert(offset, outcome);
        while outcomes.len() > OUTCOMES_KEPT {
            outcomes.pop_first();
        }
        drop(outcomes);
        self.operator_next
            .send_if_modified(|next| std::mem::replace(next, offset + 1) < offset + 1);
    }

    /// Takes a feeder's state, if it is newer than the one that is there.
    pub fn apply_feeder(&self, state: FeederState) {
        self.change(|view| {
            let id = state.node.feeder_id.clone();
            let newer = view.feeders.get(&id).is_none_or(|old| {
                is_newer((&old.root, old.version, old.at), (&state.root, state.version, state.at))
            });
            if newer {
                let before = view.alarms.remove(&id).unwrap_or_default();
                let since = |alarm: &Alarm| {
                    let same = |standing: &&Standing| subject(&standing.alarm) == subject(alarm);
                    let known = before.iter().find(same);
                    known.map_or(state.at, |standing| standing.since)
                };
                let standing: Vec<Standing> = state
                    .alarms
                    .iter()
                    .map(|alarm| Standing { since: since(alarm), alarm: alarm.clone() })
                    .collect();
                if !standing.is_empty() {
                    view.alarms.insert(id.clone(), standing);
                }
                view.feeders.insert(id.clone(), Arc::new(state));
                view.mark_feeder(&id);
            }
        });
    }

    /// Takes a device's state, if it is newer than the one that is there.
    pub fn apply_device(&self, state: DeviceState) {
        self.change(|view| {
            let id = state.device_id.clone();
            let old = view.devices.get(&id);
            let newer = old.is_none_or(|old| {
                is_newer((&old.root, old.version, old.at), (&state.root, state.version, state.at))
            });
            if !newer {
                return;
            }
            let changed = old.is_none_or(|old| differs(old, &state));
            view.devices.insert(id.clone(), Arc::new(state));
            if changed {
                view.mark_device(&id);
            }
        });
    }

    /// Everything that was in the log at the start has been read.
    pub fn set_complete(&self) {
        self.change(|view| {
            view.revision += u64::from(!view.complete);
            view.complete = true;
        });
    }

    /// Waits until everything that was in the log at the start has been read, and gives what to watch from there on.
    pub async fn complete(&self) -> watch::Receiver<Revision> {
        let mut revisions = self.revision.subscribe();
        // The sender lives as long as this does.
        let _closed = revisions.wait_for(|_| self.view().is_complete()).await.is_err();
        revisions
    }

    /// The number of the last change; watch it to learn of further ones.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    /// Waits until the record at an offset of operator.v1 has been read, and says whether it was taken.
    pub async fn read_up_to(&self, offset: i64) -> Outcome {
        let mut next = self.operator_next.subscribe();
        // The sender lives as long as this does.
        let _closed = next.wait_for(|next| *next > offset).await;
        self.outcomes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&offset)
            .cloned()
            .unwrap_or(Ok(()))
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
