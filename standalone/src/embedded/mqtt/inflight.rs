//! Notes each message as in flight before it is sent. rmqtt does so afterwards only, and so forgets the message that
//! it was sending when the connection broke; noted first, it goes out again when the client is back. It must not know
//! topics or payloads.

use async_trait::async_trait;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::inflight::{MomentStatus, OutInflightMessage};
use rmqtt::types::QoS;

/// To be called for `MessageDelivered`, which rmqtt raises right before it sends.
pub(super) struct NotedFirst;

#[async_trait]
impl Handler for NotedFirst {
    async fn hook(&self, parameter: &Parameter, earlier: Option<HookResult>) -> ReturnType {
        if let Parameter::MessageDelivered(session, from, publish) = parameter {
            let status = match publish.qos {
                QoS::AtMostOnce => None,
                QoS::AtLeastOnce => Some(MomentStatus::UnAck),
                QoS::ExactlyOnce => Some(MomentStatus::UnReceived),
            };
            if let Some(status) = status {
                let message = OutInflightMessage::new(status, from.clone(), (*publish).clone());
                session.out_inflight().write().await.push_back(message);
            }
        }
        (true, earlier)
    }
}
