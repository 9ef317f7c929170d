//! Whether a device that nobody knows may speak, and as what: the policies, and the quotas that keep a flood of ids out of
//! the registry. Pure: numbers and a sample in, a change of the registry or a refusal out.

use schemas::ids::FeederId;
use schemas::mqtt::{RejectReason, Rejection, TelemetryMessage};
use schemas::records::lifecycle::{DeviceWaiting, WaitReason};
use schemas::records::operator::{Change, DeviceRegistered};
use schemas::registry::Registry;
use schemas::{Timestamp, Watts};

/// What becomes of a device that nobody registered (`DERMS_REGISTRATION`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// It is registered at its first sample.
    Open,
    /// Its samples are stored; it neither steers nor holds anything until an operator approves it.
    Quarantine,
    /// Its samples are refused.
    Closed,
}

/// What becomes of a new device whose feeder nobody knows (`DERMS_UNKNOWN_FEEDER`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFeeder {
    /// The feeder is opened, with the default limit.
    Open,
    /// The device belongs to the default feeder.
    Default,
    /// It waits for an operator.
    Quarantine,
}

/// Who may come, and how many.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Of unknown devices.
    pub registration: Registration,
    /// Of unknown feeders.
    pub unknown_feeder: UnknownFeeder,
    /// Feeder of a device that names none.
    pub default_feeder: FeederId,
    /// Registered devices.
    pub devices_max: usize,
    /// Registered devices of one feeder.
    pub per_feeder_max: usize,
    /// Devices that wait for an operator.
    pub waiting_max: usize,
    /// What a new device says beyond this it has to say a few times before it counts.
    pub unproven: Watts,
    /// New devices in a minute, and notices about devices.
    pub new_per_minute: u32,
}

/// What the registry holds at the moment, as far as it matters; devices on their way into it included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fleet {
    /// Registered devices.
    pub devices: usize,
    /// Devices that wait for an operator.
    pub waiting: usize,
    /// Registered devices of the feeder.
    pub at_feeder: usize,
    /// Whether the feeder is there.
    pub has_feeder: bool,
}

impl Fleet {
    /// What there is already, seen from a feeder.
    #[must_use]
    pub fn at(registry: &Registry, feeder_id: &FeederId) -> Self {
        Self {
            devices: registry.devices.len(),
            waiting: registry.waiting.len(),
            at_feeder: registry.devices_at(feeder_id),
            has_feeder: registry.feeders.contains_key(feeder_id),
        }
    }
}

/// What keeps a device out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// Nobody is registered by a sample.
    Closed,
    /// There are too many devices.
    Devices,
    /// There are too many on its feeder.
    Feeder,
    /// Too many wait for an operator.
    Waiting,
    /// Too many have come within a minute.
    PerMinute,
}

impl Barrier {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Closed, Self::Devices, Self::Feeder, Self::Waiting, Self::PerMinute];

    /// The word for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Devices => "devices",
            Self::Feeder => "feeder",
            Self::Waiting => "waiting",
            Self::PerMinute => "per_minute",
        }
    }

    /// The refusal, with what to do.
    #[must_use]
    pub fn rejection(self, rules: &Rules, sample: &TelemetryMessage) -> Rejection {
        let id = format!("{:?}", sample.envelope.device_id.as_str());
        let full = |max: usize, what: &str, setting: &str| {
            format!(
                "a known device: there are {max} {what} already; retire some (mutation retireDevice) or raise {setting}"
            )
        };
        let (reason, accepted) = match self {
            Self::Closed => (
                RejectReason::RegistrationClosed,
                "a registered device; an operator registers it with the mutation approveDevice(id, type, feederId), or \
                 DERMS_REGISTRATION=open lets it in"
                    .to_owned(),
            ),
            Self::Devices => (
                RejectReason::TooManyDevices,
                full(rules.devices_max, "devices", "DERMS_DEVICES_MAX"),
            ),
            Self::Feeder => (
                RejectReason::TooManyDevices,
                full(
                    rules.per_feeder_max,
                    "devices on its feeder",
                    "DERMS_DEVICES_PER_FEEDER_MAX",
                ),
            ),
            Self::Waiting => (
                RejectReason::TooManyDevices,
                full(
                    rules.waiting_max,
                    "devices waiting for approval",
                    "DERMS_WAITING_DEVICES_MAX",
                ),
            ),
            Self::PerMinute => (
                RejectReason::TooManyNewDevices,
                format!(
                    "{} new devices a minute (setting DERMS_NEW_DEVICES_PER_MINUTE); a later sample may be taken",
                    rules.new_per_minute
                ),
            ),
        };
        Rejection::at(reason, "deviceId", &id, &accepted)
    }
}

