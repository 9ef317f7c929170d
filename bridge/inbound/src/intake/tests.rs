use super::*;
use crate::admission::{Barrier, Registration, UnknownFeeder};
use schemas::Watts;
use schemas::codec::Record;
use schemas::ids::FeederId;
use schemas::records::dead_letter::DeadLetter;
use schemas::records::lifecycle::DeviceNotice;
use schemas::records::operator::OperatorRecord;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_764_000_000_000);

fn rules(registration: Registration) -> Rules {
    Rules {
        topics: Topics::default(),
        payload_max: 10_000,
        device_rate_max: 50,
        admission: admission::Rules {
            registration,
            unknown_feeder: UnknownFeeder::Open,
            default_feeder: FeederId::new("default-feeder").unwrap(),
            devices_max: 10,
            per_feeder_max: 10,
            waiting_max: 10,
            unproven: Watts(50_000),
            new_per_minute: 600,
        },
        partitions: 4,
    }
}

/// A way in and its registry; messages are known by numbers.
struct World {
    intake: Intake<u32>,
    registry: Registry,
}

/// What came out, in short.
#[derive(Debug, PartialEq, Eq)]
enum Out {
    /// A record of a topic, of a message.
    Record(Topic, Option<u32>),
    /// A change of the registry.
    Change,
    /// It may be acknowledged.
    Done(u32),
}

impl World {
    fn new(registration: Registration) -> Self {
        Self { intake: Intake::new(rules(registration)), registry: Registry::default() }
    }

    fn comes(&mut self, number: u32, topic: &str, payload: &str) -> Vec<Effect<u32>> {
        let incoming = Incoming {
            topic: topic.to_owned().into(),
            payload: payload.to_owned().into(),
            retained: false,
            bounded: false,
            origin: number,
        };
        self.intake.message(&self.registry, NOW.plus_ms(i64::from(number)), incoming);
        self.intake.take_effects()
    }

    fn sample(&mut self, number: u32, device: &str) -> Vec<Effect<u32>> {
        self.comes(number, &format!("der/telemetry/{device}"), &sample(number, device, 2.5))
    }

    /// The registry takes up the changes among these.
    fn applied(&mut self, effects: &[Effect<u32>]) -> Vec<Effect<u32>> {
        for effect in effects {
            let Effect::Change(change, at) = effect else { continue };
            let record = OperatorRecord {
                id: Uuid::from_u128(1),
                at: *at,
                source: None,
                actor: "bridge".to_owned(),
                change: change.clone(),
            };
            self.registry.apply(&record).expect("a change that applies");
        }
        self.intake.registry_changed(&self.registry);
        self.intake.take_effects()
    }
}

fn sample(number: u32, device: &str, kw: f64) -> String {
    let ts = NOW.0 + i64::from(number);
    format!(
        r#"{{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-{number:012}",
        "deviceId":"{device}","deviceType":"ev","timestampMs":{ts},"receipt":true,
        "payload":{{"readings":{{"powerKw":{kw}}},"status":{{"online":true}},"feederId":"north"}}}}"#
    )
}

fn short(effects: &[Effect<u32>]) -> Vec<Out> {
    let of = |effect: &Effect<u32>| match effect {
        Effect::Append { record, of } => {
            Out::Record(record.topic, of.as_ref().map(|(number, _)| *number))
        }
        Effect::Change(..) => Out::Change,
        Effect::Done(number) => Out::Done(*number),
    };
    effects.iter().map(of).collect()
}

#[test]
fn an_unknown_devices_samples_wait_until_the_registry_knows_it_and_keep_their_order() {
    let mut world = World::new(Registration::Open);
    let first = world.sample(1, "ev-1");
    assert_eq!(short(&first), [Out::Change]);
    assert_eq!(short(&world.sample(2, "ev-1")), []);
    assert_eq!(world.intake.waiting_unbounded(), 2);
    let released = world.applied(&first);
    let telemetry = |number| Out::Record(Topic::Telemetry, Some(number));
    assert_eq!(short(&released), [telemetry(1), telemetry(2)]);
    assert_eq!(world.intake.waiting_unbounded(), 0);
    let Effect::Append { record, of: Some((1, Some(receipt))) } = &released[0] else {
        panic!("{released:?}");
    };
    assert_eq!(Telemetry::decode(&record.value).unwrap().feeder_id.as_str(), "north");
    assert_eq!((receipt.device_id.as_str(), receipt.refused), ("ev-1", None));
    assert_eq!(short(&world.sample(3, "ev-1")), [telemetry(3)], "it is known now");
}

#[test]
fn a_status_of_an_unknown_device_is_done_with_and_goes_before_its_first_sample() {
    let mut world = World::new(Registration::Open);
    assert_eq!(short(&world.comes(1, "der/status/ev-1", "online")), [Out::Done(1)]);
    assert_eq!(world.intake.take_notes().last(), Some(&Note::HeldStatuses(1)));
    let first = world.sample(2, "ev-1");
    let released = world.applied(&first);
    let expected = [Out::Record(Topic::Acks, None), Out::Record(Topic::Telemetry, Some(2))];
    assert_eq!(short(&released), expected);
}

#[test]
fn what_waits_is_forgotten_with_its_connection_and_its_status_is_not() {
    let mut world = World::new(Registration::Open);
    world.comes(1, "der/status/ev-1", "online");
    let first = world.sample(2, "ev-1");
    world.intake.forget();
    assert_eq!(world.intake.waiting_unbounded(), 0);
    assert_eq!(short(&world.applied(&first)), [], "the broker sends the sample again");
    world.sample(3, "ev-2");
    let known = world.sample(4, "ev-1");
    assert_eq!(short(&known), [Out::Record(Topic::Telemetry, Some(4))]);
}

