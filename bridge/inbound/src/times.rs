//! Times in seconds where milliseconds belong. As a number such a time is legal: a moment of January 1970. It is known
//! by what it would be in seconds: about now.
//!
//! Microseconds and nanoseconds are beyond what the contract takes, and are refused there.

use schemas::Timestamp;
use schemas::mqtt::{RejectReason, Rejection};
use schemas::records::lifecycle::DeviceNotice;

use crate::mapping::Message;

/// So near to now, counted in seconds, a time is taken to be in seconds. A clock that counts milliseconds from its start is
/// in this range for a few hours after three weeks.
const NEAR_MS: i64 = 366 * 24 * 3_600 * 1_000;

const MS_PER_S: i64 = 1_000;

/// Refuses a message with a time in seconds.
///
/// # Errors
/// The refusal, which is a sign for the operator.
pub fn check(message: &Message, arrival: Timestamp) -> Result<(), Rejection> {
    let (envelope, departure) = match message {
        Message::Sample(sample) => (&sample.envelope, sample.preferences.departure),
        Message::Ack(ack) => (&ack.envelope, None),
        Message::Status(_) => return Ok(()),
    };
    let times = [
        ("timestampMs", Some(envelope.timestamp)),
        ("sentAtMs", envelope.sent_at),
        ("payload.preferences.departureMs", departure),
    ];
    for (path, time) in times {
        if let Some(time) = time.filter(|time| is_seconds(*time, arrival)) {
            let rejection = Rejection::at(
                RejectReason::ContractViolation,
                path,
                &time.0.to_string(),
                "milliseconds since the epoch; it looks like seconds",
            );
            return Err(rejection.signs(DeviceNotice::OtherTimeUnit));
        }
    }
    Ok(())
}

fn is_seconds(time: Timestamp, arrival: Timestamp) -> bool {
    arrival.since(Timestamp(time.0.saturating_mul(MS_PER_S))).abs() <= NEAR_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::mqtt::{SocUnit, Topics};

    const NOW: Timestamp = Timestamp(1_764_000_000_000);

    #[track_caller]
    fn checked(ts: i64, more: &str) -> Result<(), Rejection> {
        let payload = format!(
            r#"{{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-000000000001",
            "deviceId":"ev-1","deviceType":"ev","timestampMs":{ts},
            "payload":{{"readings":{{"powerKw":2.5}},"status":{{"online":true}}{more}}}}}"#
        );
        let topic = b"der/telemetry/ev-1";
        let read =
            crate::mapping::read(&Topics::default(), 10_000, topic, payload.as_bytes(), |_| {
                SocUnit::Fraction
            });
        check(&read.unwrap(), NOW)
    }

    #[test]
    fn a_time_in_seconds_is_named_whatever_its_clock_is_off_by() {
        for off_s in [0, -3_600, 3_600, -300 * 86_400, 300 * 86_400] {
            let rejection = checked(1_764_000_000 + off_s, "").expect_err("seconds");
            assert!(rejection.detail.starts_with("timestampMs: found 17"), "{rejection}");
            assert!(rejection.detail.contains("seconds"), "{rejection}");
            assert_eq!(rejection.sign, Some(DeviceNotice::OtherTimeUnit));
        }
        let departure = r#","preferences":{"departureMs":1764030000}"#;
        let rejection = checked(NOW.0, departure).expect_err("seconds");
        assert!(rejection.detail.starts_with("payload.preferences.departureMs"), "{rejection}");
    }

    #[test]
    fn a_clock_that_is_only_wrong_is_no_other_unit() {
        for ts in [0, 1_000, 86_400_000, NOW.0 - 400 * 86_400_000, NOW.0, NOW.0 + 86_400_000] {
            assert_eq!(checked(ts, ""), Ok(()), "{ts}");
        }
    }
}
