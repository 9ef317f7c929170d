//! The bridge, step by step: messages into the log by the product's own way in, setpoints of counting decisions to the broker
//! by the product's own way out, both pumped over the simulated broker and log.

use std::collections::BTreeMap;
use std::time::Duration;

use bridge_inbound::admission::{self, Registration, UnknownFeeder};
use bridge_inbound::{Effect, Incoming, Intake, Note};
use bridge_outbound::{Attempt, Opening, Outbound, Read, Rules, Settled, TICK_MS, Tries};
use schemas::codec::Record;
use schemas::log::{Only, Outgoing};
use schemas::mqtt::{RejectReason, Topics};
use schemas::records::ack::{Ack, AckStatus};
use schemas::records::operator::{Change, OperatorRecord};
use schemas::records::telemetry::Telemetry;
use schemas::registry::Registry;
use schemas::rng::Rng;
use schemas::topics::Topic;
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use uuid::Uuid;

use super::broker::{Broker, Kept};
use super::log::Log;
use super::member::{Member, Taken, read_command};

/// Largest payload taken.
const PAYLOAD_MAX: usize = 64 * 1024;
/// As the bridge: a publish that gets no answer has failed.
const PUBLISH_TIMEOUT_MS: i64 = 2_000;

/// Positions that the group keeps: the bridge's own memory does not outlive it.
pub type Stored = BTreeMap<i32, (i64, String)>;

/// One bridge at work.
#[derive(Debug)]
pub struct Bridge {
    partitions: i32,
    rules: Rules,
    registry: Registry,
    operator_next: i64,
    intake: Intake<()>,
    outbound: Outbound,
    flying: Vec<(i64, DeviceId, bool)>,
    looked_at: i64,
    rng: Rng,
    /// Ids of the watchdog's own setpoints so far.
    pub watchdog_ids: Vec<Uuid>,
    /// When it last read a decision of a tree that counts.
    pub heard: BTreeMap<schemas::FeederId, i64>,
    /// Commands handed to the broker since the world last looked.
    pub published: Vec<(usize, Taken)>,
    /// Samples that reached the log since then: whose, and the time they name.
    pub logged: Vec<(DeviceId, i64)>,
    /// Acks that a setpoint was taken, since then.
    pub acked: Vec<(DeviceId, Uuid)>,
}

impl Bridge {
    /// A bridge that has just started.
    #[must_use]
    pub fn new(partitions: i32, rules: Rules, rng: Rng) -> Self {
        Self {
            partitions,
            rules,
            registry: Registry::default(),
            operator_next: 0,
            intake: Intake::new(intake_rules(partitions)),
            outbound: Outbound::new(
                rules,
                Tries { retries: 3, backoff: Duration::from_millis(200) },
            ),
            flying: Vec::new(),
            looked_at: 0,
            rng,
            watchdog_ids: Vec::new(),
            heard: BTreeMap::new(),
            published: Vec::new(),
            logged: Vec::new(),
            acked: Vec::new(),
        }
    }

    /// How it acts on silence.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// One turn of its loops.
    pub fn turn(
        &mut self,
        now: i64,
        mut log: Option<&mut Log>,
        stored: &mut Stored,
        broker: &mut Broker,
        members: &BTreeMap<DeviceId, (usize, &Member)>,
    ) {
        if let Some(log) = log.as_deref_mut() {
            self.read_operator(now, log);
            if broker.up {
                self.take_in(now, log, broker);
            }
            self.read_decisions(now, log, stored);
        }
        if now - self.looked_at >= TICK_MS {
            self.look(now, stored);
        }
        self.land(now, log);
        self.launch(now, broker, members);
    }

    fn read_operator(&mut self, now: i64, log: &mut Log) {
        let before = self.operator_next;
        for record in log.read(Topic::Operator, 0, before) {
            self.operator_next = record.offset + 1;
            match OperatorRecord::decode(&record.value) {
                Ok(record) => drop(self.registry.apply(&record)),
                Err(error) => tracing::error!(%error, "an operator record cannot be read"),
            }
        }
        if self.operator_next > before {
            self.intake.registry_changed(&self.registry);
            self.act(now, log);
        }
    }

    fn take_in(&mut self, now: i64, log: &mut Log, broker: &mut Broker) {
        for (topic, payload) in std::mem::take(&mut broker.session) {
            let (topic, payload) = (topic.into(), payload.into());
            let incoming = Incoming { topic, payload, retained: false, bounded: true, origin: () };
            self.intake.message(&self.registry, Timestamp(now), incoming);
            self.act(now, log);
        }
    }

    /// Does what the intake wants done. What devices of this world say keeps the contract: a refusal is a fault, but for that
    /// of an ack that outran its device's first sample.
    fn act(&mut self, now: i64, log: &mut Log) {
        for note in self.intake.take_notes() {
            if let Note::Refused { topic, rejection, .. } = note
                && rejection.reason != RejectReason::UnknownDevice
            {
                tracing::error!(topic, %rejection, "a message of ours is refused");
            }
        }
        for effect in self.intake.take_effects() {
            match effect {
                Effect::Append { record, .. } => {
                    self.see(&record);
                    log.append(now, record);
                }
                Effect::Change(change, _) => append_change(log, now, "bridge", change),
                Effect::Done(()) => {}
            }
        }
    }

