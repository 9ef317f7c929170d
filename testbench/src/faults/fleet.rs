//! The counting fleet: many devices over a few connections, each message kept until the broker has acknowledged it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use service_kit::clock::{Clock, SystemClock};
use service_kit::mqtt::kept::Kept;
use service_kit::mqtt::{
    Broker, Credentials, Delivery, Link, LinkEvent, LinkOptions, OnSettled, Outgoing, Settled,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::device::{Counts, Device, Kind, Tag};

/// Devices on one connection.
const PER_CONNECTION: u32 = 100;
/// Messages of one connection that wait for the broker: enough for the longest outage of a run.
const OUTBOX_MAX: usize = 1_000_000;
const TICK: Duration = Duration::from_millis(20);
/// Messages of a device that wait for their receipt: likewise.
const KEPT_MAX: usize = 100_000;
/// How long a device waits for any receipt.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(5);
/// How often a device looks for messages to send again, and how many at once: 20 a second.
const AGAIN: Duration = Duration::from_millis(200);
const AGAIN_MAX: usize = 4;
const GOODBYE: Duration = Duration::from_secs(2);

/// What a fleet is told.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// The broker's port on loopback.
    pub port: u16,
    /// Devices.
    pub devices: u32,
    /// Feeders.
    pub feeders: u32,
    /// Samples per second in all.
    pub rate: u32,
    /// Tells this run's messages from another's.
    pub run: u16,
    /// Whether devices ask for receipts.
    pub receipts: bool,
    /// What its connections show the broker: many devices on one are more than a device's account allows.
    pub login: Option<Credentials>,
}

#[derive(Debug, Default)]
struct Settlements {
    acknowledged: Vec<(Tag, bool)>,
}

/// Whether devices send samples, and how often their clocks have jumped.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    silent: bool,
    jumps: u32,
    jump_ms: i64,
    ended: bool,
}

/// A running fleet.
#[derive(Debug)]
pub struct Fleet {
    orders: watch::Sender<Orders>,
    shards: Vec<(Arc<Mutex<Shard>>, JoinHandle<()>)>,
}

#[derive(Debug)]
struct Shard {
    first: u32,
    devices: Vec<Device>,
    due: Vec<i64>,
    /// Messages without a receipt, by device; empty where none is asked for.
    kept: Vec<Kept<Tag>>,
    /// Messages handed over and not yet settled.
    outstanding: usize,
    /// Messages that the broker refused, or that found no room.
    unsent: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// Connects and begins to send.
    #[must_use]
    pub fn start(options: &FleetOptions) -> Self {
        let (orders, _) = watch::channel(Orders::default());
        let every_ms = i64::from(options.devices) * 1_000 / i64::from(options.rate.max(1));
        let now = SystemClock.now().0;
        let shards = (0..options.devices.div_ceil(PER_CONNECTION))
            .map(|shard| {
                let first = shard * PER_CONNECTION;
                let end = (first + PER_CONNECTION).min(options.devices);
                let numbers = first..end;
                let devices: Vec<_> = numbers
                    .clone()
                    .map(|number| {
                        Device::new(number, options.feeders, options.run, options.receipts)
                    })
                    .collect();
                let spread =
                    |number: u32| every_ms * i64::from(number) / i64::from(options.devices.max(1));
                let due = numbers.map(|number| now + spread(number)).collect();
                let keeping = devices.iter().filter(|_| options.receipts);
                let kept = keeping.map(|_| Kept::new(KEPT_MAX, RECEIPT_PATIENCE)).collect();
                let state = Shard { first, devices, due, kept, outstanding: 0, unsent: 0 };
                let state = Arc::new(Mutex::new(state));
                let task = service_kit::task::spawn(
                    "counting devices",
                    run(Arc::clone(&state), options.clone(), every_ms, orders.subscribe()),
                );
                (state, task)
            })
            .collect();
        Self { orders, shards }
    }

