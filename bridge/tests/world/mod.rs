//! A world for the bridge: a real Mosquitto, a mock log (for wiring only), devices, and waiting on conditions.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use derms_bridge::Config;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rumqttc::Outgoing as Sent;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use schemas::codec::Record;
use schemas::ids::FeederId;
use schemas::records::dead_letter::DeadLetter;
use schemas::records::decision::LedgerRecord;
use schemas::records::telemetry::Telemetry;
use schemas::samples::raw;
use schemas::topics::{Topic, tree_partition};
use service_kit::log::{LogConfig, LogRecord, Producer, Reader, Start};
use service_kit::settings::{Service, Settings};
use service_kit::task;
use testbench::mosquitto::Mosquitto;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Longest wait for anything that must happen.
pub const DEADLINE: Duration = Duration::from_secs(30);
pub const PARTITIONS: i32 = 4;
const PREFIX: &str = "t.";

pub struct World {
    pub mosquitto: Mosquitto,
    pub log: MockCluster<'static, DefaultProducerContext>,
    pub log_config: LogConfig,
}

impl World {
    pub fn start() -> Self {
        let mosquitto = Mosquitto::start().expect("mosquitto");
        let log = MockCluster::new(1).expect("a mock log");
        for topic in Topic::ALL {
            log.create_topic(&topic.name(PREFIX), topic.partitions(PARTITIONS), 1)
                .expect("a topic of the mock log");
        }
        let brokers = log.bootstrap_servers();
        let pairs = [
            ("DERMS_KAFKA_BROKERS", brokers.as_str()),
            ("DERMS_TOPIC_PREFIX", PREFIX),
            ("DERMS_KAFKA_FETCH_WAIT_MS", "20"),
        ];
        let settings = Settings::from_pairs(Service::Bridge, &pairs).expect("settings");
        Self { mosquitto, log, log_config: LogConfig::from_settings(&settings) }
    }

    pub fn config(&self, pairs: &[(&str, &str)]) -> Config {
        let port = self.mosquitto.port().to_string();
        let host = self.mosquitto.host();
        let mut all = vec![
            ("MQTT_HOST", host.as_str()),
            ("MQTT_PORT", port.as_str()),
            ("DERMS_KAFKA_BROKERS", self.log_config.brokers.as_str()),
            ("DERMS_TOPIC_PREFIX", PREFIX),
            ("DERMS_KAFKA_FETCH_WAIT_MS", "20"),
            ("DERMS_PARTITIONS", "all"),
            ("DERMS_MQTT_DEVICE_RATE_MAX", "10000"),
        ];
        all.extend_from_slice(pairs);
        let settings = Settings::from_pairs(Service::Bridge, &all).expect("settings");
        Config::from_settings(&settings).expect("a config")
    }

    pub fn bridge(&self, pairs: &[(&str, &str)]) -> Bridge {
        let shutdown = CancellationToken::new();
        let run = Box::pin(derms_bridge::run(self.config(pairs), shutdown.clone()));
        Bridge { shutdown, task: task::spawn("bridge", run) }
    }

    pub async fn device(&self, client_id: &str) -> Client {
        Client::connect(&self.mosquitto, client_id, true).await
    }

    /// Reads a topic from its beginning until `done` says so.
    pub async fn read_until(
        &self,
        topic: Topic,
        mut done: impl FnMut(&[LogRecord]) -> bool,
    ) -> Vec<LogRecord> {
        let from: Vec<_> = (0..topic.partitions(PARTITIONS))
            .map(|partition| (topic, partition, Start::Beginning))
            .collect();
        let reader = Reader::new(&self.log_config, &from).expect("a reader");
        let mut records = Vec::new();
        let read = async {
            while !done(&records) {
                records.push(reader.next().await.expect("the log"));
            }
        };
        let in_time = timeout(DEADLINE, read).await.is_ok();
        assert!(in_time, "{topic:?}: only {} records in time", records.len());
        records
    }

