//! The log.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use testbench::port::free_port;
use testbench::service::Service;
use testbench::wait;

const SOON: Duration = Duration::from_secs(60);
const ASKING: Duration = Duration::from_secs(4);
const PASSWORD: &str = "a password of the test";
const LOGIN: [(&str, &str); 2] =
    [("DERMS_KAFKA_SASL_USERNAME", "derms"), ("DERMS_KAFKA_SASL_PASSWORD", PASSWORD)];

fn client(port: u16, password: Option<&str>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", format!("127.0.0.1:{port}")).set("broker.address.family", "v4");
    if let Some(password) = password {
        config
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", "derms")
            .set("sasl.password", password);
    }
    config
}

/// The topics' names, where one is told.
fn topics(port: u16, password: Option<&str>) -> Option<Vec<String>> {
    let consumer: BaseConsumer = client(port, password).create().expect("a client");
    let metadata = consumer.fetch_metadata(None, ASKING).ok()?;
    Some(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
}

fn end_of(port: u16, password: &str, topic: &str) -> i64 {
    let consumer: BaseConsumer = client(port, Some(password)).create().expect("a client");
    // Two feeders' trees may lie in any partition.
    let metadata = consumer.fetch_metadata(Some(topic), ASKING).expect("metadata");
    let count = i32::try_from(metadata.topics()[0].partitions().len()).expect("few");
    let end = |index| consumer.fetch_watermarks(topic, index, ASKING).expect("offsets").1;
    (0..count).map(end).sum()
}

/// What ended the older log, and what announces more than there is.
fn hostile() -> Vec<Vec<u8>> {
    let framed =
        |body: &[u8]| [&i32::try_from(body.len()).expect("short").to_be_bytes()[..], body].concat();
    let transactional: &[u8] = &[
        0, 22, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0, 2, b't', 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0,
        0,
    ];
    vec![
        framed(transactional),
        vec![0x7f, 0xff, 0xff, 0xff],
        vec![0xff; 64],
        framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
        framed(&[0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ]
}

fn send(port: u16, bytes: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(ASKING)).expect("a time-out");
    // Whether it is answered or closed is told by the log's own tests.
    stream.write_all(bytes).ok();
    let _read = stream.read(&mut [0; 64]);
}

#[test]
fn in_derms_up_only_who_can_read_its_key_gets_at_the_log_and_no_stranger_stops_control() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = free_port().expect("a port");
    let ports = ["PORT", "MQTT_PORT", "DERMS_CLICKHOUSE_PORT"];
    let mut sets: Vec<String> =
        ports.iter().map(|name| format!("{name}={}", free_port().expect("a port"))).collect();
    sets.push(format!("DERMS_KAFKA_PORT={port}"));
    sets.push("CONTROL_INTERVAL_SECONDS=1".to_owned());
    let data_text = data.display().to_string();
    let mut arguments =
        vec!["up", "--demo", "--devices", "5", "--log-stderr", "--data", &data_text];
    for set in &sets {
        arguments.extend(["--set", set]);
    }
    let _derms = Service::start("derms", &arguments, &[], folder.path()).expect("it starts");
    let key = data.join("log.key");
    let decisions = "derms.decisions.v1";
    let password = wait::until("the log's key", SOON, || {
        std::fs::read_to_string(&key).ok().filter(|text| !text.is_empty())
    });
    let password = password.expect("a key");
    let mode = std::fs::metadata(&key).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others read the key");
    wait::until("decisions", SOON, || {
        let known = topics(port, Some(&password))?.contains(&decisions.to_owned());
        (known && end_of(port, &password, decisions) > 3).then_some(())
    })
    .expect("control decides");

    assert_eq!(topics(port, None), None, "who has no login is told nothing");
    assert_eq!(topics(port, Some("another password of some length")), None);
    for bytes in hostile() {
        send(port, &bytes);
    }
    let before = end_of(port, &password, decisions);
    wait::until("further decisions", SOON, || {
        (end_of(port, &password, decisions) > before + 2).then_some(())
    })
    .expect("control goes on");
}

fn log_on(port: u16, folder: &Path, environment: &[(&str, &str)]) -> Service {
    let (data, port) = (folder.join("log").display().to_string(), port.to_string());
    Service::start("derms", &["log", "--data", &data, "--port", &port], environment, folder)
        .expect("it starts")
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_once() {
    const COUNT: u32 = 3_000;
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let mut log = log_on(port, folder.path(), &LOGIN);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let made = runtime.block_on(async {
        let admin: AdminClient<DefaultClientContext> =
            client(port, Some(PASSWORD)).create().expect("an admin");
        let topic = NewTopic::new("t", 2, TopicReplication::Fixed(1));
        admin.create_topics([&topic], &AdminOptions::new()).await
    });
    made.expect("an answer")[0].as_ref().expect("made");
    let mut config = client(port, Some(PASSWORD));
    config.set("enable.idempotence", "true").set("linger.ms", "1");
    let producer: FutureProducer = config.create().expect("a producer");
    runtime.block_on(async {
        let sent = (0..COUNT).map(|number| {
            let producer = producer.clone();
            async move {
                let (key, value) = (number.to_string(), number.to_string());
                let record = FutureRecord::to("t").key(&key).payload(&value);
                producer.send(record, SOON).await.expect("acknowledged in the end");
            }
        });
        let all = futures_of(sent.collect());
        let killing = async {
            tokio::task::yield_now().await;
            log.kill().expect("killed");
            log.restart().expect("started again");
        };
        tokio::join!(all, killing);
    });
    let consumer: BaseConsumer = client(port, Some(PASSWORD))
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&["t"]).expect("subscribed");
    let mut seen = BTreeSet::new();
    wait::until("all records", SOON, || {
        while let Some(message) = consumer.poll(Duration::from_millis(200)) {
            let message = message.ok()?;
            let text = message.payload_view::<str>().expect("a value").expect("text");
            assert!(seen.insert(text.to_owned()), "{text} is there twice");
        }
        (seen.len() == COUNT as usize).then_some(())
    })
    .expect("nothing is lost");
}

/// Waits for all of these, side by side.
async fn futures_of<F: Future<Output = ()> + Send + 'static>(all: Vec<F>) {
    let mut set = tokio::task::JoinSet::new();
    for one in all {
        set.spawn(one);
    }
    while let Some(done) = set.join_next().await {
        done.expect("done");
    }
}

#[test]
fn alone_and_beyond_this_machine_it_wants_a_login() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a port");
    let mut open = log_on(port, folder.path(), &[("DERMS_BIND", "0.0.0.0")]);
    wait::until("its end", SOON, || (!open.is_running()).then_some(())).expect("it ends");
    assert!(open.log().contains("DERMS_KAFKA_SASL_PASSWORD"), "{}", open.log());
    let environment = [&LOGIN[..], &[("DERMS_BIND", "0.0.0.0")]].concat();
    let _log = log_on(port, folder.path(), &environment);
    wait::until("the log", SOON, || topics(port, Some(PASSWORD))).expect("it answers");
    assert_eq!(topics(port, None), None);
}
