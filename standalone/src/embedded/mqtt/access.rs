//! Who may do what at the broker: a device publishes and reads under its own id only, our services everything. The same
//! rules as deploy/mosquitto/acl, which knows no guests. A function of its arguments: it must not know rmqtt, connections or
//! passwords.

use schemas::ids::DeviceId;
use schemas::mqtt::{Inbound, Topics};

/// User names and client ids that begin so are our services'.
pub(super) const RESERVED: &str = "derms-";
/// User name of our services.
pub(crate) const SERVICE_USER: &str = "derms-services";
/// Longest topic or filter, bytes.
const TOPIC_BYTES_MAX: usize = 512;
/// Most levels of a topic or filter. rmqtt walks them by recursion: some thousand overflow its stack.
pub(super) const TOPIC_LEVELS_MAX: usize = 16;

/// A client that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Client {
    /// Bridge, API or simulator: it has shown the services' secret.
    Service,
    /// A device with an account or a certificate.
    Device(DeviceId),
    /// A client without a login: on loopback only. Its client id is what it calls itself.
    Guest(Option<DeviceId>),
}

impl Client {
    /// The client behind a login that was accepted.
    pub(super) fn of(user: Option<&str>, client_id: &str) -> Option<Self> {
        match user {
            None => Some(Self::Guest(DeviceId::new(client_id).ok())),
            Some(SERVICE_USER) => Some(Self::Service),
            Some(user) => DeviceId::new(user).ok().map(Self::Device),
        }
    }
}

/// Whether a text is one that only our services use.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

