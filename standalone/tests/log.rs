//! The embedded log, asked through librdkafka as the services ask it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use derms::embedded::claim_port;
use derms::embedded::log::EmbeddedLog;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use service_kit::settings::{Service, Settings};

const PATIENCE: Duration = Duration::from_secs(30);

const LOGIN: [(&str, &str); 2] =
    [("DERMS_KAFKA_SASL_USERNAME", "derms"), ("DERMS_KAFKA_SASL_PASSWORD", "open sesame")];

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_pairs(Service::Standalone, pairs).expect("settings")
}

fn free_address() -> SocketAddr {
    claim_port(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "DERMS_KAFKA_PORT").expect("a port")
}

async fn log_in(data: &Path) -> EmbeddedLog {
    EmbeddedLog::start(free_address(), data, &settings(&[])).await.expect("the log starts")
}

fn client(address: SocketAddr) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address.to_string())
        .set("broker.address.family", "v4")
        .set("fetch.wait.max.ms", "5000");
    config
}

async fn create(address: SocketAddr, topic: &str, partitions: i32, cleanup: &str) {
    let admin: AdminClient<DefaultClientContext> = client(address).create().expect("an admin");
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
        .set("cleanup.policy", cleanup)
        .set("retention.ms", "604800000");
    let results = admin.create_topics([&topic], &AdminOptions::new()).await.expect("an answer");
    results.into_iter().for_each(|result| {
        result.expect("the topic is made");
    });
}

fn producer(address: SocketAddr) -> FutureProducer {
    client(address)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        .create()
        .expect("a producer")
}

async fn produce(producer: &FutureProducer, topic: &str, values: std::ops::Range<u32>) {
    let sent = values.map(|value| async move {
        let (key, payload) = ((value % 7).to_string(), value.to_string());
        let record = FutureRecord::to(topic).key(&key).payload(&payload);
        producer.send(record, PATIENCE).await.expect("acknowledged");
    });
    futures::future::join_all(sent).await;
}

fn consumer(address: SocketAddr, topic: &str, group: &str) -> BaseConsumer {
    let consumer: BaseConsumer = client(address)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("subscribed");
    consumer
}

