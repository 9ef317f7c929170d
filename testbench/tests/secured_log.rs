//! Kafka with TLS and SCRAM: the right login gets in, a wrong one is told so, and nothing is ever said in the clear. And
//! topics that somebody made with dangerous settings are refused.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use schemas::samples::raw;
use schemas::topics::Topic;
use service_kit::log::{
    LogConfig, Producer, Start, ensure_topics, existing_partitions, read_to_end,
};
use service_kit::settings::{Service, Settings};
use testbench::certificates::Certificates;
use testbench::kafka::Kafka;

const PASSWORD: &str = "open-sesame-42";
const PATIENCE: Duration = Duration::from_secs(30);

fn config(pairs: &[(&str, &str)]) -> LogConfig {
    let settings = Settings::from_pairs(Service::Bridge, pairs).expect("settings");
    LogConfig::from_settings(&settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_over_tls_gets_in_and_a_wrong_one_does_not() {
    let certificates = Certificates::make().expect("certificates");
    let kafka = Kafka::start_secured(&certificates, "derms", PASSWORD).expect("Kafka");
    let (brokers, authority) = (kafka.address(), certificates.authority().display().to_string());
    let secured = |password: &str| {
        config(&[
            ("DERMS_KAFKA_BROKERS", &brokers),
            ("DERMS_KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
            ("DERMS_KAFKA_SASL_USERNAME", "derms"),
            ("DERMS_KAFKA_SASL_PASSWORD", password),
            ("DERMS_KAFKA_SSL_CA_PATH", &authority),
        ])
    };
    let right = secured(PASSWORD);
    assert_eq!(ensure_topics(&right).await.expect("it gets in"), 12);
    let record = raw(Topic::Operator, 0, "k", b"kept".to_vec());
    let producer = Producer::new(&right).expect("a producer");
    producer.append(&record, PATIENCE).await.expect("appended");
    let mut values = Vec::new();
    read_to_end(&right, &[(Topic::Operator, 0, Start::Beginning)], |record| {
        values.push(record.value);
        anyhow::Ok(())
    })
    .await
    .expect("read");
    // Before it stands the log's identity, which whoever makes the topics writes.
    assert_eq!(values.len(), 2);
    assert_eq!(values[1], b"kept");

    assert!(existing_partitions(&secured("a wrong one")).await.is_err());
    let plain = config(&[("DERMS_KAFKA_BROKERS", brokers.as_str())]);
    assert!(existing_partitions(&plain).await.is_err(), "nothing is said in the clear");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_would_lose_what_must_be_kept_are_refused() {
    let kafka = Kafka::start().expect("Kafka");
    let brokers = kafka.address();
    let admin: AdminClient<DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()
        .expect("an admin client");
    let make = async |prefix: &str, topic: Topic, partitions: i32, policy: &str| {
        let name = topic.name(prefix);
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1))
            .set("cleanup.policy", policy);
        let made = admin.create_topics(&[new], &AdminOptions::new()).await.expect("an answer");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        let config = config(&[("DERMS_KAFKA_BROKERS", &brokers), ("DERMS_TOPIC_PREFIX", prefix)]);
        ensure_topics(&config).await.map_err(|error| error.to_string())
    };
    let compacted = make("a.", Topic::Telemetry, 12, "compact").await.expect_err("refused");
    assert!(compacted.contains("a.telemetry.v1 has cleanup.policy = compact"), "{compacted}");
    let deleted = make("b.", Topic::Snapshots, 12, "delete").await.expect_err("refused");
    assert!(deleted.contains("b.snapshots.v1 has cleanup.policy = delete"), "{deleted}");
    let short = make("c.", Topic::Operator, 1, "delete").await.expect_err("refused");
    assert!(short.contains("c.operator.v1 has retention.ms"), "{short}");
    let few = make("d.", Topic::Decisions, 2, "delete").await.expect_err("refused");
    assert!(few.contains("d.decisions.v1 has 2 partitions, but 12 are needed"), "{few}");
    assert_eq!(make("e.", Topic::DeadLetters, 1, "delete").await, Ok(12), "as it should be");
    // What an older log lacks is made to fit it, whatever is set for a new one.
    assert_eq!(make("f.", Topic::Telemetry, 3, "delete").await, Ok(3), "as the log has it");
}
