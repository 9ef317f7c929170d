//! The counting fleet: many devices over a few connections, each message kept until the broker has acknowledged it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use service_kit::clock::{Clock, SystemClock};
use service_kit::mqtt::{Delivery, Link, LinkEvent, LinkOptions, OnSettled, Outgoing, Settled};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::device::{Counts, Device, Kind, Tag};

/// Devices on one connection.
const PER_CONNECTION: u32 = 100;
/// Messages of one connection that wait for the broker: enough for the longest outage of a run.
const OUTBOX_MAX: usize = 1_000_000;
const TICK: Duration = Duration::from_millis(20);
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
                    .map(|number| Device::new(number, options.feeders, options.run))
                    .collect();
                let spread =
                    |number: u32| every_ms * i64::from(number) / i64::from(options.devices.max(1));
                let due = numbers.map(|number| now + spread(number)).collect();
                let state = Shard { first, devices, due, outstanding: 0, unsent: 0 };
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
            Some(event) = events.recv() => if let LinkEvent::Delivery(delivery) = event {
                lock(&shard).deliver(&delivery, &link);
            },
            _ = tick.tick() => if !known.silent {
                lock(&shard).send_due(every_ms, &link);
            },
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
        host: "127.0.0.1".to_owned(),
        port: options.port,
        client_id: format!("counting-{}-{}", options.run, shard.first),
        credentials: None,
        tls: None,
        will: None,
        greeting: Vec::new(),
        subscriptions: shard
            .devices
            .iter()
            .map(|device| format!("der/control/{}", device.id()))
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

    fn deliver(&mut self, delivery: &Delivery, link: &Link<Tag>) {
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
        link.publish(Outgoing { topic, payload: Bytes::from(payload), retain: false, tag });
    }

    fn settle(&mut self, all: &Settlements) {
        for (tag, acknowledged) in &all.acknowledged {
            self.outstanding -= 1;
            if !acknowledged {
                self.unsent += 1;
                continue;
            }
            let counts = &mut self.devices[tag.member].counts;
            match tag.kind {
                Kind::Sample => counts.samples_acknowledged.push(tag.number),
                Kind::Ack => counts.acks_acknowledged.push(tag.number),
            }
        }
    }

    fn jump(&mut self, by_ms: i64) {
        for device in self.devices.iter_mut().step_by(10) {
            device.jump(by_ms);
        }
    }
}
