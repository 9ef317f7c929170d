//! The outbox's rules, one by one and against a model.

use super::*;
use crate::commandable::{commandable, tests as make};
use proptest::prelude::*;

const TRIES: Tries = Tries { retries: 2, backoff: Duration::from_millis(200) };

fn order(device: &str, offset: i64, decided: i64) -> Order {
    let decision = make::decision(offset, decided, vec![make::device(device, "north", 1_000)]);
    let (devices, _) = commandable(&decision);
    Order::of(&devices[0], Place { partition: 0, offset }, None, Timestamp(decided)).unwrap()
}

fn id(device: &str) -> DeviceId {
    DeviceId::new(device).unwrap()
}

fn results(outbox: &mut Outbox) -> Vec<(i64, SetpointResult)> {
    outbox
        .take_settled()
        .into_iter()
        .map(|settled| (settled.order.place().unwrap().offset, settled.result))
        .collect()
}

#[test]
fn only_the_newest_of_those_that_wait_goes_out() {
    let mut outbox = Outbox::new(TRIES);
    for offset in 1..=3 {
        outbox.offer(order("ev-1", offset, 0));
    }
    let sent = outbox.next(Timestamp(1)).unwrap();
    assert_eq!(sent.place().unwrap().offset, 3);
    assert_eq!(outbox.next(Timestamp(1)), None);
    outbox.finished(&id("ev-1"), Attempt::Published, Timestamp(2));
    use SetpointResult::{Published, Superseded};
    assert_eq!(results(&mut outbox), [(1, Superseded), (2, Superseded), (3, Published)]);
    assert_eq!(outbox.len(), 0);
}

#[test]
fn a_device_never_has_two_on_their_way() {
    let mut outbox = Outbox::new(TRIES);
    outbox.offer(order("ev-1", 1, 0));
    assert!(outbox.next(Timestamp(1)).is_some());
    outbox.offer(order("ev-1", 2, 0));
    assert_eq!(outbox.next(Timestamp(1)), None);
    outbox.finished(&id("ev-1"), Attempt::Unheard, Timestamp(2));
    assert_eq!(results(&mut outbox), [(1, SetpointResult::Superseded)]);
    assert_eq!(outbox.next(Timestamp(2)).unwrap().place().unwrap().offset, 2);
}

#[test]
fn tries_of_what_the_broker_refuses_are_bounded_and_pauses_double() {
    let mut outbox = Outbox::new(TRIES);
    outbox.offer(order("ev-1", 1, 0));
    let mut now = Timestamp(0);
    for pause in [200, 400] {
        assert!(outbox.next(now).is_some());
        outbox.finished(&id("ev-1"), Attempt::Refused, now);
        assert_eq!(outbox.next_due(), Some(now.plus_ms(pause)));
        assert_eq!(outbox.next(now.plus_ms(pause - 1)), None);
        now = now.plus_ms(pause);
    }
    assert!(outbox.next(now).is_some());
    outbox.finished(&id("ev-1"), Attempt::Refused, now);
    assert_eq!(results(&mut outbox), [(1, SetpointResult::Failed)]);
    assert_eq!(outbox.oldest_open(0), None);
}

#[test]
fn what_the_broker_was_not_there_for_is_tried_until_its_lease_ends() {
    let mut outbox = Outbox::new(TRIES);
    outbox.offer(order("ev-1", 1, 0));
    let mut now = Timestamp(0);
    for pause in [200, 400, 800, 1_000, 1_000, 1_000] {
        assert!(outbox.next(now).is_some(), "{now:?}");
        outbox.finished(&id("ev-1"), Attempt::Unheard, now);
        assert_eq!(outbox.next_due(), Some(now.plus_ms(pause)));
        now = now.plus_ms(pause);
    }
    assert!(outbox.next(Timestamp(29_999)).is_some());
    outbox.finished(&id("ev-1"), Attempt::Unheard, Timestamp(29_999));
    assert_eq!(results(&mut outbox), []);
    assert_eq!(outbox.next(Timestamp(31_000)), None);
    assert_eq!(results(&mut outbox), [(1, SetpointResult::Expired)]);
    assert_eq!(outbox.oldest_open(0), None);
}

#[test]
fn a_newer_setpoint_does_not_wait_for_the_retry_of_an_older_one() {
    let mut outbox = Outbox::new(TRIES);
    outbox.offer(order("ev-1", 1, 0));
    outbox.next(Timestamp(0));
    outbox.finished(&id("ev-1"), Attempt::Unheard, Timestamp(0));
    outbox.offer(order("ev-1", 2, 0));
    assert_eq!(outbox.next_due(), None);
    assert_eq!(outbox.next(Timestamp(0)).unwrap().place().unwrap().offset, 2);
}

#[test]
fn an_expired_setpoint_is_not_sent() {
    let mut outbox = Outbox::new(TRIES);
    outbox.offer(order("ev-1", 1, 0));
    assert_eq!(outbox.next(Timestamp(30_000)), None);
    assert_eq!(results(&mut outbox), [(1, SetpointResult::Expired)]);
}

