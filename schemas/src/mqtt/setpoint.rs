//! Setpoints, v1: built from a decision, read by a device.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ids::DeviceId;
use crate::mqtt::edge;
use crate::mqtt::envelope::{self, Envelope, Opened, Source, put};
use crate::mqtt::fields::Fields;
use crate::mqtt::rejection::Rejection;
use crate::records::decision::{Decision, DeviceDecision, Reason};
use crate::records::decision_no::DecisionNo;
use crate::records::telemetry::{DeviceType, Nature};
use crate::units::{Timestamp, Watts};

/// What a setpoint names as its maker.
pub const ALLOCATOR: &str = "feeder-controller";

/// What kind of command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Charge at the target.
    Charge,
    /// Discharge at the target.
    Discharge,
    /// Do nothing.
    Idle,
    /// Take power from the feeder.
    Import,
    /// Give power to the feeder.
    Export,
    /// Generate at most the target.
    Limit,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::Charge, Self::Discharge, Self::Idle, Self::Import, Self::Export, Self::Limit];

    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Discharge => "discharge",
            Self::Idle => "idle",
            Self::Import => "import",
            Self::Export => "export",
            Self::Limit => "limit",
        }
    }

    /// The mode that a target means for a device of this type.
    #[must_use]
    pub fn of(device_type: DeviceType, target: Watts) -> Self {
        let (taking, giving) = match device_type.nature() {
            Nature::Gives => return Self::Limit,
            Nature::Takes | Nature::Stores => (Self::Charge, Self::Discharge),
            Nature::Measures | Nature::Free => (Self::Import, Self::Export),
        };
        match target.0 {
            0 => Self::Idle,
            1.. => taking,
            _ => giving,
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// What orders setpoints: first by the log, since a log that is made anew counts from the beginning again, then by epoch,
/// then by number. A setpoint that names no log is older than every one that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence {
    /// The log.
    pub log: Option<Uuid>,
    /// The decision.
    pub no: DecisionNo,
}

/// One setpoint, load convention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setpoint {
    /// Id, device, times, source. The correlation id is the decision's id.
    pub envelope: Envelope,
    /// The power asked for.
    pub target_w: Watts,
    /// What kind of command it is.
    pub mode: Mode,
    /// The end of its lease, by the sender's clock.
    pub valid_until: Timestamp,
    /// The length of its lease from receipt on; needs no common clock.
    pub ttl_ms: Option<i64>,
    /// What the device shall do when the lease lapses.
    pub fallback_w: Option<Watts>,
    /// Fence: the log it was decided in, a UUID of version 7; the newer one counts.
    pub log: Option<Uuid>,
    /// Fence: the writer's epoch.
    pub epoch: Option<i64>,
    /// Fence: the decision's number.
    pub seq: Option<i64>,
    /// How fast the device may change, W per second.
    pub ramp_w_per_s: Option<Watts>,
    /// Who allocated it.
    pub allocator: String,
    /// Why, for people.
    pub notes: Option<String>,
}

impl Setpoint {
    /// The setpoint that a decision has for a device, sent at `now`; `None` where it has none.
    ///
    /// The lease ends when the decision says, however late it is sent: what is left of it goes out as `ttlMs`.
    #[must_use]
    pub fn of_decision(
        decision: &Decision,
        device: &DeviceDecision,
        now: Timestamp,
    ) -> Option<Self> {
        let target_w = device.setpoint_w?;
        let valid_until = decision.header.at.plus_ms(device.ttl_ms);
        Some(Self {
            envelope: Envelope {
                message_id: decision.setpoint_id(&device.device_id),
                device_id: device.device_id.clone(),
                device_type: device.device_type,
                timestamp: now,
                sent_at: Some(now),
                correlation_id: Some(decision.id().to_string()),
                source: Source::Backend,
                receipt: false,
            },
            target_w,
            mode: Mode::of(device.device_type, target_w),
            valid_until,
            ttl_ms: Some(valid_until.since(now).clamp(0, device.ttl_ms.max(0))),
            fallback_w: Some(device.fallback_w),
            log: None,
            epoch: Some(decision.no.epoch),
            seq: Some(decision.no.seq),
            ramp_w_per_s: None,
            allocator: ALLOCATOR.to_owned(),
            notes: Some(sentence(device.reason).to_owned()),
        })
    }

    /// The same, of a log that is known.
    #[must_use]
    pub fn of_log(self, log: Option<Uuid>) -> Self {
        Self { log, ..self }
    }

