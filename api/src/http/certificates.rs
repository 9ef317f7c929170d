//! Certificate and key as files that somebody renews: looked at again and again, and taken when they changed and fit
//! together. Ones that cannot be used change nothing.

use std::io;
use std::sync::Arc;

use anyhow::Context as _;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use crate::caps::CERTIFICATE_POLL;
use crate::config::TlsConfig;
use crate::metrics::{Reload, count_reload};

/// What is served, and the files that it came from.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: TlsConfig,
    served: RustlsConfig,
    /// The bytes that were judged last.
    judged: Pem,
}

/// The bytes of both files.
#[derive(Clone, PartialEq, Eq)]
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pem(hidden)")
    }
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// When they cannot be read or do not fit together.
    pub(crate) async fn read(files: &TlsConfig) -> anyhow::Result<Self> {
        // In a process that runs several services another one may have been first.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let read = async {
            let pem = Pem::read(files).await?;
            let config = pem.parse()?;
            anyhow::Ok((pem, config))
        };
        let (judged, config) = read.await.with_context(|| {
            format!(
                "reading the certificate {} (TLS_CERT_PATH) and the key {} (TLS_KEY_PATH)",
                files.certificate.display(),
                files.key.display()
            )
        })?;
        Ok(Self { files: files.clone(), served: RustlsConfig::from_config(config), judged })
    }

    /// What the server takes for each new connection.
    pub(crate) fn served(&self) -> RustlsConfig {
        self.served.clone()
    }

    /// Looks at the files until `shutdown`.
    ///
    /// # Errors
    /// None: what cannot be used is said in the log.
    pub(crate) async fn follow(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut seen = self.judged.clone();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(CERTIFICATE_POLL) => {}
            }
            let Ok(pem) = Pem::read(&self.files).await else {
                // Being replaced, or gone: what is served stays.
                continue;
            };
            // Two files are replaced one after the other: judged when they have stood still.
            let has_settled = pem == seen;
            seen = pem.clone();
            if has_settled && pem != self.judged {
                self.judge(pem);
            }
        }
    }

    fn judge(&mut self, pem: Pem) {
        let certificate = self.files.certificate.display().to_string();
        match pem.parse() {
            Ok(config) => {
                self.served.reload_from_config(config);
                count_reload(Reload::Taken);
                tracing::info!(certificate, "a new certificate is served");
            }
            Err(error) => {
                count_reload(Reload::Refused);
                let error = format!("{error:#}");
                tracing::error!(
                    certificate,
                    error,
                    "the new certificate and key cannot be used; the ones before are still served"
                );
            }
        }
        self.judged = pem;
    }
}

impl Pem {
    async fn read(files: &TlsConfig) -> io::Result<Self> {
        Ok(Self {
            certificate: tokio::fs::read(&files.certificate).await?,
            key: tokio::fs::read(&files.key).await?,
        })
    }

    /// A certificate whose key is another one's is refused here too.
    fn parse(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .context("the certificate is no PEM file")?;
        anyhow::ensure!(!chain.is_empty(), "the certificate's file holds none");
        let key = PrivateKeyDer::from_pem_slice(&self.key).context("the key is no PEM file")?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("certificate and key do not fit together")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