    /// What the world's checks compare with.
    fn see(&mut self, record: &Outgoing) {
        if let (Topic::Telemetry, Ok(sample)) = (record.topic, Telemetry::decode(&record.value)) {
            self.logged.push((sample.device_id, sample.ts.0));
        } else if let (Topic::Acks, Ok(ack)) = (record.topic, Ack::decode(&record.value))
            && matches!(ack.status, AckStatus::Accepted | AckStatus::Applied)
            && let Some(setpoint_id) = ack.setpoint_id
        {
            self.acked.push((ack.device_id, setpoint_id));
        }
    }

    fn read_decisions(&mut self, now: i64, log: &Log, stored: &Stored) {
        for number in 0..self.partitions {
            let next = self.outbound.next_offset(number);
            let from = next.unwrap_or_else(|| self.open(number, log, stored));
            for record in log.read(Topic::Decisions, number, from) {
                match self.outbound.read(record, Timestamp(now)) {
                    Read::Decided(root, _) => drop(self.heard.insert(root, now)),
                    Read::Unreadable(why) => tracing::error!(why, "a decision cannot be read"),
                    Read::Void(_) | Read::Nothing => {}
                }
            }
        }
    }

    /// From the stored position on decisions are acted on; those shortly before it say what devices were told.
    fn open(&mut self, number: i32, log: &Log, stored: &Stored) -> i64 {
        let bounds = (0, log.end(Topic::Decisions, number));
        let stored = stored.get(&number).map(|(position, text)| (*position, text.as_str()));
        let opening = stored.and_then(|stored| Opening::at(stored, bounds, None));
        let opening = opening.unwrap_or_else(|| Opening::from(0));
        self.outbound.open(number, opening);
        opening.from
    }

    fn look(&mut self, now: i64, stored: &mut Stored) {
        self.looked_at = now;
        let registry = &self.registry;
        let root_of = |device_id: &DeviceId| {
            registry.feeder_of(device_id).map(|feeder_id| registry.root_of(feeder_id))
        };
        let looked = self.outbound.look(Timestamp(now), root_of);
        self.watchdog_ids.extend(looked.sent.into_iter().map(|(_, id)| id));
        for (number, position, text) in self.outbound.take_positions() {
            stored.insert(number, (position, text));
        }
    }

    /// Publishes that are answered by now, or have waited long enough. What is to be recorded of them is lost while the log is
    /// away, as it is where the product has no room for it.
    fn land(&mut self, now: i64, mut log: Option<&mut Log>) {
        let mut landed = Vec::new();
        self.flying.retain(|flight| {
            let lands = flight.0 <= now;
            if lands {
                landed.push(flight.clone());
            }
            !lands
        });
        for (_, device_id, published) in landed {
            let attempt = if published { Attempt::Published } else { Attempt::Unheard };
            self.outbound.finished(&device_id, attempt, Timestamp(now));
        }
        for record in self.outbound.take_settled().iter().filter_map(Settled::record) {
            if let Some(log) = log.as_deref_mut() {
                log.append(now, record);
            }
        }
    }

    fn launch(
        &mut self,
        now: i64,
        broker: &mut Broker,
        members: &BTreeMap<DeviceId, (usize, &Member)>,
    ) {
        while let Some(order) = self.outbound.next(Timestamp(now)) {
            let device_id = order.setpoint.envelope.device_id.clone();
            if broker.up {
                let message = order.messages(&Topics::default(), Timestamp(now)).swap_remove(0);
                let expires = now + i64::from(message.expiry_s) * 1_000;
                let kept = Kept { payload: message.payload, expires };
                if let Some((index, member)) = members.get(&device_id) {
                    self.published.extend(
                        read_command(&device_id, &kept, now).map(|command| (*index, command)),
                    );
                    broker.publish(now, *index, kept, member.connection);
                }
            }
            // The broker may have it and its answer be lost: then it is published again.
            let answered = broker.up && !self.rng.chance(20);
            let lands = if answered { self.rng.between(1, 60) } else { PUBLISH_TIMEOUT_MS };
            self.flying.push((now + lands, device_id, answered));
        }
    }
}

/// As the settings are by default, but for large devices, which are let in at their first word.
fn intake_rules(partitions: i32) -> bridge_inbound::Rules {
    bridge_inbound::Rules {
        topics: Topics::default(),
        payload_max: PAYLOAD_MAX,
        device_rate_max: 50,
        admission: admission::Rules {
            registration: Registration::Open,
            unknown_feeder: UnknownFeeder::Open,
            default_feeder: FeederId::new("default-feeder").expect("a valid id"),
            devices_max: 200_000,
            per_feeder_max: 100_000,
            waiting_max: 1_000,
            unproven: Watts(i64::MAX),
            new_per_minute: 12_000,
        },
        partitions,
    }
}

/// Appends a change to `operator.v1`.
pub fn append_change(log: &mut Log, now: i64, actor: &str, change: Change) {
    let number = log.end(Topic::Operator, 0).unsigned_abs();
    let record = OperatorRecord {
        id: Uuid::from_u64_pair(0x5151, number),
        at: Timestamp(now),
        source: None,
        actor: actor.to_owned(),
        change,
    };
    log.append(now, Outgoing::of(&record, Only));
}
