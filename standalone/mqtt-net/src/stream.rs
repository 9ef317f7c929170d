//! A connection of a known version: packets in and out, each within its time.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{SinkExt as _, Stream, StreamExt as _};
use rmqtt_codec::error::{DecodeError, EncodeError, SendPacketError};
use rmqtt_codec::{MqttCodec, MqttPacket};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::codec::Framed;

use crate::inbound::Share;
use crate::{Builder, Error, MqttError, Result, v3, v5};

/// A connection, by version.
pub enum MqttStream<Io> {
    /// MQTT 3.1 or 3.1.1.
    V3(v3::MqttStream<Io>),
    /// MQTT 5.
    V5(v5::MqttStream<Io>),
}

/// What differs between the versions.
pub trait Version {
    /// Its packets.
    type Packet;
    /// Its CONNECT.
    type Connect;

    /// A packet of any version.
    fn wrap(packet: Self::Packet) -> MqttPacket;
    /// A packet of this version.
    fn unwrap(packet: MqttPacket) -> Option<Self::Packet>;
    /// A CONNECT.
    fn connect(packet: Self::Packet) -> Option<Box<Self::Connect>>;
    /// The user name in it.
    fn user(connect: &Self::Connect) -> Option<&str>;
    /// Puts a proven user name into it.
    fn set_user(connect: &mut Self::Connect, user: String);
    /// Bounds the packets to come.
    fn bound(codec: &mut MqttCodec, largest: u32);
}

/// A connection that speaks version `V`.
pub struct Versioned<Io, V> {
    /// The packets.
    pub io: Framed<Io, MqttCodec>,
    /// Who is at its other end.
    pub remote_addr: SocketAddr,
    /// What it may.
    pub cfg: Arc<Builder>,
    user: Option<String>,
    share: Share,
    version: PhantomData<fn() -> V>,
}

impl<Io, V> Versioned<Io, V> {
    pub(crate) fn new(
        io: Framed<Io, MqttCodec>,
        remote_addr: SocketAddr,
        cfg: Arc<Builder>,
        user: Option<String>,
    ) -> Self {
        let share = Share::of(Arc::clone(&cfg.inbound));
        Self { io, remote_addr, cfg, user, share, version: PhantomData }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, V: Version> Versioned<Io, V> {
    /// Sends a packet.
    ///
    /// # Errors
    /// When the client does not take it in time, or has gone.
    pub async fn send(&mut self, packet: V::Packet) -> Result<()> {
        in_time(self.cfg.send_timeout, self.io.send(V::wrap(packet))).await
    }

    /// Sends what is still buffered.
    ///
    /// # Errors
    /// As for [`Versioned::send`].
    pub async fn flush(&mut self) -> Result<()> {
        in_time(self.cfg.send_timeout, self.io.flush()).await
    }

    /// Shuts the connection down, after what is buffered; without it where that cannot be sent. rmqtt keeps the connection as
    /// long as the session, so one that was not shut down would stay open for days.
    pub(crate) async fn shut_down(&mut self) -> Result<()> {
        let sent = in_time(self.cfg.send_timeout, self.io.close()).await;
        if sent.is_err() {
            drop(tokio::time::timeout(self.cfg.send_timeout, self.io.get_mut().shutdown()).await);
        }
        sent
    }

    /// The next packet; none when the client has gone.
    ///
    /// # Errors
    /// When none comes in time, or one that cannot be read.
    pub async fn recv(&mut self, patience: Duration) -> Result<Option<V::Packet>> {
        match tokio::time::timeout(patience, self.next()).await {
            Ok(packet) => packet.transpose(),
            Err(_) => Err(MqttError::ReadTimeout.into()),
        }
    }

    /// The client's CONNECT; larger packets may come after it.
    ///
    /// # Errors
    /// As for [`Versioned::recv`], and when it is another packet.
    pub async fn recv_connect(&mut self, patience: Duration) -> Result<Box<V::Connect>> {
        let packet = self.recv(patience).await?;
        let mut connect = packet.and_then(V::connect).ok_or(MqttError::InvalidProtocol)?;
        if let Some(user) = self.user.take() {
            V::set_user(&mut connect, user);
        }
        let is_trusted = self
            .cfg
            .trusted_user
            .as_deref()
            .is_some_and(|trusted| V::user(&connect).is_some_and(|user| user == trusted));
        let largest =
            if is_trusted { self.cfg.max_packet_size } else { self.cfg.max_untrusted_packet_size };
        V::bound(self.io.codec_mut(), largest);
        Ok(connect)
    }
}

impl<Io: AsyncRead + Unpin, V: Version> Stream for Versioned<Io, V> {
    type Item = Result<V::Packet>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.io).poll_next(context);
        let waiting = self.io.read_buffer().len();
        if !self.share.set(waiting) {
            return Poll::Ready(Some(Err(MqttError::InboundFull.into())));
        }
        next.map(|next| match next? {
            Ok((packet, _)) => Some(
                V::unwrap(packet)
                    .ok_or_else(|| MqttError::Decode(DecodeError::MalformedPacket).into()),
            ),
            Err(error) => Some(Err(Error::from(MqttError::Decode(error)))),
        })
    }
}

async fn in_time(
    bound: Duration,
    doing: impl Future<Output = std::result::Result<(), EncodeError>>,
) -> Result<()> {
    tokio::time::timeout(bound, doing)
        .await
        .map_err(|_| MqttError::WriteTimeout)?
        .map_err(|error| MqttError::SendPacket(SendPacketError::Encode(error)))?;
    Ok(())
}
