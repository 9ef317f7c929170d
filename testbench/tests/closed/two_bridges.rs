//! Two bridges under one client id, as a copied unit file makes them: they say so and slow down, and the one that stays
//! recovers. On the embedded broker they know why; on Mosquitto they can only suspect it: it leaves the length of the
//! properties out of its DISCONNECT (MQTT 5, 3.14.2.2.1), and the client library takes that for half a packet.

use std::time::{Duration, Instant};

use testbench::curl::curl;
use testbench::kafka::Kafka;
use testbench::place::users;
use testbench::port::free_port;
use testbench::service::Service;
use testbench::wait;

use crate::mqtt::Broker;

const PATIENCE: Duration = Duration::from_secs(90);
/// Times that a session has to change hands.
const TAKEN_MIN: f64 = 6.0;
/// The fastest that one connection may come back, on the average.
const RECONNECT_MIN: Duration = Duration::from_secs(3);
/// The pauses that come before the first session is taken.
const FIRST_TRIES: f64 = 3.0;
/// Connections that have to end where nobody is told why, and the pauses until they are as long as they get.
const ENDED_MIN: f64 = 24.0;
const DOUBLING_TRIES: f64 = 6.0;
const TAKEN: &str = "derms_bridge_mqtt_sessions_taken_total";
const ENDED: &str = "derms_bridge_mqtt_disconnects_total";
const CONTESTED: &str = "derms_bridge_mqtt_session_contested";

struct Bridge {
    service: Service,
    metrics_port: u16,
}

impl Bridge {
    fn start(label: &str, broker: &Broker, kafka: &Kafka, folder: &std::path::Path) -> Self {
        let metrics_port = free_port().expect("a port");
        let (mqtt, log) = (broker.services_port.to_string(), kafka.address());
        let metrics = format!("127.0.0.1:{metrics_port}");
        let environment = [
            ("MQTT_HOST", "127.0.0.1"),
            ("MQTT_PORT", mqtt.as_str()),
            ("MQTT_USERNAME", broker.service.0.as_str()),
            ("MQTT_PASSWORD", broker.service.1.as_str()),
            ("DERMS_KAFKA_BROKERS", log.as_str()),
            ("DERMS_TREE_PARTITIONS", "2"),
            ("DERMS_METRICS_ADDR", metrics.as_str()),
        ];
        let service = Service::start_as(label, "derms-bridge", &[], &environment, folder)
            .expect("derms-bridge is built");
        Self { service, metrics_port }
    }

    /// The sum of a metric over its labels; none while it cannot be read.
    fn metric(&self, name: &str) -> Option<f64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        let (_, text) = curl(&["--max-time", "5", &url]);
        let values: Vec<f64> = text
            .lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    fn is_connected(&self) -> bool {
        self.metric("derms_bridge_mqtt_connected") == Some(2.0)
    }

    fn says_so(&self, told: bool) -> bool {
        let log = self.service.log();
        let words = if told { "0x8E" } else { "perhaps another client under this id" };
        log.contains(words) && log.contains("DERMS_MQTT_CLIENT_ID")
    }
}

/// `told`: whether the broker's reason reaches its clients.
fn they_slow_down_and_recover(broker: &Broker, told: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let kafka = Kafka::start().expect("Kafka starts");
    let first = Bridge::start("first", broker, &kafka, folder.path());
    let until = |what: &str, condition: &dyn Fn() -> bool| {
        wait::until(what, PATIENCE, || condition().then_some(())).unwrap_or_else(|error| {
            panic!("{error:#}\n{}", first.service.log());
        });
    };
    until("the first is connected", &|| first.is_connected());
    let began = Instant::now();
    let mut second = Bridge::start("second", broker, &kafka, folder.path());
    let (counted, times, tries) =
        if told { (TAKEN, TAKEN_MIN, FIRST_TRIES) } else { (ENDED, ENDED_MIN, DOUBLING_TRIES) };
    let count = |bridge: &Bridge| bridge.metric(counted).unwrap_or(0.0);
    until("sessions change hands", &|| count(&first) + count(&second) >= times);
    let api_port = free_port().expect("a port").to_string();
    let users = users().expect("derms-api is built");
    let address = kafka.address();
    let environment = [
        ("DERMS_KAFKA_BROKERS", address.as_str()),
        ("DERMS_TREE_PARTITIONS", "2"),
        ("DERMS_CLICKHOUSE_URL", "http://127.0.0.1:9"),
        ("PORT", api_port.as_str()),
        ("AUTH_USERS", users.as_str()),
        ("JWT_SECRET", "a-secret-of-at-least-thirty-two-characters"),
    ];
    let _api = Service::start_as("api", "derms-api", &[], &environment, folder.path())
        .expect("derms-api is built");
    until("one says so", &|| first.says_so(told) || second.says_so(told));
    until("its metric says so", &|| first.metric(CONTESTED) == Some(1.0));
    let health = format!("http://127.0.0.1:{api_port}/api/health");
    until("health names it, in another process", &|| {
        curl(&[&health]).1.contains("the bridge's MQTT session")
    });
    // Two connections each.
    let most = 2.0 * (began.elapsed().as_secs_f64() / RECONNECT_MIN.as_secs_f64() + tries);
    for bridge in [&first, &second] {
        let ended = bridge.metric(ENDED).expect("metrics");
        assert!(ended <= most, "{ended} reconnects, at most {most}");
    }
    second.service.terminate(PATIENCE).expect("it ends");
    until("the first is calm again", &|| {
        first.is_connected() && first.metric(CONTESTED) == Some(0.0)
    });
    until("health is calm again", &|| {
        let (_, health) = curl(&[&health]);
        health.contains("down") && !health.contains("session")
    });
}

#[test]
fn on_mosquitto_they_slow_down_and_recover() {
    they_slow_down_and_recover(&Broker::mosquitto(), false);
}

#[test]
fn on_the_embedded_broker_they_say_so_too() {
    they_slow_down_and_recover(&Broker::embedded(false), true);
}
