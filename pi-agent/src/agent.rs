//! The agent at work: one device, one connection, one loop.

use std::sync::Arc;
use std::time::Duration;

use device_model::{Battery, Chance, Charger, Conditions, Device, Identity, Pv, Report, Unit};
use schemas::mqtt::{Profile, Source, StatusWord, Topics, decode_setpoint};
use schemas::records::telemetry::DeviceType;
use schemas::{DeviceId, Timestamp};
use service_kit::clock::{Clock, SystemClock, utc_offset_hours};
use service_kit::mqtt::{Delivery, Link, LinkEvent, LinkOptions, Outgoing, Settled};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::AgentConfig;
use crate::unreceipted::Unreceipted;

/// Messages kept for a broker that is out of reach, at most; the oldest is discarded beyond it. At a sample every
/// five seconds that is almost fourteen hours.
const OUTBOX_MAX: usize = 10_000;
/// A larger setpoint is no setpoint.
const SETPOINT_LEN_MAX: usize = 64 * 1024;
/// How often the device lives on: leases lapse and setpoints are reached within this.
const TICK: Duration = Duration::from_millis(200);
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// At the end: for what is on its way, for the offline message, for the goodbye.
const DRAIN: Duration = Duration::from_millis(2_000);
const DRAIN_STATUS: Duration = Duration::from_millis(1_000);
const DRAIN_GOODBYE: Duration = Duration::from_millis(500);

/// Runs the device until `shutdown`; returns when it has said goodbye.
///
/// # Errors
/// When the connection's task fails; a broker out of reach is no failure.
pub async fn run(config: AgentConfig, shutdown: CancellationToken) -> anyhow::Result<()> {
    let topics = config.topics.clone();
    let options = link_options(&config);
    let unreceipted = config.receipt_timeout.map(Unreceipted::new).map(Arc::new);
    let settling = unreceipted.clone();
    let on_settled = move |id: &Option<Uuid>, settled| {
        match settled {
            Settled::Acknowledged => {}
            Settled::Refused => tracing::warn!("the broker refused a message"),
            Settled::Discarded => {
                tracing::warn!("too many messages wait for the broker: the oldest is discarded")
            }
        }
        if let (Some(unreceipted), Some(id)) = (&settling, id) {
            unreceipted.settled(*id, settled);
        }
    };
    let (link, events) = Link::start(options, Arc::new(on_settled));
    tracing::info!(device = %config.device_id, kind = config.device_type.as_str(), "the agent starts");
    let mut agent = Agent {
        device: device(&config),
        interval_ms: i64::try_from(config.interval.as_millis()).unwrap_or(i64::MAX).max(1),
        topics,
        clock: Arc::new(SystemClock),
        link,
        unreceipted,
        next_sample: Timestamp(i64::MIN),
    };
    let (outcome, events) = agent.live(events, &shutdown).await;
    agent.end(events).await;
    outcome
}

struct Agent {
    device: Device,
    interval_ms: i64,
    topics: Topics,
    clock: Arc<dyn Clock>,
    /// Each message that waits for a receipt is known by its id.
    link: Link<Option<Uuid>>,
    unreceipted: Option<Arc<Unreceipted>>,
    next_sample: Timestamp,
}