/// The feeder that a sample's device would belong to.
#[must_use]
pub fn feeder_of(rules: &Rules, sample: &TelemetryMessage) -> FeederId {
    sample.claimed_feeder().unwrap_or_else(|| rules.default_feeder.clone())
}

/// The change that makes the sample's device known. `fleet` speaks of [`feeder_of`] the sample.
///
/// # Errors
/// What keeps it out.
pub fn admit(rules: &Rules, fleet: Fleet, sample: &TelemetryMessage) -> Result<Change, Barrier> {
    let claimed = feeder_of(rules, sample);
    let is_known = fleet.has_feeder || claimed == rules.default_feeder;
    let (feeder_id, mut waits) = match (rules.registration, rules.unknown_feeder) {
        (Registration::Closed, _) => return Err(Barrier::Closed),
        (Registration::Quarantine, _) => (claimed, Some(WaitReason::UnknownDevice)),
        (Registration::Open, UnknownFeeder::Quarantine) if !is_known => {
            (claimed, Some(WaitReason::UnknownFeeder))
        }
        (Registration::Open, UnknownFeeder::Default) if !is_known => {
            (rules.default_feeder.clone(), None)
        }
        (Registration::Open, _) => (claimed, None),
    };
    if waits.is_none() && is_unproven(rules, sample) {
        waits = Some(WaitReason::Unproven);
    }
    let envelope = &sample.envelope;
    match waits {
        Some(_) if fleet.waiting >= rules.waiting_max => Err(Barrier::Waiting),
        Some(why) => Ok(Change::DeviceWaiting(DeviceWaiting {
            device_id: envelope.device_id.clone(),
            device_type: envelope.device_type,
            origin: sample.origin(),
            feeder_id,
            site_id: sample.site_id.clone(),
            why,
        })),
        None if fleet.devices >= rules.devices_max => Err(Barrier::Devices),
        None if fleet.at_feeder >= rules.per_feeder_max => Err(Barrier::Feeder),
        None => Ok(Change::DeviceRegistered(DeviceRegistered {
            device_id: envelope.device_id.clone(),
            device_type: envelope.device_type,
            origin: sample.origin(),
            feeder_id,
            site_id: sample.site_id.clone(),
        })),
    }
}

/// Whether a device says more than may count after one word: what it takes or gives, or would without a setpoint.
fn is_unproven(rules: &Rules, sample: &TelemetryMessage) -> bool {
    let named = [sample.capabilities.fallback_w, sample.capabilities.min_power_w];
    let mut said = named.into_iter().flatten().chain([sample.readings.power_w]);
    said.any(|watts| watts.0.abs() > rules.unproven.0)
}

/// How many new devices may still come: a bucket that holds a minute's worth and fills in a minute.
#[derive(Debug)]
pub(crate) struct Newcomers {
    per_minute: i64,
    /// Sixty-thousandths of a device, so that a millisecond fills in whole numbers.
    level: i64,
    at: Option<Timestamp>,
}

/// One device in the bucket's unit: the milliseconds of a minute.
const ONE: i64 = 60_000;

impl Newcomers {
    pub(crate) fn new(per_minute: u32) -> Self {
        let per_minute = i64::from(per_minute);
        Self { per_minute, level: per_minute * ONE, at: None }
    }

