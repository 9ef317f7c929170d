//! What becomes of each message, and when: at once, or when its device is known.
//!
//! Whatever is not settled when the connection ends is forgotten here and sent again by the broker; the log then has it
//! twice, which its readers recognise by the message's id.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::log::Outgoing;
use schemas::mqtt::{RejectReason, Rejection, Topics};
use schemas::records::operator::Change;
use schemas::registry::Registry;

use crate::admission;
use crate::caps;
use crate::doorman::Doorman;
use crate::known::Known;
use crate::letters;
use crate::limiter::Limiter;
use crate::mapping::{self, Kind, Message, Receipt, Refused};
use crate::note::Note;
use crate::times;

/// How messages are taken.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The topics.
    pub topics: Topics,
    /// Longest payload accepted, bytes.
    pub payload_max: usize,
    /// Messages per second of one device.
    pub device_rate_max: u32,
    /// Which unknown devices may speak, and how many.
    pub admission: admission::Rules,
    /// Partitions of the tree topics.
    pub partitions: i32,
}

/// A message from the broker. `O` is what its acknowledgement needs.
#[derive(Debug, Clone)]
pub struct Incoming<O> {
    /// Its topic.
    pub topic: Bytes,
    /// Its bytes.
    pub payload: Bytes,
    /// The broker has kept it: it is no news.
    pub retained: bool,
    /// The broker sends only so many of its kind before they are acknowledged.
    pub bounded: bool,
    /// For its acknowledgement.
    pub origin: O,
}

/// What must happen outside.
#[derive(Debug, Clone)]
pub enum Effect<O> {
    /// Append this.
    Append {
        /// The record.
        record: Outgoing,
        /// The message that it comes of, to be acknowledged once the log has it, and the receipt that its device wants then;
        /// none where it was acknowledged before.
        of: Option<(O, Option<Receipt>)>,
    },
    /// Append this change of the registry, made at this time.
    Change(Change, Timestamp),
    /// Nothing of this message has to be in the log: it may be acknowledged.
    Done(O),
}

/// A message that keeps the contract, and its bytes: the registry may refuse it all the same.
#[derive(Debug)]
struct Read<O> {
    message: Message,
    arrival: Timestamp,
    incoming: Incoming<O>,
}

/// The way in.
#[derive(Debug)]
pub struct Intake<O> {
    rules: Rules,
    limiter: Limiter,
    doorman: Doorman,
    /// Messages of devices that are being registered, in order.
    parked: BTreeMap<DeviceId, VecDeque<Read<O>>>,
    /// Those among them that the broker would not hold back.
    parked_unbounded: usize,
    /// The latest status of devices that have not sent telemetry yet.
    held: BTreeMap<DeviceId, (Message, Timestamp)>,
    effects: Vec<Effect<O>>,
    notes: Vec<Note>,
}

impl<O> Intake<O> {
    /// One that has heard nothing yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            limiter: Limiter::new(rules.device_rate_max, caps::RATE_DEVICES_MAX),
            doorman: Doorman::new(rules.admission.clone()),
            rules,
            parked: BTreeMap::new(),
            parked_unbounded: 0,
            held: BTreeMap::new(),
            effects: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What must happen outside since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect<O>> {
        std::mem::take(&mut self.effects)
    }

    /// What is worth to be known since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Messages that wait for their devices to be known, and that the broker would not hold back.
    #[must_use]
    pub fn waiting_unbounded(&self) -> usize {
        self.parked_unbounded
    }

    /// The connection is another one: what was not settled comes again.
    pub fn forget(&mut self) {
        self.doorman.forget();
        self.parked.clear();
        self.parked_unbounded = 0;
    }

    /// A message has come.
    pub fn message(&mut self, registry: &Registry, arrival: Timestamp, incoming: Incoming<O>) {
        let Rules { topics, payload_max, .. } = &self.rules;
        let soc_unit = |device_id: &DeviceId| self.doorman.soc_unit(registry, device_id);
        let read =
            mapping::read(topics, *payload_max, &incoming.topic, &incoming.payload, soc_unit)
                .and_then(|message| self.pass(message, arrival, incoming.retained));
        match read {
            Ok(message) => {
                self.notes.push(Note::Received(message.kind()));
                self.notes.push(Note::UnknownFields(message.unknown_fields()));
                self.take(registry, Read { message, arrival, incoming });
            }
            Err(refused) => {
                self.notes.push(Note::Received(refused.kind));
                self.refuse(registry, refused, arrival, incoming);
            }
        }
    }

    /// Refuses what comes too often, what a broker has kept, and what speaks of another time than its own.
    fn pass(
        &mut self,
        message: Message,
        arrival: Timestamp,
        retained: bool,
    ) -> Result<Message, Refused> {
        let spoken = message.spoken().unwrap_or(arrival);
        if !self.limiter.admit(message.device_id(), arrival, spoken) {
            let rate = self.rules.device_rate_max;
            let rejection = Rejection::at(
                RejectReason::RateLimited,
                "message",
                "more from this device",
                &format!("{rate} messages/s (setting DERMS_MQTT_DEVICE_RATE_MAX)"),
            );
            return Err(message.refused(rejection));
        }
        if retained && message.kind() != Kind::Status {
            let rejection = Rejection::at(
                RejectReason::Retained,
                "message",
                "one that the broker has kept",
                "what is published now; publish telemetry and acks without the retain flag",
            );
            return Err(message.refused(rejection));
        }
        match times::check(&message, arrival) {
            Ok(()) => Ok(message),
            Err(rejection) => Err(message.refused(rejection)),
        }
    }

