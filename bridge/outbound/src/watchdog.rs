//! What devices get when decisions stop coming: the fail-safe of last resort. Pure: time and decisions are arguments.
//!
//! It never raises a setpoint. "Zero" is for what takes power: a device told to charge (or import) is told 0 W, and that is
//! renewed. A device told to give power (PV, a discharging battery) is left alone: telling it 0 would raise the load
//! of its feeder, telling it its last setpoint again would take a decision that nobody made; its lease lapses and it
//! falls back, as the configuration check of fallbacks (G12) foresees.
//!
//! What it sends carries the epoch and number of the tree's last decision, with an id of its own: a device takes it, and
//! takes the next real decision after it.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::ids::{DeviceId, FeederId};
use schemas::mqtt::{Envelope, Mode, Setpoint, Source};
use schemas::records::decision_no::DecisionNo;
use schemas::records::telemetry::DeviceType;
use schemas::units::Watts;
use uuid::Uuid;

use crate::commandable::Commandable;
use crate::outbox::{Audience, Order};

/// What it names as the maker of its setpoints.
const ALLOCATOR: &str = "bridge-watchdog";

/// `DB_ERROR_BEHAVIOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSilence {
    /// 0 W for everything that takes power (`SAFE_ZERO_ALL`).
    Zero,
    /// The last setpoint for a while, then 0 W (`HOLD_LAST`).
    HoldLast,
    /// Nothing: leases lapse (`STOP_LOOP`).
    Nothing,
}

/// When and how it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// What it does.
    pub on_silence: OnSilence,
    /// A tree without a decision for longer is without control, ms.
    pub silence_ms: i64,
    /// Longest hold of last setpoints, ms.
    pub hold_max_ms: i64,
}

/// What a device was last told.
#[derive(Debug, Clone)]
struct Told {
    device_type: DeviceType,
    typed_layout: bool,
    target_w: Watts,
    fallback_w: Watts,
    ttl_ms: i64,
    valid_until: Timestamp,
    /// The id that the watchdog's ids are derived from.
    setpoint_id: Uuid,
}

#[derive(Debug)]
struct Tree {
    partition: i32,
    /// When its last decision was read.
    heard: Timestamp,
    no: DecisionNo,
    silent_since: Option<Timestamp>,
    devices: BTreeMap<DeviceId, Told>,
}

/// What a look at all trees led to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub orders: Vec<(Order, &'static str)>,
    /// Trees found silent for the first time.
    pub tripped: Vec<FeederId>,
    /// Trees that are silent.
    pub silent: usize,
}

/// Watches feeder trees.
#[derive(Debug)]
pub struct Watchdog {
    rules: Rules,
    trees: BTreeMap<FeederId, Tree>,
}

impl Watchdog {
    pub fn new(rules: Rules) -> Self {
        Self { rules, trees: BTreeMap::new() }
    }

