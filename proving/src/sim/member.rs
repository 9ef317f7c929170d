//! One device of the world: its body, its meter, its clock, its habits, and what it has taken from whom. Knows nothing of control.

use std::collections::BTreeSet;

use device_model::{Conditions, Device, Drive, Report, Unit};
use schemas::mqtt::{
    Envelope, Readings, Setpoint, Source, TelemetryMessage, Topics, decode_setpoint,
};
use schemas::records::ack::AckStatus;
use schemas::records::decision_no::DecisionNo;
use schemas::records::telemetry::{Capabilities, DeviceType, Preferences, TopicLayout};
use schemas::rng::Rng;
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use uuid::Uuid;

use super::broker::{Kept, Message};

/// A setpoint larger than this is none.
const SETPOINT_LEN_MAX: usize = 64 * 1024;

/// What a device is made of.
#[derive(Debug, Clone)]
pub enum Body {
    /// A PV, a battery or a charger with its physics.
    Model(Box<Device>),
    /// Load that nobody commands, W.
    Load(i64),
    /// A feeder's head meter; the world tells it what it sees, W.
    Meter(i64),
}

/// How a device behaves beside its physics.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// Between samples, ms.
    pub period_ms: i64,
    /// Its clock less the true one, ms.
    pub skew_ms: i64,
    /// Deviation of what it says from what it takes, in a thousand.
    pub noise_permille: i64,
    /// It acknowledges everything and follows nothing.
    pub liar: bool,
    /// It acknowledges nothing.
    pub mute: bool,
    /// It says nothing about its power: only a meter above sees it.
    pub hidden: bool,
    /// It does not say what it does when a lease lapses.
    pub reticent: bool,
}

/// A command that a device has taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    /// Its id.
    pub id: Uuid,
    /// Its fence.
    pub fence: DecisionNo,
    /// What it asks for, W.
    pub target_w: i64,
    /// What the device falls back to, W.
    pub fallback_w: i64,
    /// When.
    pub at: i64,
}

/// One device.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its id.
    pub id: DeviceId,
    /// The feeder it names.
    pub feeder: FeederId,
    /// Its physics.
    pub body: Body,
    /// Its habits.
    pub habits: Habits,
    /// Its connection, while it has one.
    pub connection: Option<u64>,
    /// Its sensor is dead: it says nothing, and hears everything.
    pub silent: bool,
    /// The last command that it took.
    pub taken: Option<Taken>,
    ids_taken: BTreeSet<Uuid>,
    lying_kw: f64,
    next_sample: i64,
    number: u64,
}

/// What came of a command at a device.
#[derive(Debug)]
pub struct Received {
    /// What it says to that.
    pub says: Vec<Message>,
    /// The command, where it took effect, and whether it had before.
    pub took: Option<(Taken, bool)>,
}

impl Member {
    /// A device whose first sample comes within its period.
    #[must_use]
    pub fn new(id: &str, feeder: &FeederId, body: Body, habits: Habits, rng: &mut Rng) -> Self {
        let next_sample = rng.between(0, habits.period_ms);
        Self {
            id: DeviceId::new(id).expect("letters, digits and dashes"),
            feeder: feeder.clone(),
            body,
            habits,
            connection: Some(0),
            silent: false,
            taken: None,
            ids_taken: BTreeSet::new(),
            lying_kw: 0.0,
            next_sample,
            number: 0,
        }
    }

    /// What it is.
    #[must_use]
    pub fn device_type(&self) -> DeviceType {
        match &self.body {
            Body::Model(device) => device.unit().device_type(),
            Body::Load(_) => DeviceType::Other,
            Body::Meter(_) => DeviceType::Meter,
        }
    }

    /// Whether it does what it likes. One that has said what it does without a command keeps that word where nobody hears it:
    /// of a device that is cut off and breaks it nobody can know.
    #[must_use]
    pub fn lies(&self) -> bool {
        let heard = self.connection.is_some() && !self.silent;
        self.habits.liar && (heard || self.habits.reticent)
    }

    /// What it truly takes (or gives), load convention, W.
    #[must_use]
    pub fn power_w(&self) -> i64 {
        match &self.body {
            Body::Model(device) => {
                let kw = if self.lies() { self.lying_kw } else { device.power_kw() };
                let sign = if self.device_type().generates() { -1.0 } else { 1.0 };
                Watts::from_kw(sign * kw).map_or(0, |watts| watts.0)
            }
            Body::Load(watts) => *watts,
            Body::Meter(_) => 0,
        }
    }

    /// Who decides what it does; a liar never does anything but what it likes.
    #[must_use]
    pub fn drive(&self) -> Drive {
        match &self.body {
            Body::Model(device) if !self.lies() => device.drive(),
            Body::Model(_) | Body::Load(_) | Body::Meter(_) => Drive::Own,
        }
    }

    fn clock(&self, now: i64) -> Timestamp {
        Timestamp(now + self.habits.skew_ms)
    }

    fn mint(&mut self) -> Uuid {
        self.number += 1;
        Uuid::from_u64_pair(schemas::ids::stable_hash(&[self.id.as_str().as_bytes()]), self.number)
    }

    /// Lives until `now`; gives what it says about its commands.
    pub fn step(&mut self, now: i64, step_ms: i64, conditions: Conditions) -> Vec<Message> {
        let (clock, lies) = (self.clock(now), self.lies());
        let Body::Model(device) = &mut self.body else { return Vec::new() };
        let reports = device.step(clock, conditions);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one step")]
        let ramp = device.identity().ramp_kw_per_s * step_ms as f64 / 1_000.0;
        self.lying_kw += (device.wish_kw() - self.lying_kw).clamp(-ramp, ramp);
        if !lies {
            self.lying_kw = device.power_kw();
        }
        self.say(&reports, now)
    }

