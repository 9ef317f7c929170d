//! Where clients come in: accepts connections while there are places, speaks TLS where that is set, and hands them to
//! rmqtt by how they may log in. It must not know MQTT packets or passwords.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rmqtt::net::{Incoming, Io};
use service_kit::task;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

use super::connection::Connection;
use super::metrics;
use super::places::{Place, Places};
use super::tls::TlsListener;

const BACKLOG: u32 = 1024;
/// Pause after a connection could not be accepted, for lack of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Longest handshake of TLS.
const TLS_MAX: Duration = Duration::from_secs(10);

/// The ways to rmqtt: one for each kind of login, so that it knows the kind by the listener.
#[derive(Clone)]
pub(super) struct Ways {
    /// User name and password, or none where guests are let in.
    pub(super) plain: mpsc::Sender<Incoming>,
    /// The certificate has named the client.
    pub(super) certified: mpsc::Sender<Incoming>,
}

/// An open door.
pub(super) struct Door {
    pub(super) places: Arc<Places>,
    pub(super) ways: Ways,
}

impl Door {
    /// Binds an address; a restart must not find the port in `TIME_WAIT`.
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address).with_context(|| format!("listening for MQTT on {address}"))?;
        Ok(socket.listen(BACKLOG)?)
    }

    /// Lets clients in until the task ends.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener, tls: Option<TlsListener>) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => self.admit(stream, remote, tls.clone()).await,
                Err(error) => {
                    metrics::refused("accept");
                    tracing::warn!(%error, "a connection to the broker could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        remote: SocketAddr,
        tls: Option<TlsListener>,
    ) {
        let place = match self.places.admit(remote.ip(), Instant::now()) {
            Ok(place) => place,
            Err(full) => return metrics::refused(full.as_str()),
        };
        if let Err(error) = stream.set_nodelay(true) {
            return tracing::debug!(%error, "the client has gone already");
        }
        match tls {
            None => self.hand_on(Box::new(stream), remote, None, place).await,
            Some(tls) => {
                let door = Arc::clone(self);
                drop(task::spawn("mqtt tls", async move {
                    match tokio::time::timeout(TLS_MAX, tls.accept(stream)).await {
                        Ok(Ok((io, user))) => door.hand_on(io, remote, user, place).await,
                        Ok(Err(_)) | Err(_) => metrics::refused("tls"),
                    }
                }));
            }
        }
    }

    async fn hand_on(&self, io: Io, remote: SocketAddr, user: Option<String>, place: Place) {
        let way = if user.is_some() { &self.ways.certified } else { &self.ways.plain };
        let io = Box::new(Connection::new(io, place));
        if way.send(Incoming { io, remote, user }).await.is_err() {
            tracing::debug!("the broker is ending");
        }
    }
}
