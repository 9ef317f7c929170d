//! MQTT topics: building and reading them, both layouts, and the filters to subscribe to.

use thiserror::Error;

use crate::ids::{DeviceId, ID_RULE};
use crate::mqtt::envelope::device_type_of;
use crate::mqtt::rejection::{RejectReason, Rejection};
use crate::records::telemetry::{DeviceType, TopicLayout};

/// Prefix of all topics, unless told otherwise.
pub const DEFAULT_PREFIX: &str = "der";

/// Why a text is no topic prefix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a topic prefix without + # or empty levels, got {0:?}")]
pub struct PrefixError(String);

/// The topics under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

/// Whose telemetry a topic carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryTopic {
    /// The device.
    pub device_id: DeviceId,
    /// In which layout.
    pub layout: TopicLayout,
    /// What the topic says it is; in the predecessor's layout only.
    pub device_type: Option<DeviceType>,
}

/// What a device sent, by its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A sample.
    Telemetry(TelemetryTopic),
    /// What it says about a setpoint.
    Ack(DeviceId),
    /// Whether it is there.
    Status(DeviceId),
}

impl Default for Topics {
    fn default() -> Self {
        Self { prefix: DEFAULT_PREFIX.to_owned() }
    }
}

impl Topics {
    /// The topics under `prefix`; a trailing `/` is dropped.
    ///
    /// # Errors
    /// [`PrefixError`] when the prefix is empty, has an empty level, a wildcard or a NUL, or begins with `$`.
    pub fn new(prefix: &str) -> Result<Self, PrefixError> {
        let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
        let level_ok = |level: &str| !level.is_empty() && !level.contains(['+', '#', '\0']);
        if trimmed.starts_with('$') || !trimmed.split('/').all(level_ok) {
            return Err(PrefixError(prefix.to_owned()));
        }
        Ok(Self { prefix: trimmed.to_owned() })
    }

    /// The prefix, without a trailing `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where a device publishes its samples.
    #[must_use]
    pub fn telemetry(&self, device_id: &DeviceId) -> String {
        format!("{}/telemetry/{device_id}", self.prefix)
    }

    /// Where a device of the predecessor's layout publishes its samples.
    #[must_use]
    pub fn telemetry_typed(&self, device_type: DeviceType, device_id: &DeviceId) -> String {
        format!("{}/telemetry/{}/{device_id}", self.prefix, device_type.as_str())
    }

    /// Where a device receives its setpoints.
    #[must_use]
    pub fn control(&self, device_id: &DeviceId) -> String {
        format!("{}/control/{device_id}", self.prefix)
    }

    /// Where a device of the predecessor's layout receives its setpoints.
    #[must_use]
    pub fn setpoints(&self, device_type: DeviceType, device_id: &DeviceId) -> String {
        format!("{}/setpoints/{}/{device_id}", self.prefix, device_type.as_str())
    }

    /// Where a device says what it did with a setpoint.
    #[must_use]
    pub fn ack(&self, device_id: &DeviceId) -> String {
        format!("{}/ack/{device_id}", self.prefix)
    }

    /// Where a device says that it is there; its last will too.
    #[must_use]
    pub fn status(&self, device_id: &DeviceId) -> String {
        format!("{}/status/{device_id}", self.prefix)
    }

    /// Where a device hears that the log has its messages.
    #[must_use]
    pub fn receipts(&self, device_id: &DeviceId) -> String {
        format!("{}/receipts/{device_id}", self.prefix)
    }

    /// Where simulators hear which profile to follow.
    #[must_use]
    pub fn simulation_profile(&self) -> String {
        format!("{}/simulation/profile", self.prefix)
    }

    /// Subscribes to every sample, in both layouts.
    #[must_use]
    pub fn telemetry_filter(&self) -> String {
        format!("{}/telemetry/#", self.prefix)
    }

    /// Subscribes to every ack.
    #[must_use]
    pub fn ack_filter(&self) -> String {
        format!("{}/ack/#", self.prefix)
    }

    /// Subscribes to every status.
    #[must_use]
    pub fn status_filter(&self) -> String {
        format!("{}/status/#", self.prefix)
    }

    /// Subscribes to every device's receipts.
    #[must_use]
    pub fn receipts_filter(&self) -> String {
        format!("{}/receipts/+", self.prefix)
    }

    /// The filter shared by the members of a group (MQTT 5).
    #[must_use]
    pub fn shared(group: &str, filter: &str) -> String {
        format!("$share/{group}/{filter}")
    }