impl Agent {
    async fn live(
        &mut self,
        mut events: Receiver<LinkEvent>,
        shutdown: &CancellationToken,
    ) -> (anyhow::Result<()>, Receiver<LinkEvent>) {
        let mut ticker =
            tokio::time::interval(TICK.min(Duration::from_millis(self.interval_ms.unsigned_abs())));
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return (Ok(()), events),
                _ = ticker.tick() => self.tick(),
                event = events.recv() => match event {
                    Some(LinkEvent::Connected) => {
                        tracing::info!("connected");
                        if let Some(unreceipted) = &self.unreceipted {
                            unreceipted.connected();
                        }
                    }
                    Some(LinkEvent::Disconnected(_)) => {}
                    Some(LinkEvent::Delivery(delivery)) => self.on_delivery(&delivery),
                    None => return (Err(anyhow::anyhow!("the connection's task has ended")), events),
                },
            }
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        let conditions = Conditions { profile: Profile::Auto, utc_offset_h: utc_offset_hours(now) };
        let reports = self.device.step(now, conditions);
        self.say(&reports, now);
        // Due, or the clock was set back by more than an interval.
        if self.next_sample <= now || self.next_sample.since(now) > self.interval_ms {
            let in_step = self.next_sample.plus_ms(self.interval_ms);
            self.next_sample = if in_step > now { in_step } else { now.plus_ms(self.interval_ms) };
            let mut message = self.device.sample(now, Uuid::now_v7());
            message.envelope.receipt = self.unreceipted.is_some();
            let topic = self.topics.telemetry(self.device_id());
            self.publish(topic, message.envelope.message_id, message.encode());
        }
        if let Some(unreceipted) = &self.unreceipted {
            unreceipted.due().into_iter().for_each(|message| self.link.publish(message));
        }
    }

    fn on_delivery(&mut self, delivery: &Delivery) {
        let device_id = self.device_id().clone();
        if delivery.topic == self.topics.receipts(&device_id) {
            if let Some(unreceipted) = &self.unreceipted {
                unreceipted.receipts(&device_id, delivery);
            }
            return;
        }
        match decode_setpoint(&device_id, &delivery.payload, SETPOINT_LEN_MAX) {
            Ok(setpoint) => {
                let now = self.clock.now();
                let remaining_ms = delivery
                    .remaining
                    .map(|left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
                let reports = self.device.receive(&setpoint, now, remaining_ms);
                for report in &reports {
                    tracing::info!(setpoint = %report.setpoint_id, status = ?report.status, "setpoint");
                }
                self.say(&reports, now);
            }
            // An empty retained message is a setpoint taken back: the lease ends by itself.
            Err(_) if delivery.payload.is_empty() => {}
            Err(rejection) => tracing::warn!(%rejection, "setpoint cannot be read"),
        }
    }

    fn say(&self, reports: &[Report], now: Timestamp) {
        for report in reports {
            let mut ack = self.device.ack(report, now, Uuid::now_v7());
            ack.envelope.receipt = self.unreceipted.is_some();
            self.publish(self.topics.ack(self.device_id()), ack.envelope.message_id, ack.encode());
        }
    }

    fn publish(&self, topic: String, id: Uuid, payload: Vec<u8>) {
        tracing::debug!(%id, topic, "publishes");
        let message = Outgoing { topic, payload: payload.into(), retain: false, tag: Some(id) };
        if let Some(unreceipted) = &self.unreceipted {
            unreceipted.keep(id, message.clone());
        }
        self.link.publish(message);
    }

    fn device_id(&self) -> &DeviceId {
        &self.device.identity().device_id
    }

    /// Waits for what is on its way, says that the device is gone, and goodbye. Each wait is bounded.
    async fn end(self, mut events: Receiver<LinkEvent>) {
        let Self { link, topics, device, unreceipted, .. } = self;
        let device_id = device.identity().device_id.clone();
        let receipts = topics.receipts(&device_id);
        let ending = async {
            let began = Instant::now();
            if !link.drained(DRAIN).await {
                let count = link.outstanding();
                tracing::warn!(count, "the broker did not acknowledge everything in time");
            }
            if let Some(unreceipted) = &unreceipted {
                unreceipted.drained(DRAIN.saturating_sub(began.elapsed())).await;
            }
            link.publish(status(&topics, &device_id, StatusWord::Offline));
            link.drained(DRAIN_STATUS).await;
            link.close(DRAIN_GOODBYE).await;
        };
        let reading = async {
            while let Some(event) = events.recv().await {
                if let (LinkEvent::Delivery(delivery), Some(kept)) = (event, &unreceipted)
                    && delivery.topic == receipts
                {
                    kept.receipts(&device_id, &delivery);
                }
            }
        };
        futures::future::join(ending, reading).await;
        tracing::info!("the agent has stopped");
    }
}

fn link_options(config: &AgentConfig) -> LinkOptions<Option<Uuid>> {
    let (topics, id) = (&config.topics, &config.device_id);
    LinkOptions {
        broker: config.broker.clone(),
        client_id: id.to_string(),
        will: Some(status(topics, id, StatusWord::Offline)),
        greeting: vec![status(topics, id, StatusWord::Online)],
        subscriptions: [topics.control(id), topics.setpoints(config.device_type, id)]
            .into_iter()
            .chain(config.receipt_timeout.map(|_| topics.receipts(id)))
            .collect(),
        outbox_max: OUTBOX_MAX,
        backoff_min: BACKOFF_MIN,
        backoff_max: BACKOFF_MAX,
    }
}

fn status(topics: &Topics, device_id: &DeviceId, word: StatusWord) -> Outgoing<Option<Uuid>> {
    Outgoing {
        topic: topics.status(device_id),
        payload: word.as_str().into(),
        retain: true,
        tag: None,
    }
}

fn device(config: &AgentConfig) -> Device {
    let mut chance = Chance::of(config.seed, config.device_id.as_str());
    let unit = match config.device_type {
        DeviceType::Battery => {
            Unit::Battery(Battery::new(config.p_max_kw, config.energy_kwh, config.initial_soc))
        }
        DeviceType::Ev => Unit::Ev(Charger::new(
            config.p_max_kw,
            config.energy_kwh,
            config.initial_soc,
            config.target_soc,
        )),
        DeviceType::Pv | DeviceType::Meter | DeviceType::Other => {
            Unit::Pv(Pv::new(config.p_max_kw, &mut chance))
        }
    };
    let identity = Identity {
        device_id: config.device_id.clone(),
        site_id: Some(config.site_id.clone()),
        feeder_id: config.feeder_id.clone(),
        source: Source::PiAgent,
        priority: config.priority,
        ramp_kw_per_s: config.ramp_kw_per_s,
        fallback_kw: config.fallback_kw,
    };
    Device::new(identity, unit, chance)
}
