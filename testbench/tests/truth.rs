//! What a processor makes of records that lie, of records that are newer than it is, and of a second processor that
//! nobody told of the first: with a real log and real processes.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use schemas::codec::{Record, version};
use schemas::records::decision::LedgerRecord;
use schemas::samples::{encode, raw, samples};
use schemas::topics::Topic;
use serde_json::{Value, json};
use service_kit::log::{LogConfig, Producer, Start, ensure_topics, read_to_end};
use service_kit::settings::{Service as Settled, Settings};
use tempfile::TempDir;
use testbench::kafka::Kafka;
use testbench::service::Service;
use testbench::wait;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
/// Decisions that are made before and after.
const SOME: usize = 4;

/// A log with a feeder in it, and what processors on it are told.
struct World {
    kafka: Kafka,
    pairs: Vec<(&'static str, String)>,
    config: LogConfig,
    producer: Producer,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let kafka = Kafka::start().expect("Kafka");
        let plain = [
            ("DERMS_TREE_PARTITIONS", "1"),
            ("DERMS_CLICKHOUSE_URL", "http://127.0.0.1:9"),
            ("CONTROL_INTERVAL_SECONDS", "1"),
            ("DERMS_IDLE_TIMEOUT_MS", "100"),
            ("DERMS_ALLOWED_LATENESS_MS", "100"),
            ("DERMS_PARTITIONS", "all"),
        ];
        let mut pairs: Vec<_> =
            plain.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        pairs.push(("DERMS_KAFKA_BROKERS", kafka.address()));
        let texts: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let settings = Settings::from_pairs(Settled::Processor, &texts).expect("settings");
        let config = LogConfig::from_settings(&settings);
        ensure_topics(&config).await.expect("topics");
        let producer = Producer::new(&config).expect("a producer");
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { kafka, pairs, config, producer, folder };
        world.append(Topic::Operator, &samples(Topic::Operator)[1]).await;
        world
    }

    fn processor(&self, name: &str) -> Service {
        let pairs: Vec<_> =
            self.pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Service::start_as(name, "derms-processor", &[], &pairs, self.folder.path()).expect("starts")
    }

    async fn append(&self, topic: Topic, record: &Value) {
        let value = encode(topic, record).expect("a record");
        let outgoing = raw(topic, 0, schemas::samples::ROOT, value);
        self.producer.append(&outgoing, PATIENCE).await.expect("appended");
    }

    async fn ledger(&self) -> Vec<LedgerRecord> {
        let mut all = Vec::new();
        let from = [(Topic::Decisions, 0, Start::Beginning)];
        read_to_end(&self.config, &from, |record| {
            all.extend(LedgerRecord::decode(&record.value));
            anyhow::Ok(())
        })
        .await
        .expect("the log answers");
        all
    }

    /// Waits until decisions stand in the log that are made from now on; gives all records there are.
    async fn goes_on(&self) -> Vec<LedgerRecord> {
        let decisions = |all: &[LedgerRecord]| {
            all.iter().filter(|record| matches!(record, LedgerRecord::DecisionPart(_))).count()
        };
        let before = decisions(&self.ledger().await);
        let wait = async {
            loop {
                let all = self.ledger().await;
                if decisions(&all) >= before + SOME {
                    return all;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("decisions go on")
    }
}

#[track_caller]
fn says(service: &Service, words: &str) {
    wait::until(words, PATIENCE, || service.log().contains(words).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", service.log()));
}

fn claims(all: &[LedgerRecord]) -> Vec<i64> {
    let epochs = all.iter().filter_map(|record| match record {
        LedgerRecord::Claim(claim) => Some(claim.epoch),
        LedgerRecord::DecisionPart(_) => None,
    });
    epochs.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_processor_with_the_same_fixed_partitions_comes_and_goes() {
    let world = World::new().await;
    let first = world.processor("first");
    world.goes_on().await;
    let mut second = world.processor("second");
    says(&first, "another instance has taken the partition");
    world.goes_on().await;
    second.kill().expect("killed");
    says(&first, "nobody decides here any more");
    let all = world.goes_on().await;
    assert_eq!(claims(&all), [1, 2, 3], "each change of hands is one claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_lie_stop_control_neither_now_nor_after_a_restart() {
    let world = World::new().await;
    let mut processor = world.processor("processor");
    let all = world.goes_on().await;
    let Some(LedgerRecord::DecisionPart(last)) = all.last() else { panic!("a decision is last") };
    let log = all.iter().find_map(|record| match record {
        LedgerRecord::Claim(claim) => claim.log,
        LedgerRecord::DecisionPart(_) => None,
    });
    for epoch in [i64::MIN, 7, 1 << 50, i64::MAX] {
        let mut claim = samples(Topic::Decisions).remove(0);
        (claim["Claim"]["epoch"], claim["Claim"]["log"]) = (json!(epoch), json!(log));
        world.append(Topic::Decisions, &claim).await;
    }
    for (seq, at) in [(i64::MAX, 0_i64), (1 << 50, 0), (last.seq + 40, 253_402_300_799_999)] {
        let mut decision = samples(Topic::Decisions).remove(1);
        let part = &mut decision["DecisionPart"];
        (part["writer"], part["epoch"]) = (json!(last.writer), json!(last.epoch));
        (part["seq"], part["header"]["at"]) = (json!(seq), json!(at));
        world.append(Topic::Decisions, &decision).await;
    }
    let mut sample = samples(Topic::Telemetry).remove(0);
    for (number, power) in [(1, i64::MAX), (2, i64::MAX), (3, i64::MIN)] {
        sample["message_id"] = json!(Uuid::from_u128(number));
        (sample["ts"], sample["power_w"]) = (json!(i64::MAX), json!(power));
        world.append(Topic::Telemetry, &sample).await;
    }
    world.goes_on().await;
    says(&processor, "claim_jump");
    assert!(processor.is_running(), "{}", processor.log());
    processor.kill().expect("killed");
    let next = world.processor("next");
    let all = world.goes_on().await;
    assert!(!next.log().contains("panicked"), "{}", next.log());
    let honest = claims(&all).into_iter().filter(|epoch| *epoch < 7).max();
    assert!(honest >= Some(2), "its claim continues what stands: {:?}", claims(&all));
}

/// A record as a newer program would write it.
fn newer(world: &World, topic: Topic) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", world.kafka.address())
        .create()
        .expect("a producer");
    let version = (version(topic) + 7).to_string();
    let headers = OwnedHeaders::new().insert(Header { key: "v", value: Some(&version) });
    let name = topic.name(&world.config.prefix);
    let record = BaseRecord::to(&name).partition(0).key("x").payload("x").headers(headers);
    producer.send(record).map_err(|(error, _)| error).expect("sent");
    producer.flush(PATIENCE).expect("appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_meets_a_newer_record_ends_with_what_to_do() {
    for topic in
        [Topic::Operator, Topic::Telemetry, Topic::Acks, Topic::Decisions, Topic::Snapshots]
    {
        let world = World::new().await;
        newer(&world, topic);
        let mut processor = world.processor("processor");
        let ended = || (!processor.is_running()).then_some(());
        wait::until("it ends", PATIENCE, ended).expect("it does not go on");
        let log = processor.log();
        for words in [topic.suffix(), "this program knows up to version", "start that one again"] {
            assert!(log.contains(words), "{words}: {log}");
        }
    }
}
