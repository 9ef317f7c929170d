//! `derms up --demo` as a user meets it: the program itself, on free ports and a folder of its own.
//! Needs the ClickHouse engine library (scripts/fetch-engine).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

const PATIENCE: Duration = Duration::from_secs(60);
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

    fn sql(&self, sql: &str) -> String {
        let body = post(&self.address("clickhouse"), "/", sql);
        body.trim().to_owned()
    }

    fn count(&self, sql: &str) -> u64 {
        let text = self.sql(sql);
        text.parse().unwrap_or_else(|_| panic!("{sql}: {text}"))
    }

    /// Waits until a count is at least this.
    fn until(&self, sql: &str, least: u64) -> u64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let count = self.count(sql);
            if count >= least {
                return count;
            }
            assert!(Instant::now() < deadline, "{sql}: {count}, not {least}");
        }
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

/// One HTTP request, without a client library: the body of the answer.
fn post(address: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

async fn first_setpoint(address: &str) {
    let (host, port) = address.split_once(':').expect("HOST:PORT");
    let options = MqttOptions::new("watcher", host, port.parse().expect("a port"));
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
async fn the_demo_controls_devices_ends_cleanly_and_goes_on_where_it_was() {
    const MESSAGES: &str = "SELECT uniqExact(message_id) FROM derms.telemetry";
    const TWICE: &str = "SELECT count() - uniqExact(message_id) FROM derms.telemetry";
    let data = tempfile::tempdir().expect("a folder");
    let first = Derms::up(data.path());
    let left = FIRST_SETPOINT_MAX.saturating_sub(first.began.elapsed());
    let address = first.address("mqtt");
    tokio::time::timeout(left, first_setpoint(&address)).await.expect("a setpoint within 15 s");
    let stored = first.until(MESSAGES, 100);
    assert_eq!(first.stop("TERM"), Some(0));

    let second = Derms::up(data.path());
    let kept = second.count(MESSAGES);
    assert!(kept >= stored, "{kept} of {stored}");
    let more = second.until(MESSAGES, kept + 100);
    // Killed: what was stored is there afterwards, once, and the rest goes on.
    let mut second = second;
    second.child.kill().expect("killed");
    second.child.wait().expect("ended");

    let third = Derms::up(data.path());
    third.until(MESSAGES, more + 100);
    assert_eq!(third.count(TWICE), 0, "nothing is stored twice");
    assert_eq!(third.stop("INT"), Some(0));
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
