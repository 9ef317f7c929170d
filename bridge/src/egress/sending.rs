//! Publishing what is in the outbox, many at once, and what becomes of each try.

use std::time::Duration;

use futures::FutureExt;
use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::mqtt::{Setpoint, Topics};
use tokio::time::Instant;

use super::Egress;
use crate::caps;
use crate::metrics::{self, SetpointResult};
use crate::mqtt::Publication;
use crate::outbox::Attempt;
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
            let Some(order) = self.outbox.next(now) else {
                break;
            };
            let config = &self.parts.config;
            let messages =
                messages(&config.topics, order.setpoint.clone(), order.typed_layout, now);
            let (publisher, bound) = (self.parts.publisher.clone(), config.publish.timeout);
            let started = Instant::now();
            self.flying.push(
                async move {
                    let mut outcome = Ok(());
                    for message in messages {
                        outcome = outcome.and(publisher.publish(message, bound).await);
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
        self.outbox.finished(&tried.device_id, attempt, now);
    }

    pub(super) fn settle(&mut self) {
        for settled in self.outbox.take_settled() {
            let envelope = &settled.order.setpoint.envelope;
            metrics::setpoint(settled.result, envelope.device_type);
            if settled.result == SetpointResult::Failed {
                tracing::warn!(device_id = %envelope.device_id, "a setpoint was given up after all tries");
            }
        }
        metrics::outbox(self.outbox.len());
    }
}

/// The messages of a setpoint: one, or two where the device speaks the predecessor's layout.
fn messages(
    topics: &Topics,
    mut setpoint: Setpoint,
    typed_layout: bool,
    now: Timestamp,
) -> Vec<Publication> {
    let left_ms = setpoint.valid_until.since(now).max(0);
    setpoint.envelope.timestamp = now;
    setpoint.envelope.sent_at = Some(now);
    setpoint.ttl_ms = Some(left_ms);
    // In whole seconds, at least one: a device that connects later finds it as long as it is valid.
    let expiry_s = u32::try_from(left_ms.saturating_add(999) / 1_000).unwrap_or(u32::MAX).max(1);
    let envelope = &setpoint.envelope;
    let typed = typed_layout.then(|| topics.setpoints(envelope.device_type, &envelope.device_id));
    let payload = setpoint.encode();
    [Some(topics.control(&envelope.device_id)), typed]
        .into_iter()
        .flatten()
        .map(|topic| Publication {
            topic,
            payload: payload.clone(),
            retain: true,
            expiry_s: Some(expiry_s),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commandable::{commandable, tests as make};
    use schemas::mqtt::decode_setpoint;

    #[test]
    fn a_setpoint_goes_out_with_what_is_left_of_its_lease() {
        let decision = make::decision(3, 10_000, vec![make::device("ev-1", "north", 7_000)]);
        let (devices, _) = commandable(&decision);
        let setpoint = devices[0].setpoint(Timestamp(10_000)).unwrap();
        let messages = messages(&Topics::default(), setpoint, true, Timestamp(12_500));
        let topics: Vec<_> = messages.iter().map(|m| m.topic.as_str()).collect();
        assert_eq!(topics, ["der/control/ev-1", "der/setpoints/ev/ev-1"]);
        for message in &messages {
            assert_eq!(message.expiry_s, Some(28));
            let id = DeviceId::new("ev-1").unwrap();
            let sent = decode_setpoint(&id, &message.payload, 10_000).unwrap();
            assert_eq!(sent.id(), decision.setpoint_id(&id));
            assert_eq!(sent.ttl_ms, Some(27_500));
            assert_eq!((sent.epoch, sent.seq), (Some(1), Some(3)));
        }
    }
}
