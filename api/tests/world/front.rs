//! TLS before a server that speaks without, as a reverse proxy has it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use testbench::certificates::Certificates;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A front; it ends when dropped.
pub(crate) struct TlsFront {
    /// Its port on loopback.
    pub(crate) port: u16,
    running: JoinHandle<()>,
}

impl TlsFront {
    /// Shows these certificates, and passes everything on.
    pub(crate) async fn start(certificates: &Certificates, behind: SocketAddr) -> Self {
        let (certificate, key) = certificates.server();
        let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they fit");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let running = service_kit::task::spawn("tls front", async move {
            while let Ok((stream, _)) = listener.accept().await {
                service_kit::task::spawn("tls connection", pass(acceptor.clone(), stream, behind));
            }
        });
        Self { port, running }
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Until either side has had enough; a client that refuses the certificate goes away here.
async fn pass(acceptor: TlsAcceptor, stream: TcpStream, behind: SocketAddr) {
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let Ok(mut server) = TcpStream::connect(behind).await else { return };
    copy_bidirectional(&mut client, &mut server).await.ok();
}