    /// The clocks of every tenth device jump.
    pub fn jump_clocks(&self, by_ms: i64) {
        self.orders.send_modify(|orders| {
            orders.jumps += 1;
            orders.jump_ms = by_ms;
        });
    }

    /// No further samples; setpoints are still taken.
    pub fn fall_silent(&self) {
        self.orders.send_modify(|orders| orders.silent = true);
    }

    /// Messages that the broker has not acknowledged.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.shards.iter().map(|(shard, _)| lock(shard).outstanding).sum()
    }

    /// Messages that have no receipt yet, where receipts are asked for.
    #[must_use]
    pub fn unreceipted(&self) -> usize {
        let of_shard = |shard: &Mutex<Shard>| lock(shard).kept.iter().map(Kept::len).sum::<usize>();
        self.shards.iter().map(|(shard, _)| of_shard(shard)).sum()
    }

    /// Samples made so far.
    #[must_use]
    pub fn samples(&self) -> u64 {
        let of_shard = |shard: &Mutex<Shard>| -> u64 {
            lock(shard).devices.iter().map(|device| u64::from(device.samples())).sum()
        };
        self.shards.iter().map(|(shard, _)| of_shard(shard)).sum()
    }

    /// Ends it, and gives what each device has counted, and how many messages never reached the broker.
    pub async fn end(self) -> (BTreeMap<u32, Counts>, u64) {
        self.orders.send_modify(|orders| orders.ended = true);
        let mut all = BTreeMap::new();
        let mut unsent = 0;
        for (shard, task) in self.shards {
            // A task that panicked has counted what it has counted.
            task.await.ok();
            let mut shard = lock(&shard);
            unsent += shard.unsent;
            let first = shard.first;
            for (number, device) in (first..).zip(&mut shard.devices) {
                all.insert(number, std::mem::take(&mut device.counts));
            }
        }
        (all, unsent)
    }
}

async fn run(
    shard: Arc<Mutex<Shard>>,
    options: FleetOptions,
    every_ms: i64,
    mut orders: watch::Receiver<Orders>,
) {
    let (settled, mut settlements) = mpsc::unbounded_channel();
    let on_settled: OnSettled<Tag> = Arc::new(move |tag: &Tag, outcome| {
        // The receiver is gone only when the shard has ended.
        settled.send((*tag, outcome == Settled::Acknowledged)).ok();
    });
    let (link, mut events) = Link::start(link_options(&lock(&shard), &options), on_settled);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Orders::default();
    loop {
        tokio::select! {
            Some((tag, acknowledged)) = settlements.recv() => {
                let mut all = Settlements { acknowledged: vec![(tag, acknowledged)] };
                while let Ok(next) = settlements.try_recv() {
                    all.acknowledged.push(next);
                }
                lock(&shard).settle(&all);
            }
            Some(event) = events.recv() => match event {
                LinkEvent::Delivery(delivery) => lock(&shard).deliver(&delivery, &link),
                LinkEvent::Connected => lock(&shard).kept.iter_mut().for_each(Kept::connected),
                LinkEvent::Disconnected(_) => {}
            },
            _ = tick.tick() => if !known.silent {
                lock(&shard).send_due(every_ms, &link);
            },
            _ = again.tick() => lock(&shard).send_again(&link),
            changed = orders.changed() => {
                let now = *orders.borrow_and_update();
                if changed.is_err() || now.ended {
                    break;
                }
                if now.jumps > known.jumps {
                    lock(&shard).jump(now.jump_ms);
                }
                known = now;
            }
        }
    }
    link.close(GOODBYE).await;
}

