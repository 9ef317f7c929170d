//! What a setpoint looks like on its way: with what is left of its lease, on each topic that its device listens to.

use schemas::Timestamp;
use schemas::mqtt::Topics;

use crate::outbox::Order;

/// A retained message for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// The setpoint as the contract writes it.
    pub payload: Vec<u8>,
    /// The broker forgets it then, s: a device that connects later finds it as long as it is valid.
    pub expiry_s: u32,
}

impl Order {
    /// Its messages: one, or two where the device speaks the predecessor's layout.
    #[must_use]
    pub fn messages(&self, topics: &Topics, now: Timestamp) -> Vec<Message> {
        let mut setpoint = self.setpoint.clone();
        let left_ms = setpoint.valid_until.since(now).max(0);
        setpoint.envelope.timestamp = now;
        setpoint.envelope.sent_at = Some(now);
        setpoint.ttl_ms = Some(left_ms);
        // In whole seconds, at least one.
        let expiry_s =
            u32::try_from(left_ms.saturating_add(999) / 1_000).unwrap_or(u32::MAX).max(1);
        let envelope = &setpoint.envelope;
        let typed =
            self.typed_layout.then(|| topics.setpoints(envelope.device_type, &envelope.device_id));
        let payload = setpoint.encode();
        [Some(topics.control(&envelope.device_id)), typed]
            .into_iter()
            .flatten()
            .map(|topic| Message { topic, payload: payload.clone(), expiry_s })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commandable::{commandable, tests as make};
    use crate::outbox::Place;
    use schemas::ids::DeviceId;
    use schemas::mqtt::decode_setpoint;

    #[test]
    fn a_setpoint_goes_out_with_what_is_left_of_its_lease() {
        let decision = make::decision(3, 10_000, vec![make::device("ev-1", "north", 7_000)]);
        let (devices, _) = commandable(&decision);
        let place = Place { partition: 0, offset: 0 };
        let order = Order::of(&devices[0], place, None, Timestamp(10_000)).unwrap();
        let order = Order { typed_layout: true, ..order };
        let messages = order.messages(&Topics::default(), Timestamp(12_500));
        let topics: Vec<_> = messages.iter().map(|m| m.topic.as_str()).collect();
        assert_eq!(topics, ["der/control/ev-1", "der/setpoints/ev/ev-1"]);
        for message in &messages {
            assert_eq!(message.expiry_s, 28);
            let id = DeviceId::new("ev-1").unwrap();
            let sent = decode_setpoint(&id, &message.payload, 10_000).unwrap();
            assert_eq!(sent.id(), decision.setpoint_id(&id));
            assert_eq!(sent.ttl_ms, Some(27_500));
            assert_eq!((sent.epoch, sent.seq), (Some(1), Some(3)));
        }
    }
}
