//! Why a connection ends, and what an MQTT 5 client is told about it.

use std::num::NonZeroU16;

use bytestring::ByteString;
use rmqtt_codec::error::{
    DecodeError, EncodeError, HandshakeError, ProtocolError, SendPacketError,
};
use rmqtt_codec::v5::{DisconnectReasonCode, PublishAckReason, ToReasonCode};
use serde::{Deserialize, Serialize};

/// A failure of a connection. The variants are those that rmqtt makes or looks for.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
pub enum MqttError {
    /// The login went wrong.
    #[error("login: {0}")]
    Handshake(#[from] HandshakeError),
    /// The client breaks the protocol.
    #[error("protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// A packet cannot be read.
    #[error("reading a packet: {0:?}")]
    Decode(#[from] DecodeError),
    /// A packet cannot be written.
    #[error("writing a packet: {0:?}")]
    Encode(#[from] EncodeError),
    /// A packet could not be sent.
    #[error("sending a packet: {0}")]
    SendPacket(#[from] SendPacketError),
    /// The client was silent for too long.
    #[error("nothing came in time")]
    ReadTimeout,
    /// The client does not read.
    #[error("nothing could be sent in time")]
    WriteTimeout,
    /// Packets that have come in part take all the room that there is for them.
    #[error("too much has come in part")]
    InboundFull,
    /// A message was refused, and the connection ends with it.
    #[error("{1}")]
    PublishAckReason(PublishAckReason, ByteString),
    /// The first packet is no CONNECT, or of no version that is spoken here.
    #[error("no MQTT 3.1, 3.1.1 or 5 CONNECT")]
    InvalidProtocol,
    /// The client has as many subscriptions as it may have.
    #[error("too many subscriptions")]
    TooManySubscriptions,
    /// A filter has more levels than it may have.
    #[error("too many topic levels")]
    TooManyTopicLevels,
    /// A filter has as many subscribers as it may have.
    #[error("too many subscribers: {0}")]
    SubscribeLimited(String),
    /// The client id may not be used.
    #[error("client id refused")]
    IdentifierRejected,
    /// The packet id is in use.
    #[error("packet id {0} is in use")]
    PacketIdInUse(NonZeroU16),
    /// Something that must be there is not.
    #[error("nothing there")]
    None,
}

impl ToReasonCode for MqttError {
    fn to_reason_code(&self) -> DisconnectReasonCode {
        match self {
            Self::Handshake(error) => error.to_reason_code(),
            Self::Protocol(error) => error.to_reason_code(),
            Self::Decode(error) => error.to_reason_code(),
            Self::Encode(error) => error.to_reason_code(),
            Self::SendPacket(error) => error.to_reason_code(),
            Self::ReadTimeout | Self::WriteTimeout => DisconnectReasonCode::KeepAliveTimeout,
            Self::PublishAckReason(reason, _) => reason.to_reason_code(),
            Self::InvalidProtocol => DisconnectReasonCode::ProtocolError,
            Self::TooManySubscriptions | Self::SubscribeLimited(_) | Self::InboundFull => {
                DisconnectReasonCode::QuotaExceeded
            }
            Self::TooManyTopicLevels => DisconnectReasonCode::TopicNameInvalid,
            Self::IdentifierRejected => DisconnectReasonCode::NotAuthorized,
            Self::PacketIdInUse(_) | Self::None => DisconnectReasonCode::UnspecifiedError,
        }
    }
}
