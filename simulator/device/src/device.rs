//! One device: its unit, its commands, its meter.

use schemas::ids::{DeviceId, FeederId};
use schemas::mqtt::edge::watts_from_edge;
use schemas::mqtt::{AckMessage, Envelope, Readings, Setpoint, Source, TelemetryMessage};
use schemas::records::telemetry::TopicLayout;
use schemas::{Soc, Timestamp, WattHours, Watts};
use uuid::Uuid;

use crate::chance::Chance;
use crate::command::{Commands, Drive, Report};
use crate::sky::Conditions;
use crate::unit::Unit;

/// The longest time that one step moves energy for: after a pause the world has not stood still, but nobody
/// knows what it did.
const STEP_MAX_S: f64 = 60.0;
/// A setpoint counts as reached within this distance, kW.
const REACHED_KW: f64 = 0.05;
/// Deviation of the power meter, kW.
const METER_NOISE_KW: f64 = 0.01;
const MAINS_V: f64 = 230.0;
const MAINS_NOISE_V: f64 = 0.8;

/// Who a device is and what it says about itself in every sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Its id.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: Option<String>,
    /// Its feeder.
    pub feeder_id: Option<FeederId>,
    /// Who speaks for it.
    pub source: Source,
    /// Its priority, 1 to 10.
    pub priority: Option<i32>,
    /// How fast it can change, kW per second.
    pub ramp_kw_per_s: f64,
    /// What it does when a lease lapses, kW.
    pub fallback_kw: f64,
}

/// A device at work.
#[derive(Debug, Clone)]
pub struct Device {
    identity: Identity,
    unit: Unit,
    chance: Chance,
    commands: Commands,
    power_kw: f64,
    energy_kwh: f64,
    last_step: Option<Timestamp>,
    last_sample: Option<Timestamp>,
}

impl Device {
    /// A device that has not started yet.
    #[must_use]
    pub fn new(identity: Identity, unit: Unit, chance: Chance) -> Self {
        Self {
            identity,
            unit,
            chance,
            commands: Commands::default(),
            power_kw: 0.0,
            energy_kwh: 0.0,
            last_step: None,
            last_sample: None,
        }
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is made of.
    #[must_use]
    pub fn unit(&self) -> &Unit {
        &self.unit
    }

    /// Its true power, kW.
    #[must_use]
    pub fn power_kw(&self) -> f64 {
        self.power_kw
    }

    /// What it would like to do, kW, as of the last step.
    #[must_use]
    pub fn wish_kw(&self) -> f64 {
        self.unit.wish_kw()
    }

    /// Who decides what it does.
    #[must_use]
    pub fn drive(&self) -> Drive {
        self.commands.drive()
    }

    /// Whether it is on its way to a setpoint: stepping it soon is worth while.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.commands.is_pending()
    }

    /// Takes or refuses a setpoint. `remaining_ms` is what the broker says is left of the message's life.
    pub fn receive(
        &mut self,
        setpoint: &Setpoint,
        now: Timestamp,
        remaining_ms: Option<i64>,
    ) -> Vec<Report> {
        let refusal = if setpoint.envelope.device_type == self.unit.device_type() {
            None
        } else {
            Some("it is for another type of device")
        };
        self.commands.receive(setpoint, now, remaining_ms, refusal)
    }

    /// Lives until `now`.
    pub fn step(&mut self, now: Timestamp, conditions: Conditions) -> Vec<Report> {
        let dt_s = self.elapsed_s(now);
        let mut reports: Vec<Report> = self.commands.lapse(now).into_iter().collect();
        self.unit.evolve(now, dt_s, conditions, &mut self.chance);
        let goal = self.goal_kw();
        self.power_kw = self.unit.bound_kw(self.approach(goal, dt_s), dt_s);
        self.unit.charge(self.power_kw, dt_s);
        self.energy_kwh += self.power_kw.abs() * dt_s / 3600.0;
        let feasible = self.unit.bound_kw(goal, dt_s);
        if (self.power_kw - feasible).abs() <= REACHED_KW {
            reports.extend(self.commands.reached(self.power_kw));
        }
        reports
    }

