//! The five programs as separate processes against Debian's Mosquitto, Apache Kafka and ClickHouse's engine, driven
//! and read the way their users do.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testbench::kafka::Kafka;
use testbench::mosquitto::{Mosquitto, free_port};
use testbench::service::Service;
use testbench::wait;

const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Correct-Horse-42";
const DEVICES: usize = 20;

/// A request as `curl` makes it; the body of the answer.
fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20"])
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .expect("curl is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

struct System {
    _folder: TempDir,
    mosquitto: Mosquitto,
    _kafka: Kafka,
    clickhouse: Service,
    clickhouse_url: String,
    api_url: String,
    bridge: Service,
    processor: Service,
    api: Service,
    simulator: Service,
    agent: Service,
}

fn password_hash(folder: &Path) -> String {
    let script = folder.join("hash.sh");
    let program = std::env::current_exe().expect("its own path");
    let api = program.parent().and_then(Path::parent).expect("the target folder").join("derms-api");
    std::fs::write(&script, format!("printf %s '{PASSWORD}' | '{}' hash-password", api.display()))
        .expect("a file");
    let output = Command::new("sh").arg(&script).output().expect("sh runs");
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(hash.starts_with("$argon2id$"), "{hash:?} {}", String::from_utf8_lossy(&output.stderr));
    hash
}

impl System {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path();
        let mosquitto = Mosquitto::start().expect("mosquitto");
        let kafka = Kafka::start().expect("Kafka");
        let clickhouse_port = free_port().expect("a port").to_string();
        let data = place.join("clickhouse").display().to_string();
        let arguments = ["clickhouse", "--data", &data, "--port", &clickhouse_port];
        let clickhouse = Service::start("derms", &arguments, &[], place).expect("the engine");
        let clickhouse_url = format!("http://127.0.0.1:{clickhouse_port}");
        let ping = format!("{clickhouse_url}/ping");
        wait::until("the engine answers", SOON, || curl(&[&ping]).starts_with("Ok").then_some(()))
            .expect("the engine");
        let (mqtt_port, brokers) = (mosquitto.port().to_string(), kafka.address());
        let api_port = free_port().expect("a port").to_string();
        let users = format!(
            r#"[{{"username":"ada","passwordHash":"{0}","role":"operator"}},{{"username":"vic","passwordHash":"{0}","role":"viewer"}}]"#,
            password_hash(place)
        );
        let environment = [
            ("MQTT_HOST", "127.0.0.1"),
            ("MQTT_PORT", mqtt_port.as_str()),
            ("DERMS_KAFKA_BROKERS", brokers.as_str()),
            ("DERMS_CLICKHOUSE_URL", clickhouse_url.as_str()),
            ("DERMS_TREE_PARTITIONS", "3"),
            ("CONTROL_INTERVAL_SECONDS", "2"),
            ("DERMS_ALLOWED_LATENESS_MS", "500"),
            ("DERMS_IDLE_TIMEOUT_MS", "500"),
            ("DERMS_SIM_INTERVAL_MS", "1000"),
            ("FEEDER_DEFAULT_LIMIT_KW", "40"),
            ("DERMS_SIM_DEVICES", "20"),
            ("PORT", api_port.as_str()),
            ("AUTH_USERS", users.as_str()),
            ("JWT_SECRET", "a-secret-of-at-least-thirty-two-characters"),
        ];
        let run = |name| Service::start(name, &[], &environment, place).expect(name);
        let config = place.join("agent.json");
        std::fs::write(
            &config,
            format!(
                r#"{{"broker_host":"127.0.0.1","broker_port":{mqtt_port},"device_id":"pi-test-1","device_type":"ev","site_id":"feeder-1","p_max_kw":7.2,"publish_interval_seconds":1}}"#
            ),
        )
        .expect("a file");
        let config = config.display().to_string();
        let (bridge, processor, api) =
            (run("derms-bridge"), run("derms-processor"), run("derms-api"));
        let simulator = run("derms-sim");
        let agent =
            Service::start("derms-agent", &["--config", &config], &[], place).expect("derms-agent");
        Self {
            mosquitto,
            _kafka: kafka,
            clickhouse,
            clickhouse_url,
            api_url: format!("http://127.0.0.1:{api_port}"),
            bridge,
            processor,
            api,
            simulator,
            agent,
            _folder: folder,
        }
    }

    fn login(&self, user: &str) -> String {
        let body = format!(r#"{{"username":"{user}","password":"{PASSWORD}"}}"#);
        let url = format!("{}/api/auth/login", self.api_url);
        wait::until("a token", SOON, || {
            let answer = curl(&["-H", "content-type: application/json", "-d", &body, &url]);
            let answer: Value = serde_json::from_str(&answer).ok()?;
            answer["token"].as_str().map(str::to_owned)
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", self.api.log()))
    }

    fn graphql(&self, token: &str, query: &str) -> Value {
        let body = serde_json::json!({ "query": query }).to_string();
        let url = format!("{}/graphql", self.api_url);
        let bearer = format!("authorization: Bearer {token}");
        let answer =
            curl(&["-H", "content-type: application/json", "-H", &bearer, "-d", &body, &url]);
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    fn sql(&self, query: &str) -> String {
        let url = format!("{}/", self.clickhouse_url);
        curl(&["--data-binary", query, &url]).trim().to_owned()
    }

    fn logs(&self) -> String {
        let last = |service: &Service| {
            let log = service.log();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(15)..].join("\n")
        };
        format!(
            "bridge:\n{}\nprocessor:\n{}\napi:\n{}\nsimulator:\n{}\nagent:\n{}\nclickhouse:\n{}",
            last(&self.bridge),
            last(&self.processor),
            last(&self.api),
            last(&self.simulator),
            last(&self.agent),
            last(&self.clickhouse)
        )
    }

    #[track_caller]
    fn eventually<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        wait::until(what, SOON, condition)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.logs()))
    }
}