    /// Publishes samples of a device `probe` until one is in the log: from then on the bridge's session exists.
    pub async fn ready(&self, client: &mut Client) {
        let north = FeederId::new("north").expect("an id");
        let partition = tree_partition(&north, PARTITIONS);
        let reader = Reader::new(&self.log_config, &[]).expect("a reader");
        let probed = async {
            loop {
                client.publish("der/telemetry/probe", sample("probe", "north").1).await;
                let bounds = reader.bounds(Topic::Telemetry, partition).await.expect("bounds");
                if bounds.1 > bounds.0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(DEADLINE, probed).await.expect("the bridge is ready in time");
    }

    /// The telemetry of a device, from the first record on until `count` are there.
    pub async fn samples(&self, device: &str, count: usize) -> Vec<Telemetry> {
        let decode = |record: &LogRecord| Telemetry::decode(&record.value).expect("telemetry");
        let of_device = |records: &[LogRecord]| -> Vec<Telemetry> {
            let all = records.iter().map(decode);
            all.filter(|sample| sample.device_id.as_str() == device).collect()
        };
        let records =
            self.read_until(Topic::Telemetry, |records| of_device(records).len() >= count).await;
        of_device(&records)
    }

    /// Waits until the log has every one of these messages.
    pub async fn has_all(&self, mut missing: BTreeSet<Uuid>) {
        let mut seen = 0;
        self.read_until(Topic::Telemetry, |records| {
            for record in &records[seen..] {
                missing.remove(&Telemetry::decode(&record.value).expect("telemetry").message_id);
            }
            seen = records.len();
            missing.is_empty()
        })
        .await;
    }

    pub async fn append(&self, topic: Topic, root: &str, value: Vec<u8>) {
        let producer = Producer::new(&self.log_config).expect("a producer");
        let root = FeederId::new(root).expect("an id");
        let partition = match topic.partitions(PARTITIONS) {
            1 => 0,
            partitions => tree_partition(&root, partitions),
        };
        let outgoing = raw(topic, partition, root.as_str(), value);
        producer.append(&outgoing, DEADLINE).await.expect("appended");
    }

    pub async fn append_ledger(&self, root: &str, record: LedgerRecord) {
        self.append(Topic::Decisions, root, record.encode()).await;
    }

    pub async fn dead_letters(&self, count: usize) -> BTreeMap<String, DeadLetter> {
        self.read_until(Topic::DeadLetters, |records| records.len() >= count)
            .await
            .iter()
            .map(|record| DeadLetter::decode(&record.value).expect("a dead letter"))
            .map(|letter| (letter.reason.clone(), letter))
            .collect()
    }
}

pub struct Bridge {
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Bridge {
    /// Ends it at once, whatever it is doing.
    pub async fn kill(self) {
        self.task.abort();
        let ended = timeout(DEADLINE, self.task).await.expect("it ends in time");
        assert!(ended.is_err_and(|error| error.is_cancelled()), "it was running");
    }

    /// Asks it to end, and says how it did.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        timeout(DEADLINE, self.task).await.expect("it ends in time").expect("it does not panic")
    }
}

/// Any MQTT 5 client.
pub struct Client {
    client: AsyncClient,
    messages: mpsc::UnboundedReceiver<Publish>,
    acknowledged: mpsc::UnboundedReceiver<u16>,
    task: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    pub async fn connect(mosquitto: &Mosquitto, client_id: &str, clean: bool) -> Self {
        let mut options = MqttOptions::new(client_id, mosquitto.host(), mosquitto.port());
        options.set_clean_start(clean);
        let mut properties = ConnectProperties::new();
        properties.max_packet_size = Some(16 * 1024 * 1024);
        properties.session_expiry_interval = Some(3_600);
        options.set_connect_properties(properties);
        let (client, mut event_loop) = AsyncClient::new(options, 10_000);
        let (message, messages) = mpsc::unbounded_channel();
        let (ack, acknowledged) = mpsc::unbounded_channel();
        let (up, connected) = tokio::sync::oneshot::channel();
        let mut up = Some(up);
        let task = task::spawn("client", async move {
            loop {
                match event_loop.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        if let Some(up) = up.take() {
                            up.send(()).ok();
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        message.send(publish).ok();
                    }
                    Ok(Event::Incoming(Packet::PubAck(answer))) => {
                        ack.send(answer.pkid).ok();
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        ack.send(0).ok();
                    }
                    Ok(Event::Outgoing(Sent::Disconnect)) => return,
                    Ok(_) => {}
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        timeout(DEADLINE, connected).await.expect("connected in time").expect("connected");
        Self { client, messages, acknowledged, task }
    }

    /// Publishes at QoS 1 and waits until the broker has it.
    pub async fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(topic, payload.into(), false).await;
    }

    /// Likewise, and the broker keeps it for later subscribers.
    pub async fn publish_retained(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(topic, payload.into(), true).await;
    }

    async fn send(&mut self, topic: &str, payload: Vec<u8>, retain: bool) {
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .await
            .expect("the client runs");
        self.answered().await;
    }

    pub async fn subscribe(&mut self, filter: &str) {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.expect("the client runs");
        self.answered().await;
    }

    async fn answered(&mut self) {
        timeout(DEADLINE, self.acknowledged.recv()).await.expect("in time").expect("an answer");
    }

    pub async fn next(&mut self) -> Publish {
        timeout(DEADLINE, self.messages.recv())
            .await
            .expect("a message in time")
            .expect("a message")
    }
}

/// What a retained message of the broker says about its expiry, s.
pub fn expiry_s(message: &Publish) -> Option<u32> {
    message.properties.as_ref()?.message_expiry_interval
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A valid sample with an id of its own.
pub fn sample(device: &str, feeder: &str) -> (Uuid, String) {
    let id = Uuid::now_v7();
    let at = now_ms();
    let payload = format!(
        r#"{{"v":1,"messageType":"telemetry","messageId":"{id}","deviceId":"{device}","deviceType":"ev",
        "timestampMs":{at},"payload":{{"readings":{{"powerKw":2.5}},"status":{{"online":true}},"feederId":"{feeder}"}}}}"#
    );
    (id, payload)
}

pub fn now_ms() -> i64 {
    use service_kit::clock::{Clock, SystemClock};
    SystemClock.now().0
}

/// Waits until a metric of this process has at least a value.
pub async fn metric_reaches(name: &str, value: f64) {
    let read = || {
        service_kit::metrics::render()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    let reached = async {
        while read() < value {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = timeout(DEADLINE, reached).await.is_ok();
    assert!(in_time, "{name} is {} and not {value} in time", read());
}