    /// What orders it among a device's setpoints; none where its sender knows no order.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        Some(Fence { log: self.log, no: self.no()? })
    }

    /// The decision that it is of; none where its sender names none.
    #[must_use]
    pub fn no(&self) -> Option<DecisionNo> {
        self.epoch.zip(self.seq).map(|(epoch, seq)| DecisionNo { epoch, seq })
    }

    /// The message's id: what an ack speaks of, and what a device recognises a re-send by.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.envelope.message_id
    }

    /// The bytes that the bridge publishes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let edge_kw = |watts| edge::kw_to_edge(self.envelope.device_type, watts);
        let mut command = Map::new();
        put(&mut command, "targetPowerKw", Some(edge_kw(self.target_w)));
        put(&mut command, "mode", Some(self.mode.as_str()));
        put(&mut command, "validUntilMs", Some(self.valid_until.0));
        put(&mut command, "ttlMs", self.ttl_ms);
        put(&mut command, "fallbackKw", self.fallback_w.map(edge_kw));
        put(&mut command, "log", self.log.map(|log| log.to_string()));
        put(&mut command, "epoch", self.epoch);
        put(&mut command, "seq", self.seq);
        let mut constraints = Map::new();
        put(&mut constraints, "rampRateKwPerS", self.ramp_w_per_s.map(Watts::kw));
        let mut reason = Map::new();
        put(&mut reason, "allocator", Some(self.allocator.as_str()));
        put(&mut reason, "notes", self.notes.as_deref());
        let mut payload = Map::new();
        payload.insert("command".into(), json!(command));
        payload.insert("constraints".into(), json!(constraints));
        payload.insert("reason".into(), json!(reason));
        envelope::close(&self.envelope, "setpoint", payload).to_string().into_bytes()
    }
}

/// Reads a setpoint at the device it is for.
///
/// # Errors
/// A [`Rejection`] that says where and why.
pub fn decode_setpoint(
    device_id: &DeviceId,
    payload: &[u8],
    max_len: usize,
) -> Result<Setpoint, Rejection> {
    let value: Value = envelope::parse_json(payload, max_len)?;
    let Opened { envelope, payload: mut fields, .. } = envelope::open(&value, "setpoint")?;
    envelope::check_device(&envelope, device_id)?;
    let device_type = envelope.device_type;
    let ramp_w_per_s = match fields.optional("constraints") {
        Some(field) => field
            .object("payload.constraints")?
            .optional("rampRateKwPerS")
            .map(|field| field.magnitude())
            .transpose()?,
        None => None,
    };
    let mut reason = fields.required("reason")?.object("payload.reason")?;
    let allocator = reason.required("allocator")?.text(1)?.to_owned();
    let notes =
        reason.optional("notes").map(|field| field.text(1).map(str::to_owned)).transpose()?;
    let mut command = fields.required("command")?.object("payload.command")?;
    Ok(Setpoint {
        target_w: command.required("targetPowerKw")?.power(device_type)?,
        mode: command
            .required("mode")?
            .word(Mode::of_word, "charge, discharge, idle, import, export or limit")?,
        valid_until: command.required("validUntilMs")?.timestamp()?,
        ttl_ms: counter(&mut command, "ttlMs")?,
        fallback_w: command
            .optional("fallbackKw")
            .map(|field| field.power(device_type))
            .transpose()?,
        log: command.optional("log").map(|field| field.uuid()).transpose()?,
        epoch: counter(&mut command, "epoch")?,
        seq: counter(&mut command, "seq")?,
        ramp_w_per_s,
        allocator,
        notes,
        envelope,
    })
}

fn counter(fields: &mut Fields<'_>, name: &'static str) -> Result<Option<i64>, Rejection> {
    fields.optional(name).map(|field| field.integer(0, i64::MAX)).transpose()
}

/// A reason code in words that the owner of a device understands.
#[must_use]
pub fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Satisfied => "you get what you asked for",
        Reason::FairShare => "the feeder is full: this is your fair share",
        Reason::Ramp => "on the way up, as fast as the ramp allows",
        Reason::Deadband => "unchanged: the difference is too small to matter",
        Reason::Dwell => "unchanged for now, to avoid switching back and forth",
        Reason::Rotation => {
            "waiting for a turn: there is not enough for everyone to run at their minimum"
        }
        Reason::TargetReached => "the wanted state of charge is reached",
        Reason::Reserve => "held at the reserve",
        Reason::Discharge => "discharging to keep the feeder within its limit",
        Reason::Curtailed => "generation reduced to keep the feeder within its export limit",
        Reason::Stale => "the last sample is too old: held at a safe value until a fresh one comes",
        Reason::Missing => "no sample was ever received: held at a safe value",
        Reason::HoldLast => "the last setpoint is held until fresh samples come",
        Reason::NonCompliant => {
            "earlier setpoints were not followed: headroom returns when they are"
        }
        Reason::Override => "set by an operator",
        Reason::OptedOut => "opted out: not commanded",
        Reason::NotCommanded => "not commanded",
        Reason::Release => "returning step by step after an event",
        Reason::Restart => {
            "the controller started anew: held at a safe value until a fresh sample comes"
        }
        Reason::Uncertified => "held to what is certainly safe",
        Reason::AwaitsHeadroom => "waiting until the decreases of others have been seen",
    }
}
