//! Messages of devices into the log. Nothing is acknowledged to the broker before the log has what came of it.
//!
//! One task owns the connection and all that belongs to it. Whatever is not acknowledged when the connection or this
//! process ends is forgotten here and sent again by the broker; the log then has it twice, which its readers
//! recognise by the message's id.

mod handover;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::mqtt::{RejectReason, Rejection, Topics};
use service_kit::clock::Clock;
use service_kit::log::Producer;
use service_kit::pulse::Loop;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::config::Config;
use crate::dead_letters;
use crate::limiter::Limiter;
use crate::mapping::{self, Message, Refused};
use crate::metrics::{self, Kind};
use crate::mqtt::{Connection, Happening, Lost, PacketId};
use crate::receipts::Desk;
use crate::registrar::{Directory, registration};

use self::handover::{Handover, Origin};

/// A message whose device is not registered yet.
#[derive(Debug)]
struct Parked {
    message: Message,
    arrival: Timestamp,
    origin: Origin,
}

/// Where a message's record is on its way.
enum Next {
    Message(Result<Happening, Lost>),
    Stop,
    Worked,
}

/// What it works with.
pub(crate) struct Parts {
    pub(crate) config: Config,
    /// Partitions of the tree topics.
    pub(crate) partitions: i32,
    pub(crate) producer: Producer,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    /// For devices that want to hear what the log has.
    pub(crate) desk: Desk,
}

pub(crate) struct Ingress {
    parts: Parts,
    handover: Handover,
    limiter: Limiter,
    /// Messages of devices that are being registered, in order.
    parked: BTreeMap<DeviceId, VecDeque<Parked>>,
    /// QoS 0 messages among them.
    parked_unacknowledged: usize,
    /// The latest status of devices that have not sent telemetry yet.
    held: BTreeMap<DeviceId, (Message, Timestamp)>,
}

