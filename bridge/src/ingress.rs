//! Messages of devices into the log. Nothing is acknowledged to the broker before the log has what came of it.
//!
//! One task owns the connection and all that belongs to it. Whatever is not acknowledged when the connection or this
//! process ends is forgotten here and sent again by the broker; the log then has it twice, which its readers
//! recognise by the message's id.

mod doorman;
mod handover;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::mqtt::{RejectReason, Rejection, Topics};
use service_kit::clock::Clock;
use service_kit::log::{Outgoing, Producer};
use service_kit::mqtt::connection::{
    Connection, Happening, Lost, Options, Received, Sender, Session,
};
use service_kit::pulse::Loop;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::config::Config;
use crate::dead_letters;
use crate::limiter::Limiter;
use crate::mapping::{self, Kind, Message, Refused};
use crate::metrics;
use crate::receipts::Desk;
use crate::registrar::{Directory, Known};
use crate::times;

use self::doorman::Doorman;
use self::handover::{Handover, Origin};

/// A message that keeps the contract, and its bytes: the registry may refuse it all the same.
#[derive(Debug)]
struct Read {
    message: Message,
    arrival: Timestamp,
    origin: Origin,
    topic: Bytes,
    payload: Bytes,
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
    doorman: Doorman,
    /// Messages of devices that are being registered, in order.
    parked: BTreeMap<DeviceId, VecDeque<Read>>,
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
            doorman: Doorman::new(parts.config.admission.clone(), Arc::clone(&parts.directory)),
            parked: BTreeMap::new(),
            parked_unacknowledged: 0,
            held: BTreeMap::new(),
            parts,
        }
    }

    /// Runs until `shutdown`, over as many connections as it takes.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = caps::backoff();
        while !shutdown.is_cancelled() {
            Loop::Ingress.turn();
            let mut up_since = None;
            match self.serve(&shutdown, &mut up_since).await? {
                None => break,
                Some(lost) => {
                    let stood = up_since.map(|since: Instant| since.elapsed());
                    let pause = backoff.after(lost.ended(), stood);
                    let suspicious = backoff.is_suspicious();
                    metrics::disconnected(metrics::INBOUND, lost.ended(), suspicious);
                    let (config, pause_ms) = (&self.parts.config, pause.as_millis());
                    tracing::warn!(broker = ?config.broker, client = %config.client_id, error = %lost, pause_ms, "the broker is away; telemetry waits there");
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = shutdown.cancelled() => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// One connection; gives why it was lost, or nothing at shutdown.
    async fn serve(
        &mut self,
        shutdown: &CancellationToken,
        up_since: &mut Option<Instant>,
    ) -> anyhow::Result<Option<Lost>> {
        self.forget();
        let config = &self.parts.config;
        let mut connection = Connection::new(Options {
            broker: &config.broker,
            client_id: &config.client_id,
            session: Session::Kept {
                expiry: caps::SESSION_EXPIRY,
                receive_max: config.receive_max,
            },
            subscriptions: &filters(config),
            will: None,
            // Nothing is published here.
            publishes_max: 1,
            packet_max: caps::PACKET_BYTES_MAX,
        });
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
                happening = connection.events.next() => Next::Message(happening),
                _ = look.tick() => Next::Worked,
            };
            match next {
                Next::Stop => break,
                Next::Worked => {}
                Next::Message(Err(lost)) => return Ok(Some(lost)),
                Next::Message(Ok(happening)) => {
                    if matches!(happening, Happening::Connected { .. }) {
                        *up_since = Some(Instant::now());
                    }
                    if let Err(lost) = self.happened(happening) {
                        return Ok(Some(lost));
                    }
                }
            }
            self.handover.check()?;
            self.acknowledge(&connection.sender);
        }
        self.drain(&mut connection).await;
        connection.close().await;
        Ok(None)
    }

    fn forget(&mut self) {
        self.handover.reconnect();
        self.doorman.forget();
        self.parked.clear();
        self.parked_unacknowledged = 0;
    }

    fn happened(&mut self, happening: Happening) -> Result<(), Lost> {
        match happening {
            Happening::Connected { session_present } => {
                metrics::connected(metrics::INBOUND);
                tracing::info!(session_present, "receiving from the broker");
            }
            Happening::Received(received) => self.receive(received),
            Happening::Subscribed { refused } => match refused.into_iter().next() {
                None => metrics::subscribed(),
                Some(why) => return Err(Lost::Subscription(why)),
            },
            Happening::Sent(_) | Happening::Answered(..) | Happening::Left => {}
        }
        Ok(())
    }

    fn receive(&mut self, message: Received) {
        let Received { topic, payload, packet_id, retained, expiry_s: _ } = message;
        let (arrival, received) = (self.parts.clock.now(), Instant::now());
        if packet_id.is_none() && self.is_full() {
            metrics::dropped_for_backpressure();
            return;
        }
        let ticket = packet_id.map(|packet_id| self.handover.ring.push(packet_id));
        let mut origin = Origin { received, ticket, receipt: None };
        let config = &self.parts.config;
        let soc_unit = |device_id: &DeviceId| self.doorman.soc_unit(device_id);
        let read = mapping::read(&config.topics, config.payload_max, &topic, &payload, soc_unit)
            .and_then(|message| self.pass(message, arrival, retained));
        match read {
            Ok(message) => {
                metrics::received(message.kind());
                metrics::unknown_fields(message.unknown_fields());
                origin.receipt = message.receipt();
                self.take(Read { message, arrival, origin, topic, payload });
            }
            Err(refused) => {
                metrics::received(refused.kind);
                self.refuse(refused, &topic, &payload, arrival, origin);
            }
        }
    }

    /// Whether messages that the broker would not hold back are too many.
    fn is_full(&self) -> bool {
        self.handover.waiting() + self.parked_unacknowledged >= caps::UNACKNOWLEDGED_WAITING_MAX
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
            let rate = self.parts.config.device_rate_max;
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
        refused: Refused,
        topic: &[u8],
        payload: &[u8],
        arrival: Timestamp,
        mut origin: Origin,
    ) {
        metrics::rejected(refused.kind, &refused.rejection);
        let topic = String::from_utf8_lossy(topic);
        tracing::debug!(%topic, rejection = %refused.rejection, "refused");
        origin.receipt = refused.receipt(payload);
        let device_id = refused.device_id.as_ref();
        let notice = device_id.and_then(|id| self.doorman.refused(id, &refused.rejection, arrival));
        self.append_own(notice);
        let letter = dead_letters::of_message(
            &topic,
            refused.device_id,
            payload,
            &refused.rejection,
            arrival,
        );
        self.handover.append(letter, origin);
    }

    /// Appends records that come from no message.
    fn append_own(&mut self, records: impl IntoIterator<Item = Outgoing>) {
        for record in records {
            let received = Instant::now();
            self.handover.append(record, Origin { received, ticket: None, receipt: None });
        }
    }

    /// Forwards a message of a known device; makes the device of another known first.
    fn take(&mut self, read: Read) {
        let device_id = read.message.device_id().clone();
        if let Some(queue) = self.parked.get_mut(&device_id) {
            self.parked_unacknowledged += usize::from(read.origin.ticket.is_none());
            queue.push_back(read);
        } else if let Some(known) = self.parts.directory.known(&device_id) {
            self.deliver(read, &known);
        } else {
            self.introduce(device_id, read);
        }
    }

    /// Takes the first message of a device that nobody knows.
    fn introduce(&mut self, device_id: DeviceId, read: Read) {
        let refusal = match &read.message {
            Message::Sample(sample) => {
                match self.doorman.welcome(sample, self.parked.len(), read.arrival) {
                    Ok(record) => {
                        self.append_own([record]);
                        self.parked_unacknowledged += usize::from(read.origin.ticket.is_none());
                        self.parked.insert(device_id, VecDeque::from([read]));
                        return;
                    }
                    Err(rejection) => rejection,
                }
            }
            Message::Status(_) if self.held.len() < caps::HELD_STATUSES_MAX => {
                // The broker keeps a status as retained message, so it may be acknowledged before it is in the log.
                if let Some(ticket) = read.origin.ticket {
                    self.handover.ring.done(ticket);
                }
                self.held.insert(device_id, (read.message, read.arrival));
                metrics::held_statuses(self.held.len());
                return;
            }
            Message::Status(_) | Message::Ack(_) => Rejection::at(
                RejectReason::UnknownDevice,
                "topic",
                &format!("{:?}", device_id.as_str()),
                "a device that has sent telemetry",
            ),
        };
        self.refuse_read(read, refusal);
    }

    /// Takes a message of a device that the registry knows.
    fn deliver(&mut self, read: Read, known: &Known) {
        if let Message::Sample(sample) = &read.message {
            if let Err(rejection) = Doorman::check(known, sample) {
                return self.refuse_read(read, rejection);
            }
            let notices = self.doorman.heard(sample, known, read.arrival);
            self.append_own(notices);
        }
        self.forward(read.message, read.arrival, read.origin, known);
    }

    fn refuse_read(&mut self, read: Read, rejection: Rejection) {
        let Read { message, arrival, origin, topic, payload } = read;
        self.refuse(message.refused(rejection), &topic, &payload, arrival, origin);
    }

    fn forward(&mut self, message: Message, arrival: Timestamp, origin: Origin, known: &Known) {
        let outgoing = message.into_outgoing(known.place.clone(), arrival, self.parts.partitions);
        self.handover.append(outgoing, origin);
    }

    /// Takes what waited for devices that are known by now.
    fn release(&mut self) {
        self.doorman.look_again();
        let directory = Arc::clone(&self.parts.directory);
        let known: Vec<_> = self
            .parked
            .keys()
            .filter_map(|device_id| Some((device_id.clone(), directory.known(device_id)?)))
            .collect();
        for (device_id, known) in known {
            if let Some((message, arrival)) = self.held.remove(&device_id) {
                metrics::held_statuses(self.held.len());
                let origin = Origin { received: Instant::now(), ticket: None, receipt: None };
                self.forward(message, arrival, origin, &known);
            }
            for read in self.parked.remove(&device_id).unwrap_or_default() {
                self.parked_unacknowledged -= usize::from(read.origin.ticket.is_none());
                self.deliver(read, &known);
            }
        }
    }

    fn acknowledge(&mut self, sender: &Sender) {
        while let Some(packet_id) = self.handover.ring.next() {
            if !sender.acknowledge(packet_id) {
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
                    () = self.handover.work() => self.acknowledge(&connection.sender),
                    // Messages that come now are not taken: they stay at the broker.
                    happening = connection.events.next() => if happening.is_err() { return },
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