fn link_options(shard: &Shard, options: &FleetOptions) -> LinkOptions<Tag> {
    LinkOptions {
        broker: Broker {
            host: "127.0.0.1".to_owned(),
            port: options.port,
            credentials: options.login.clone(),
            tls: None,
        },
        client_id: format!("counting-{}-{}", options.run, shard.first),
        will: None,
        greeting: Vec::new(),
        subscriptions: shard
            .devices
            .iter()
            .map(|device| format!("der/control/{}", device.id()))
            .chain(
                shard
                    .devices
                    .iter()
                    .filter(|_| options.receipts)
                    .map(|device| format!("der/receipts/{}", device.id())),
            )
            .collect(),
        outbox_max: OUTBOX_MAX,
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_secs(2),
    }
}

impl Shard {
    fn send_due(&mut self, every_ms: i64, link: &Link<Tag>) {
        let now = SystemClock.now().0;
        for member in 0..self.devices.len() {
            if self.due[member] > now {
                continue;
            }
            // What could not be sent in time is not made up for.
            self.due[member] = (self.due[member] + every_ms).max(now - every_ms);
            let (number, payload) = self.devices[member].sample(now);
            let topic = format!("der/telemetry/{}", self.devices[member].id());
            self.publish(topic, payload, Tag { member, number, kind: Kind::Sample }, link);
        }
    }

    /// Sends again what must be thought lost.
    fn send_again(&mut self, link: &Link<Tag>) {
        for (member, kept) in self.kept.iter_mut().enumerate() {
            for message in kept.due(Instant::now(), AGAIN_MAX) {
                self.outstanding += 1;
                self.devices[member].counts.sent_again += 1;
                link.publish(message);
            }
        }
    }

    fn receipts(&mut self, id: &str, payload: &[u8]) {
        let place = self.devices.iter().position(|device| device.id() == id);
        let Some(member) = place.filter(|member| *member < self.kept.len()) else { return };
        for id in self.devices[member].receipts(payload) {
            self.kept[member].receipt(id, Instant::now());
        }
    }

    fn deliver(&mut self, delivery: &Delivery, link: &Link<Tag>) {
        if let Some(id) = delivery.topic.strip_prefix("der/receipts/") {
            return self.receipts(id, &delivery.payload);
        }
        let Some(id) = delivery.topic.strip_prefix("der/control/") else { return };
        let place = self.devices.iter().position(|device| device.id() == id);
        let Some(member) = place.filter(|_| !delivery.payload.is_empty()) else { return };
        let left_ms = delivery.remaining.and_then(|left| i64::try_from(left.as_millis()).ok());
        let now = SystemClock.now().0;
        if let Some((number, payload)) =
            self.devices[member].setpoint(&delivery.payload, left_ms, now)
        {
            let tag = Tag { member, number, kind: Kind::Ack };
            self.publish(format!("der/ack/{id}"), payload, tag, link);
        }
    }

    fn publish(&mut self, topic: String, payload: Vec<u8>, tag: Tag, link: &Link<Tag>) {
        self.outstanding += 1;
        let message = Outgoing { topic, payload: Bytes::from(payload), retain: false, tag };
        let id = self.devices[tag.member].message_id(tag);
        if let Some(kept) = self.kept.get_mut(tag.member) {
            kept.keep(id, message.clone());
        }
        link.publish(message);
    }

    fn settle(&mut self, all: &Settlements) {
        for (tag, acknowledged) in &all.acknowledged {
            self.outstanding -= 1;
            let id = self.devices[tag.member].message_id(*tag);
            let kept = self.kept.get_mut(tag.member);
            if !acknowledged {
                self.unsent += 1;
                kept.into_iter().for_each(|kept| kept.forget(id));
                continue;
            }
            kept.into_iter().for_each(|kept| kept.acknowledged(id, Instant::now()));
            let counts = &mut self.devices[tag.member].counts;
            match tag.kind {
                Kind::Sample => counts.samples_acknowledged.insert(tag.number),
                Kind::Ack => counts.acks_acknowledged.insert(tag.number),
            };
        }
    }

    fn jump(&mut self, by_ms: i64) {
        for device in self.devices.iter_mut().step_by(10) {
            device.jump(by_ms);
        }
    }
}