fn kw(value: &Value) -> f64 {
    value.as_f64().expect("a number of kW")
}

#[test]
fn five_programs_control_a_fleet_over_real_servers() {
    let mut system = System::start();
    let operator = system.login("ada");

    let devices = "{ devices(first: 100) { totalCount edges { node { id setpointKw } } } }";
    system.eventually("every device has a setpoint or is seen", || {
        let answer = system.graphql(&operator, devices);
        let edges = answer["data"]["devices"]["edges"].as_array()?.clone();
        let agent = edges.iter().any(|edge| {
            edge["node"]["id"] == "pi-test-1" && edge["node"]["setpointKw"].is_number()
        });
        (agent && edges.len() > DEVICES).then_some(())
    });

    let feeders = "{ feeders { id loadKw effectiveLimitKw headroomKw } }";
    let under_control = || {
        let answer = system.graphql(&operator, feeders);
        let feeders = answer["data"]["feeders"].as_array()?.clone();
        let inside =
            feeders.iter().all(|feeder| kw(&feeder["loadKw"]) <= kw(&feeder["effectiveLimitKw"]));
        (feeders.len() == 2 && inside && kw(&feeders[0]["loadKw"]) > 1.0).then_some(feeders)
    };
    let before = system.eventually("both feeders are inside their limits", under_control);

    // A viewer may look, not act; an operator's event holds.
    let viewer = system.login("vic");
    // In whole watts, as limits are kept.
    let half = (kw(&before[0]["loadKw"]) * 500.0).floor() / 1_000.0;
    let event = format!(
        r#"mutation {{ createEvent(input: {{ feederId: {}, start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z", limitKw: {half} }}) {{ id limitKw }} }}"#,
        before[0]["id"]
    );
    let refused = system.graphql(&viewer, &event);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let created = system.graphql(&operator, &event);
    assert!(created["data"]["createEvent"]["id"].is_string(), "{created}");
    let mut seen = Value::Null;
    let held = wait::until("the event's limit holds", SOON, || {
        seen = system.graphql(&operator, feeders);
        let feeder = seen["data"]["feeders"].as_array()?.first()?;
        (kw(&feeder["loadKw"]) <= half && kw(&feeder["effectiveLimitKw"]) <= half).then_some(())
    });
    held.unwrap_or_else(|error| panic!("{error:#}: {half} kW, {seen}\n{}", system.logs()));

    // Setpoints stand at the broker, retained.
    let port = system.mosquitto.port().to_string();
    let retained = Command::new("mosquitto_sub")
        .args(["-p", &port, "-t", "der/control/pi-test-1", "-C", "1", "-W", "20", "-V", "mqttv5"])
        .output()
        .expect("mosquitto_sub is installed");
    let setpoint: Value = serde_json::from_slice(&retained.stdout).expect("a setpoint");
    assert_eq!(setpoint["messageType"], "setpoint", "{setpoint}");
    assert!(setpoint["payload"]["command"]["ttlMs"].is_number(), "{setpoint}");

    // What the simulator had acknowledged is in ClickHouse, once each.
    let ended = system.agent.terminate(Duration::from_secs(10)).expect("the agent ends");
    assert!(ended.success(), "{}", system.agent.log());
    let ended = system.simulator.terminate(Duration::from_secs(10)).expect("the simulator ends");
    assert!(ended.success(), "{}", system.simulator.log());
    let log = system.simulator.log();
    let acknowledged: u64 = log
        .lines()
        .rev()
        .find_map(|line| line.split("telemetry acknowledged: ").nth(1))
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("the simulator counts what was acknowledged:\n{log}"));
    let stored = "SELECT count(), uniqExact(message_id) FROM derms.telemetry WHERE source = 'simulator' FORMAT TSV";
    let mut counted = String::new();
    let once = wait::until("everything acknowledged is stored once", SOON, || {
        counted = system.sql(stored);
        (counted == format!("{acknowledged}\t{acknowledged}")).then_some(())
    });
    once.unwrap_or_else(|error| {
        panic!("{error:#}: {acknowledged} acknowledged, stored {counted:?}\n{}", system.logs())
    });
    let decided =
        "SELECT count() > 0 AND countIf(NOT certified) = 0 FROM derms.decisions FORMAT TSV";
    assert_eq!(system.sql(decided), "1", "{}", system.logs());

    let services =
        [&mut system.bridge, &mut system.processor, &mut system.api, &mut system.clickhouse];
    for service in services {
        let ended = service.terminate(Duration::from_secs(10)).expect("it ends");
        assert!(ended.success(), "{}", service.log());
    }
}
