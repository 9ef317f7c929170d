//! How the log is spoken to: plainly, over TLS, with a login. The client library checks what it is given.

use rdkafka::ClientConfig;

use crate::settings::{Settings, key};

/// TLS and login at the log.
#[derive(Clone, Default)]
pub struct Security {
    /// Names and values of the client library.
    values: Vec<(&'static str, String)>,
}

// The password is among the values.
impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.values.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Security").field("set", &names).finish()
    }
}

impl Security {
    pub(super) fn from_settings(settings: &Settings) -> Self {
        let protocol = settings.text(key::DERMS_KAFKA_SECURITY_PROTOCOL);
        let mut values = vec![("security.protocol", protocol.to_owned())];
        let mut take = |name: &'static str, value: Option<&str>| {
            values.extend(value.map(|value| (name, value.to_owned())));
        };
        let optional = |key| settings.optional_text(key);
        if protocol.starts_with("sasl") {
            take("sasl.mechanism", Some(settings.text(key::DERMS_KAFKA_SASL_MECHANISM)));
            take("sasl.username", optional(key::DERMS_KAFKA_SASL_USERNAME));
            take("sasl.password", settings.exposed(key::DERMS_KAFKA_SASL_PASSWORD));
        }
        if protocol.ends_with("ssl") {
            take("ssl.ca.location", optional(key::DERMS_KAFKA_SSL_CA_PATH));
            take("ssl.certificate.location", optional(key::DERMS_KAFKA_SSL_CERT_PATH));
            take("ssl.key.location", optional(key::DERMS_KAFKA_SSL_KEY_PATH));
        }
        Self { values }
    }

    pub(super) fn apply(&self, client: &mut ClientConfig) {
        for (name, value) in &self.values {
            client.set(*name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Service;

    fn values(pairs: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        Security::from_settings(&Settings::from_pairs(Service::Bridge, pairs).unwrap()).values
    }

    #[test]
    fn a_login_and_authorities_reach_the_client_library_and_no_password_is_printed() {
        let pairs = [
            ("DERMS_KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
            ("DERMS_KAFKA_SASL_USERNAME", "derms"),
            ("DERMS_KAFKA_SASL_PASSWORD", "open sesame"),
            ("DERMS_KAFKA_SSL_CA_PATH", "/ca.pem"),
        ];
        let names: Vec<_> = values(&pairs).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "security.protocol",
                "sasl.mechanism",
                "sasl.username",
                "sasl.password",
                "ssl.ca.location"
            ]
        );
        let settings = Settings::from_pairs(Service::Bridge, &pairs).unwrap();
        assert!(!format!("{:?}", Security::from_settings(&settings)).contains("sesame"));
        assert_eq!(values(&[]), [("security.protocol", "plaintext".to_owned())]);
    }
}