#[test]
fn a_position_waits_for_every_setpoint_of_its_record() {
    let mut outbox = Outbox::new(TRIES);
    outbox.offer(order("ev-1", 5, 0));
    outbox.offer(order("ev-2", 5, 0));
    outbox.offer(order("ev-3", 6, 0));
    while outbox.next(Timestamp(0)).is_some() {}
    outbox.finished(&id("ev-3"), Attempt::Published, Timestamp(0));
    outbox.finished(&id("ev-1"), Attempt::Published, Timestamp(0));
    assert_eq!(outbox.oldest_open(0), Some(5));
    outbox.finished(&id("ev-2"), Attempt::Published, Timestamp(0));
    assert_eq!(outbox.oldest_open(0), None);
    assert_eq!(outbox.oldest_open(1), None);
}

fn silent(device: &str, offset: i64) -> Order {
    Order { audience: Audience::Silent, ..order(device, offset, 0) }
}

#[test]
fn a_device_that_listens_does_not_wait_behind_thousands_that_do_not() {
    let mut outbox = Outbox::new(TRIES);
    for number in 0..20_000 {
        outbox.offer(silent(&format!("gone-{number}"), 1));
    }
    for number in 0..20 {
        outbox.offer(order(&format!("ev-{number}"), 1, 0));
    }
    let first: Vec<_> = (0..30).map(|_| outbox.next(Timestamp(1)).unwrap().audience).collect();
    let heard = first.iter().filter(|audience| **audience == Audience::Heard).count();
    assert_eq!(heard, 20);
    // Who is silent has its turn too: it may listen.
    let turn = usize::try_from(SILENT_EVERY).unwrap();
    assert!(first[..turn].contains(&Audience::Silent), "{first:?}");
}

#[test]
fn a_device_that_is_heard_again_leaves_the_place_of_the_silent() {
    let mut outbox = Outbox::new(TRIES);
    for number in 0..100 {
        outbox.offer(silent(&format!("gone-{number}"), 1));
    }
    outbox.offer(silent("ev-1", 1));
    outbox.offer(order("ev-1", 2, 0));
    assert_eq!(outbox.next(Timestamp(1)).unwrap().place().unwrap().offset, 2);
    outbox.finished(&id("ev-1"), Attempt::Published, Timestamp(1));
    let rest = std::iter::from_fn(|| outbox.next(Timestamp(1))).count();
    assert_eq!(rest, 100);
}

#[derive(Debug, Clone)]
enum Step {
    Offer(usize, bool),
    Next,
    Finish(usize, Attempt),
    Wait(i64),
}

fn attempt() -> impl Strategy<Value = Attempt> {
    prop_oneof![2 => Just(Attempt::Published), 1 => Just(Attempt::Unheard), 1 => Just(Attempt::Refused)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_usize, any::<bool>()).prop_map(|(device, heard)| Step::Offer(device, heard)),
        3 => Just(Step::Next),
        3 => (0..4_usize, attempt()).prop_map(|(device, attempt)| Step::Finish(device, attempt)),
        1 => (0..20_000_i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn every_setpoint_is_settled_once_and_a_device_never_goes_back(steps in prop::collection::vec(step(), 1..120)) {
        let devices = ["a", "b", "c", "d"];
        let mut outbox = Outbox::new(TRIES);
        let (mut now, mut offset) = (0, 0);
        let mut sending: BTreeMap<DeviceId, i64> = BTreeMap::new();
        let mut newest_sent: BTreeMap<DeviceId, i64> = BTreeMap::new();
        let mut offered = BTreeSet::new();
        let mut settled = Vec::new();
        let mut last_position = 0;
        for step in steps {
            match step {
                Step::Offer(device, heard) => {
                    offset += 1;
                    offered.insert(offset);
                    let audience = if heard { Audience::Heard } else { Audience::Silent };
                    outbox.offer(Order { audience, ..order(devices[device], offset, now) });
                }
                Step::Next => {
                    if let Some(order) = outbox.next(Timestamp(now)) {
                        let device = order.setpoint.envelope.device_id.clone();
                        let offset = order.place().unwrap().offset;
                        prop_assert!(sending.insert(device.clone(), offset).is_none());
                        let newest = newest_sent.entry(device).or_insert(offset);
                        prop_assert!(*newest <= offset, "sent {offset} after {newest}");
                        *newest = offset;
                    }
                }
                Step::Finish(device, attempt) => {
                    let device = id(devices[device]);
                    if sending.remove(&device).is_some() {
                        outbox.finished(&device, attempt, Timestamp(now));
                    }
                }
                Step::Wait(ms) => now += ms,
            }
            settled.extend(results(&mut outbox).into_iter().map(|(offset, _)| offset));
            let position = outbox.oldest_open(0).unwrap_or(offset + 1);
            prop_assert!(position >= last_position, "the position went back");
            last_position = position;
        }
        // To the end: everything fails or expires.
        for _ in 0..100 {
            for (device, _) in std::mem::take(&mut sending) {
                outbox.finished(&device, Attempt::Unheard, Timestamp(now));
            }
            now += 60_000;
            while let Some(order) = outbox.next(Timestamp(now)) {
                sending.insert(order.setpoint.envelope.device_id.clone(), 0);
            }
        }
        settled.extend(results(&mut outbox).into_iter().map(|(offset, _)| offset));
        settled.sort_unstable();
        prop_assert_eq!(settled, offered.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(outbox.len(), 0);
        prop_assert_eq!(outbox.oldest_open(0), None);
    }
}
