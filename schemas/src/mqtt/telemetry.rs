//! Telemetry, v1: reading it from a device, turning it into the log's record, and building it at a device.

use serde_json::{Map, Value, json};

use crate::ids::{FeederId, ID_RULE};
use crate::mqtt::edge;
use crate::mqtt::envelope::{self, Envelope, Opened, Source, put};
use crate::mqtt::fields::{Fields, NUMBER_MIN};
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::mqtt::topics::TelemetryTopic;
use crate::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use crate::units::{Soc, Timestamp, WattHours, Watts};

/// What a device measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readings {
    /// Power, load convention.
    pub power_w: Watts,
    /// Energy counter.
    pub energy_wh: Option<WattHours>,
    /// State of charge.
    pub soc: Option<Soc>,
    /// Voltage, mV.
    pub voltage_mv: Option<i64>,
    /// Current, mA.
    pub current_ma: Option<i64>,
}

impl Readings {
    /// A power and nothing else.
    #[must_use]
    pub fn of_power(power_w: Watts) -> Self {
        Self { power_w, energy_wh: None, soc: None, voltage_mv: None, current_ma: None }
    }
}

/// One sample as a device sent it: already in our units and in load convention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryMessage {
    /// Id, device, times, source.
    pub envelope: Envelope,
    /// The topic layout it was spoken in.
    pub layout: TopicLayout,
    /// What was measured.
    pub readings: Readings,
    /// Whether the device calls itself online.
    pub online: bool,
    /// Its fault code; empty where it says that there is none.
    pub fault_code: Option<String>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What its owner wants.
    pub preferences: Preferences,
    /// The site it names.
    pub site_id: Option<String>,
    /// The feeder it names.
    pub feeder_id: Option<FeederId>,
    /// Fields that the contract does not know.
    pub unknown_fields: i32,
}

/// The unit of a device's state of charge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SocUnit {
    /// What the contract says: 0 to 1.
    #[default]
    Fraction,
    /// It is known to speak percent: 0 to 100, and 1 is one per cent.
    Percent,
    /// It has sent what can only be percent. That stays refused, and what could be either is read as percent.
    PerhapsPercent,
}

impl SocUnit {
    /// The agent of the predecessor speaks percent, always. It is known by its name in its layout, or by having sent
    /// what can only be percent: our agent, under the same name, keeps the contract and speaks in the other layout.
    fn of(source: Source, layout: TopicLayout, known: Self) -> Self {
        let says = source == Source::PiAgent
            && (layout == TopicLayout::Typed || known == Self::PerhapsPercent);
        if says { Self::Percent } else { known }
    }
}

/// Reads a sample of a device of which nothing else is known.
///
/// # Errors
/// A [`Rejection`] that says where and why; the first thing found wrong is named.
pub fn decode_telemetry(
    topic: &TelemetryTopic,
    payload: &[u8],
    max_len: usize,
) -> Result<TelemetryMessage, Rejection> {
    decode_telemetry_with(topic, payload, max_len, SocUnit::Fraction)
}

/// Reads a sample of a device whose state of charge is known to be in `soc_unit`.
///
/// # Errors
/// As [`decode_telemetry`].
pub fn decode_telemetry_with(
    topic: &TelemetryTopic,
    payload: &[u8],
    max_len: usize,
    soc_unit: SocUnit,
) -> Result<TelemetryMessage, Rejection> {
    let value = envelope::parse_json(payload, max_len)?;
    let Opened { envelope, payload: mut fields, unknown } = envelope::open(&value, "telemetry")?;
    envelope::check_device(&envelope, &topic.device_id)?;
    check_type(&envelope, topic)?;
    let device_type = envelope.device_type;
    let mut unknown = unknown;

    let mut readings = fields.required("readings")?.object("payload.readings")?;
    let soc_unit = SocUnit::of(envelope.source, topic.layout, soc_unit);
    let read = decode_readings(&mut readings, device_type, soc_unit)?;
    unknown += readings.unknown();

    let mut status = fields.required("status")?.object("payload.status")?;
    let online = status.required("online")?.boolean()?;
    let fault_code =
        status.optional("faultCode").map(|field| field.text(0).map(str::to_owned)).transpose()?;
    unknown += status.unknown();

    let (capabilities, ignored) = decode_capabilities(&mut fields, device_type)?;
    unknown += ignored;
    let (preferences, ignored) = decode_preferences(&mut fields)?;
    unknown += ignored;

    let site_id =
        fields.optional("siteId").map(|field| field.text(1).map(str::to_owned)).transpose()?;
    let feeder_id = fields
        .optional("feederId")
        .map(|field| field.word(|text| FeederId::new(text).ok(), ID_RULE))
        .transpose()?;
    unknown += fields.unknown();
    Ok(TelemetryMessage {
        envelope,
        layout: topic.layout,
        readings: read,
        online,
        fault_code,
        capabilities,
        preferences,
        site_id,
        feeder_id,
        unknown_fields: unknown,
    })
}

