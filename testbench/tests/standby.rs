//! A processor that stands by has replayed what the other decided before that one dies, and goes on where it ended.

use std::time::Duration;

use schemas::codec::Record;
use schemas::records::decision::LedgerRecord;
use schemas::records::operator::{Change, FeederChange, OperatorRecord};
use schemas::topics::Topic;
use schemas::{FeederId, Timestamp, Watts};
use serde_json::Value;
use service_kit::log::{LogConfig, Only, Outgoing, Producer, Start, ensure_topics, read_to_end};
use service_kit::settings::{Service as Settled, Settings};
use testbench::kafka::Kafka;
use testbench::service::Service;
use testbench::wait;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
/// Decisions that are made before and after.
const SOME: usize = 6;
/// Decisions of about two seconds: what a standby has not replayed when the other one dies.
const REPLAYED_MAX: u64 = 4;

/// Epoch and number of each decision.
async fn decisions(config: &LogConfig) -> Vec<(i64, i64)> {
    let mut all = Vec::new();
    let from = [(Topic::Decisions, 0, Start::Beginning)];
    read_to_end(config, &from, |record| {
        if let Ok(LedgerRecord::DecisionPart(part)) = LedgerRecord::decode(&record.value) {
            all.push((part.epoch, part.seq));
        }
        anyhow::Ok(())
    })
    .await
    .expect("the log answers");
    all
}

/// Waits until at least so many decisions are there.
async fn at_least(config: &LogConfig, count: usize) -> Vec<(i64, i64)> {
    let wait = async {
        loop {
            let all = decisions(config).await;
            if all.len() >= count {
                return all;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("decisions come")
}

/// The line of a service's log with this message.
fn line(service: &Service, message: &str) -> Value {
    let find = || {
        let log = service.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["message"] == message)
    };
    wait::until(message, PATIENCE, find)
        .unwrap_or_else(|error| panic!("{error:#}\n{}", service.log()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_goes_on_at_once_with_nothing_left_to_replay() {
    let kafka = Kafka::start().expect("Kafka");
    let brokers = kafka.address();
    let folder = tempfile::tempdir().expect("a folder");
    let pairs = [
        ("DERMS_KAFKA_BROKERS", brokers.as_str()),
        ("DERMS_TREE_PARTITIONS", "1"),
        ("DERMS_CLICKHOUSE_URL", "http://127.0.0.1:9"),
        ("CONTROL_INTERVAL_SECONDS", "1"),
        ("DERMS_IDLE_TIMEOUT_MS", "100"),
        ("DERMS_ALLOWED_LATENESS_MS", "100"),
        // Far more decisions than are made: without a standby all of them are replayed.
        ("DERMS_SNAPSHOT_DECISIONS", "1000"),
    ];
    let settings = Settings::from_pairs(Settled::Processor, &pairs).expect("settings");
    let config = LogConfig::from_settings(&settings);
    ensure_topics(&config).await.expect("topics");
    let mut first =
        Service::start_as("first", "derms-processor", &[], &pairs, folder.path()).expect("starts");
    let feeder = OperatorRecord {
        id: Uuid::now_v7(),
        at: Timestamp(0),
        source: None,
        actor: "test".to_owned(),
        change: Change::FeederChange(FeederChange {
            feeder_id: FeederId::new("feeder-1").expect("an id"),
            parent_id: None,
            import_limit_w: Some(Watts(10_000)),
            export_limit_w: None,
            mode: None,
            policy: None,
        }),
    };
    let record = Outgoing::of(&feeder, Only);
    let producer = Producer::new(&config).expect("a producer");
    producer.append(&record, PATIENCE).await.expect("appended");
    at_least(&config, SOME).await;

    let standby: Vec<(&str, &str)> = pairs.into_iter().chain([("DERMS_STANDBY", "true")]).collect();
    let second = Service::start_as("second", "derms-processor", &[], &standby, folder.path())
        .expect("starts");
    line(&second, "standing by");
    let before = at_least(&config, decisions(&config).await.len() + SOME).await;
    first.kill().expect("killed");

    let recovered = line(&second, "recovered: the partition is ours");
    let replayed = recovered["replayed"].as_u64().expect("a number");
    assert!(replayed <= REPLAYED_MAX, "{replayed} of {} decisions", before.len());
    let after = at_least(&config, decisions(&config).await.len() + SOME).await;
    let numbers: Vec<i64> = after.iter().map(|(_, seq)| *seq).collect();
    let expected: Vec<i64> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "it goes on where the other ended");
    assert!(after.is_sorted_by_key(|(epoch, _)| *epoch), "{after:?}");
    assert!(!second.log().contains("replay differs"), "{}", second.log());
}
