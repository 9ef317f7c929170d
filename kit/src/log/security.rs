//! How the log is spoken to: plainly, over TLS, with a login. The client library checks what it is given.

use rdkafka::ClientConfig;

use crate::settings::Settings;

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
        let protocol = settings.choice("DERMS_KAFKA_SECURITY_PROTOCOL");
        let mut values = vec![("security.protocol", protocol.to_owned())];
        let mut take = |ours: &str, name: &'static str| {
            values.extend(settings.optional_text(ours).map(|value| (name, value.to_owned())));
        };
        if protocol.starts_with("sasl") {
            take("DERMS_KAFKA_SASL_MECHANISM", "sasl.mechanism");
            take("DERMS_KAFKA_SASL_USERNAME", "sasl.username");
            take("DERMS_KAFKA_SASL_PASSWORD", "sasl.password");
        }
        if protocol.ends_with("ssl") {
            take("DERMS_KAFKA_SSL_CA_PATH", "ssl.ca.location");
            take("DERMS_KAFKA_SSL_CERT_PATH", "ssl.certificate.location");
            take("DERMS_KAFKA_SSL_KEY_PATH", "ssl.key.location");
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