fn check_type(envelope: &Envelope, topic: &TelemetryTopic) -> Result<(), Rejection> {
    match topic.device_type {
        Some(of_topic) if of_topic != envelope.device_type => Err(Rejection::at(
            RejectReason::DeviceTypeMismatch,
            "deviceType",
            envelope.device_type.as_str(),
            &format!("{}, the device type of the topic", of_topic.as_str()),
        )),
        _ => Ok(()),
    }
}

fn decode_readings(
    fields: &mut Fields<'_>,
    device_type: DeviceType,
    soc_unit: SocUnit,
) -> Result<Readings, Rejection> {
    Ok(Readings {
        power_w: fields.required("powerKw")?.power(device_type)?,
        energy_wh: fields.optional("energyKwh").map(|field| field.energy()).transpose()?,
        soc: fields.optional("soc").map(|field| field.soc(soc_unit)).transpose()?,
        voltage_mv: fields.optional("voltageV").map(|field| field.milli(0.0)).transpose()?,
        current_ma: fields.optional("currentA").map(|field| field.milli(NUMBER_MIN)).transpose()?,
    })
}

fn decode_capabilities(
    payload: &mut Fields<'_>,
    device_type: DeviceType,
) -> Result<(Capabilities, i32), Rejection> {
    let Some(field) = payload.optional("capabilities") else {
        return Ok((Capabilities::default(), 0));
    };
    let mut fields = field.object("payload.capabilities")?;
    let mut magnitude = |name| fields.optional(name).map(|field| field.magnitude()).transpose();
    let mut capabilities = Capabilities {
        max_charge_w: magnitude("maxChargeKw")?,
        max_discharge_w: magnitude("maxDischargeKw")?,
        max_export_w: magnitude("maxExportKw")?,
        max_import_w: magnitude("maxImportKw")?,
        min_power_w: magnitude("minPowerKw")?,
        ramp_w_per_s: magnitude("rampKwPerS")?,
        energy_wh: None,
        fallback_w: None,
    };
    capabilities.energy_wh =
        fields.optional("energyKwh").map(|field| field.energy()).transpose()?;
    capabilities.fallback_w =
        fields.optional("fallbackKw").map(|field| field.power(device_type)).transpose()?;
    Ok((capabilities, fields.unknown()))
}

fn decode_preferences(payload: &mut Fields<'_>) -> Result<(Preferences, i32), Rejection> {
    let Some(field) = payload.optional("preferences") else {
        return Ok((Preferences::default(), 0));
    };
    let mut fields = field.object("payload.preferences")?;
    let priority = fields.optional("priority").map(|field| field.integer(1, 10)).transpose()?;
    let preferences = Preferences {
        priority: priority.and_then(|number| i32::try_from(number).ok()),
        target_soc: fields.optional("targetSoc").map(|field| field.fraction()).transpose()?,
        departure: fields.optional("departureMs").map(|field| field.timestamp()).transpose()?,
    };
    Ok((preferences, fields.unknown()))
}

impl TelemetryMessage {
    /// The feeder that the device says it is on: its feeder id, else its site where that is a valid id.
    #[must_use]
    pub fn claimed_feeder(&self) -> Option<FeederId> {
        self.feeder_id
            .clone()
            .or_else(|| self.site_id.as_deref().and_then(|site| FeederId::new(site).ok()))
    }