    fn say(&mut self, reports: &[Report], now: i64) -> Vec<Message> {
        if self.habits.mute || self.lies() {
            return Vec::new();
        }
        let clock = self.clock(now);
        let mut says = Vec::new();
        for report in reports {
            let id = self.mint();
            let Body::Model(device) = &self.body else { break };
            says.push((Topics::default().ack(&self.id), device.ack(report, clock, id).encode()));
        }
        says
    }

    /// Its sample, when one is due.
    pub fn sample(&mut self, now: i64, rng: &mut Rng) -> Option<Message> {
        if now < self.next_sample || self.habits.period_ms == 0 {
            return None;
        }
        self.next_sample = now + self.habits.period_ms;
        if self.silent || self.habits.hidden {
            return None;
        }
        let (clock, id) = (self.clock(now), self.mint());
        let noise = self.habits.noise_permille;
        let power = match &self.body {
            Body::Meter(seen) => *seen,
            Body::Model(_) | Body::Load(_) => self.power_w(),
        };
        let seen = power + power * rng.between(-noise, noise) / 1_000;
        let mut message = match &mut self.body {
            Body::Model(device) => device.sample(clock, id),
            Body::Load(_) | Body::Meter(_) => self.plain_sample(clock, id, seen),
        };
        if self.lies() || noise > 0 {
            message.readings.power_w = Watts(seen);
        }
        if self.habits.reticent {
            message.capabilities.fallback_w = None;
        }
        Some((Topics::default().telemetry(&self.id), message.encode()))
    }

    fn plain_sample(&self, clock: Timestamp, id: Uuid, seen_w: i64) -> TelemetryMessage {
        TelemetryMessage {
            envelope: Envelope {
                message_id: id,
                device_id: self.id.clone(),
                device_type: self.device_type(),
                timestamp: clock,
                sent_at: Some(clock),
                correlation_id: None,
                source: Source::Simulator,
                receipt: false,
            },
            layout: TopicLayout::Flat,
            readings: Readings::of_power(Watts(seen_w)),
            online: true,
            fault_code: None,
            capabilities: Capabilities::default(),
            preferences: Preferences::default(),
            site_id: None,
            feeder_id: Some(self.feeder.clone()),
            unknown_fields: 0,
        }
    }

    /// Takes a command in.
    pub fn receive(&mut self, kept: &Kept, now: i64) -> Received {
        let mut received = Received { says: Vec::new(), took: None };
        let clock = self.clock(now);
        let Ok(setpoint) = decode_setpoint(&self.id, &kept.payload, SETPOINT_LEN_MAX) else {
            tracing::error!(device = %self.id, "a setpoint cannot be read");
            return received;
        };
        let lies = self.lies();
        let Body::Model(device) = &mut self.body else { return received };
        let reports = device.receive(&setpoint, clock, Some(kept.expires - now));
        if lies {
            if !self.habits.mute {
                let report = Report {
                    setpoint_id: setpoint.id(),
                    status: AckStatus::Applied,
                    applied_kw: None,
                    reason: None,
                };
                let ack = device.ack(&report, clock, setpoint.id());
                received.says.push((Topics::default().ack(&self.id), ack.encode()));
            }
            self.taken = Some(taken(&setpoint, now));
            return received;
        }
        let accepted = reports.iter().any(|report| {
            report.setpoint_id == setpoint.id() && report.status == AckStatus::Accepted
        });
        if accepted {
            let taken = taken(&setpoint, now);
            self.taken = Some(taken);
            let again = !self.ids_taken.insert(taken.id);
            received.took = Some((taken, again));
        }
        received.says = self.say(&reports, now);
        received
    }

    /// The most that it may take from now on by the commands it holds: the one in force, the fallback after it.
    #[must_use]
    pub fn held_w(&self) -> i64 {
        let Some(taken) = self.taken.filter(|_| !self.lies()) else { return i64::MIN };
        match self.drive() {
            Drive::Own => i64::MIN,
            Drive::Setpoint(_) => taken.target_w.max(taken.fallback_w),
            Drive::Fallback(_) => taken.fallback_w,
        }
    }

    /// Whether it is a generator.
    #[must_use]
    pub fn generates(&self) -> bool {
        self.device_type().generates()
    }

    /// Its rating, W.
    #[must_use]
    pub fn rated_w(&self) -> i64 {
        match &self.body {
            Body::Model(device) => {
                Watts::from_kw(device.unit().max_kw()).map_or(0, |watts| watts.0)
            }
            Body::Load(_) | Body::Meter(_) => 0,
        }
    }

    /// Its model's unit, where it has one.
    #[must_use]
    pub fn unit(&self) -> Option<&Unit> {
        match &self.body {
            Body::Model(device) => Some(device.unit()),
            Body::Load(_) | Body::Meter(_) => None,
        }
    }
}

/// What a setpoint message asks for.
fn taken(setpoint: &Setpoint, now: i64) -> Taken {
    Taken {
        id: setpoint.id(),
        fence: setpoint.no().unwrap_or_default(),
        target_w: setpoint.target_w.0,
        fallback_w: setpoint.fallback_w.map_or(0, |fallback| fallback.0),
        at: now,
    }
}

/// What a kept command asks for.
#[must_use]
pub fn read_command(id: &DeviceId, kept: &Kept, now: i64) -> Option<Taken> {
    let setpoint = decode_setpoint(id, &kept.payload, SETPOINT_LEN_MAX).ok()?;
    Some(taken(&setpoint, now))
}
