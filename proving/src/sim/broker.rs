//! The MQTT broker and the links: retained commands with an end, a session that waits for the bridge, and links that delay,
//! reorder, repeat, lose and break. Knows no message's meaning.

use std::collections::{BTreeMap, VecDeque};

use schemas::rng::Rng;

/// What links do to messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Net {
    /// Longest delay of one way.
    pub delay_ms_max: i64,
    /// Messages that never arrive, in a thousand: a link that is lost between two acknowledgements.
    pub loss_permille: i64,
    /// Messages that arrive twice, in a thousand.
    pub repeat_permille: i64,
}

/// A message for the bridge: topic and payload.
pub type Message = (String, Vec<u8>);

/// A command that the broker keeps for a device.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its payload.
    pub payload: Vec<u8>,
    /// When the broker forgets it.
    pub expires: i64,
}

/// Something that arrives.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// At the broker, from a device.
    Broker(Message),
    /// At a device, from the broker.
    Device {
        /// Which one.
        device: usize,
        /// The connection it was sent on: what a broken one carried is gone.
        connection: u64,
        /// The command.
        kept: Kept,
    },
}

/// The broker.
#[derive(Debug)]
pub struct Broker {
    /// Whether it runs.
    pub up: bool,
    net: Net,
    rng: Rng,
    /// What it holds for each device.
    pub retained: BTreeMap<usize, Kept>,
    /// What waits for the bridge: its session outlives it.
    pub session: VecDeque<Message>,
    arrivals: BTreeMap<(i64, u64), Arrival>,
    number: u64,
}

impl Broker {
    /// A broker with these links.
    #[must_use]
    pub fn new(net: Net, rng: Rng) -> Self {
        Self {
            up: true,
            net,
            rng,
            retained: BTreeMap::new(),
            session: VecDeque::new(),
            arrivals: BTreeMap::new(),
            number: 0,
        }
    }

    /// A device sends.
    pub fn send_up(&mut self, now: i64, message: Message) {
        for at in self.ways(now) {
            self.post(at, Arrival::Broker(message.clone()));
        }
    }

    /// The bridge publishes a retained command; `connection` is the device's, where it has one.
    pub fn publish(&mut self, now: i64, device: usize, kept: Kept, connection: Option<u64>) {
        self.retained.insert(device, kept.clone());
        if let Some(connection) = connection {
            self.send_down(now, device, connection, kept);
        }
    }

    /// A device connects: it gets what the broker keeps for it.
    pub fn connected(&mut self, now: i64, device: usize, connection: u64) {
        if let Some(kept) = self.retained.get(&device).filter(|kept| kept.expires > now).cloned() {
            self.send_down(now, device, connection, kept);
        }
    }

    fn send_down(&mut self, now: i64, device: usize, connection: u64, kept: Kept) {
        for at in self.ways(now) {
            self.post(at, Arrival::Device { device, connection, kept: kept.clone() });
        }
    }

    /// When the copies of a message arrive: usually one.
    fn ways(&mut self, now: i64) -> Vec<i64> {
        if self.rng.chance(self.net.loss_permille) {
            return Vec::new();
        }
        let copies = 1 + i64::from(self.rng.chance(self.net.repeat_permille));
        (0..copies).map(|_| now + 1 + self.rng.between(0, self.net.delay_ms_max)).collect()
    }

    fn post(&mut self, at: i64, arrival: Arrival) {
        self.number += 1;
        self.arrivals.insert((at, self.number), arrival);
    }

    /// The next arrival that is due.
    pub fn arrive(&mut self, now: i64) -> Option<Arrival> {
        let first = self.arrivals.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Commands on their way to a device.
    pub fn on_the_way(&self, of: usize) -> impl Iterator<Item = &Kept> {
        self.arrivals.values().filter_map(move |arrival| match arrival {
            Arrival::Device { device, kept, .. } if *device == of => Some(kept),
            Arrival::Device { .. } | Arrival::Broker(_) => None,
        })
    }
}