#[test]
fn what_is_refused_becomes_a_letter_its_device_is_told_and_it_is_counted() {
    let mut world = World::new(Registration::Closed);
    let refused = world.sample(1, "ev-1");
    let [Effect::Append { record, of: Some((1, receipt)) }] = &refused[..] else {
        panic!("{refused:?}");
    };
    let letter = DeadLetter::decode(&record.value).unwrap();
    assert_eq!((record.topic, letter.at), (Topic::DeadLetters, NOW.plus_ms(1)));
    assert_eq!(letter.reason, RejectReason::RegistrationClosed.as_str());
    let told = receipt.as_ref().and_then(|receipt| receipt.refused);
    assert_eq!(
        told,
        RejectReason::RegistrationClosed.is_final().then_some(RejectReason::RegistrationClosed)
    );
    let notes = world.intake.take_notes();
    assert!(notes.contains(&Note::Received(Kind::Telemetry)), "{notes:?}");
    assert!(notes.contains(&Note::KeptOut(Barrier::Closed)), "{notes:?}");
    let counts =
        |note: &Note| matches!(note, Note::Refused { topic, .. } if topic == "der/telemetry/ev-1");
    assert!(notes.iter().any(counts), "{notes:?}");
}

#[test]
fn what_a_broker_has_kept_and_what_comes_too_often_is_refused() {
    let mut world = World::new(Registration::Open);
    let first = world.sample(1, "ev-1");
    world.applied(&first);
    let kept = Incoming {
        topic: "der/telemetry/ev-1".into(),
        payload: sample(2, "ev-1", 2.5).into(),
        retained: true,
        bounded: true,
        origin: 2,
    };
    world.intake.message(&world.registry, NOW.plus_ms(2), kept);
    let reason = |effects: &[Effect<u32>]| match effects {
        [Effect::Append { record, .. }] if record.topic == Topic::DeadLetters => {
            DeadLetter::decode(&record.value).unwrap().reason
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&world.intake.take_effects()), RejectReason::Retained.as_str());
    // All of one moment, by every clock.
    let payload = sample(3, "ev-1", 2.5);
    let mut all: Vec<_> =
        (0..200).map(|_| world.comes(3, "der/telemetry/ev-1", &payload)).collect();
    assert_eq!(reason(&all.pop().unwrap()), RejectReason::RateLimited.as_str());
    let taken =
        all.iter().filter(|effects| short(effects) == [Out::Record(Topic::Telemetry, Some(3))]);
    assert_eq!(taken.count(), 98, "two seconds' worth, and two have come before");
}

#[test]
fn a_device_that_says_more_than_it_may_once_is_let_in_when_it_has_said_so_a_few_times() {
    let mut world = World::new(Registration::Open);
    let huge = |world: &mut World, number: u32| {
        world.comes(number, "der/telemetry/ev-1", &sample(number, "ev-1", 260.0))
    };
    let first = huge(&mut world, 0);
    world.applied(&first);
    assert!(world.registry.waiting.len() == 1 && world.registry.devices.is_empty());
    assert_eq!(short(&huge(&mut world, 600)), [Out::Record(Topic::Telemetry, Some(600))]);
    let third = huge(&mut world, 1_200);
    assert_eq!(short(&third), [Out::Change, Out::Record(Topic::Telemetry, Some(1_200))]);
    world.applied(&third);
    assert_eq!(world.registry.devices.len(), 1);
}

#[test]
fn what_is_noticed_is_written_once_and_said_once() {
    let mut world = World::new(Registration::Open);
    let first = world.sample(1, "ev-1");
    world.applied(&first);
    world.intake.take_notes();
    let elsewhere = |number| sample(number, "ev-1", 2.5).replace("north", "south");
    let noticed = world.comes(2, "der/telemetry/ev-1", &elsewhere(2));
    let expected = [Out::Change, Out::Record(Topic::Telemetry, Some(2))];
    assert_eq!(short(&noticed), expected);
    let said = |notes: Vec<Note>| {
        let is =
            |note: &Note| matches!(note, Note::Noticed { notice: DeviceNotice::OtherFeeder, .. });
        notes.iter().filter(|note| is(note)).count()
    };
    assert_eq!(said(world.intake.take_notes()), 1);
    // On its way, and then in the registry: never again.
    assert_eq!(short(&world.comes(3, "der/telemetry/ev-1", &elsewhere(3))).len(), 1);
    world.applied(&noticed);
    assert_eq!(short(&world.comes(4, "der/telemetry/ev-1", &elsewhere(4))).len(), 1);
    assert_eq!(said(world.intake.take_notes()), 0);
}

#[test]
fn what_contradicts_the_registry_is_refused_and_noticed_once() {
    let mut world = World::new(Registration::Open);
    let first = world.sample(1, "ev-1");
    world.applied(&first);
    let other = |number| {
        sample(number, "ev-1", 2.5).replace("\"deviceType\":\"ev\"", "\"deviceType\":\"pv\"")
    };
    let refused = world.comes(2, "der/telemetry/ev-1", &other(2));
    assert_eq!(short(&refused), [Out::Change, Out::Record(Topic::DeadLetters, Some(2))]);
    let again = world.comes(3, "der/telemetry/ev-1", &other(3));
    assert_eq!(short(&again), [Out::Record(Topic::DeadLetters, Some(3))]);
    let own = world.sample(4, "ev-1");
    assert_eq!(short(&own), [Out::Record(Topic::Telemetry, Some(4))]);
}
