//! https whose certificate is renewed while the API runs.

mod world;

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use testbench::certificates::Certificates;
use world::Api;

/// A busy machine takes its time.
const SOON: Duration = Duration::from_secs(60);

/// The certificate that is served to whoever trusts this authority; none when it is another's.
fn served(address: SocketAddr, authority: &Path) -> Option<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("a PEM file")).expect("an authority");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a bound");
    let mut stream = StreamOwned::new(connection, stream);
    // A handshake is driven by a write; the answer shows that it was taken.
    std::io::Write::write_all(&mut stream, b"GET /api/health HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .ok()?;
    let mut first = [0; 8];
    stream.read_exact(&mut first).ok()?;
    Some(stream.conn.peer_certificates()?.first()?.to_vec())
}

fn install(from: &Certificates, into: &Path) {
    let (certificate, key) = from.server();
    std::fs::copy(certificate, into.join("tls.pem")).expect("a copy");
    std::fs::copy(key, into.join("tls.key")).expect("a copy");
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart_and_a_bad_one_changes_nothing() {
    world::run(async {
        let (old, new) = (
            Certificates::make().expect("openssl is installed"),
            Certificates::make().expect("openssl is installed"),
        );
        let folder = tempfile::tempdir().expect("a folder");
        install(&old, folder.path());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (certificate, key) = (path("tls.pem"), path("tls.key"));
        let api = Api::start(&[
            ("TLS_ENABLED", "true"),
            ("TLS_CERT_PATH", certificate.as_str()),
            ("TLS_KEY_PATH", key.as_str()),
        ])
        .await;
        let address = api.address();
        let ask = |authority: std::path::PathBuf| async move {
            tokio::task::spawn_blocking(move || served(address, &authority))
                .await
                .expect("no panic")
        };
        let first = ask(old.authority()).await.expect("the old one");

        // A key that fits no certificate here: refused, and the old one goes on.
        std::fs::copy(new.server().1, folder.path().join("tls.key")).expect("a copy");
        let refused = "derms_api_certificate_reloads_total{outcome=\"refused\"} 1";
        tokio::time::timeout(SOON, async {
            while !service_kit::metrics::render().contains(refused) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("it is judged");
        assert_eq!(ask(old.authority()).await, Some(first));

        install(&new, folder.path());
        let second = tokio::time::timeout(SOON, async {
            loop {
                if let Some(second) = ask(new.authority()).await {
                    break second;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        second.await.expect("the new one is served");
        assert_eq!(ask(old.authority()).await, None);
        api.stop().await;
    });
}