/// Reads so many records and commits.
fn read(consumer: &BaseConsumer, count: usize) -> BTreeSet<u32> {
    let deadline = Instant::now() + PATIENCE;
    let mut values = BTreeSet::new();
    while values.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records", values.len());
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.expect("a record");
            let text = message.payload_view::<str>().expect("a payload").expect("text");
            values.insert(text.parse().expect("a number"));
        }
    }
    consumer.commit_consumer_state(CommitMode::Sync).expect("committed");
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_group_positions_outlive_the_log() {
    let data = tempfile::tempdir().expect("a folder");
    let first = log_in(data.path()).await;
    let address = first.address();
    create(address, "t", 3, "delete").await;
    create(address, "state", 1, "compact").await;
    produce(&producer(address), "t", 0..500).await;
    let values = tokio::task::spawn_blocking(move || read(&consumer(address, "t", "g"), 500)).await;
    assert_eq!(values.expect("read"), (0..500).collect());
    let began = Instant::now();
    first.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

    // The same port at once: a restart must not find it taken.
    let second =
        EmbeddedLog::start(address, data.path(), &settings(&[])).await.expect("starts again");
    produce(&producer(address), "t", 500..800).await;
    let group = tokio::task::spawn_blocking(move || read(&consumer(address, "t", "g"), 300)).await;
    assert_eq!(group.expect("read"), (500..800).collect(), "the group goes on where it was");
    second.stop().await;

    let third = log_in(data.path()).await;
    let address = third.address();
    let all =
        tokio::task::spawn_blocking(move || read(&consumer(address, "t", "other"), 800)).await;
    assert_eq!(all.expect("read"), (0..800).collect());
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_reader_gets_a_record_quickly() {
    const ROUNDS: u32 = 40;
    let data = tempfile::tempdir().expect("a folder");
    let log = log_in(data.path()).await;
    let address = log.address();
    create(address, "t", 1, "delete").await;
    let producer = producer(address);
    produce(&producer, "t", 0..1).await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let reader = std::thread::spawn(move || {
        let consumer = consumer(address, "t", "latency");
        let mut seen = 0;
        while seen <= ROUNDS {
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                message.expect("a record");
                seen += 1;
                sender.send(Instant::now()).expect("the test waits");
            }
        }
    });
    receiver.recv().await.expect("the reader is there");
    let mut delays = Vec::new();
    for value in 1..=ROUNDS {
        let began = Instant::now();
        produce(&producer, "t", value..value + 1).await;
        let arrived = tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("in time");
        delays.push(arrived.expect("a record").duration_since(began));
    }
    delays.sort();
    let median = delays[delays.len() / 2];
    assert!(median < Duration::from_millis(100), "median {median:?}");
    reader.join().expect("the reader ends");
    log.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_the_log_cannot_take_is_refused_in_words() {
    let data = tempfile::tempdir().expect("a folder");
    let odd = data.path().join("with space");
    std::fs::write(&odd, "a file").expect("written");
    let started = EmbeddedLog::start(free_address(), &odd, &settings(&[])).await;
    let error = format!("{:#}", started.err().expect("refused"));
    assert!(error.contains("with space"), "{error}");
    std::fs::remove_file(&odd).expect("removed");
    log_in(&odd).await.stop().await;
}

/// What a producer with this login hears about one record.
async fn try_to_produce(address: SocketAddr, login: Option<(&str, &str, &str)>) -> bool {
    let mut config = client(address);
    if let Some((user, password, mechanism)) = login {
        config
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", mechanism)
            .set("sasl.username", user)
            .set("sasl.password", password);
    }
    let producer: FutureProducer =
        config.set("message.timeout.ms", "3000").create().expect("a producer");
    producer.send(FutureRecord::to("t").key("k").payload("v"), PATIENCE).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_knows_the_password_reads_or_writes() {
    let data = tempfile::tempdir().expect("a folder");
    let open = log_in(data.path()).await;
    let address = open.address();
    create(address, "t", 1, "delete").await;
    assert!(try_to_produce(address, None).await);
    open.stop().await;
    let log = EmbeddedLog::start(address, data.path(), &settings(&LOGIN)).await.expect("starts");
    for mechanism in ["SCRAM-SHA-512", "SCRAM-SHA-256"] {
        assert!(try_to_produce(address, Some(("derms", "open sesame", mechanism))).await);
        assert!(!try_to_produce(address, Some(("derms", "wrong", mechanism))).await);
        assert!(!try_to_produce(address, Some(("mallory", "open sesame", mechanism))).await);
    }
    assert!(!try_to_produce(address, Some(("derms", "open sesame", "PLAIN"))).await);
    assert!(!try_to_produce(address, None).await);
    let read = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = client(address).create().expect("a consumer");
        consumer.fetch_metadata(None, Duration::from_secs(3)).is_ok()
    });
    assert!(!read.await.expect("asked"), "not even the topics' names");
    log.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_nobody_is_let_in_without_a_login() {
    let data = tempfile::tempdir().expect("a folder");
    let everywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), free_address().port());
    let started = EmbeddedLog::start(everywhere, data.path(), &settings(&[])).await;
    let error = format!("{:#}", started.err().expect("refused"));
    assert!(error.contains("DERMS_KAFKA_SASL_PASSWORD"), "{error}");
    let half = EmbeddedLog::start(everywhere, data.path(), &settings(&LOGIN[..1])).await;
    assert!(half.is_err());
    let log = EmbeddedLog::start(everywhere, data.path(), &settings(&LOGIN)).await;
    log.expect("starts").stop().await;
}
