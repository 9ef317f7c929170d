//! A device that counts: what it sent, what the broker acknowledged, which setpoints came and which it applied.
//!
//! It keeps the contract by rules of its own (docs/contract.md), written apart from the product's devices.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};
use uuid::{Builder, Uuid};

/// Largest power of a device, kW.
const RATED_KW: f64 = 7.2;

/// A setpoint that a device took.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Its message id.
    pub id: Uuid,
    /// Fence.
    pub epoch: i64,
    /// Fence.
    pub seq: i64,
    /// When it was taken, ms.
    pub at: i64,
    /// The end of its lease, ms.
    pub until: i64,
    /// Its target.
    pub target_kw: f64,
    /// Whether the bridge's watchdog made it.
    pub watchdog: bool,
}

/// What a device has counted.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// Samples that the broker acknowledged, by number.
    pub samples_acknowledged: BTreeSet<u32>,
    /// Acks that the broker acknowledged, by number.
    pub acks_acknowledged: BTreeSet<u32>,
    /// Samples whose receipt from the log came.
    pub samples_receipted: BTreeSet<u32>,
    /// Acks whose receipt from the log came.
    pub acks_receipted: BTreeSet<u32>,
    /// Receipts that say that a message became a dead letter.
    pub refused: u64,
    /// Messages sent again for want of a receipt.
    pub sent_again: u64,
    /// Setpoints taken, in their order.
    pub applied: Vec<Applied>,
    /// Setpoints that came again.
    pub resent: u64,
    /// Setpoints older than the newest.
    pub older: u64,
    /// Setpoints whose lease was over.
    pub expired: u64,
}

/// A device.
#[derive(Debug)]
pub struct Device {
    number: u32,
    id: String,
    feeder: String,
    run: u16,
    /// Whether its messages ask for a receipt.
    asks: bool,
    samples: u32,
    acks: u32,
    skew_ms: i64,
    last_ts: i64,
    used: HashSet<i64>,
    fence: Option<(i64, i64)>,
    seen: HashSet<Uuid>,
    lease: Option<(f64, i64)>,
    /// What it has counted; what the broker acknowledged is noted from outside.
    pub counts: Counts,
}

/// What a message is, for its PUBACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// The device's place in its shard.
    pub member: usize,
    /// The message's number.
    pub number: u32,
    /// A sample, or an ack.
    pub kind: Kind,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sample.
    Sample,
    /// An ack.
    Ack,
}

/// The id of a device.
#[must_use]
pub fn device_id(number: u32) -> String {
    format!("ev-{number:05}")
}

/// The id of a device's message, which tells whose it is.
#[must_use]
pub fn message_id(run: u16, device: u32, kind: Kind, number: u32) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&device.to_be_bytes());
    bytes[4..6].copy_from_slice(&run.to_be_bytes());
    bytes[9] = u8::from(kind == Kind::Ack);
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Builder::from_random_bytes(bytes).into_uuid()
}

