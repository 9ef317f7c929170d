//! Requests to web servers of others: certificates are checked, time and size are bounded, no redirect is followed.
//! Knows nothing of what is asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// How long a server may take, and how much it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From the first byte sent to the last one received.
    pub time: Duration,
    /// Bytes of an answer's body.
    pub size: usize,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Not within the time.
    #[error("no answer within {0:?}")]
    TooSlow(Duration),
    /// No connection, or a certificate that is not accepted.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that broke off, or was too long.
    #[error("the answer broke off, or is longer than {0} bytes")]
    Body(usize),
}

/// A client for one server.
#[derive(Debug, Clone)]
pub struct Outgoing {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    bounds: Bounds,
}

impl Outgoing {
    /// A client that checks certificates against `authority`, a PEM file named by `setting`, or the machine's own.
    /// Where `is_plain`, there are none to check: the server is on this machine.
    ///
    /// # Errors
    /// When there is no authority to check against.
    pub fn new(
        bounds: Bounds,
        is_plain: bool,
        authority: Option<&Path>,
        setting: &str,
    ) -> anyhow::Result<Self> {
        let config =
            if is_plain { with_roots(RootCertStore::empty())? } else { tls(authority, setting)? };
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
        let connector = if is_plain { connector.https_or_http() } else { connector.https_only() };
        let connector = connector.enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), bounds })
    }

    /// Asks, and gives the status and the whole body.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, request: Request<Body>) -> Result<(StatusCode, Bytes), FetchError> {
        let Bounds { time, size } = self.bounds;
        let answer = async {
            let response = self.client.request(request).await;
            let response = response
                .map_err(|error| FetchError::Unreachable(crate::clickhouse::causes(&error)))?;
            let (head, body) = response.into_parts();
            let body = to_bytes(Body::new(body), size).await;
            Ok((head.status, body.map_err(|_| FetchError::Body(size))?))
        };
        tokio::time::timeout(time, answer).await.map_err(|_| FetchError::TooSlow(time))?
    }
}

/// How a server's certificate is checked: against `authority`, a PEM file named by `setting`, or the machine's own.
///
/// # Errors
/// When there is no authority to check against.
pub fn tls(authority: Option<&Path>, setting: &str) -> anyhow::Result<ClientConfig> {
    with_roots(authorities(authority, setting)?)
}

fn with_roots(roots: RootCertStore) -> anyhow::Result<ClientConfig> {
    // More than one library of cryptography may be linked in: the choice is made here.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("the versions of TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn authorities(file: Option<&Path>, setting: &str) -> anyhow::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match file {
        Some(path) => {
            let reading = || format!("reading {} (setting {setting})", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(reading)? {
                store.add(certificate.with_context(reading)?).with_context(reading)?;
            }
            anyhow::ensure!(
                !store.is_empty(),
                "{} (setting {setting}) holds no certificate in PEM",
                path.display()
            );
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            anyhow::ensure!(
                !store.is_empty(),
                "this machine has no certificate authorities to check a server's certificate against: install them (Debian: ca-certificates) or set {setting}"
            );
        }
    }
    Ok(store)
}