    /// Simulated where the source says so, or where it says nothing and the id is one of the simulator's; else physical.
    #[must_use]
    pub fn origin(&self) -> DeviceOrigin {
        let id = self.envelope.device_id.as_str();
        let simulated = match self.envelope.source {
            Source::Simulator => !id.starts_with("pi-"),
            Source::PiAgent => false,
            Source::Backend | Source::Unknown => {
                ["pv-", "bat-", "ev-"].iter().any(|prefix| id.starts_with(prefix))
            }
        };
        if simulated { DeviceOrigin::Simulated } else { DeviceOrigin::Physical }
    }

    /// The log's record of this sample, on the feeder that the device is assigned to.
    #[must_use]
    pub fn into_record(self, feeder_id: FeederId, arrival: Timestamp) -> Telemetry {
        let origin = self.origin();
        Telemetry {
            message_id: self.envelope.message_id,
            device_id: self.envelope.device_id,
            device_type: self.envelope.device_type,
            origin,
            feeder_id,
            site_id: self.site_id,
            ts: self.envelope.timestamp,
            sent_at: self.envelope.sent_at,
            arrival,
            power_w: self.readings.power_w,
            soc: self.readings.soc,
            energy_wh: self.readings.energy_wh,
            voltage_mv: self.readings.voltage_mv,
            current_ma: self.readings.current_ma,
            online: self.online,
            fault_code: self.fault_code,
            capabilities: self.capabilities,
            preferences: self.preferences,
            source: self.envelope.source.as_str().to_owned(),
            correlation_id: self.envelope.correlation_id,
            layout: self.layout,
            unknown_fields: self.unknown_fields,
        }
    }

    /// The bytes that a device publishes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut payload = Map::new();
        payload.insert("readings".into(), Value::Object(self.encode_readings()));
        let mut status = Map::new();
        status.insert("online".into(), json!(self.online));
        put(&mut status, "faultCode", self.fault_code.as_deref());
        payload.insert("status".into(), Value::Object(status));
        put(&mut payload, "capabilities", some(self.encode_capabilities()));
        put(&mut payload, "preferences", some(self.encode_preferences()));
        put(&mut payload, "siteId", self.site_id.as_deref());
        put(&mut payload, "feederId", self.feeder_id.as_ref().map(FeederId::as_str));
        envelope::close(&self.envelope, "telemetry", payload).to_string().into_bytes()
    }

    fn encode_readings(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let power = edge::kw_to_edge(self.envelope.device_type, self.readings.power_w);
        put(&mut map, "powerKw", Some(power));
        put(&mut map, "energyKwh", self.readings.energy_wh.map(WattHours::kwh));
        let unit = SocUnit::of(self.envelope.source, self.layout, SocUnit::Fraction);
        let in_unit = |soc: Soc| {
            if unit == SocUnit::Percent { f64::from(soc.0) / 100.0 } else { soc.fraction() }
        };
        put(&mut map, "soc", self.readings.soc.map(in_unit));
        put(&mut map, "voltageV", self.readings.voltage_mv.map(|mv| Watts(mv).kw()));
        put(&mut map, "currentA", self.readings.current_ma.map(|ma| Watts(ma).kw()));
        map
    }

    fn encode_capabilities(&self) -> Map<String, Value> {
        let own = &self.capabilities;
        let mut map = Map::new();
        for (name, watts) in [
            ("maxChargeKw", own.max_charge_w),
            ("maxDischargeKw", own.max_discharge_w),
            ("maxExportKw", own.max_export_w),
            ("maxImportKw", own.max_import_w),
            ("minPowerKw", own.min_power_w),
            ("rampKwPerS", own.ramp_w_per_s),
        ] {
            put(&mut map, name, watts.map(Watts::kw));
        }
        put(&mut map, "energyKwh", own.energy_wh.map(WattHours::kwh));
        let fallback =
            own.fallback_w.map(|watts| edge::kw_to_edge(self.envelope.device_type, watts));
        put(&mut map, "fallbackKw", fallback);
        map
    }

    fn encode_preferences(&self) -> Map<String, Value> {
        let mut map = Map::new();
        put(&mut map, "priority", self.preferences.priority);
        put(&mut map, "targetSoc", self.preferences.target_soc.map(Soc::fraction));
        put(&mut map, "departureMs", self.preferences.departure.map(|at| at.0));
        map
    }
}

/// An object, unless there is nothing in it.
fn some(map: Map<String, Value>) -> Option<Value> {
    (!map.is_empty()).then_some(Value::Object(map))
}
