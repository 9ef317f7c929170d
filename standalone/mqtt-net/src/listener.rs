//! Connections that come through a channel, up to the version that the client speaks.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::anyhow;
use futures::StreamExt as _;
use rmqtt_codec::version::{ProtocolVersion, VersionCodec};
use rmqtt_codec::{MqttCodec, MqttPacket, v3 as codec_v3, v5 as codec_v5};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc};
use tokio_util::codec::Framed;

use crate::stream::{MqttStream, Versioned};
use crate::{Builder, MqttError, Result};

/// Buffer of a connection in each direction at its start; it grows with what passes.
const BUFFER_BYTES: usize = 4 << 10;

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection of any kind. Shutting it down must give it back: rmqtt holds on to it while a session is away.
pub type Io = Box<dyn Duplex>;

/// A connection that has been accepted.
pub struct Incoming {
    /// The connection.
    pub io: Io,
    /// Who is at its other end.
    pub remote: SocketAddr,
    /// A user name that is proven already (by a certificate). It takes the place of the one in the CONNECT.
    pub user: Option<String>,
}

/// The kind of a listener: rmqtt treats all that comes through the channel as plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerType {
    /// Through the channel.
    TCP,
}

/// A source of connections.
pub struct Listener {
    /// Always the same.
    pub typ: ListenerType,
    /// What its clients may.
    pub cfg: Arc<Builder>,
    incoming: Mutex<mpsc::Receiver<Incoming>>,
}

impl Listener {
    /// One that takes what comes through the channel.
    #[must_use]
    pub fn new(cfg: Builder, incoming: mpsc::Receiver<Incoming>) -> Self {
        Self { typ: ListenerType::TCP, cfg: Arc::new(cfg), incoming: Mutex::new(incoming) }
    }

    /// The next connection.
    ///
    /// # Errors
    /// Never: with the channel closed there is none, ever.
    pub async fn accept(&self) -> Result<Acceptor> {
        match self.incoming.lock().await.recv().await {
            Some(Incoming { io, remote, user }) => {
                Ok(Acceptor { io, remote_addr: remote, user, cfg: Arc::clone(&self.cfg) })
            }
            None => std::future::pending().await,
        }
    }
}

/// An accepted connection.
pub struct Acceptor {
    io: Io,
    user: Option<String>,
    /// Who is at its other end.
    pub remote_addr: SocketAddr,
    cfg: Arc<Builder>,
}

impl Acceptor {
    /// Goes on to the protocol.
    ///
    /// # Errors
    /// Never.
    pub fn tcp(self) -> Result<Dispatcher> {
        let io = Framed::with_capacity(self.io, MqttCodec::Version(VersionCodec), BUFFER_BYTES);
        Ok(Dispatcher { io, user: self.user, remote_addr: self.remote_addr, cfg: self.cfg })
    }
}

/// A connection whose version is not known yet.
pub struct Dispatcher {
    io: Framed<Io, MqttCodec>,
    user: Option<String>,
    remote_addr: SocketAddr,
    cfg: Arc<Builder>,
}

impl Dispatcher {
    /// Waits for the first bytes and finds the version in them. Only a CONNECT of bounded size is read after that.
    ///
    /// # Errors
    /// When nothing comes in time, or something that is no CONNECT.
    pub async fn mqtt(mut self) -> Result<MqttStream<Io>> {
        let first = tokio::time::timeout(self.cfg.handshake_timeout, self.io.next());
        let version = match first.await.map_err(|_| MqttError::ReadTimeout)? {
            Some(Ok((MqttPacket::Version(version), _))) => version,
            Some(Ok(_)) | None => return Err(MqttError::InvalidProtocol.into()),
            Some(Err(error)) => return Err(anyhow!(MqttError::Decode(error))),
        };
        let (largest_connect, largest) = (self.cfg.max_connect_size, self.cfg.max_packet_size);
        Ok(match version {
            ProtocolVersion::MQTT3 => {
                let codec = MqttCodec::V3(codec_v3::Codec::new(largest_connect));
                MqttStream::V3(self.versioned(codec))
            }
            ProtocolVersion::MQTT5 => {
                let codec = MqttCodec::V5(codec_v5::Codec::new(largest_connect, largest));
                MqttStream::V5(self.versioned(codec))
            }
        })
    }

    fn versioned<V>(mut self, codec: MqttCodec) -> Versioned<Io, V> {
        *self.io.codec_mut() = codec;
        Versioned::new(self.io, self.remote_addr, self.cfg, self.user)
    }
}
