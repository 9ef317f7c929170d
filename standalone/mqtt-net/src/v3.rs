//! MQTT 3.1 and 3.1.1: the packets that a broker sends.

use std::num::NonZeroU16;

use rmqtt_codec::types::Publish;
use rmqtt_codec::v3::{Connect, ConnectAck, ConnectAckReason, Packet, SubscribeReturnCode};
use rmqtt_codec::{MqttCodec, MqttPacket};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Result;
use crate::stream::{Version, Versioned};

/// Names the version.
pub struct V3;

/// A connection of this version.
pub type MqttStream<Io> = Versioned<Io, V3>;

impl Version for V3 {
    type Packet = Packet;
    type Connect = Connect;

    fn wrap(packet: Packet) -> MqttPacket {
        MqttPacket::V3(packet)
    }

    fn unwrap(packet: MqttPacket) -> Option<Packet> {
        match packet {
            MqttPacket::V3(packet) => Some(packet),
            MqttPacket::V5(_) | MqttPacket::Version(_) => None,
        }
    }

    fn connect(packet: Packet) -> Option<Box<Connect>> {
        if let Packet::Connect(connect) = packet { Some(connect) } else { None }
    }

    fn user(connect: &Connect) -> Option<&str> {
        connect.username.as_deref()
    }

    fn set_user(connect: &mut Connect, user: String) {
        connect.username = Some(user.into());
        connect.password = None;
    }

    fn bound(codec: &mut MqttCodec, largest: u32) {
        if let MqttCodec::V3(codec) = codec {
            codec.set_max_size(largest);
        }
    }
}

// Errors are those of `send`: the client has gone, or does not take the packet in time.
impl<Io: AsyncRead + AsyncWrite + Unpin> MqttStream<Io> {
    /// Answers the CONNECT.
    pub async fn send_connect_ack(
        &mut self,
        return_code: ConnectAckReason,
        session_present: bool,
    ) -> Result<()> {
        self.send(Packet::ConnectAck(ConnectAck { session_present, return_code })).await
    }

    /// Sends a message.
    pub async fn send_publish(&mut self, publish: Box<Publish>) -> Result<()> {
        self.send(Packet::Publish(publish)).await
    }

    /// Acknowledges a message, QoS 1.
    pub async fn send_publish_ack(&mut self, packet_id: NonZeroU16) -> Result<()> {
        self.send(Packet::PublishAck { packet_id }).await
    }

    /// First answer to a message, QoS 2.
    pub async fn send_publish_received(&mut self, packet_id: NonZeroU16) -> Result<()> {
        self.send(Packet::PublishReceived { packet_id }).await
    }

    /// Second packet of a message, QoS 2.
    pub async fn send_publish_release(&mut self, packet_id: NonZeroU16) -> Result<()> {
        self.send(Packet::PublishRelease { packet_id }).await
    }

    /// Last answer to a message, QoS 2.
    pub async fn send_publish_complete(&mut self, packet_id: NonZeroU16) -> Result<()> {
        self.send(Packet::PublishComplete { packet_id }).await
    }

    /// Answers a SUBSCRIBE.
    pub async fn send_subscribe_ack(
        &mut self,
        packet_id: NonZeroU16,
        status: Vec<SubscribeReturnCode>,
    ) -> Result<()> {
        self.send(Packet::SubscribeAck { packet_id, status }).await
    }

    /// Answers an UNSUBSCRIBE.
    pub async fn send_unsubscribe_ack(&mut self, packet_id: NonZeroU16) -> Result<()> {
        self.send(Packet::UnsubscribeAck { packet_id }).await
    }

    /// Answers a ping.
    pub async fn send_ping_response(&mut self) -> Result<()> {
        self.send(Packet::PingResponse).await
    }

    /// Ends the connection.
    pub async fn close(&mut self) -> Result<()> {
        self.shut_down().await
    }
}
