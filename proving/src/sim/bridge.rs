//! The bridge, step by step: messages into the log by the product's contract, setpoints of counting decisions to the broker by
//! the product's own way out, pumped over the simulated log and broker.

use std::collections::BTreeMap;
use std::time::Duration;

use bridge_outbound::{Attempt, Opening, Outbound, Read, Rules, Settled, TICK_MS, Tries};
use schemas::codec::Record;
use schemas::log::{InTree, Only, Outgoing};
use schemas::mqtt::{Inbound, Topics, decode_ack, decode_status, decode_telemetry};
use schemas::records::ack::AckStatus;
use schemas::records::operator::{Change, DeviceRegistered, OperatorRecord};
use schemas::registry::Registry;
use schemas::rng::Rng;
use schemas::topics::Topic;
use schemas::{DeviceId, FeederId, Timestamp};
use uuid::Uuid;

use super::broker::{Broker, Kept, Message};
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
    waiting: Vec<Message>,
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
            waiting: Vec::new(),
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
            self.read_operator(log);
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

    fn read_operator(&mut self, log: &Log) {
        for record in log.read(Topic::Operator, 0, self.operator_next) {
            self.operator_next = record.offset + 1;
            match OperatorRecord::decode(&record.value) {
                Ok(record) => drop(self.registry.apply(&record)),
                Err(error) => tracing::error!(%error, "an operator record cannot be read"),
            }
        }
    }

    fn take_in(&mut self, now: i64, log: &mut Log, broker: &mut Broker) {
        let waiting = std::mem::take(&mut self.waiting);
        let session = std::mem::take(&mut broker.session);
        for message in waiting.into_iter().chain(session) {
            self.take(now, message, log);
        }
    }

    /// A message becomes a record under its tree's key, in its tree's partition. One of a device that nobody has heard of
    /// registers it and waits.
    fn take(&mut self, now: i64, message: Message, log: &mut Log) {
        let arrival = Timestamp(now);
        let parsed = Topics::default().parse(&message.0);
        let Ok(inbound) = parsed else {
            return tracing::error!(topic = message.0, "a topic of ours cannot be read");
        };
        let outgoing = match &inbound {
            Inbound::Telemetry(of) => {
                let Ok(sample) = decode_telemetry(of, &message.1, PAYLOAD_MAX) else {
                    return tracing::error!(topic = message.0, "a sample of ours is refused");
                };
                let Some((feeder_id, lane)) = self.place_of(&of.device_id) else {
                    register(log, now, &sample);
                    return self.waiting.push(message);
                };
                self.logged.push((of.device_id.clone(), sample.envelope.timestamp.0));
                Outgoing::of(&sample.into_record(feeder_id, arrival), lane)
            }
            Inbound::Ack(device_id) => {
                let Ok(ack) = decode_ack(device_id, &message.1, PAYLOAD_MAX) else {
                    return tracing::error!(topic = message.0, "an ack of ours is refused");
                };
                let Some((feeder_id, lane)) = self.place_of(device_id) else { return };
                if matches!(ack.status, AckStatus::Accepted | AckStatus::Applied) {
                    self.acked.push((device_id.clone(), ack.setpoint_id));
                }
                Outgoing::of(&ack.into_record(feeder_id, arrival), lane)
            }
            Inbound::Status(device_id) => {
                let Ok(status) = decode_status(device_id, &message.1) else { return };
                let Some((feeder_id, lane)) = self.place_of(device_id) else { return };
                Outgoing::of(&status.into_record(feeder_id, arrival), lane)
            }
        };
        log.append(now, outgoing);
    }

    /// A device's feeder, and the tree that it stands in.
    fn place_of(&self, device_id: &DeviceId) -> Option<(FeederId, InTree)> {
        let feeder_id = self.registry.feeder_of(device_id)?.clone();
        let root = self.registry.root_of(&feeder_id);
        Some((feeder_id, InTree { root, partitions: self.partitions }))
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

fn register(log: &mut Log, now: i64, sample: &schemas::mqtt::TelemetryMessage) {
    let Some(feeder_id) = sample.claimed_feeder() else { return };
    let change = Change::DeviceRegistered(DeviceRegistered {
        device_id: sample.envelope.device_id.clone(),
        device_type: sample.envelope.device_type,
        origin: sample.origin(),
        feeder_id,
        site_id: sample.site_id.clone(),
    });
    append_change(log, now, "bridge", change);
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