    fn goal_kw(&self) -> f64 {
        match self.commands.drive() {
            Drive::Own => self.unit.wish_kw(),
            Drive::Setpoint(kw) => self.unit.obey_kw(kw),
            Drive::Fallback(kw) => self.unit.obey_kw(kw.unwrap_or(self.identity.fallback_kw)),
        }
    }

    /// Seconds since the last step; a clock that was set back moves the lease with it.
    fn elapsed_s(&mut self, now: Timestamp) -> f64 {
        let elapsed_ms = self.last_step.map_or(0, |last| now.since(last));
        if elapsed_ms < 0 {
            self.commands.clock_set_back(-elapsed_ms);
        }
        self.last_step = Some(now);
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let seconds = elapsed_ms.max(0) as f64 / 1000.0;
        seconds.min(STEP_MAX_S)
    }

    fn approach(&self, goal: f64, dt_s: f64) -> f64 {
        let own = self.identity.ramp_kw_per_s;
        let ramp = self.commands.ramp_kw_per_s().map_or(own, |asked| asked.min(own));
        self.power_kw + (goal - self.power_kw).clamp(-ramp * dt_s, ramp * dt_s)
    }

    /// Reads its meter. The time of a sample is later than that of the one before, whatever the clock says.
    pub fn sample(&mut self, now: Timestamp, message_id: Uuid) -> TelemetryMessage {
        let at = self.last_sample.map_or(now, |last| now.max(last.plus_ms(1)));
        self.last_sample = Some(at);
        TelemetryMessage {
            envelope: Envelope { sent_at: Some(at), ..self.envelope(at, message_id) },
            layout: TopicLayout::Flat,
            readings: self.read_meter(),
            online: true,
            fault_code: None,
            capabilities: self
                .unit
                .capabilities(self.identity.ramp_kw_per_s, self.identity.fallback_kw),
            preferences: self.unit.preferences(self.identity.priority),
            site_id: self.identity.site_id.clone(),
            feeder_id: self.identity.feeder_id.clone(),
            unknown_fields: 0,
        }
    }

    fn read_meter(&mut self) -> Readings {
        let noise = METER_NOISE_KW * self.chance.bell();
        // A meter that sees nothing says nothing: no noise at rest.
        let seen_kw =
            if self.power_kw.abs() < REACHED_KW { self.power_kw } else { self.power_kw + noise };
        let volts = MAINS_V + MAINS_NOISE_V * self.chance.bell();
        let milli = |quantity: f64| Watts::from_kw(quantity).map(|whole| whole.0);
        Readings {
            power_w: watts_from_edge(self.unit.device_type(), seen_kw).unwrap_or_default(),
            energy_wh: WattHours::from_kwh(self.energy_kwh),
            soc: self.unit.soc().and_then(Soc::from_fraction),
            voltage_mv: milli(volts),
            current_ma: milli(seen_kw * 1000.0 / volts),
        }
    }

    /// The ack of a report.
    #[must_use]
    pub fn ack(&self, report: &Report, now: Timestamp, message_id: Uuid) -> AckMessage {
        AckMessage {
            envelope: self.envelope(now, message_id),
            setpoint_id: report.setpoint_id,
            status: report.status,
            applied_w: report
                .applied_kw
                .and_then(|kw| watts_from_edge(self.unit.device_type(), kw)),
            reason: report.reason.map(str::to_owned),
            unknown_fields: 0,
        }
    }

    fn envelope(&self, at: Timestamp, message_id: Uuid) -> Envelope {
        Envelope {
            message_id,
            device_id: self.identity.device_id.clone(),
            device_type: self.unit.device_type(),
            timestamp: at,
            sent_at: None,
            correlation_id: None,
            source: self.identity.source,
            receipt: false,
        }
    }
}
