//! TLS at the broker's door, and the device that a client certificate names (its common name). It must not know MQTT.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rmqtt::net::Io;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use schemas::ids::DeviceId;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::access::is_reserved;
use super::common_name::common_name;

/// What a TLS listener needs.
#[derive(Clone)]
pub struct TlsListener(TlsAcceptor);

impl TlsListener {
    /// From PEM files: the server's certificate chain, its key, and the authority of the devices' certificates. Without
    /// the last, clients log in with a password; with it, a certificate may take the password's place.
    ///
    /// # Errors
    /// When a file cannot be read or does not fit the others.
    pub fn from_files(chain: &Path, key: &Path, devices: Option<&Path>) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = match devices {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(path) => {
                let mut authorities = RootCertStore::empty();
                for authority in certificates(path)? {
                    authorities.add(authority).with_context(|| unusable(path))?;
                }
                WebPkiClientVerifier::builder_with_provider(
                    Arc::new(authorities),
                    Arc::clone(&provider),
                )
                .allow_unauthenticated()
                .build()
                .with_context(|| unusable(path))?
            }
        };
        let private = PrivateKeyDer::from_pem_file(key).with_context(|| unusable(key))?;
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(chain)?, private)
            .with_context(|| unusable(chain))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Does the handshake; gives the device that the client's certificate names, if it shows one.
    pub(super) async fn accept(&self, stream: TcpStream) -> anyhow::Result<(Io, Option<String>)> {
        let stream = self.0.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let device = shown.map(|certificate| device_of(certificate)).transpose()?;
        Ok((Box::new(stream), device))
    }
}

fn unusable(path: &Path) -> String {
    format!("{} cannot be used", path.display())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| unusable(path))?;
    anyhow::ensure!(!found.is_empty(), "{} holds no certificate", path.display());
    Ok(found)
}

fn device_of(certificate: &[u8]) -> anyhow::Result<String> {
    let name = common_name(certificate).context("the certificate has no common name")?;
    let device = DeviceId::new(name)?.to_string();
    anyhow::ensure!(!is_reserved(&device), "the certificate names a service");
    Ok(device)
}
