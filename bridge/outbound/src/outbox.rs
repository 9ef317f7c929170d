//! Setpoints that have to go out: the newest of each device, one at a time per device, with bounded tries, those of
//! devices that are heard before those of silent ones; and how far the log has been worked off by that. Pure: time is an
//! argument, publishing is somebody else's.
//!
//! Whoever decides counts on a setpoint for as long as its lease and renews it by the half of that. So one that the broker
//! was not there for is tried until its lease ends: given up earlier, it would let the lease before it lapse.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::mqtt::Setpoint;
use schemas::records::decision::Freshness;
use uuid::Uuid;

use crate::commandable::Commandable;
use crate::sent::{Origin, Taken};

/// Longest pause between two tries.
const BACKOFF_MAX_MS: i64 = 60_000;

/// Longest pause where the broker was not there: it may be back only for seconds.
const UNHEARD_PAUSE_MAX_MS: i64 = 1_000;

/// Of so many setpoints in a row at least one is of a silent device, where any waits: it may listen all the same.
const SILENT_EVERY: u32 = 8;

/// The record that a setpoint comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub partition: i32,
    pub offset: i64,
}

/// Whether anybody is known to be there who takes the setpoint. Thousands of devices that fall silent at one moment get
/// thousands of zeros: none of these is in the way of a device that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    Heard,
    Silent,
}

/// A setpoint to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub setpoint: Setpoint,
    /// Also in the predecessor's layout.
    pub typed_layout: bool,
    pub audience: Audience,
    /// When it was decided.
    pub decided: Timestamp,
    /// None for the watchdog's.
    pub origin: Option<Origin>,
}

impl Order {
    /// What a device is sent by its decision, if anything. `log` is the identity of the log that holds the decision.
    pub fn of(
        device: &Commandable<'_>,
        place: Place,
        log: Option<Uuid>,
        now: Timestamp,
    ) -> Option<Self> {
        let setpoint = device.is_sent().then(|| device.setpoint(now))??.of_log(log);
        let audience = match device.device().freshness {
            Freshness::Fresh => Audience::Heard,
            Freshness::Stale | Freshness::Missing | Freshness::Offline => Audience::Silent,
        };
        let typed_layout = device.device().typed_layout;
        let decided = device.decision().header.at;
        let origin = Some(Origin::of(device, place));
        Some(Self { setpoint, typed_layout, audience, decided, origin })
    }

    /// The record that it comes from; none for the watchdog's.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.origin.as_ref().map(|origin| origin.place)
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.setpoint.valid_until
    }
}

/// What became of a setpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetpointResult {
    /// The broker has it.
    Published,
    /// Given up after all tries.
    Failed,
    /// Its lease was over before it was sent.
    Expired,
    /// A newer one was there before it was sent.
    Superseded,
}

impl SetpointResult {
    /// Its stable name: a metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "success",
            Self::Failed => "failure",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }
}

/// A setpoint's way is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub order: Order,
    pub result: SetpointResult,
    /// Where the broker has it.
    pub taken: Option<Taken>,
}

/// What became of a try to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The broker has it.
    Published,
    /// The broker was not there for it, or did not answer.
    Unheard,
    /// The broker would not have it.
    Refused,
}

/// Bounds of the tries.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    /// Of what the broker refuses, after the first try.
    pub retries: u32,
    pub backoff: Duration,
}

#[derive(Debug, Default)]
struct Entry {
    waiting: Option<Order>,
    /// On its way, and since when.
    sending: Option<(Order, Timestamp)>,
    /// Failed tries of the waiting order.
    tries: u32,
    /// Those among them that the broker refused.
    refusals: u32,
}

/// Devices whose setpoint may go out now. One that stands here without a setpoint that waits is passed over.
#[derive(Debug, Default)]
struct Ready {
    heard: VecDeque<DeviceId>,
    silent: VecDeque<DeviceId>,
    /// How many have gone before silent ones that wait.
    passed: u32,
}

impl Ready {
    fn push(&mut self, device_id: DeviceId, audience: Audience) {
        match audience {
            Audience::Heard => self.heard.push_back(device_id),
            Audience::Silent => self.silent.push_back(device_id),
        }
    }

    fn pop(&mut self) -> Option<DeviceId> {
        if self.silent.is_empty() {
            return self.heard.pop_front();
        }
        self.passed += 1;
        if self.passed < SILENT_EVERY
            && let Some(heard) = self.heard.pop_front()
        {
            return Some(heard);
        }
        self.passed = 0;
        self.silent.pop_front()
    }
}

/// The outbox.
#[derive(Debug)]
pub struct Outbox {
    tries: Tries,
    entries: BTreeMap<DeviceId, Entry>,
    ready: Ready,
    delayed: BTreeSet<(Timestamp, DeviceId)>,
    open: BTreeMap<Place, usize>,
    settled: Vec<Settled>,
}

