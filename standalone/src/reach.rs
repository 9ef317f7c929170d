//! What may be reached from beyond this machine: a listener whose every client has to show who it is. The one place that
//! knows what each listener must have for that. It must not know how a listener does it.

use std::net::SocketAddr;

use service_kit::settings::{Settings, key};

/// Something that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// GraphQL and dashboard: users of the operator's own, not the demo's with their one password.
    Api,
    /// MQTT: accounts of devices. Our services show their secret in any case.
    Mqtt,
    /// MQTT over TLS: accounts, or an authority of the devices' certificates.
    MqttTls,
    /// The log: a login (SASL) that our services have.
    Log,
    /// ClickHouse: a password that our services have; then no user is without one.
    ClickHouse,
}

/// A listener that strangers could use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{setting} lets {what} listen on {address}, beyond this machine, where anybody could use it without a login: {need}, or keep it at 127.0.0.1"
)]
pub(crate) struct Open {
    setting: &'static str,
    what: &'static str,
    address: SocketAddr,
    need: &'static str,
}

/// What is known about the logins.
pub(crate) struct Logins<'a> {
    /// What the operator has set.
    pub(crate) set: &'a Settings,
    /// What our services will use.
    pub(crate) services: &'a Settings,
    /// Whether the broker has accounts of devices.
    pub(crate) devices: bool,
}

impl Listener {
    /// The setting of its address, what a person calls it, and what it must have to be reached from elsewhere.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Api => ("HOST or DERMS_BIND", "the API", "set AUTH_USERS"),
            Self::Mqtt => (
                "DERMS_MQTT_BIND or DERMS_BIND",
                "the MQTT broker",
                "make accounts for the devices (derms users add NAME)",
            ),
            Self::MqttTls => (
                "DERMS_MQTT_TLS_BIND or DERMS_BIND",
                "the MQTT broker with TLS",
                "make accounts for the devices (derms users add NAME) or set DERMS_MQTT_TLS_CLIENT_CA_PATH",
            ),
            Self::Log => (
                "DERMS_BIND",
                "the log",
                "set DERMS_KAFKA_SASL_USERNAME and DERMS_KAFKA_SASL_PASSWORD",
            ),
            Self::ClickHouse => ("DERMS_BIND", "ClickHouse", "set DERMS_CLICKHOUSE_PASSWORD"),
        }
    }

    fn asks_for_a_login(self, logins: &Logins<'_>) -> bool {
        let services = logins.services;
        match self {
            Self::Api => logins.set.exposed(key::AUTH_USERS).is_some(),
            Self::Mqtt => logins.devices,
            Self::MqttTls => {
                logins.devices
                    || logins.set.optional_path(key::DERMS_MQTT_TLS_CLIENT_CA_PATH).is_some()
            }
            Self::Log => {
                services.optional_text(key::DERMS_KAFKA_SASL_USERNAME).is_some()
                    && services.exposed(key::DERMS_KAFKA_SASL_PASSWORD).is_some()
            }
            Self::ClickHouse => services.exposed(key::DERMS_CLICKHOUSE_PASSWORD).is_some(),
        }
    }

    /// Refuses an address beyond this machine where strangers would get in.
    ///
    /// # Errors
    /// [`Open`], in words that say what to set.
    pub(crate) fn check(self, address: SocketAddr, logins: &Logins<'_>) -> Result<(), Open> {
        if address.ip().to_canonical().is_loopback() || self.asks_for_a_login(logins) {
            return Ok(());
        }
        let (setting, what, need) = self.words();
        Err(Open { setting, what, address, need })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::settings::Service;

    const ALL: [Listener; 5] =
        [Listener::Api, Listener::Mqtt, Listener::MqttTls, Listener::Log, Listener::ClickHouse];

    /// Whether each of all listeners is accepted at an address.
    fn accepted(ip: &str, set: &[(&str, &str)], devices: bool) -> [bool; 5] {
        let settings = Settings::from_pairs(Service::Bridge, set).unwrap();
        let logins = Logins { set: &settings, services: &settings, devices };
        let address = SocketAddr::new(ip.parse().unwrap(), 1);
        ALL.map(|listener| listener.check(address, &logins).is_ok())
    }

    #[test]
    fn this_machine_needs_nothing() {
        for ip in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(accepted(ip, &[], false), [true; 5], "{ip}");
        }
    }

    #[test]
    fn beyond_it_every_listener_needs_a_login_of_its_own() {
        for ip in ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"] {
            assert_eq!(accepted(ip, &[], false), [false; 5], "{ip}");
            let users = [("AUTH_USERS", "[]")];
            assert_eq!(accepted(ip, &users, false), [true, false, false, false, false], "{ip}");
            assert_eq!(accepted(ip, &[], true), [false, true, true, false, false], "{ip}");
            let authority = [("DERMS_MQTT_TLS_CLIENT_CA_PATH", "/ca.pem")];
            assert_eq!(accepted(ip, &authority, false), [false, false, true, false, false], "{ip}");
            let named = [("DERMS_KAFKA_SASL_USERNAME", "x")];
            assert_eq!(accepted(ip, &named, false), [false; 5], "{ip}: a name without a password");
            let log = [named[0], ("DERMS_KAFKA_SASL_PASSWORD", "x")];
            assert_eq!(accepted(ip, &log, false), [false, false, false, true, false], "{ip}");
            let tls = [("DERMS_KAFKA_SECURITY_PROTOCOL", "ssl")];
            assert_eq!(accepted(ip, &tls, false), [false; 5], "{ip}: TLS asks nobody who he is");
            let clickhouse = [("DERMS_CLICKHOUSE_PASSWORD", "x")];
            assert_eq!(
                accepted(ip, &clickhouse, false),
                [false, false, false, false, true],
                "{ip}"
            );
        }
    }

    #[test]
    fn a_refusal_says_what_to_set() {
        let settings = Settings::from_pairs(Service::Bridge, &[]).unwrap();
        let logins = Logins { set: &settings, services: &settings, devices: false };
        for listener in ALL {
            let words =
                listener.check("0.0.0.0:7".parse().unwrap(), &logins).unwrap_err().to_string();
            let (setting, _, need) = listener.words();
            assert!(words.contains(setting) && words.contains(need) && words.contains("0.0.0.0:7"));
        }
    }
}
