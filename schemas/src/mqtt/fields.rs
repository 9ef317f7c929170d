//! A walk over one JSON object that knows where it is: every refusal names the path, what was found and what
//! would be accepted; fields nobody asked for are counted.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::caps::TEXT_LEN_MAX;
use crate::mqtt::edge;
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::mqtt::telemetry::SocUnit;
use crate::records::lifecycle::DeviceNotice;
use crate::records::telemetry::DeviceType;
use crate::units::{KW_MAX, Soc, Timestamp, WattHours, Watts};

/// The last moment accepted as a time: the end of the year 2299, where the tables' time type ends too.
pub(super) const TIMESTAMP_MS_MAX: i64 = 10_413_791_999_999;

/// A state of charge up to here that is refused says nothing of its unit.
const SOC_ROUNDING_MAX: f64 = 1.5;

/// One object of a message, its fields taken one by one.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'static str,
    known: usize,
}

impl<'a> Fields<'a> {
    /// The object at `path` ("" for the message itself).
    pub(super) fn of(value: &'a Value, path: &'static str) -> Result<Self, Rejection> {
        value.as_object().map(|map| Self { map, path, known: 0 }).ok_or_else(|| {
            let shown = if path.is_empty() { "message" } else { path };
            violation(shown, &kind_of(value), "an object")
        })
    }

    /// A field that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Result<Field<'a>, Rejection> {
        self.optional(name)
            .ok_or_else(|| violation(&self.join(name), "nothing", "a value: the field is required"))
    }

    /// A field that may be absent. `null` is not absent: each rule below refuses it.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        let value = self.map.get(name)?;
        self.known += 1;
        Some(Field { path: self.path, name, value })
    }

    /// How many fields were there that nobody asked for.
    pub(super) fn unknown(&self) -> i32 {
        i32::try_from(self.map.len() - self.known).unwrap_or(i32::MAX)
    }

    fn join(&self, name: &str) -> String {
        join(self.path, name)
    }
}