impl Outbox {
    pub fn new(tries: Tries) -> Self {
        Self {
            tries,
            entries: BTreeMap::new(),
            ready: Ready::default(),
            delayed: BTreeSet::new(),
            open: BTreeMap::new(),
            settled: Vec::new(),
        }
    }

    /// Devices with a setpoint that waits or is on its way.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes a setpoint; one that waits for the same device is superseded by it.
    pub fn offer(&mut self, mut order: Order) {
        let device_id = order.setpoint.envelope.device_id.clone();
        if let Some(place) = order.place() {
            *self.open.entry(place).or_default() += 1;
        }
        let audience = order.audience;
        let entry = self.entries.entry(device_id.clone()).or_default();
        if let Some(older) = &entry.waiting {
            order.take_place_of(older);
        }
        let older = entry.waiting.replace(order);
        let was_delayed = entry.tries > 0;
        (entry.tries, entry.refusals) = (0, 0);
        let idle = entry.sending.is_none();
        match older {
            Some(older) => {
                if was_delayed {
                    self.delayed.retain(|(_, delayed)| *delayed != device_id);
                }
                if was_delayed || audience < older.audience {
                    self.ready.push(device_id, audience);
                }
                self.settle(older, SetpointResult::Superseded, None);
            }
            None if idle => self.ready.push(device_id, audience),
            None => {}
        }
    }

    /// The next setpoint to publish, if any is due.
    pub fn next(&mut self, now: Timestamp) -> Option<Order> {
        while let Some((due, device_id)) = self.delayed.first().cloned() {
            if due > now {
                break;
            }
            self.delayed.pop_first();
            let waiting = self.entries.get(&device_id).and_then(|entry| entry.waiting.as_ref());
            let audience = waiting.map_or(Audience::Silent, |order| order.audience);
            self.ready.push(device_id, audience);
        }
        while let Some(device_id) = self.ready.pop() {
            let Some(entry) = self.entries.get_mut(&device_id) else {
                continue;
            };
            // It stands in the queue again when its present try has ended.
            if entry.sending.is_some() {
                continue;
            }
            let Some(order) = entry.waiting.take() else {
                continue;
            };
            if order.is_expired(now) {
                self.entries.remove(&device_id);
                self.settle(order, SetpointResult::Expired, None);
                continue;
            }
            entry.sending = Some((order.clone(), now));
            return Some(order);
        }
        None
    }

    /// When the next retry is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.delayed.first().map(|(due, _)| *due)
    }

    /// A try to publish has ended.
    pub fn finished(&mut self, device_id: &DeviceId, attempt: Attempt, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(device_id) else {
            return;
        };
        let Some((order, sent_at)) = entry.sending.take() else {
            return;
        };
        let published = attempt == Attempt::Published;
        if let Some(waiting) = entry.waiting.as_mut().filter(|_| !published) {
            waiting.take_place_of(&order);
        }
        let newer = entry.waiting.as_ref().map(|waiting| waiting.audience);
        let given_up = attempt == Attempt::Refused && entry.refusals >= self.tries.retries;
        if published || newer.is_some() || given_up {
            if let Some(audience) = newer {
                self.ready.push(device_id.clone(), audience);
            } else {
                self.entries.remove(device_id);
            }
            let result = match (published, newer.is_some()) {
                (true, _) => SetpointResult::Published,
                (false, true) => SetpointResult::Superseded,
                (false, false) => SetpointResult::Failed,
            };
            let taken = published.then_some(Taken { sent_at, acknowledged_at: now });
            return self.settle(order, result, taken);
        }
        let mut pause_ms = backoff_ms(self.tries.backoff, entry.tries);
        match attempt {
            Attempt::Refused => entry.refusals += 1,
            Attempt::Unheard | Attempt::Published => pause_ms = pause_ms.min(UNHEARD_PAUSE_MAX_MS),
        }
        let due = now.plus_ms(pause_ms);
        entry.tries = entry.tries.saturating_add(1);
        entry.waiting = Some(order);
        self.delayed.insert((due, device_id.clone()));
    }

    /// What has come to its end since the last call.
    pub fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// The oldest record of a partition with a setpoint that is not settled.
    pub fn oldest_open(&self, partition: i32) -> Option<i64> {
        let from = Place { partition, offset: i64::MIN };
        let to = Place { partition, offset: i64::MAX };
        self.open.range(from..=to).next().map(|(place, _)| place.offset)
    }

    fn settle(&mut self, order: Order, result: SetpointResult, taken: Option<Taken>) {
        if let Some(place) = order.place()
            && let Some(number) = self.open.get_mut(&place)
        {
            *number -= 1;
            if *number == 0 {
                self.open.remove(&place);
            }
        }
        self.settled.push(Settled { order, result, taken });
    }
}

fn backoff_ms(first: Duration, tries: u32) -> i64 {
    let first = i64::try_from(first.as_millis()).unwrap_or(BACKOFF_MAX_MS);
    first.saturating_mul(1_i64.checked_shl(tries.min(20)).unwrap_or(i64::MAX)).min(BACKOFF_MAX_MS)
}

#[cfg(test)]
mod tests;
