//! `telemetry.v1`: one validated sample, in load convention and integer units.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::record;
use crate::ids::{DeviceId, FeederId};
use crate::log::InTree;
use crate::units::{Soc, Timestamp, WattHours, Watts};

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceType {
    /// Photovoltaic inverter.
    Pv,
    /// Battery storage.
    Battery,
    /// Electric-vehicle charger.
    Ev,
    /// A feeder's head meter.
    Meter,
    /// Anything a later version adds.
    Other,
}

/// What a device of a type does with power, whatever it is called: what is decided about it follows from this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It takes power, and may be told how much: a charger.
    Takes,
    /// It takes and gives, and may be told: a battery.
    Stores,
    /// It gives, and may be told where that is too much: solar panels.
    Gives,
    /// It says what others take and give.
    Measures,
    /// It takes or gives as it likes: nobody tells it anything.
    Free,
}

impl DeviceType {
    /// Every type, in the order of the Avro enum.
    pub const ALL: [Self; 5] = [Self::Pv, Self::Battery, Self::Ev, Self::Meter, Self::Other];

    /// The word of the MQTT contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::Battery => "battery",
            Self::Ev => "ev",
            Self::Meter => "meter",
            Self::Other => "other",
        }
    }

    /// What it does with power.
    #[must_use]
    pub fn nature(self) -> Nature {
        match self {
            Self::Ev => Nature::Takes,
            Self::Battery => Nature::Stores,
            Self::Pv => Nature::Gives,
            Self::Meter => Nature::Measures,
            Self::Other => Nature::Free,
        }
    }

    /// Whether it gives power and takes none.
    #[must_use]
    pub fn generates(self) -> bool {
        self.nature() == Nature::Gives
    }

    /// Whether it follows in whole amperes, as chargers do (IEC 61851-1).
    #[must_use]
    pub fn follows_amperes(self) -> bool {
        self == Self::Ev
    }

    /// Whether the controller may send it setpoints.
    #[must_use]
    pub fn is_controllable(self) -> bool {
        match self.nature() {
            Nature::Takes | Nature::Stores | Nature::Gives => true,
            Nature::Measures | Nature::Free => false,
        }
    }

    /// The sign that turns the MQTT edge's power round to load convention: what generates reports that as +.
    #[must_use]
    pub fn edge_sign(self) -> i64 {
        if self.generates() { -1 } else { 1 }
    }
}

/// Where a device lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceOrigin {
    /// A device one can touch.
    Physical,
    /// A simulated one.
    Simulated,
}

/// Which of the two topic layouts the device spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TopicLayout {
    /// `<p>/telemetry/<deviceId>`.
    Flat,
    /// `<p>/telemetry/<deviceType>/<deviceId>`, the predecessor's.
    Typed,
}

/// What the device can do, as it says; all optional, all at least 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Greatest charging power, W.
    pub max_charge_w: Option<Watts>,
    /// Greatest discharging power, W.
    pub max_discharge_w: Option<Watts>,
    /// Greatest power to the feeder, W.
    pub max_export_w: Option<Watts>,
    /// Greatest power from the feeder, W.
    pub max_import_w: Option<Watts>,
    /// Smallest power above 0 at which it runs, W.
    pub min_power_w: Option<Watts>,
    /// Ramp, W per second.
    pub ramp_w_per_s: Option<Watts>,
    /// Storage size, Wh.
    pub energy_wh: Option<WattHours>,
    /// What it does when its setpoint lapses, load convention, W.
    pub fallback_w: Option<Watts>,
}

impl Capabilities {
    /// Greatest power it can take from the feeder, W, as far as it is known.
    #[must_use]
    pub fn import_cap(&self) -> Option<Watts> {
        self.max_charge_w.or(self.max_import_w).or(self.max_discharge_w).or(self.max_export_w)
    }

    /// Greatest power it can give to the feeder, W (a positive number), as far as it is known.
    #[must_use]
    pub fn export_cap(&self) -> Option<Watts> {
        self.max_discharge_w.or(self.max_export_w).or(self.max_charge_w).or(self.max_import_w)
    }
}

/// What the device's owner wants, as the device says; all optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// 1 to 10.
    pub priority: Option<i32>,
    /// State of charge wanted.
    pub target_soc: Option<Soc>,
    /// When it is wanted.
    pub departure: Option<Timestamp>,
}

/// One sample of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// The message's id, minted by the device.
    pub message_id: Uuid,
    /// Which device.
    pub device_id: DeviceId,
    /// What it is.
    pub device_type: DeviceType,
    /// Physical or simulated.
    pub origin: DeviceOrigin,
    /// The feeder it is assigned to (registry), else the one it claims.
    pub feeder_id: FeederId,
    /// The site it names.
    pub site_id: Option<String>,
    /// When the sample was taken, by the device's clock.
    pub ts: Timestamp,
    /// When it was sent, by the device's clock.
    pub sent_at: Option<Timestamp>,
    /// When the bridge received it, by the bridge's clock.
    pub arrival: Timestamp,
    /// Power, load convention.
    pub power_w: Watts,
    /// State of charge.
    pub soc: Option<Soc>,
    /// Energy counter.
    pub energy_wh: Option<WattHours>,
    /// Voltage, mV.
    pub voltage_mv: Option<i64>,
    /// Current, mA.
    pub current_ma: Option<i64>,
    /// Whether the device calls itself online.
    pub online: bool,
    /// Its fault code, empty when it says that there is none.
    pub fault_code: Option<String>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What its owner wants.
    pub preferences: Preferences,
    /// `source` of the envelope: simulator, pi-agent, backend or unknown.
    pub source: String,
    /// The envelope's correlation id.
    pub correlation_id: Option<String>,
    /// The topic layout it was spoken in.
    pub layout: TopicLayout,
    /// Unknown fields that were ignored.
    pub unknown_fields: i32,
}

record!(
    Telemetry, "telemetry" in Telemetry by InTree,
    key |_, tree| tree.root.to_string(),
    schemas ["telemetry.avsc"]
);
