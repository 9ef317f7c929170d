//! Dead letters, put right: what was refused once is sent on its way, with the time at which it first came.

mod world;

use derms_bridge::redrive::{Chosen, letters, redrive};
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::records::dead_letter::DeadLetter;
use schemas::topics::Topic;
use world::{World, sample};

fn letter(source: &str, reason: &str, raw: &[u8], raw_len: usize) -> Vec<u8> {
    DeadLetter {
        at: Timestamp(1_700_000_000_000),
        source: source.to_owned().into(),
        reason: reason.to_owned(),
        detail: "too much".to_owned(),
        device_id: None,
        raw: raw.to_vec(),
        raw_len: i64::try_from(raw_len).expect("a length"),
    }
    .encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_of_a_reason_go_the_way_they_would_have_gone() {
    let world = World::start();
    let config = world.config(&[]);
    let (id, payload) = sample("ev-1", "north");
    let payload = payload.as_bytes();
    let place = "der/telemetry/ev-1";
    for value in [
        letter(place, "rate_limited", payload, payload.len()),
        letter(place, "rate_limited", b"{", 1),
        letter(place, "rate_limited", payload, payload.len() + 1),
        letter(place, "not_json", payload, payload.len()),
    ] {
        world.append(Topic::DeadLetters, "north", value).await;
    }
    let chosen = Chosen { reason: Some("rate_limited".to_owned()), ..Chosen::default() };
    assert_eq!(letters(&config, &chosen).await.expect("a list").len(), 3);
    let outcome = redrive(&config, &chosen).await.expect("sent");
    assert_eq!(outcome.sent, 1);
    let refused: Vec<_> = outcome.refused.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    assert_eq!(refused, [("not_json", 1), ("only its first bytes were kept", 1)]);
    let samples = world.samples("ev-1", 1).await;
    assert_eq!(samples[0].message_id, id);
    assert_eq!(samples[0].arrival, Timestamp(1_700_000_000_000), "when it first came");
}
