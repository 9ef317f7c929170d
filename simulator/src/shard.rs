//! One connection and the devices that share it: samples out, setpoints in, acks out, a clean end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use device_model::{Conditions, Device, Report};
use schemas::mqtt::{ProfileMessage, StatusWord, decode_setpoint};
use schemas::records::ack::AckStatus;
use schemas::{DeviceId, Timestamp};
use service_kit::clock::{Clock, utc_offset_hours};
use service_kit::mqtt::{Delivery, Link, LinkEvent, LinkOptions, OnSettled, Outgoing, Settled};
use tokio::sync::mpsc::Receiver;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::metrics;
use crate::stats::Stats;

/// Messages of one connection that wait for the broker at most; the oldest is discarded beyond it.
const OUTBOX_MAX: usize = 10_000;
/// A larger setpoint is no setpoint.
const SETPOINT_LEN_MAX: usize = 64 * 1024;
/// How often devices are looked at, at most and at least.
const TICK_MAX: Duration = Duration::from_millis(100);
const TICK_MIN: Duration = Duration::from_millis(10);
/// At the end: for the PUBACKs of samples, then for those of the offline messages, then for the goodbye.
const DRAIN_SAMPLES: Duration = Duration::from_millis(2_500);
const DRAIN_STATUS: Duration = Duration::from_millis(1_000);
const DRAIN_GOODBYE: Duration = Duration::from_millis(500);

/// What a message was, for the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sample,
    Other,
}

struct Member {
    device: Device,
    due: Timestamp,
}

/// The devices of one connection.
pub(crate) struct Shard {
    config: Config,
    members: Vec<Member>,
    index: BTreeMap<DeviceId, usize>,
    conditions: Conditions,
    clock: Arc<dyn Clock>,
    stats: Stats,
    link: Link<Kind>,
    events: Receiver<LinkEvent>,
    connected: bool,
}

impl Shard {
    /// Connects; `due` says when each device takes its first sample.
    pub(crate) fn start(
        client_id: String,
        devices: Vec<(Device, Timestamp)>,
        config: Config,
        clock: Arc<dyn Clock>,
        stats: Stats,
    ) -> Self {
        let members: Vec<Member> =
            devices.into_iter().map(|(device, due)| Member { device, due }).collect();
        let ids: Vec<DeviceId> =
            members.iter().map(|member| member.device.identity().device_id.clone()).collect();
        let topics = &config.topics;
        let options = LinkOptions {
            broker: config.broker.clone(),
            client_id,
            // A will speaks for one device; this connection speaks for many.
            will: None,
            greeting: ids.iter().map(|id| status(&config, id, StatusWord::Online)).collect(),
            subscriptions: std::iter::once(topics.simulation_profile())
                .chain(ids.iter().map(|id| topics.control(id)))
                .collect(),
            outbox_max: OUTBOX_MAX,
            backoff_min: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
        };
        let (link, events) = Link::start(options, counting(stats.clone()));
        Self {
            index: ids.into_iter().zip(0..).collect(),
            config,
            members,
            conditions: Conditions::default(),
            clock,
            stats,
            link,
            events,
            connected: false,
        }
    }

