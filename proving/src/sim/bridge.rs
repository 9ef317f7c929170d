//! The bridge's shell, step by step: messages into the log, setpoints of counting decisions to the broker. Every rule is the
//! product's own (contract, void rule, outbox, watchdog); what is written anew here is only who calls them when.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::codec::Record;
use schemas::ledger::Ledger;
use schemas::mqtt::{Inbound, Topics, decode_ack, decode_status, decode_telemetry};
use schemas::records::ack::AckStatus;
use schemas::records::decision::{Decision, LedgerRecord};
use schemas::records::operator::{Change, DeviceRegistered, OperatorRecord};
use schemas::registry::Registry;
use schemas::topics::{Topic, tree_partition};
use schemas::{DeviceId, Timestamp};
use uuid::Uuid;

use super::broker::{Broker, Kept, Message};
use super::log::Log;
use super::member::{Member, Taken, read_command};
use super::rng::Rng;
use crate::commandable::commandable;
use crate::outbox::{Attempt, Order, Outbox, Place, Tries};
use crate::partitions::{Partition, Reading, holder_of};
use crate::watchdog::{Rules, Watchdog};

/// Largest payload taken.
const PAYLOAD_MAX: usize = 64 * 1024;
/// As the bridge: records read back at a start.
const LOOK_BACK_RECORDS: i64 = 500;
/// As the bridge: a publish that gets no answer has failed.
const PUBLISH_TIMEOUT_MS: i64 = 2_000;
/// As the bridge: between two looks of the watchdog, and two stored positions.
const TICK_MS: i64 = 250;

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
    open: BTreeMap<i32, Partition>,
    outbox: Outbox,
    watchdog: Watchdog,
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
            open: BTreeMap::new(),
            outbox: Outbox::new(Tries { retries: 3, backoff: Duration::from_millis(200) }),
            watchdog: Watchdog::new(rules),
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
        log: Option<&mut Log>,
        stored: &mut Stored,
        broker: &mut Broker,
        members: &BTreeMap<DeviceId, (usize, &Member)>,
    ) {
        if let Some(log) = log {
            self.read_operator(log);
            if broker.up {
                self.take_in(now, log, broker);
            }
            self.read_decisions(now, log, stored);
        }
        if now - self.looked_at >= TICK_MS {
            self.look(now, stored);
        }
        self.land(now);
        self.launch(now, broker, members);
    }

    fn read_operator(&mut self, log: &Log) {
        for (offset, entry) in log.read(Topic::Operator, 0, self.operator_next) {
            self.operator_next = offset + 1;
            match OperatorRecord::decode(&entry.value) {
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
        let (topic, device_id, record) = match &inbound {
            Inbound::Telemetry(of) => {
                let Ok(sample) = decode_telemetry(of, &message.1, PAYLOAD_MAX) else {
                    return tracing::error!(topic = message.0, "a sample of ours is refused");
                };
                let Some(feeder_id) = self.registry.feeder_of(&of.device_id).cloned() else {
                    register(log, now, &sample);
                    return self.waiting.push(message);
                };
                self.logged.push((of.device_id.clone(), sample.envelope.timestamp.0));
                (Topic::Telemetry, of.device_id.clone(), {
                    sample.into_record(feeder_id, arrival).encode()
                })
            }
            Inbound::Ack(device_id) => {
                let Ok(ack) = decode_ack(device_id, &message.1, PAYLOAD_MAX) else {
                    return tracing::error!(topic = message.0, "an ack of ours is refused");
                };
                let Some(feeder_id) = self.registry.feeder_of(device_id).cloned() else { return };
                if matches!(ack.status, AckStatus::Accepted | AckStatus::Applied) {
                    self.acked.push((device_id.clone(), ack.setpoint_id));
                }
                (Topic::Acks, device_id.clone(), ack.into_record(feeder_id, arrival).encode())
            }
            Inbound::Status(device_id) => {
                let Ok(status) = decode_status(device_id, &message.1) else { return };
                let Some(feeder_id) = self.registry.feeder_of(device_id).cloned() else { return };
                (Topic::Acks, device_id.clone(), status.into_record(feeder_id, arrival).encode())
            }
        };
        let Some(feeder_id) = self.registry.feeder_of(&device_id) else { return };
        let root = self.registry.root_of(feeder_id);
        let partition = tree_partition(&root, self.partitions);
        log.append(topic, partition, root.into(), record);
    }

    fn read_decisions(&mut self, now: i64, log: &Log, stored: &Stored) {
        for number in 0..self.partitions {
            if !self.open.contains_key(&number) {
                self.open(number, now, log, stored);
            }
            let next = self.open[&number].next();
            for (offset, entry) in log.read(Topic::Decisions, number, next) {
                self.read(now, number, offset, &entry.value);
            }
        }
    }

    /// From the stored position on decisions are acted on; those shortly before it say what devices were told.
    fn open(&mut self, number: i32, now: i64, log: &Log, stored: &Stored) {
        let (act_from, holder) =
            stored.get(&number).map_or((0, None), |(position, text)| (*position, holder_of(text)));
        let ledger = holder.map_or_else(Ledger::new, |held| Ledger::resume(Some(held)));
        let mut partition = Partition::new(ledger, act_from);
        let mut before = Ledger::new();
        let from = act_from - LOOK_BACK_RECORDS;
        for (offset, entry) in log.read(Topic::Decisions, number, from) {
            if offset >= act_from {
                break;
            }
            let Ok(record) = LedgerRecord::decode(&entry.value) else { continue };
            if let schemas::ledger::Verdict::Decided(decision) = before.read(record) {
                let (devices, _) = commandable(&decision);
                let fence = (decision.epoch, decision.seq);
                self.watchdog.heard(&decision.root, fence, &devices, number, Timestamp(now));
                partition.learn(&decision.root, &before);
            }
        }
        self.open.insert(number, partition);
    }

    fn read(&mut self, now: i64, number: i32, offset: i64, value: &[u8]) {
        let Some(partition) = self.open.get_mut(&number) else { return };
        let record = match LedgerRecord::decode(value) {
            Ok(record) => record,
            Err(error) => {
                partition.skip(offset);
                return tracing::error!(%error, "a decision cannot be read");
            }
        };
        if let Reading::Decided(decision, from) = partition.read(offset, record) {
            self.decided(now, &decision, Place { partition: number, offset: from });
        }
    }

    fn decided(&mut self, now: i64, decision: &Decision, place: Place) {
        let at = Timestamp(now);
        let (devices, _) = commandable(decision);
        let fence = (decision.epoch, decision.seq);
        self.heard.insert(decision.root.clone(), now);
        self.watchdog.heard(&decision.root, fence, &devices, place.partition, at);
        for order in devices.iter().filter_map(|device| Order::of(device, place, None, at)) {
            self.outbox.offer(order);
        }
    }

    fn look(&mut self, now: i64, stored: &mut Stored) {
        self.looked_at = now;
        let registry = &self.registry;
        let root_of = |device_id: &DeviceId| {
            registry.feeder_of(device_id).map(|feeder_id| registry.root_of(feeder_id))
        };
        let outcome = self.watchdog.tick(Timestamp(now), root_of);
        for (order, _) in outcome.orders {
            self.watchdog_ids.push(order.setpoint.id());
            self.outbox.offer(order);
        }
        for (number, partition) in &mut self.open {
            if let Some(position) = partition.take_position(self.outbox.oldest_open(*number)) {
                stored.insert(*number, position);
            }
        }
    }

    /// Publishes that are answered by now, or have waited long enough.
    fn land(&mut self, now: i64) {
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
            self.outbox.finished(&device_id, attempt, Timestamp(now));
        }
        drop(self.outbox.take_settled());
    }

    fn launch(
        &mut self,
        now: i64,
        broker: &mut Broker,
        members: &BTreeMap<DeviceId, (usize, &Member)>,
    ) {
        while let Some(order) = self.outbox.next(Timestamp(now)) {
            let mut setpoint = order.setpoint;
            let device_id = setpoint.envelope.device_id.clone();
            let left_ms = setpoint.valid_until.since(Timestamp(now)).max(0);
            setpoint.envelope.timestamp = Timestamp(now);
            setpoint.envelope.sent_at = Some(Timestamp(now));
            setpoint.ttl_ms = Some(left_ms);
            let expiry_s = ((left_ms + 999) / 1_000).max(1);
            if broker.up {
                let kept = Kept { payload: setpoint.encode(), expires: now + expiry_s * 1_000 };
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
    log.append(Topic::Operator, 0, record.change.entity(), record.encode());
}