/// Whose message an id is: the device, the kind and the number.
#[must_use]
pub fn message_of(id: Uuid) -> (u32, Kind, u32) {
    let bytes = id.as_bytes();
    let four = |from: usize| {
        bytes[from..from + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    };
    (four(0), if bytes[9] == 1 { Kind::Ack } else { Kind::Sample }, four(12))
}

impl Device {
    /// A device of a run.
    #[must_use]
    pub fn new(number: u32, feeders: u32, run: u16, asks: bool) -> Self {
        Self {
            number,
            id: device_id(number),
            feeder: format!("feeder-{:02}", number % feeders.max(1)),
            run,
            asks,
            samples: 0,
            acks: 0,
            skew_ms: 0,
            last_ts: 0,
            used: HashSet::new(),
            fence: None,
            seen: HashSet::new(),
            lease: None,
            counts: Counts::default(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its clock jumps.
    pub fn jump(&mut self, by_ms: i64) {
        self.skew_ms += by_ms;
    }

    /// A time that it has not named before, by its clock.
    fn timestamp(&mut self, now: i64) -> i64 {
        let mut at = now + self.skew_ms;
        while !self.used.insert(at) {
            at += 1;
        }
        self.last_ts = at;
        at
    }

    /// What it takes now: what it wants, or less where a setpoint says so.
    fn power_kw(&self, now: i64) -> f64 {
        // What it wants rises and falls over minutes, each device at its own time.
        #[expect(clippy::cast_precision_loss, reason = "a phase")]
        let phase = (now % 180_000) as f64 / 180_000.0 + f64::from(self.number % 97) / 97.0;
        let wanted = RATED_KW * (0.6 + 0.4 * (phase * std::f64::consts::TAU).sin());
        match self.lease {
            Some((target, until)) if now < until => wanted.min(target),
            Some(_) => 0.0,
            None => wanted,
        }
    }

    /// Its next sample: number and bytes.
    pub fn sample(&mut self, now: i64) -> (u32, Vec<u8>) {
        let number = self.samples;
        self.samples += 1;
        let (power, ts) = (self.power_kw(now), self.timestamp(now));
        let payload = json!({
            "readings": {"powerKw": (power * 1_000.0).round() / 1_000.0},
            "status": {"online": true},
            "capabilities": {"maxChargeKw": RATED_KW, "minPowerKw": 1.4, "fallbackKw": 0.0},
            "feederId": self.feeder,
        });
        (number, self.envelope("telemetry", Kind::Sample, number, ts, payload))
    }

    fn envelope(&self, kind: &str, tag: Kind, number: u32, ts: i64, payload: Value) -> Vec<u8> {
        let id = message_id(self.run, self.number, tag, number);
        let mut message = json!({
            "v": 1, "messageType": kind, "messageId": id.to_string(), "deviceId": self.id,
            "deviceType": "ev", "timestampMs": ts, "source": "simulator", "payload": payload,
        });
        if self.asks {
            message["receipt"] = Value::Bool(true);
        }
        message.to_string().into_bytes()
    }

    /// Reads receipts, and notes them; gives the messages that they speak of.
    pub fn receipts(&mut self, payload: &[u8]) -> Vec<Uuid> {
        let Ok(message) = serde_json::from_slice::<Value>(payload) else { return Vec::new() };
        let list = |name: &str| message["payload"][name].as_array().cloned().unwrap_or_default();
        let id = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let stored: Vec<Uuid> = list("stored").iter().filter_map(id).collect();
        for one in &stored {
            match message_of(*one) {
                (_, Kind::Sample, number) => self.counts.samples_receipted.insert(number),
                (_, Kind::Ack, number) => self.counts.acks_receipted.insert(number),
            };
        }
        let refused = list("refused");
        self.counts.refused += refused.len() as u64;
        stored.into_iter().chain(refused.iter().filter_map(|one| id(&one["messageId"]))).collect()
    }

    /// Takes a setpoint, or does not; an ack to send, where it took it. `left_ms` is what the broker says is left of
    /// the message.
    pub fn setpoint(
        &mut self,
        payload: &[u8],
        left_ms: Option<i64>,
        now: i64,
    ) -> Option<(u32, Vec<u8>)> {
        let message: Value = serde_json::from_slice(payload).ok()?;
        let id: Uuid = message["messageId"].as_str()?.parse().ok()?;
        let command = &message["payload"]["command"];
        let (epoch, seq) = (command["epoch"].as_i64()?, command["seq"].as_i64()?);
        if !self.seen.insert(id) {
            self.counts.resent += 1;
            return None;
        }
        if self.fence.is_some_and(|fence| (epoch, seq) < fence) {
            self.counts.older += 1;
            return None;
        }
        self.fence = Some((epoch, seq));
        let lease_ms = command["ttlMs"].as_i64()?.min(left_ms.unwrap_or(i64::MAX));
        if lease_ms <= 0 {
            self.counts.expired += 1;
            return None;
        }
        let target_kw = command["targetPowerKw"].as_f64()?;
        self.lease = Some((target_kw, now + lease_ms));
        self.counts.applied.push(Applied {
            id,
            epoch,
            seq,
            at: now,
            until: now + lease_ms,
            target_kw,
            watchdog: message["payload"]["reason"]["allocator"] == "bridge-watchdog",
        });
        let number = self.acks;
        self.acks += 1;
        let ts = now + self.skew_ms;
        let payload = json!({"setpointId": id.to_string(), "status": "accepted"});
        Some((number, self.envelope("ack", Kind::Ack, number, ts, payload)))
    }

    /// The id of one of its messages.
    #[must_use]
    pub fn message_id(&self, tag: Tag) -> Uuid {
        message_id(self.run, self.number, tag.kind, tag.number)
    }

    /// How many samples it has made.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.samples
    }
}

/// The last setpoint of each device that took one, by device number.
#[must_use]
pub fn last_applied(devices: &BTreeMap<u32, Counts>) -> BTreeMap<u32, &Applied> {
    devices.iter().filter_map(|(number, counts)| Some((*number, counts.applied.last()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setpoint(id: u128, epoch: i64, seq: i64, ttl_ms: i64) -> Vec<u8> {
        json!({"messageId": Uuid::from_u128(id).to_string(), "payload": {
            "command": {"targetPowerKw": 3.0, "epoch": epoch, "seq": seq, "ttlMs": ttl_ms},
            "reason": {"allocator": "feeder-controller"}}})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn an_id_tells_whose_message_it_is() {
        for kind in [Kind::Sample, Kind::Ack] {
            assert_eq!(message_of(message_id(7, 70_000, kind, 123_456)), (70_000, kind, 123_456));
        }
        assert_ne!(message_id(1, 1, Kind::Sample, 1), message_id(2, 1, Kind::Sample, 1));
    }

    #[test]
    fn a_device_takes_a_setpoint_once_and_never_an_older_one() {
        let mut device = Device::new(1, 1, 1, false);
        assert!(device.setpoint(&setpoint(1, 1, 5, 1_000), None, 0).is_some());
        assert!(device.setpoint(&setpoint(1, 1, 5, 1_000), None, 1).is_none());
        assert!(device.setpoint(&setpoint(2, 1, 4, 1_000), None, 2).is_none());
        assert!(device.setpoint(&setpoint(3, 2, 1, 1_000), Some(0), 3).is_none());
        let counts = &device.counts;
        assert_eq!(
            (counts.applied.len(), counts.resent, counts.older, counts.expired),
            (1, 1, 1, 1)
        );
    }

    #[test]
    fn a_receipt_names_messages_by_their_ids() {
        let mut device = Device::new(1, 1, 1, true);
        let (number, sample) = device.sample(0);
        assert!(String::from_utf8_lossy(&sample).contains("\"receipt\":true"));
        let of = |kind, number| message_id(1, 1, kind, number);
        let (stored, refused) = (of(Kind::Sample, number), of(Kind::Ack, 3));
        let receipt = json!({"payload": {"stored": [stored.to_string()],
            "refused": [{"messageId": refused.to_string(), "reason": "not_json"}]}});
        assert_eq!(device.receipts(receipt.to_string().as_bytes()), [stored, refused]);
        assert_eq!(device.counts.samples_receipted, BTreeSet::from([number]));
        assert_eq!((device.counts.acks_receipted.len(), device.counts.refused), (0, 1));
    }

    #[test]
    fn a_clock_that_jumps_back_names_no_time_twice() {
        let mut device = Device::new(1, 1, 1, false);
        let first = device.timestamp(1_000);
        device.jump(-100);
        let second = device.timestamp(1_100);
        assert_ne!(first, second);
    }
}