    /// Lives until `shutdown`, then ends in good order.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let tick = (self.config.interval / 2).clamp(TICK_MIN, TICK_MAX);
        let mut ticker = tokio::time::interval(tick);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ticker.tick() => self.tick(),
                event = self.events.recv() => match event {
                    Some(event) => self.on_event(event),
                    None => anyhow::bail!("the connection's task has ended"),
                },
            }
        }
        self.end().await;
        Ok(())
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        self.conditions.utc_offset_h = utc_offset_hours(now) + self.config.hours_ahead;
        for place in 0..self.members.len() {
            let member = &mut self.members[place];
            let is_due = member.due <= now;
            if !is_due && !member.device.is_pending() {
                continue;
            }
            let reports = member.device.step(now, self.conditions);
            self.say(place, &reports, now);
            if is_due {
                self.sample(place, now);
            }
        }
    }

    /// Takes the samples that are due by `now`; after a stall only one, not all that were missed.
    fn sample(&mut self, place: usize, now: Timestamp) {
        let interval_ms =
            i64::try_from(self.config.interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let member = &mut self.members[place];
        if now.since(member.due) > interval_ms.max(1_000) {
            member.due = now;
        }
        while member.due <= now {
            member.due = member.due.plus_ms(interval_ms);
            let message = member.device.sample(now, Uuid::now_v7());
            self.link.publish(Outgoing {
                topic: self.config.topics.telemetry(&message.envelope.device_id),
                payload: message.encode().into(),
                retain: false,
                tag: Kind::Sample,
            });
            self.stats.count_sent();
            metrics::count_sent();
        }
        // A clock that was set back must not silence the device.
        if member.due.since(now) > interval_ms {
            member.due = now.plus_ms(interval_ms);
        }
    }

    fn on_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected => {
                self.connected = true;
                metrics::connected();
            }
            LinkEvent::Disconnected(_) => {
                if std::mem::take(&mut self.connected) {
                    metrics::disconnected();
                }
            }
            LinkEvent::Delivery(delivery) => self.on_delivery(&delivery),
        }
    }

    fn on_delivery(&mut self, delivery: &Delivery) {
        if delivery.topic == self.config.topics.simulation_profile() {
            match ProfileMessage::decode(&delivery.payload) {
                Ok(message) => {
                    self.conditions.profile = message.profile;
                    tracing::info!(profile = message.profile.as_str(), "simulation profile");
                }
                Err(rejection) => tracing::warn!(%rejection, "simulation profile ignored"),
            }
            return;
        }
        let Ok(device_id) = self.config.topics.parse_control(&delivery.topic) else { return };
        let Some(place) = self.index.get(&device_id).copied() else { return };
        match decode_setpoint(&device_id, &delivery.payload, SETPOINT_LEN_MAX) {
            Ok(setpoint) => {
                if self.stats.count_setpoint() {
                    tracing::info!(device = %device_id, "first setpoint at a device");
                }
                let now = self.clock.now();
                let remaining_ms = delivery
                    .remaining
                    .map(|left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
                let reports = self.members[place].device.receive(&setpoint, now, remaining_ms);
                let about_it = reports.iter().find(|report| report.setpoint_id == setpoint.id());
                metrics::count_setpoint(
                    about_it.map_or("repeated", |report| answer(report.status)),
                );
                self.say(place, &reports, now);
            }
            // An empty retained message is a setpoint taken back: the lease ends by itself.
            Err(_) if delivery.payload.is_empty() => {}
            Err(rejection) => {
                metrics::count_setpoint("unreadable");
                tracing::warn!(device = %device_id, %rejection, "setpoint cannot be read");
            }
        }
    }

    fn say(&self, place: usize, reports: &[Report], now: Timestamp) {
        let device = &self.members[place].device;
        for report in reports {
            self.link.publish(Outgoing {
                topic: self.config.topics.ack(&device.identity().device_id),
                payload: device.ack(report, now, Uuid::now_v7()).encode().into(),
                retain: false,
                tag: Kind::Other,
            });
        }
    }

    /// Waits for what is on its way, says that the devices are gone, and goodbye. Each wait is bounded.
    async fn end(self) {
        let Self { config, index, link, mut events, connected, .. } = self;
        let ending = async move {
            if !link.drained(DRAIN_SAMPLES).await {
                let count = link.outstanding();
                tracing::warn!(count, "the broker did not acknowledge everything in time");
            }
            for id in index.keys() {
                link.publish(status(&config, id, StatusWord::Offline));
            }
            link.drained(DRAIN_STATUS).await;
            link.close(DRAIN_GOODBYE).await;
        };
        // Events are read to the end: a full channel would hold the connection up.
        let reading = async { while events.recv().await.is_some() {} };
        futures::future::join(ending, reading).await;
        if connected {
            metrics::disconnected();
        }
    }
}

fn counting(stats: Stats) -> OnSettled<Kind> {
    Arc::new(move |kind, settled| match (kind, settled) {
        (Kind::Sample, Settled::Acknowledged) => {
            stats.count_acked();
            metrics::count_acked();
        }
        (Kind::Sample, Settled::Refused) => {
            stats.count_lost();
            metrics::count_lost("refused");
        }
        (Kind::Sample, Settled::Discarded) => {
            stats.count_lost();
            metrics::count_lost("discarded");
        }
        (Kind::Other, _) => {}
    })
}

fn status(config: &Config, device_id: &DeviceId, word: StatusWord) -> Outgoing<Kind> {
    Outgoing {
        topic: config.topics.status(device_id),
        payload: word.as_str().into(),
        retain: true,
        tag: Kind::Other,
    }
}

fn answer(status: AckStatus) -> &'static str {
    match status {
        AckStatus::Accepted => "accepted",
        AckStatus::Applied => "applied",
        AckStatus::Rejected => "rejected",
        AckStatus::Expired => "expired",
        AckStatus::Superseded => "superseded",
        AckStatus::Online | AckStatus::Offline => "status",
    }
}