    fn refuse(
        &mut self,
        registry: &Registry,
        refused: Refused,
        arrival: Timestamp,
        incoming: Incoming<O>,
    ) {
        let Incoming { topic, payload, origin, .. } = incoming;
        let topic = String::from_utf8_lossy(&topic);
        let receipt = refused.receipt(&payload);
        let Refused { kind, device_id, rejection } = refused;
        let notice = device_id.as_ref().and_then(|device_id| {
            self.doorman.refused(registry, device_id, &rejection, arrival, &mut self.notes)
        });
        self.change(notice, arrival);
        let record = letters::of_message(&topic, device_id, &payload, &rejection, arrival);
        self.effects.push(Effect::Append { record, of: Some((origin, receipt)) });
        self.notes.push(Note::Refused { kind, topic: topic.into_owned(), rejection });
    }

    fn change(&mut self, changes: impl IntoIterator<Item = Change>, at: Timestamp) {
        self.effects.extend(changes.into_iter().map(|change| Effect::Change(change, at)));
    }

    /// Forwards a message of a known device; makes the device of another known first.
    fn take(&mut self, registry: &Registry, read: Read<O>) {
        let device_id = read.message.device_id().clone();
        if let Some(queue) = self.parked.get_mut(&device_id) {
            self.parked_unbounded += usize::from(!read.incoming.bounded);
            queue.push_back(read);
        } else if let Some(known) = Known::of(registry, &device_id) {
            self.deliver(registry, read, &known);
        } else {
            self.introduce(registry, device_id, read);
        }
    }

    /// Takes the first message of a device that nobody knows.
    fn introduce(&mut self, registry: &Registry, device_id: DeviceId, read: Read<O>) {
        let refusal = match &read.message {
            Message::Sample(sample) => {
                let (coming, at) = (self.parked.len(), read.arrival);
                match self.doorman.welcome(registry, sample, coming, at, &mut self.notes) {
                    Ok(change) => {
                        self.change([change], at);
                        self.parked_unbounded += usize::from(!read.incoming.bounded);
                        self.parked.insert(device_id, VecDeque::from([read]));
                        return;
                    }
                    Err(rejection) => rejection,
                }
            }
            Message::Status(_) if self.held.len() < caps::HELD_STATUSES_MAX => {
                // The broker keeps a status as retained message, so it may be acknowledged before it is in the log.
                self.effects.push(Effect::Done(read.incoming.origin));
                self.held.insert(device_id, (read.message, read.arrival));
                self.notes.push(Note::HeldStatuses(self.held.len()));
                return;
            }
            Message::Status(_) | Message::Ack(_) => Rejection::at(
                RejectReason::UnknownDevice,
                "topic",
                &format!("{:?}", device_id.as_str()),
                "a device that has sent telemetry",
            ),
        };
        self.refuse_read(registry, read, refusal);
    }

    /// Takes a message of a device that the registry knows.
    fn deliver(&mut self, registry: &Registry, read: Read<O>, known: &Known) {
        if let Message::Sample(sample) = &read.message {
            if let Err(rejection) = Doorman::check(known, sample) {
                return self.refuse_read(registry, read, rejection);
            }
            let arrival = read.arrival;
            let noticed = self.doorman.heard(registry, sample, known, arrival, &mut self.notes);
            self.change(noticed, arrival);
        }
        let Read { message, arrival, incoming } = read;
        let receipt = message.receipt();
        self.forward(message, arrival, Some((incoming.origin, receipt)), known);
    }

    fn refuse_read(&mut self, registry: &Registry, read: Read<O>, rejection: Rejection) {
        let Read { message, arrival, incoming } = read;
        self.refuse(registry, message.refused(rejection), arrival, incoming);
    }

    fn forward(
        &mut self,
        message: Message,
        arrival: Timestamp,
        of: Option<(O, Option<Receipt>)>,
        known: &Known,
    ) {
        let record = message.into_outgoing(known.place.clone(), arrival, self.rules.partitions);
        self.effects.push(Effect::Append { record, of });
    }

    /// The registry has changed: takes what waited for devices that are known by now.
    pub fn registry_changed(&mut self, registry: &Registry) {
        self.doorman.look_again(registry);
        let known: Vec<_> = self
            .parked
            .keys()
            .filter_map(|device_id| Some((device_id.clone(), Known::of(registry, device_id)?)))
            .collect();
        for (device_id, known) in known {
            if let Some((message, arrival)) = self.held.remove(&device_id) {
                self.notes.push(Note::HeldStatuses(self.held.len()));
                self.forward(message, arrival, None, &known);
            }
            for read in self.parked.remove(&device_id).unwrap_or_default() {
                self.parked_unbounded -= usize::from(!read.incoming.bounded);
                self.deliver(registry, read, &known);
            }
        }
    }
}

#[cfg(test)]
mod tests;
