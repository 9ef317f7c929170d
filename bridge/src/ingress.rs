//! Messages of devices into the log. Nothing is acknowledged to the broker before the log has what came of it.
//!
//! One task owns the connection and all that belongs to it, and pumps [`bridge_inbound::Intake`], which says what becomes of
//! each message. Whatever is not acknowledged when the connection or this process ends is forgotten here and sent again by
//! the broker.

mod handover;

use std::sync::Arc;

use bridge_inbound::{Effect, Incoming, Intake, Rules};
use schemas::mqtt::Topics;
use service_kit::clock::Clock;
use service_kit::log::Producer;
use service_kit::mqtt::connection::{
    Connection, Happening, Lost, Options, Received, Sender, Session,
};
use service_kit::pulse::Loop;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::config::Config;
use crate::metrics;
use crate::notes;
use crate::receipts::Desk;
use crate::registrar::{Directory, record};

use self::handover::{Handover, Origin};

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
    intake: Intake<Origin>,
}

impl Ingress {
    pub(crate) fn new(parts: Parts) -> Self {
        let config = &parts.config;
        let intake = Intake::new(Rules {
            topics: config.topics.clone(),
            payload_max: config.payload_max,
            device_rate_max: config.device_rate_max,
            admission: config.admission.clone(),
            partitions: parts.partitions,
        });
        Self { handover: Handover::new(parts.producer.clone(), parts.desk.clone()), intake, parts }
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
                    self.parts.directory.read(|registry| self.intake.registry_changed(registry));
                    self.act();
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
        self.intake.forget();
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
        let origin = Origin { received, ticket };
        let incoming = Incoming { topic, payload, retained, bounded: ticket.is_some(), origin };
        self.parts.directory.read(|registry| self.intake.message(registry, arrival, incoming));
        self.act();
    }

    /// Whether messages that the broker would not hold back are too many.
    fn is_full(&self) -> bool {
        let waiting = self.handover.waiting() + self.intake.waiting_unbounded();
        waiting >= caps::UNACKNOWLEDGED_WAITING_MAX
    }

    /// Does what the intake wants done.
    fn act(&mut self) {
        self.intake.take_notes().into_iter().for_each(notes::take);
        for effect in self.intake.take_effects() {
            match effect {
                Effect::Append { record, of: Some((origin, receipt)) } => {
                    self.handover.append(record, origin, receipt);
                }
                Effect::Append { record, of: None } => {
                    self.handover.append(record, Origin::none(), None);
                }
                Effect::Change(change, at) => {
                    self.handover.append(record(change, at), Origin::none(), None);
                }
                Effect::Done(origin) => {
                    if let Some(ticket) = origin.ticket {
                        self.handover.ring.done(ticket);
                    }
                }
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