    /// Whether one more may come now. A clock that is set back fills nothing.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let elapsed = self.at.map_or(0, |at| now.since(at).clamp(0, ONE));
        self.at = Some(now);
        self.level = (self.level + elapsed * self.per_minute).min(self.per_minute * ONE);
        let may = self.level >= ONE;
        if may {
            self.level -= ONE;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::mqtt::{Topics, decode_telemetry};

    fn rules(registration: Registration, unknown_feeder: UnknownFeeder) -> Rules {
        Rules {
            registration,
            unknown_feeder,
            default_feeder: FeederId::new("default-feeder").unwrap(),
            devices_max: 10,
            per_feeder_max: 5,
            waiting_max: 3,
            unproven: Watts(50_000),
            new_per_minute: 60,
        }
    }

    fn sample(place: &str) -> TelemetryMessage {
        let payload = format!(
            r#"{{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-000000000001",
            "deviceId":"ev-1","deviceType":"ev","timestampMs":1000,
            "payload":{{"readings":{{"powerKw":2.5}},"status":{{"online":true}}{place}}}}}"#
        );
        let topic = Topics::default().parse_telemetry("der/telemetry/ev-1").unwrap();
        decode_telemetry(&topic, payload.as_bytes(), 10_000).unwrap()
    }

    /// The feeder of the change, and whether the device waits.
    #[track_caller]
    fn check(rules: &Rules, fleet: Fleet, place: &str, expected: Result<(&str, bool), Barrier>) {
        let admitted = admit(rules, fleet, &sample(place));
        let got = admitted.as_ref().map_err(|barrier| *barrier).map(|change| match change {
            Change::DeviceRegistered(new) => (new.feeder_id.as_str(), false),
            Change::DeviceWaiting(new) => (new.feeder_id.as_str(), true),
            other => panic!("{other:?}"),
        });
        assert_eq!(got, expected);
    }

    const NORTH: &str = r#","feederId":"north","siteId":"s1""#;

    #[test]
    fn a_device_belongs_to_its_feeder_else_its_site_else_the_default() {
        let open = rules(Registration::Open, UnknownFeeder::Open);
        check(&open, Fleet::default(), NORTH, Ok(("north", false)));
        check(&open, Fleet::default(), r#","siteId":"s1""#, Ok(("s1", false)));
        check(&open, Fleet::default(), "", Ok(("default-feeder", false)));
    }

    #[test]
    fn the_policy_says_who_waits_and_who_is_refused() {
        let there = Fleet { has_feeder: true, ..Fleet::default() };
        for unknown in [UnknownFeeder::Open, UnknownFeeder::Default, UnknownFeeder::Quarantine] {
            let closed = rules(Registration::Closed, unknown);
            check(&closed, there, NORTH, Err(Barrier::Closed));
            let quarantine = rules(Registration::Quarantine, unknown);
            check(&quarantine, there, NORTH, Ok(("north", true)));
            // A known feeder is as ever.
            check(&rules(Registration::Open, unknown), there, NORTH, Ok(("north", false)));
        }
    }

    #[test]
    fn an_unknown_feeder_is_opened_replaced_or_waited_for() {
        let nowhere = Fleet::default();
        let open = |unknown| rules(Registration::Open, unknown);
        check(&open(UnknownFeeder::Default), nowhere, NORTH, Ok(("default-feeder", false)));
        check(&open(UnknownFeeder::Quarantine), nowhere, NORTH, Ok(("north", true)));
        // The default feeder is known before anybody stands there.
        check(&open(UnknownFeeder::Quarantine), nowhere, "", Ok(("default-feeder", false)));
    }

    #[test]
    fn what_nobody_may_say_once_does_not_count_at_once() {
        let open = rules(Registration::Open, UnknownFeeder::Open);
        let there = Fleet { has_feeder: true, ..Fleet::default() };
        for more in
            [r#","capabilities":{"fallbackKw":260}"#, r#","capabilities":{"minPowerKw":260}"#]
        {
            check(&open, there, &format!("{NORTH}{more}"), Ok(("north", true)));
        }
        let rated = format!(r#"{NORTH},"capabilities":{{"maxChargeKw":350}}"#);
        check(&open, there, &rated, Ok(("north", false)));
        let mut huge = sample(NORTH);
        for watts in [260_000, -260_000] {
            huge.readings.power_w = Watts(watts);
            let admitted = admit(&open, there, &huge);
            assert!(
                matches!(&admitted, Ok(Change::DeviceWaiting(new)) if new.why == WaitReason::Unproven),
                "{admitted:?}"
            );
        }
    }

    #[test]
    fn each_quota_refuses_by_its_name_and_says_what_to_do() {
        let open = rules(Registration::Open, UnknownFeeder::Open);
        let full = Fleet { devices: 10, ..Fleet::default() };
        check(&open, full, NORTH, Err(Barrier::Devices));
        let full = Fleet { at_feeder: 5, devices: 5, ..Fleet::default() };
        check(&open, full, NORTH, Err(Barrier::Feeder));
        let quarantine = rules(Registration::Quarantine, UnknownFeeder::Open);
        let full = Fleet { waiting: 3, ..Fleet::default() };
        check(&quarantine, full, NORTH, Err(Barrier::Waiting));
        for (barrier, word) in [
            (Barrier::Closed, "approveDevice"),
            (Barrier::Devices, "DERMS_DEVICES_MAX"),
            (Barrier::Feeder, "DERMS_DEVICES_PER_FEEDER_MAX"),
            (Barrier::Waiting, "DERMS_WAITING_DEVICES_MAX"),
            (Barrier::PerMinute, "DERMS_NEW_DEVICES_PER_MINUTE"),
        ] {
            let detail = barrier.rejection(&open, &sample(NORTH)).detail;
            assert!(detail.contains(word) && detail.starts_with("deviceId"), "{detail}");
        }
    }

    #[test]
    fn a_minute_brings_its_number_of_new_devices_however_they_come() {
        let mut newcomers = Newcomers::new(60);
        let burst = (0..1_000).filter(|_| newcomers.take(Timestamp(0))).count();
        assert_eq!(burst, 60);
        let minute = (1..=60_000).filter(|ms| newcomers.take(Timestamp(*ms))).count();
        assert_eq!(minute, 60);
        assert!(!newcomers.take(Timestamp(0)), "a clock set back fills nothing");
    }
}