impl Ingress {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            handover: Handover::new(parts.producer.clone(), parts.desk.clone()),
            limiter: Limiter::new(parts.config.device_rate_max, caps::RATE_DEVICES_MAX),
            parked: BTreeMap::new(),
            parked_unacknowledged: 0,
            held: BTreeMap::new(),
            parts,
        }
    }

    /// Runs until `shutdown`, over as many connections as it takes.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut pause = caps::RECONNECT_PAUSE;
        while !shutdown.is_cancelled() {
            Loop::Ingress.turn();
            let started = Instant::now();
            match self.serve(&shutdown).await? {
                None => break,
                Some(lost) => {
                    metrics::disconnected(metrics::INBOUND);
                    tracing::warn!(broker = ?self.parts.config.broker, error = %lost, "the broker is away; telemetry waits there");
                }
            }
            if started.elapsed() > caps::RECONNECT_PAUSE_MAX {
                pause = caps::RECONNECT_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
            pause = (pause * 2).min(caps::RECONNECT_PAUSE_MAX);
        }
        Ok(())
    }

    /// One connection; gives why it was lost, or nothing at shutdown.
    async fn serve(&mut self, shutdown: &CancellationToken) -> anyhow::Result<Option<Lost>> {
        self.forget();
        let config = &self.parts.config;
        let mut connection =
            Connection::inbound(&config.broker, &config.client_id, config.receive_max);
        let mut changes = self.parts.directory.changes();
        let mut look = interval(caps::TICK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            Loop::Ingress.turn();
            let next = tokio::select! {
                biased;
                () = shutdown.cancelled() => Next::Stop,
                () = self.handover.work() => Next::Worked,
                changed = changes.changed() => {
                    changed.expect("the directory outlives its readers");
                    self.release();
                    Next::Worked
                }
                happening = connection.next() => Next::Message(happening),
                _ = look.tick() => Next::Worked,
            };
            match next {
                Next::Stop => break,
                Next::Worked => {}
                Next::Message(Err(lost)) => return Ok(Some(lost)),
                Next::Message(Ok(happening)) => {
                    if let Err(lost) = self.happened(happening, &connection) {
                        return Ok(Some(lost));
                    }
                }
            }
            self.handover.check()?;
            self.acknowledge(&connection);
        }
        self.drain(&mut connection).await;
        connection.close().await;
        Ok(None)
    }

    fn forget(&mut self) {
        self.handover.reconnect();
        self.parked.clear();
        self.parked_unacknowledged = 0;
    }

    fn happened(&mut self, happening: Happening, connection: &Connection) -> Result<(), Lost> {
        match happening {
            Happening::Connected { session_present } => {
                metrics::connected(metrics::INBOUND);
                tracing::info!(session_present, "receiving from the broker");
                connection.subscribe(&filters(&self.parts.config))?;
            }
            Happening::Received { topic, payload, packet_id } => {
                self.receive(&topic, &payload, packet_id)
            }
            Happening::Sent(_) | Happening::Answered { .. } => {}
        }
        Ok(())
    }

    fn receive(&mut self, topic: &Bytes, payload: &Bytes, packet_id: Option<PacketId>) {
        let (arrival, received) = (self.parts.clock.now(), Instant::now());
        if packet_id.is_none() && self.is_full() {
            metrics::dropped_for_backpressure();
            return;
        }
        let ticket = packet_id.map(|packet_id| self.handover.ring.push(packet_id));
        let mut origin = Origin { received, ticket, receipt: None };
        let config = &self.parts.config;
        let read = mapping::read(&config.topics, config.payload_max, topic, payload)
            .and_then(|message| self.admit(message, arrival));
        match read {
            Ok(message) => {
                metrics::received(message.kind());
                metrics::unknown_fields(message.unknown_fields());
                origin.receipt = message.receipt();
                self.take(Parked { message, arrival, origin });
            }
            Err(refused) => {
                metrics::received(refused.kind);
                origin.receipt = refused.receipt(payload);
                self.refuse(refused, topic, payload, arrival, origin);
            }
        }
    }

    /// Whether messages that the broker would not hold back are too many.
    fn is_full(&self) -> bool {
        self.handover.waiting() + self.parked_unacknowledged >= caps::UNACKNOWLEDGED_WAITING_MAX
    }

    /// Refuses what is too often, or of no device we may know.
    fn admit(&mut self, message: Message, arrival: Timestamp) -> Result<Message, Refused> {
        let refused = |message: &Message, reason, detail: String| Refused {
            kind: message.kind(),
            device_id: Some(message.device_id().clone()),
            rejection: Rejection::new(reason, detail),
        };
        let spoken = message.spoken().unwrap_or(arrival);
        if !self.limiter.admit(message.device_id(), arrival, spoken) {
            let rate = self.parts.config.device_rate_max;
            let detail =
                format!("more than {rate} messages/s (setting DERMS_MQTT_DEVICE_RATE_MAX)");
            return Err(refused(&message, RejectReason::RateLimited, detail));
        }
        let known = self.parts.directory.place(message.device_id()).is_some()
            || self.parked.contains_key(message.device_id());
        if known {
            return Ok(message);
        }
        match message.kind() {
            Kind::Ack => {
                let detail = "an ack of a device that never sent telemetry";
                Err(refused(&message, RejectReason::UnknownDevice, detail.to_owned()))
            }
            Kind::Status if self.held.len() >= caps::HELD_STATUSES_MAX => {
                let detail = "a status of a device that never sent telemetry";
                Err(refused(&message, RejectReason::UnknownDevice, detail.to_owned()))
            }
            Kind::Telemetry
                if self.parts.directory.devices() + self.parked.len() >= caps::DEVICES_MAX =>
            {
                let detail = format!("{} devices are registered already", caps::DEVICES_MAX);
                Err(refused(&message, RejectReason::TooManyDevices, detail))
            }
            Kind::Telemetry | Kind::Status | Kind::Unknown => Ok(message),
        }
    }

    fn refuse(
        &mut self,
        refused: Refused,
        topic: &[u8],
        payload: &[u8],
        arrival: Timestamp,
        origin: Origin,
    ) {
        metrics::rejected(refused.kind, &refused.rejection);
        let topic = String::from_utf8_lossy(topic);
        tracing::debug!(%topic, rejection = %refused.rejection, "refused");
        let letter = dead_letters::of_message(
            &topic,
            refused.device_id,
            payload,
            &refused.rejection,
            arrival,
        );
        self.handover.append(letter, origin);
    }

    /// Forwards a message of a registered device; registers the device of another first.
    fn take(&mut self, parked: Parked) {
        let device_id = parked.message.device_id().clone();
        if let Some(queue) = self.parked.get_mut(&device_id) {
            self.parked_unacknowledged += usize::from(parked.origin.ticket.is_none());
            queue.push_back(parked);
            return;
        }
        if let Some(place) = self.parts.directory.place(&device_id) {
            return self.forward(parked, place);
        }
        if let Message::Sample(sample) = &parked.message {
            metrics::registered();
            let record = registration(sample, &self.parts.config.default_feeder, parked.arrival);
            let received = parked.origin.received;
            self.handover.append(record, Origin { received, ticket: None, receipt: None });
            self.parked_unacknowledged += usize::from(parked.origin.ticket.is_none());
            self.parked.insert(device_id, VecDeque::from([parked]));
        } else {
            // The broker keeps a status as retained message, so it may be acknowledged before it is in the log.
            if let Some(ticket) = parked.origin.ticket {
                self.handover.ring.done(ticket);
            }
            self.held.insert(device_id, (parked.message, parked.arrival));
            metrics::held_statuses(self.held.len());
        }
    }

    fn forward(&mut self, parked: Parked, place: mapping::Place) {
        let claimed = parked.message.claimed_feeder();
        if claimed.is_some_and(|claimed| claimed != place.feeder_id) {
            metrics::claim_differs();
        }
        let outgoing = parked.message.into_outgoing(place, parked.arrival, self.parts.partitions);
        self.handover.append(outgoing, parked.origin);
    }

    /// Forwards what waited for devices that are registered by now.
    fn release(&mut self) {
        let directory = Arc::clone(&self.parts.directory);
        let registered: Vec<_> = self
            .parked
            .keys()
            .filter_map(|device_id| Some((device_id.clone(), directory.place(device_id)?)))
            .collect();
        for (device_id, place) in registered {
            if let Some((message, arrival)) = self.held.remove(&device_id) {
                metrics::held_statuses(self.held.len());
                let origin = Origin { received: Instant::now(), ticket: None, receipt: None };
                self.forward(Parked { message, arrival, origin }, place.clone());
            }
            for parked in self.parked.remove(&device_id).unwrap_or_default() {
                self.parked_unacknowledged -= usize::from(parked.origin.ticket.is_none());
                self.forward(parked, place.clone());
            }
        }
    }

    fn acknowledge(&mut self, connection: &Connection) {
        while let Some(packet_id) = self.handover.ring.next() {
            if !connection.acknowledge(packet_id) {
                break;
            }
            self.handover.ring.acknowledged();
            metrics::acknowledged();
        }
        metrics::intake(self.handover.ring.len(), self.handover.waiting());
    }

    /// Takes nothing new, and acknowledges what the log still takes in time.
    async fn drain(&mut self, connection: &mut Connection) {
        let drained = timeout(caps::DRAIN_MAX, async {
            while self.handover.in_flight() > 0 {
                tokio::select! {
                    biased;
                    () = self.handover.work() => self.acknowledge(connection),
                    // Messages that come now are not taken: they stay at the broker.
                    happening = connection.next() => if happening.is_err() { return },
                }
            }
        });
        if drained.await.is_err() {
            tracing::warn!("stopped before the log had everything; the broker keeps the rest");
        }
    }
}

fn filters(config: &Config) -> Vec<String> {
    let topics = &config.topics;
    [topics.telemetry_filter(), topics.ack_filter(), topics.status_filter()]
        .into_iter()
        .map(|filter| match &config.share_group {
            Some(group) => Topics::shared(group, &filter),
            None => filter,
        })
        .collect()
}
