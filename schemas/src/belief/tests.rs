//! Any record with any numbers goes through codec, ledger and registry without harm, and good ones are believed.

use proptest::prelude::*;

use crate::codec::{DecodeError, Record};
use crate::ledger::Ledger;
use crate::records::ack::Ack;
use crate::records::dead_letter::DeadLetter;
use crate::records::decision::LedgerRecord;
use crate::records::operator::OperatorRecord;
use crate::records::sent::Sent;
use crate::records::snapshot::SnapshotPart;
use crate::records::state::{DeviceState, FeederState};
use crate::records::telemetry::Telemetry;
use crate::registry::Registry;
use crate::samples::{EXTREMES, encode, samples, spoil};
use crate::topics::Topic;

/// Reads bytes as their readers do.
fn read(
    topic: Topic,
    bytes: &[u8],
    ledger: &mut Ledger,
    registry: &mut Registry,
) -> Result<(), DecodeError> {
    match topic {
        Topic::Telemetry => Telemetry::decode(bytes).map(drop),
        Topic::Acks => Ack::decode(bytes).map(drop),
        Topic::Operator => {
            let record = OperatorRecord::decode(bytes)?;
            // A change that breaks a rule changes nothing.
            drop(registry.apply(&record));
            Ok(())
        }
        Topic::Decisions => {
            drop(ledger.read(LedgerRecord::decode(bytes)?));
            Ok(())
        }
        Topic::Snapshots => SnapshotPart::decode(bytes).map(drop),
        Topic::DeviceState => DeviceState::decode(bytes).map(drop),
        Topic::FeederState => FeederState::decode(bytes).map(drop),
        Topic::DeadLetters => DeadLetter::decode(bytes).map(drop),
        Topic::Sent => Sent::decode(bytes).map(drop),
    }
}

#[test]
fn a_good_record_of_every_kind_is_believed() {
    let (mut ledger, mut registry) = (Ledger::new(), Registry::default());
    for topic in Topic::ALL {
        for record in samples(topic) {
            let bytes = encode(topic, &record).expect("a sample is a record");
            let read = read(topic, &bytes, &mut ledger, &mut registry);
            assert_eq!(read, Ok(()), "{topic:?}: {record}");
        }
    }
}

#[test]
fn what_cannot_be_is_named_with_what_could() {
    let mut record = samples(Topic::Decisions)[0].clone();
    record["Claim"]["epoch"] = i64::MAX.into();
    let bytes = encode(Topic::Decisions, &record).expect("it can be written");
    let error = LedgerRecord::decode(&bytes).expect_err("it cannot be believed").to_string();
    assert!(error.contains("epoch = 9223372036854775807 cannot be: expected 1 to"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_numbers_in_any_record_do_no_harm(
        topic in prop::sample::select(Topic::ALL.to_vec()),
        kind in any::<prop::sample::Index>(),
        spoils in prop::collection::vec((0..200_usize, prop::sample::select(EXTREMES.to_vec())), 1..4),
    ) {
        let (mut ledger, mut registry) = (Ledger::new(), Registry::default());
        for topic in [Topic::Operator, Topic::Decisions] {
            for record in samples(topic) {
                let bytes = encode(topic, &record).expect("a sample is a record");
                read(topic, &bytes, &mut ledger, &mut registry).expect("it is believed");
            }
        }
        let all = samples(topic);
        let mut record = all[kind.index(all.len())].clone();
        for (which, extreme) in spoils {
            if let Some(bytes) = spoil(topic, &mut record, which, extreme) {
                drop(read(topic, &bytes, &mut ledger, &mut registry));
            }
        }
    }
}