/// One field that is there.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    path: &'static str,
    name: &'static str,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// Refuses the field.
    pub(super) fn refuse(self, accepted: &str) -> Rejection {
        self.refuse_as(RejectReason::ContractViolation, accepted)
    }

    /// Refuses the field for another reason than the shape of the contract.
    pub(super) fn refuse_as(self, reason: RejectReason, accepted: &str) -> Rejection {
        Rejection::at(reason, &join(self.path, self.name), &shown(self.value), accepted)
    }

    /// The object in it; `path` is its full path.
    pub(super) fn object(self, path: &'static str) -> Result<Fields<'a>, Rejection> {
        Fields::of(self.value, path)
    }

    /// A boolean.
    pub(super) fn boolean(self) -> Result<bool, Rejection> {
        self.value.as_bool().ok_or_else(|| self.refuse("true or false"))
    }

    /// Any text of an acceptable length.
    pub(super) fn text(self, shortest: usize) -> Result<&'a str, Rejection> {
        self.value
            .as_str()
            .filter(|text| {
                let length = text.chars().count();
                (shortest..=TEXT_LEN_MAX).contains(&length) && !text.contains('\0')
            })
            .ok_or_else(|| {
                self.refuse(&format!("a text of {shortest} to {TEXT_LEN_MAX} characters"))
            })
    }

    /// One of a few words.
    pub(super) fn word<T>(
        self,
        of: impl Fn(&str) -> Option<T>,
        accepted: &str,
    ) -> Result<T, Rejection> {
        self.value.as_str().and_then(of).ok_or_else(|| self.refuse(accepted))
    }

    /// A UUID of any version in its usual 36 characters.
    pub(super) fn uuid(self) -> Result<Uuid, Rejection> {
        self.word(
            |text| (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten(),
            "a UUID, for example 0192f5c8-6f6e-7c2a-9a53-3d1f2b8f9a10",
        )
    }

    /// A whole number within bounds, written `5` or `5.0`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and inside ±2^53, where f64 is exact"
    )]
    pub(super) fn integer(self, least: i64, most: i64) -> Result<i64, Rejection> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = self.value.as_i64().or_else(|| {
            self.value
                .as_f64()
                .filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)
                .map(|number| number as i64)
        });
        whole
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.refuse(&format!("a whole number from {least} to {most}")))
    }

    /// A moment, ms since the epoch.
    pub(super) fn timestamp(self) -> Result<Timestamp, Rejection> {
        self.integer(0, TIMESTAMP_MS_MAX).map(Timestamp).map_err(|rejection| {
            match self.value.as_f64().and_then(edge::time_unit) {
                Some(unit) => Rejection {
                    detail: format!("{}; it looks like {unit}", rejection.detail),
                    ..rejection
                }
                .signs(DeviceNotice::OtherTimeUnit),
                None => rejection,
            }
        })
    }

    fn number(self, least: f64, most: f64, accepted: &str) -> Result<f64, Rejection> {
        self.value
            .as_f64()
            .filter(|number| number.is_finite() && (least..=most).contains(number))
            .ok_or_else(|| self.refuse(accepted))
    }

    /// A power in the contract's sign, turned to load convention.
    pub(super) fn power(self, device_type: DeviceType) -> Result<Watts, Rejection> {
        const ACCEPTED: &str = "a finite number of kW, at most 1e9 either way";
        let kw = self.number(-KW_MAX, KW_MAX, ACCEPTED)?;
        edge::watts_from_edge(device_type, kw).ok_or_else(|| self.refuse(ACCEPTED))
    }

    /// A power (or ramp) that has no sign.
    pub(super) fn magnitude(self) -> Result<Watts, Rejection> {
        const ACCEPTED: &str = "a number of kW from 0 to 1e9";
        let kw = self.number(0.0, KW_MAX, ACCEPTED)?;
        Watts::from_kw(kw).ok_or_else(|| self.refuse(ACCEPTED))
    }

    /// An energy, never negative.
    pub(super) fn energy(self) -> Result<WattHours, Rejection> {
        const ACCEPTED: &str = "a number of kWh from 0 to 1e9";
        let kwh = self.number(0.0, KW_MAX, ACCEPTED)?;
        WattHours::from_kwh(kwh).ok_or_else(|| self.refuse(ACCEPTED))
    }

    /// A fraction from 0 to 1.
    pub(super) fn fraction(self) -> Result<Soc, Rejection> {
        const ACCEPTED: &str = "a number from 0 to 1";
        let fraction = self.number(0.0, 1.0, ACCEPTED)?;
        Soc::from_fraction(fraction).ok_or_else(|| self.refuse(ACCEPTED))
    }

    /// A state of charge in the unit that the device is known to speak.
    pub(super) fn soc(self, unit: SocUnit) -> Result<Soc, Rejection> {
        const PERCENT: &str = "a number of percent from 0 to 100";
        let most = match unit {
            SocUnit::Fraction => return self.fraction().map_err(|wrong| self.or_percent(wrong)),
            SocUnit::Percent => 100.0,
            SocUnit::PerhapsPercent => 1.0,
        };
        let percent = self.number(0.0, most, PERCENT).map_err(|wrong| match unit {
            SocUnit::PerhapsPercent => self.or_percent(self.fraction().err().unwrap_or(wrong)),
            SocUnit::Fraction | SocUnit::Percent => wrong,
        })?;
        Soc::from_fraction(percent / 100.0).ok_or_else(|| self.refuse(PERCENT))
    }

    /// A refused state of charge, with its likely unit. Barely above 1 is a rounding, not another unit.
    fn or_percent(self, wrong: Rejection) -> Rejection {
        if !self.value.as_f64().is_some_and(|soc| soc > SOC_ROUNDING_MAX && soc <= 100.0) {
            return wrong;
        }
        let detail = format!("{}; it looks like percent", wrong.detail);
        Rejection { detail, ..wrong }.signs(DeviceNotice::SpeaksPercent)
    }

    /// A quantity kept in thousandths (V as mV, A as mA).
    #[expect(clippy::cast_possible_truncation, reason = "bounded by KW_MAX")]
    pub(super) fn milli(self, least: f64) -> Result<i64, Rejection> {
        let accepted = format!("a number from {least} to 1e9");
        self.number(least, KW_MAX, &accepted).map(|number| (number * 1000.0).round() as i64)
    }
}

/// The least that a signed quantity may be.
pub(super) const NUMBER_MIN: f64 = -KW_MAX;

fn violation(path: &str, found: &str, accepted: &str) -> Rejection {
    Rejection::at(RejectReason::ContractViolation, path, found, accepted)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value as the detail shows it: itself where it is small, its kind where it is not.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind_of(value),
        Value::String(text) => format!("{text:?}"),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
    .to_owned()
}