    /// Whether a filter matches only what devices hear: setpoints and receipts, of one device or of many.
    #[must_use]
    pub fn is_for_devices(&self, filter: &str) -> bool {
        self.is_below(filter, &["control", "setpoints", "receipts"])
    }

    /// Whether a topic is one of those that devices report on, whatever it names.
    #[must_use]
    pub fn is_of_devices(&self, topic: &str) -> bool {
        self.is_below(topic, &["telemetry", "ack", "status"])
    }

    /// Reads the topic of a message from a device.
    ///
    /// # Errors
    /// [`RejectReason::BadTopic`] when it is none of ours.
    pub fn parse(&self, topic: &str) -> Result<Inbound, Rejection> {
        let levels = self.levels(topic)?;
        match levels.as_slice() {
            ["telemetry", ..] => self.parse_telemetry(topic).map(Inbound::Telemetry),
            ["ack", id] => device(topic, id).map(Inbound::Ack),
            ["status", id] => device(topic, id).map(Inbound::Status),
            _ => Err(bad(
                topic,
                &format!(
                    "{0}/telemetry/…, {0}/ack/<deviceId> or {0}/status/<deviceId>",
                    self.prefix
                ),
            )),
        }
    }

    /// Reads a telemetry topic in either layout.
    ///
    /// # Errors
    /// [`RejectReason::BadTopic`] when it is none.
    pub fn parse_telemetry(&self, topic: &str) -> Result<TelemetryTopic, Rejection> {
        let levels = self.levels(topic)?;
        match levels.as_slice() {
            ["telemetry", id] => Ok(TelemetryTopic {
                device_id: device(topic, id)?,
                layout: TopicLayout::Flat,
                device_type: None,
            }),
            ["telemetry", word, id] => Ok(TelemetryTopic {
                device_id: device(topic, id)?,
                layout: TopicLayout::Typed,
                device_type: Some(
                    device_type_of(word)
                        .ok_or_else(|| bad(topic, "pv, battery, ev or meter as device type"))?,
                ),
            }),
            _ => Err(bad(
                topic,
                &format!(
                    "{0}/telemetry/<deviceId> or {0}/telemetry/<deviceType>/<deviceId>",
                    self.prefix
                ),
            )),
        }
    }

    /// The device that a setpoint's topic is for, in either layout.
    ///
    /// # Errors
    /// [`RejectReason::BadTopic`] when it is no such topic.
    pub fn parse_control(&self, topic: &str) -> Result<DeviceId, Rejection> {
        let levels = self.levels(topic)?;
        match levels.as_slice() {
            ["control", id] => device(topic, id),
            ["setpoints", word, id] if device_type_of(word).is_some() => device(topic, id),
            _ => Err(bad(topic, &format!("{0}/control/<deviceId>", self.prefix))),
        }
    }

    /// The device that a topic of receipts is for.
    ///
    /// # Errors
    /// [`RejectReason::BadTopic`] when it is no such topic.
    pub fn parse_receipts(&self, topic: &str) -> Result<DeviceId, Rejection> {
        match self.levels(topic)?.as_slice() {
            ["receipts", id] => device(topic, id),
            _ => Err(bad(topic, &format!("{0}/receipts/<deviceId>", self.prefix))),
        }
    }

    /// The device that a topic seems to be about, for the dead letter of a refused message.
    #[must_use]
    pub fn device_hint(&self, topic: &str) -> Option<DeviceId> {
        let levels = self.levels(topic).ok()?;
        (levels.len() >= 2).then(|| DeviceId::new(levels[levels.len() - 1]).ok()).flatten()
    }

    fn is_below(&self, topic: &str, kinds: &[&str]) -> bool {
        self.levels(topic).is_ok_and(|levels| levels.len() > 1 && kinds.contains(&levels[0]))
    }

    fn levels<'t>(&self, topic: &'t str) -> Result<Vec<&'t str>, Rejection> {
        topic
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix('/'))
            .map(|rest| rest.split('/').collect())
            .ok_or_else(|| bad(topic, &format!("a topic under {}/", self.prefix)))
    }
}

fn device(topic: &str, id: &str) -> Result<DeviceId, Rejection> {
    DeviceId::new(id).map_err(|_| bad(topic, &format!("a device id of {ID_RULE}")))
}

fn bad(topic: &str, accepted: &str) -> Rejection {
    Rejection::at(RejectReason::BadTopic, "topic", &format!("{topic:?}"), accepted)
}
