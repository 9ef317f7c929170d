//! Refused messages as records: why, from where, and their bytes, cut off.

use schemas::Timestamp;
use schemas::ids::DeviceId;
use schemas::log::{Only, Outgoing};
use schemas::mqtt::Rejection;
use schemas::records::dead_letter::{DeadLetter, LetterSource};

/// The record of a refused message.
pub(crate) fn of_message(
    source: &str,
    device_id: Option<DeviceId>,
    payload: &[u8],
    rejection: &Rejection,
    at: Timestamp,
) -> Outgoing {
    let letter = DeadLetter {
        at,
        source: LetterSource::Mqtt(source.to_owned()),
        reason: rejection.reason.as_str().to_owned(),
        detail: rejection.detail.clone(),
        device_id,
        raw: Vec::new(),
        raw_len: 0,
    };
    Outgoing::of(&letter.with_raw(payload), Only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::caps::DEAD_LETTER_RAW_MAX;
    use schemas::codec::Record;
    use schemas::mqtt::RejectReason;

    #[test]
    fn a_large_message_is_cut_off_and_its_length_noted() {
        let payload = vec![b'x'; 1_000_000];
        let rejection = Rejection::new(RejectReason::PayloadTooLarge, "too large");
        let outgoing = of_message("der/telemetry/a", None, &payload, &rejection, Timestamp(5));
        let letter = DeadLetter::decode(&outgoing.value).unwrap();
        assert_eq!(letter.raw.len(), DEAD_LETTER_RAW_MAX);
        assert_eq!(letter.raw_len, 1_000_000);
        assert_eq!(letter.reason, "payload_too_large");
        assert_eq!(outgoing.key, "der/telemetry/a");
    }
}
