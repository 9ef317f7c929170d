//! Publishing what is in the outbox, many at once, and what becomes of each try.

use std::time::Duration;

use bridge_outbound::{Attempt, Message, SetpointResult};
use futures::FutureExt;
use schemas::Timestamp;
use schemas::ids::DeviceId;
use service_kit::mqtt::connection::Publication;
use tokio::time::Instant;

use super::Egress;
use crate::caps;
use crate::metrics;
use crate::publisher::PublishError;

/// The end of a try to publish.
pub(super) struct Tried {
    device_id: DeviceId,
    decided: Timestamp,
    took: Duration,
    outcome: Result<(), PublishError>,
}

impl Egress {
    /// Sends what is due, as much at once as may be.
    pub(super) fn launch(&mut self) {
        if self.standstill.is_some() {
            return;
        }
        let now = self.parts.clock.now();
        while self.flying.len() < caps::PUBLISHES_IN_FLIGHT_MAX {
            let Some(order) = self.outbound.next(now) else {
                break;
            };
            let config = &self.parts.config;
            let messages = order.messages(&config.topics, now);
            let (publisher, bound) = (self.parts.publisher.clone(), config.publish.timeout);
            let started = Instant::now();
            self.flying.push(
                async move {
                    let mut outcome = Ok(());
                    for message in messages {
                        outcome = outcome.and(publisher.publish(retained(message), bound).await);
                    }
                    Tried {
                        device_id: order.setpoint.envelope.device_id,
                        decided: order.decided,
                        took: started.elapsed(),
                        outcome,
                    }
                }
                .boxed(),
            );
        }
    }

    pub(super) fn tried(&mut self, tried: &Tried) {
        let now = self.parts.clock.now();
        match &tried.outcome {
            Ok(()) => metrics::published(tried.took, now.since(tried.decided)),
            Err(error) => {
                metrics::publish_failed(error.as_str());
                tracing::debug!(device_id = %tried.device_id, %error, "a setpoint was not published");
            }
        }
        let attempt = match tried.outcome {
            Ok(()) => Attempt::Published,
            Err(PublishError::Timeout | PublishError::Disconnected) => Attempt::Unheard,
            Err(PublishError::Refused(_)) => Attempt::Refused,
        };
        self.outbound.finished(&tried.device_id, attempt, now);
    }

    pub(super) fn settle(&mut self) {
        for settled in self.outbound.take_settled() {
            let envelope = &settled.order.setpoint.envelope;
            metrics::setpoint(settled.result, envelope.device_type);
            if settled.result == SetpointResult::Failed {
                tracing::warn!(device_id = %envelope.device_id, "a setpoint was given up after all tries");
            }
            if let Some(record) = settled.record() {
                self.parts.recorder.record(&record);
            }
        }
        metrics::outbox(self.outbound.waiting());
    }
}

fn retained(Message { topic, payload, expiry_s }: Message) -> Publication {
    Publication { topic, payload: payload.into(), retain: true, expiry_s: Some(expiry_s) }
}
