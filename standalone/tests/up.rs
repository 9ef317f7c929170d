//! `derms up --demo` as a user meets it: the program itself, on free ports and a folder of its own. What the whole system
//! promises is tested in `testbench/tests/end_to_end.rs`, on these parts and on real servers alike.
//! Needs the ClickHouse engine library (scripts/fetch-engine).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

const FIRST_SETPOINT_MAX: Duration = Duration::from_secs(15);
const END_MAX: Duration = Duration::from_secs(5);
const PORTS: [&str; 4] = ["PORT", "MQTT_PORT", "DERMS_KAFKA_PORT", "DERMS_CLICKHOUSE_PORT"];
const LINES: [&str; 5] = ["dashboard", "login", "mqtt", "kafka", "clickhouse"];

/// The running program; killed when the test ends without stopping it.
struct Derms {
    child: Child,
    lines: BTreeMap<String, String>,
    began: Instant,
}

impl Drop for Derms {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().expect("a child of ours");
        }
    }
}

fn command(data: &Path, port: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_derms"));
    command.args(["up", "--demo", "--devices", "20", "--data"]).arg(data);
    for name in PORTS {
        command.args(["--set", &format!("{name}={port}")]);
    }
    command.args(["--set", "CONTROL_INTERVAL_SECONDS=1", "--set", "DERMS_SIM_INTERVAL_MS=500"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Derms {
    /// Starts it and waits for its five lines.
    fn up(data: &Path) -> Self {
        let began = Instant::now();
        let mut child = command(data, "0").spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = BTreeMap::new();
        for _ in LINES {
            let mut line = String::new();
            output.read_line(&mut line).expect("a line");
            let (name, value) = line.trim_end().split_once(": ").expect("name: value");
            lines.insert(name.to_owned(), value.to_owned());
        }
        let mut expected = LINES;
        expected.sort_unstable();
        assert!(lines.keys().eq(expected.iter()), "{lines:?}");
        Self { child, lines, began }
    }

    fn address(&self, name: &str) -> String {
        let value = &self.lines[name];
        value.split_once("://").map_or(value.as_str(), |(_, address)| address).to_owned()
    }

    /// Ends it by a signal, as a terminal or a supervisor does.
    fn stop(mut self, signal: &str) -> Option<i32> {
        let began = Instant::now();
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().expect("kill is there");
        assert!(sent.success());
        let status = self.child.wait().expect("a child of ours");
        assert!(began.elapsed() < END_MAX, "{:?}", began.elapsed());
        status.code()
    }
}

async fn first_setpoint(address: &str, data: &Path) {
    let (host, port) = address.split_once(':').expect("HOST:PORT");
    // As one of our services: devices hear only what is meant for them.
    let secret = std::fs::read_to_string(data.join("mqtt/service.key")).expect("the secret");
    let mut options = MqttOptions::new("derms-watcher", host, port.parse().expect("a port"));
    options.set_credentials("derms-services", secret);
    let (client, mut eventloop) = AsyncClient::new(options, 10);
    client.subscribe("der/control/+", QoS::AtLeastOnce).await.expect("queued");
    loop {
        let event = eventloop.poll().await.expect("an open connection");
        if matches!(event, Event::Incoming(Packet::Publish(_))) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_controls_devices_within_15_seconds_and_ends_cleanly_on_both_signals() {
    let data = tempfile::tempdir().expect("a folder");
    let first = Derms::up(data.path());
    let left = FIRST_SETPOINT_MAX.saturating_sub(first.began.elapsed());
    let address = first.address("mqtt");
    tokio::time::timeout(left, first_setpoint(&address, data.path()))
        .await
        .expect("a setpoint within 15 s");
    assert_eq!(first.stop("TERM"), Some(0));
    // In the same folder, with the ports that it takes now.
    let second = Derms::up(data.path());
    assert_eq!(second.stop("INT"), Some(0));
}

#[test]
fn a_taken_port_is_one_line_that_names_port_and_setting() {
    let data = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let output = command(data.path(), "0")
        .args(["--set", &format!("MQTT_PORT={port}")])
        .output()
        .expect("the program runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(&port.to_string()) && error.contains("MQTT_PORT"), "{error}");
    assert!(output.stdout.is_empty());
}
