//! MQTT over TLS: the settings `MQTT_TLS_*`, read and checked at the start. A setting of TLS never ends in a plain
//! connection: what cannot be used stops the start.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rumqttc::{TlsConfiguration, Transport};

use crate::settings::{Maybe, Settings, key};

/// The authorities that a broker's certificate is checked against, and our own certificate.
#[derive(Clone)]
pub struct Tls {
    /// PEM; none = the machine's own authorities.
    authorities: Option<Vec<u8>>,
    /// Certificate chain and private key, PEM.
    own: Option<(Vec<u8>, Vec<u8>)>,
}

// The private key is never printed.
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("own", &self.own.is_some()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the settings and the files they name; none where TLS is off.
    ///
    /// # Errors
    /// When a file cannot be read or holds no PEM, or the settings contradict each other.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let keys = [key::MQTT_TLS_CA_PATH, key::MQTT_TLS_CERT_PATH, key::MQTT_TLS_KEY_PATH];
        let paths = keys.map(|key| settings.optional_path(key));
        if !settings.flag(key::MQTT_TLS_ENABLED) {
            let set = keys.iter().zip(&paths).find(|(_, path)| path.is_some());
            anyhow::ensure!(
                set.is_none(),
                "{} is set, but MQTT_TLS_ENABLED is not true: no plain connection is made where TLS is meant",
                set.map_or("", |(key, _)| key.name())
            );
            return Ok(None);
        }
        Self::from_files(keys.map(Maybe::name), paths).map(Some)
    }

    /// Reads the files of the authorities, our certificate and its key, each named as its setting is.
    ///
    /// # Errors
    /// As for [`Tls::from_settings`].
    pub fn from_files(
        names: [&str; 3],
        [authorities, certificate, key]: [Option<PathBuf>; 3],
    ) -> anyhow::Result<Self> {
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Some((pem(&certificate, names[1])?, pem(&key, names[2])?))
            }
            (None, None) => None,
            _ => anyhow::bail!("{} and {} belong together", names[1], names[2]),
        };
        anyhow::ensure!(
            own.is_none() || authorities.is_some(),
            "{} needs {}: the authority that the broker's certificate is checked against",
            names[1],
            names[0]
        );
        let authorities = authorities.map(|authorities| pem(&authorities, names[0])).transpose()?;
        Ok(Self { authorities, own })
    }

    /// What the client library connects with.
    #[must_use]
    pub fn transport(&self) -> Transport {
        // More than one library of cryptography may be linked in: the choice is made here. It may have been made before.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        Transport::tls_with_config(match &self.authorities {
            None => TlsConfiguration::default(),
            Some(authorities) => TlsConfiguration::Simple {
                ca: authorities.clone(),
                alpn: None,
                client_auth: self.own.clone(),
            },
        })
    }
}

fn pem(path: &Path, setting: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("reading {} (setting {setting})", path.display()))?;
    let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
    anyhow::ensure!(is_pem, "{} (setting {setting}) holds no PEM", path.display());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Service;

    #[track_caller]
    fn refused(pairs: &[(&str, &str)], word: &str) {
        let settings = Settings::from_pairs(Service::Bridge, pairs).unwrap();
        let error = Tls::from_settings(&settings).expect_err("refused");
        assert!(format!("{error:#}").contains(word), "{error:#}");
    }

    #[test]
    fn settings_that_would_end_in_a_plain_or_unchecked_connection_are_refused() {
        refused(&[("MQTT_TLS_CA_PATH", "/ca.pem")], "MQTT_TLS_ENABLED");
        let on = ("MQTT_TLS_ENABLED", "true");
        refused(&[on, ("MQTT_TLS_CERT_PATH", "/c.pem")], "belong together");
        refused(&[on, ("MQTT_TLS_CA_PATH", "/nowhere/ca.pem")], "/nowhere/ca.pem");
        let unchecked = [on, ("MQTT_TLS_REJECT_UNAUTHORIZED", "false")];
        assert!(Settings::from_pairs(Service::Bridge, &unchecked).is_err());
        let plain = Settings::from_pairs(Service::Bridge, &[]).unwrap();
        assert!(Tls::from_settings(&plain).unwrap().is_none());
    }
}