    /// A decision that counts was read. `devices` are those it may command.
    pub fn heard(
        &mut self,
        root: &FeederId,
        no: DecisionNo,
        devices: &[Commandable<'_>],
        partition: i32,
        now: Timestamp,
    ) {
        let mut before = self.trees.remove(root).map(|tree| tree.devices).unwrap_or_default();
        let devices = devices
            .iter()
            .filter_map(|device| {
                let device_id = &device.device().device_id;
                Some((device_id.clone(), told(device, before.remove(device_id))?))
            })
            .collect();
        let tree = Tree { partition, heard: now, no, silent_since: None, devices };
        self.trees.insert(root.clone(), tree);
    }

    /// Another bridge works on these partitions from now on.
    pub fn keep_partitions(&mut self, partitions: &[i32]) {
        self.trees.retain(|_, tree| partitions.contains(&tree.partition));
    }

    /// Looks at every tree. `root_of` says where a device stands now: one that has moved is another tree's business.
    pub fn tick(
        &mut self,
        now: Timestamp,
        root_of: impl Fn(&DeviceId) -> Option<FeederId>,
    ) -> Outcome {
        let rules = self.rules;
        let mut outcome = Outcome::default();
        for (root, tree) in &mut self.trees {
            if now.since(tree.heard) < rules.silence_ms {
                continue;
            }
            outcome.silent += 1;
            let since = *tree.silent_since.get_or_insert_with(|| {
                outcome.tripped.push(root.clone());
                now
            });
            for (device_id, told) in &mut tree.devices {
                let Some((action, target_w, until)) = rules.action(told, since, now) else {
                    continue;
                };
                if root_of(device_id).as_ref() != Some(root) {
                    continue;
                }
                told.target_w = target_w;
                told.valid_until = until;
                let order = told.order(device_id, tree.no, now);
                outcome.orders.push((order, action));
            }
        }
        outcome
    }
}

/// What a device has been told once this decision is out; nothing where it has no setpoint.
fn told(device: &Commandable<'_>, before: Option<Told>) -> Option<Told> {
    let (decision, own) = (device.decision(), device.device());
    let decided_w = own.setpoint_w?;
    let (target_w, valid_until, setpoint_id) = match before {
        // A decision that sends nothing leaves the device with what it has.
        Some(before) if !device.is_sent() => {
            (before.target_w, before.valid_until, before.setpoint_id)
        }
        _ => {
            let id = decision.setpoint_id(&own.device_id);
            // When its lease ends is not known where its last message was not seen: taken as over.
            let lease_ms = if device.is_sent() { own.ttl_ms } else { 0 };
            (decided_w, decision.header.at.plus_ms(lease_ms), id)
        }
    };
    Some(Told {
        device_type: own.device_type,
        typed_layout: own.typed_layout,
        target_w,
        fallback_w: own.fallback_w,
        ttl_ms: own.ttl_ms,
        valid_until,
        setpoint_id,
    })
}

impl Rules {
    /// What a device of a silent tree is told now: a word for it, the target, and until when.
    fn action(
        self,
        told: &Told,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<(&'static str, Watts, Timestamp)> {
        let hold_end = since.plus_ms(self.hold_max_ms);
        match self.on_silence {
            OnSilence::Nothing => None,
            OnSilence::HoldLast if now < hold_end => {
                // A lapsed lease is not taken up again: the device is at its fallback, and that may be less.
                let renew = !told.is_lapsed(now) && told.is_due(now) && told.valid_until < hold_end;
                let until = now.plus_ms(told.ttl_ms).min(hold_end);
                renew.then_some(("hold", told.target_w, until))
            }
            OnSilence::HoldLast | OnSilence::Zero => {
                let gives_power = told.device_type.generates() || told.target_w < Watts::ZERO;
                let below_zero = told.is_lapsed(now) && told.fallback_w < Watts::ZERO;
                let due = told.target_w > Watts::ZERO || told.is_due(now);
                (due && !gives_power && !below_zero)
                    .then(|| ("zero", Watts::ZERO, now.plus_ms(told.ttl_ms)))
            }
        }
    }
}

impl Told {
    fn is_lapsed(&self, now: Timestamp) -> bool {
        now >= self.valid_until
    }

    /// Half of the lease is over: time to renew it.
    fn is_due(&self, now: Timestamp) -> bool {
        self.valid_until.since(now) <= self.ttl_ms / 2
    }

    fn order(&self, device_id: &DeviceId, no: DecisionNo, now: Timestamp) -> Order {
        let name = format!("watchdog/{}/{}", self.target_w.0, now.0);
        let setpoint = Setpoint {
            envelope: Envelope {
                message_id: Uuid::new_v5(&self.setpoint_id, name.as_bytes()),
                device_id: device_id.clone(),
                device_type: self.device_type,
                timestamp: now,
                sent_at: Some(now),
                correlation_id: None,
                source: Source::Backend,
                receipt: false,
            },
            target_w: self.target_w,
            mode: Mode::of(self.device_type, self.target_w),
            valid_until: self.valid_until,
            ttl_ms: Some(self.valid_until.since(now)),
            fallback_w: Some(self.fallback_w),
            log: None,
            epoch: Some(no.epoch),
            seq: Some(no.seq),
            ramp_w_per_s: None,
            allocator: ALLOCATOR.to_owned(),
            notes: Some("no decisions are coming: held to what is safe".to_owned()),
        };
        Order {
            setpoint,
            typed_layout: self.typed_layout,
            audience: Audience::Heard,
            decided: now,
            origin: None,
        }
    }
}

#[cfg(test)]
mod tests;