/// Whether a client id may be a device's: its own id, or that with something after a colon, so that nobody takes
/// another's session.
pub(super) fn is_own_client_id(device: &str, client_id: &str) -> bool {
    client_id.strip_prefix(device).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// The rules over one set of topics.
#[derive(Debug, Clone)]
pub(super) struct Access(pub(super) Topics);

impl Access {
    /// Whether a topic or filter is short and shallow enough for anybody.
    pub(super) fn is_bounded(topic: &str) -> bool {
        let levels = topic.bytes().filter(|byte| *byte == b'/').count() + 1;
        topic.len() <= TOPIC_BYTES_MAX && levels <= TOPIC_LEVELS_MAX
    }

    /// Under whose id a client may publish here; none = it may not.
    pub(super) fn publishes_as(&self, client: &Client, topic: &str) -> Option<Publisher> {
        if !Self::is_bounded(topic) {
            return None;
        }
        let publisher = match self.0.parse(topic) {
            Ok(Inbound::Telemetry(telemetry)) => Publisher::Reporter(telemetry.device_id),
            Ok(Inbound::Ack(device) | Inbound::Status(device)) => Publisher::Device(device),
            Err(_) => Publisher::Anybody,
        };
        let may = match (client, &publisher) {
            (Client::Service, _) => true,
            // The bridge says what is wrong with it, in a dead letter.
            (Client::Guest(_), Publisher::Anybody) => self.0.is_of_devices(topic),
            (Client::Guest(_), Publisher::Reporter(_) | Publisher::Device(_)) => true,
            (Client::Device(_), Publisher::Anybody) => false,
            (Client::Device(own), Publisher::Reporter(device) | Publisher::Device(device)) => {
                own == device
            }
        };
        may.then_some(publisher)
    }

    /// Whether a client may ask for what this filter matches. Of what a guest asks for it hears what [`Self::meant_for`]
    /// leaves.
    pub(super) fn may_subscribe(&self, client: &Client, filter: &str, shared: bool) -> bool {
        if !Self::is_bounded(filter) {
            return false;
        }
        if *client == Client::Service {
            return true;
        }
        if shared {
            return false;
        }
        if filter == self.0.simulation_profile() {
            return true;
        }
        match client {
            Client::Service => true,
            // A wildcard is no device id, and no device type: none gets past this.
            Client::Device(own) => self.meant_for(filter).is_some_and(|device| device == *own),
            Client::Guest(_) => self.0.is_for_devices(filter),
        }
    }

    /// The device that a message on this topic is meant for; none = it is for nobody in particular.
    pub(super) fn meant_for(&self, topic: &str) -> Option<DeviceId> {
        self.0.parse_control(topic).or_else(|_| self.0.parse_receipts(topic)).ok()
    }

    /// Whether a message of this topic may be given to a client that asked for it. `speaks` tells whether the client is the
    /// speaker of a device.
    pub(super) fn may_hear(
        &self,
        client: &Client,
        topic: &str,
        speaks: impl FnOnce(&DeviceId) -> bool,
    ) -> bool {
        let Client::Guest(own) = client else { return true };
        self.meant_for(topic).is_none_or(|device| own.as_ref() == Some(&device) || speaks(&device))
    }
}

/// Under whose id something is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Publisher {
    /// A service, or a guest: under none that could be a device's.
    Anybody,
    /// A device, whose telemetry it is.
    Reporter(DeviceId),
    /// A device.
    Device(DeviceId),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str) -> Client {
        Client::of(Some(id), "whatever").expect("a device id")
    }

    fn guest(id: &str) -> Client {
        Client::of(None, id).expect("a guest")
    }

    #[test]
    fn a_device_publishes_under_its_own_id_only() {
        let access = Access(Topics::default());
        let may = |client: &Client, topic: &str| access.publishes_as(client, topic).is_some();
        let ev = device("ev-1");
        for topic in
            ["der/telemetry/ev-1", "der/telemetry/ev/ev-1", "der/ack/ev-1", "der/status/ev-1"]
        {
            assert!(may(&ev, topic), "{topic}");
            assert!(!may(&device("ev-2"), topic), "{topic}");
            assert!(may(&guest("mosq-7"), topic), "{topic}");
        }
        let foreign = [
            "der/control/ev-1",
            "der/setpoints/ev/ev-1",
            "der/receipts/ev-1",
            "der/simulation/profile",
            "$SYS/broker",
            "/der/telemetry/ev-1",
            "other",
            "",
        ];
        for topic in foreign {
            for client in [&ev, &guest("ev-1")] {
                assert!(!may(client, topic), "{client:?} {topic}");
            }
        }
        for topic in
            ["der/telemetry/nonsense/ev-1", "der/telemetry/ev-1/more", "der/ack/", "der/status/ü"]
        {
            assert!(!may(&ev, topic), "{topic}");
            assert!(may(&guest("ev-1"), topic), "the bridge answers it: {topic}");
        }
        assert!(may(&Client::Service, "der/control/ev-1"));
    }

    #[test]
    fn a_device_reads_its_own_topics_only() {
        let access = Access(Topics::default());
        let may = |client: &Client, filter: &str| access.may_subscribe(client, filter, false);
        for client in [device("ev-1"), guest("ev-1")] {
            for filter in [
                "der/control/ev-1",
                "der/setpoints/ev/ev-1",
                "der/receipts/ev-1",
                "der/simulation/profile",
            ] {
                assert!(may(&client, filter), "{client:?} {filter}");
                assert!(!access.may_subscribe(&client, filter, true), "shared {filter}");
            }
            for filter in [
                "#",
                "+/+/+",
                "der/#",
                "der/+/ev-1",
                "der/telemetry/ev-1",
                "der/status/+",
                "$SYS/#",
                "",
            ] {
                assert!(!may(&client, filter), "{client:?} {filter}");
            }
        }
        for filter in OF_A_FLEET {
            assert!(!may(&device("ev-1"), filter), "{filter}");
        }
        assert!(may(&Client::Service, "#"));
    }

    const OF_A_FLEET: [&str; 8] = [
        "der/control/#",
        "der/control/+",
        "der/control/ev-2",
        "der/setpoints/#",
        "der/setpoints/+/ev-1",
        "der/setpoints/ev/+",
        "der/setpoints/ev/ev-2",
        "der/receipts/+",
    ];

    #[test]
    fn a_guest_asks_for_a_fleets_topics_and_hears_those_that_it_speaks_for() {
        let access = Access(Topics::default());
        let fleet = guest("fleet 7");
        for filter in OF_A_FLEET {
            assert!(access.may_subscribe(&fleet, filter, false), "{filter}");
            assert!(!access.may_subscribe(&fleet, filter, true), "shared {filter}");
        }
        let hears = |client: &Client, topic: &str| {
            access.may_hear(client, topic, |device| device.as_str() == "ev-2")
        };
        for kind in ["control", "setpoints/ev", "receipts"] {
            assert!(hears(&fleet, &format!("der/{kind}/ev-2")), "{kind}");
            assert!(!hears(&fleet, &format!("der/{kind}/ev-1")), "{kind}");
            assert!(hears(&guest("ev-1"), &format!("der/{kind}/ev-1")), "{kind}");
            assert!(hears(&Client::Service, &format!("der/{kind}/ev-1")), "{kind}");
        }
        assert!(hears(&fleet, "der/simulation/profile"));
    }

    #[test]
    fn nobody_may_use_a_topic_without_bounds() {
        let access = Access(Topics::default());
        let deep = "/".repeat(TOPIC_LEVELS_MAX);
        let long = "x".repeat(TOPIC_BYTES_MAX + 1);
        for topic in [deep.as_str(), long.as_str()] {
            assert!(access.publishes_as(&Client::Service, topic).is_none());
            assert!(!access.may_subscribe(&Client::Service, topic, false));
        }
        assert!(access.may_subscribe(&Client::Service, &deep[1..], false));
    }

    #[test]
    fn a_client_id_cannot_be_anothers() {
        assert!(is_own_client_id("ev-1", "ev-1") && is_own_client_id("ev-1", "ev-1:second"));
        assert!(!is_own_client_id("ev-1", "ev-10") && !is_own_client_id("ev-1", "mosq-1"));
        assert!(is_reserved("derms-bridge") && !is_reserved("ev-1"));
        assert_eq!(Client::of(Some("derms-bridge"), "x"), Some(device("derms-bridge")));
    }
}
