//! Certificates for tests of TLS: an authority, a server's certificate for loopback, a client's. Made anew each time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;

/// Certificates in a folder of their own, gone when dropped.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes them.
    ///
    /// # Errors
    /// When openssl is not installed, or refuses.
    pub fn make() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a folder for certificates")?;
        let place = folder.path();
        let subject = |name: &str| format!("/CN={name}");
        openssl(
            place,
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-keyout",
                "ca.key",
                "-out",
                "ca.pem",
                "-subj",
                &subject("test authority"),
            ],
        )?;
        std::fs::write(place.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            .context("names of the server")?;
        for name in ["server", "client"] {
            let (key, request, certificate) =
                (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
            openssl(
                place,
                &[
                    "req",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-keyout",
                    &key,
                    "-out",
                    &request,
                    "-subj",
                    &subject(name),
                ],
            )?;
            openssl(
                place,
                &[
                    "x509",
                    "-req",
                    "-in",
                    &request,
                    "-CA",
                    "ca.pem",
                    "-CAkey",
                    "ca.key",
                    "-CAcreateserial",
                    "-days",
                    "2",
                    "-out",
                    &certificate,
                    "-extfile",
                    "names",
                ],
            )?;
        }
        Ok(Self { folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The authority's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The server's certificate and key.
    #[must_use]
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.file("server.pem"), self.file("server.key"))
    }

    /// The client's certificate and key.
    #[must_use]
    pub fn client(&self) -> (PathBuf, PathBuf) {
        (self.file("client.pem"), self.file("client.key"))
    }

    /// The server's key and certificate in one file, as Kafka wants them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn server_store(&self) -> anyhow::Result<PathBuf> {
        let (certificate, key) = self.server();
        let store = self.file("server.store");
        let both = [std::fs::read(key)?, std::fs::read(certificate)?].concat();
        std::fs::write(&store, both).context("the server's store")?;
        Ok(store)
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .context("running openssl: install it (Debian: apt-get install openssl)")?;
    anyhow::ensure!(
        output.status.success(),
        "openssl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
