//! MQTT 5: the packets that a broker sends. The last one says why.

use bytestring::ByteString;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{
    Connect, ConnectAck, Disconnect, DisconnectReasonCode, Packet, PublishAck, PublishAck2,
    SubscribeAck, UnsubscribeAck,
};
use rmqtt_codec::{MqttCodec, MqttPacket};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Result;
use crate::stream::{Version, Versioned};

/// rmqtt's word for a client whose session another one has taken. It gives that the reason "not authorized".
const TAKEN_OVER: ByteString = ByteString::from_static("Kicked");

/// Names the version.
pub struct V5;

/// A connection of this version.
pub type MqttStream<Io> = Versioned<Io, V5>;

impl Version for V5 {
    type Packet = Packet;
    type Connect = Connect;

    fn wrap(packet: Packet) -> MqttPacket {
        MqttPacket::V5(packet)
    }

    fn unwrap(packet: MqttPacket) -> Option<Packet> {
        match packet {
            MqttPacket::V5(packet) => Some(packet),
            MqttPacket::V3(_) | MqttPacket::Version(_) => None,
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
        if let MqttCodec::V5(codec) = codec {
            codec.set_max_inbound_size(largest);
        }
    }
}

// Errors are those of `send`: the client has gone, or does not take the packet in time.
impl<Io: AsyncRead + AsyncWrite + Unpin> MqttStream<Io> {
    /// Answers the CONNECT.
    pub async fn send_connect_ack(&mut self, ack: ConnectAck) -> Result<()> {
        self.send(Packet::ConnectAck(Box::new(ack))).await
    }

    /// Sends a message.
    pub async fn send_publish(&mut self, publish: Box<Publish>) -> Result<()> {
        self.send(Packet::Publish(publish)).await
    }

    /// Acknowledges a message, QoS 1.
    pub async fn send_publish_ack(&mut self, ack: PublishAck) -> Result<()> {
        self.send(Packet::PublishAck(ack)).await
    }

    /// First answer to a message, QoS 2.
    pub async fn send_publish_received(&mut self, ack: PublishAck) -> Result<()> {
        self.send(Packet::PublishReceived(ack)).await
    }

    /// Second packet of a message, QoS 2.
    pub async fn send_publish_release(&mut self, ack: PublishAck2) -> Result<()> {
        self.send(Packet::PublishRelease(ack)).await
    }

    /// Last answer to a message, QoS 2.
    pub async fn send_publish_complete(&mut self, ack: PublishAck2) -> Result<()> {
        self.send(Packet::PublishComplete(ack)).await
    }

    /// Answers a SUBSCRIBE.
    pub async fn send_subscribe_ack(&mut self, ack: SubscribeAck) -> Result<()> {
        self.send(Packet::SubscribeAck(ack)).await
    }

    /// Answers an UNSUBSCRIBE.
    pub async fn send_unsubscribe_ack(&mut self, ack: UnsubscribeAck) -> Result<()> {
        self.send(Packet::UnsubscribeAck(ack)).await
    }

    /// Answers a ping.
    pub async fn send_ping_response(&mut self) -> Result<()> {
        self.send(Packet::PingResponse).await
    }

    /// Says why the connection ends, and ends it.
    pub async fn send_disconnect(&mut self, mut goodbye: Disconnect) -> Result<()> {
        if goodbye.reason_string.as_ref() == Some(&TAKEN_OVER) {
            goodbye.reason_code = DisconnectReasonCode::SessionTakenOver;
        }
        // A client that has said goodbye itself hears none.
        if goodbye.reason_code != DisconnectReasonCode::NormalDisconnection {
            self.send(Packet::Disconnect(goodbye)).await.ok();
        }
        self.shut_down().await
    }

    /// Sends what is buffered. rmqtt closes before it says why it does: `send_disconnect` is what ends a connection
    /// that has been let in, and dropping it one that has not.
    pub async fn close(&mut self) -> Result<()> {
        self.flush().await
    }
}
