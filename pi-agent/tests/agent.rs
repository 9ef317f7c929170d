//! The agent as a user starts it, against a real Mosquitto.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use schemas::mqtt::{
    Envelope, Mode, ReceiptMessage, Setpoint, Source, TelemetryMessage, Topics, decode_ack,
    decode_telemetry,
};
use schemas::records::ack::AckStatus;
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::{DeviceId, Soc, Watts};
use service_kit::clock::{Clock, SystemClock};
use tempfile::TempDir;
use testbench::mosquitto::Mosquitto;
use testbench::mqtt::{Client, Heard};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
/// How long the broker is away in the test of that.
const OUTAGE: Duration = Duration::from_secs(4);
const ID: &str = "pi-der-001";

/// The agent's process; killed when dropped.
struct Agent {
    child: Child,
    _folder: TempDir,
}

impl Agent {
    fn start(broker: &Mosquitto) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("agent.json");
        let text = format!(
            r#"{{"broker_host": "127.0.0.1", "broker_port": {}, "device_id": "{ID}", "device_type": "battery",
                "site_id": "home-site", "p_max_kw": 5.0, "publish_interval_seconds": 0.1, "ramp_kw_per_s": 5,
                "receipt_timeout_seconds": 1}}"#,
            broker.port()
        );
        fs::write(&path, text).expect("written");
        let child = Command::new(env!("CARGO_BIN_EXE_derms-agent"))
            .arg("--config")
            .arg(&path)
            .env_clear()
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Self { child, _folder: folder }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    async fn ended(mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it ends in time")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn id() -> DeviceId {
    DeviceId::new(ID).expect("valid")
}

fn samples(heard: &[Heard]) -> Vec<TelemetryMessage> {
    let topics = Topics::default();
    let own = topics.telemetry(&id());
    let topic = topics.parse_telemetry(&own).expect("valid");
    heard
        .iter()
        .filter(|one| one.topic == own)
        .map(|one| decode_telemetry(&topic, &one.payload, 256_000).expect("a valid sample"))
        .collect()
}

async fn listen(broker: &Mosquitto) -> Client {
    Client::connect(&broker.host(), broker.port(), "listener", &["der/#"])
        .await
        .expect("it connects")
}

async fn hears_status(listener: &mut Client, word: &str) {
    let topic = Topics::default().status(&id());
    let last = |heard: &[Heard]| {
        heard
            .iter()
            .rev()
            .find(|one| one.topic == topic)
            .filter(|one| one.payload == word.as_bytes())
            .map(|_| ())
    };
    listener.wait_for(PATIENCE, word, last).await.expect("the status comes");
}

#[tokio::test]
async fn a_battery_of_the_predecessors_file_speaks_the_contract_and_obeys_both_ways() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker).await;
    let agent = Agent::start(&broker);
    hears_status(&mut listener, "online").await;
    let first = listener
        .wait_for(PATIENCE, "a sample", |heard| samples(heard).into_iter().next())
        .await
        .expect("it speaks");
    assert_eq!(first.origin(), DeviceOrigin::Physical);
    assert_eq!(first.envelope.source, Source::PiAgent);
    assert_eq!(first.readings.soc, Some(Soc(5_000)), "a fraction, not percent");
    assert_eq!(first.claimed_feeder().expect("its site").as_str(), "home-site");

    let topics = Topics::default();
    // Both of the places where a setpoint may come.
    let places = [topics.control(&id()), topics.setpoints(DeviceType::Battery, &id())];
    for (target, topic) in [Watts(4_000), Watts(-3_000)].into_iter().zip(places) {
        let now = SystemClock.now();
        let command = Setpoint {
            envelope: Envelope {
                message_id: Uuid::new_v4(),
                device_id: id(),
                device_type: DeviceType::Battery,
                timestamp: now,
                sent_at: Some(now),
                correlation_id: None,
                source: Source::Backend,
                receipt: false,
            },
            target_w: target,
            mode: Mode::of(DeviceType::Battery, target),
            valid_until: now.plus_ms(60_000),
            ttl_ms: None,
            fallback_w: None,
            log: None,
            epoch: None,
            seq: None,
            ramp_w_per_s: None,
            allocator: "feeder-controller".into(),
            notes: None,
        };
        listener.publish(&topic, command.encode(), true, Some(60)).await.expect("published");
        let ack_topic = topics.ack(&id());
        let applied = |heard: &[Heard]| {
            heard
                .iter()
                .filter(|one| one.topic == ack_topic)
                .map(|one| decode_ack(&id(), &one.payload, 256_000).expect("a valid ack"))
                .find(|ack| ack.setpoint_id == command.id() && ack.status == AckStatus::Applied)
        };
        let ack = listener.wait_for(PATIENCE, "applied", applied).await.expect("it obeys");
        let watts = ack.applied_w.expect("it says how much");
        assert!((watts.0 - target.0).abs() <= 60, "{watts}");
        let follows = |heard: &[Heard]| {
            samples(heard)
                .last()
                .filter(|sample| (sample.readings.power_w.0 - target.0).abs() <= 120)
                .map(|_| ())
        };
        listener.wait_for(PATIENCE, "its samples", follows).await.expect("its samples follow");
    }
    drop(agent);
}

#[tokio::test]
async fn it_ends_in_good_order_on_both_signals() {
    for signal in ["-TERM", "-INT"] {
        let broker = Mosquitto::start().expect("mosquitto runs");
        let mut listener = listen(&broker).await;
        let agent = Agent::start(&broker);
        hears_status(&mut listener, "online").await;
        agent.signal(signal);
        assert_eq!(agent.ended().await.code(), Some(0), "{signal}");
        hears_status(&mut listener, "offline").await;
    }
}

#[tokio::test]
async fn its_will_says_offline_when_it_is_killed() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker).await;
    let agent = Agent::start(&broker);
    hears_status(&mut listener, "online").await;
    agent.signal("-KILL");
    hears_status(&mut listener, "offline").await;
    let mut later = Client::connect(&broker.host(), broker.port(), "later", &["der/status/#"])
        .await
        .expect("it connects");
    hears_status(&mut later, "offline").await;
}

#[tokio::test]
async fn samples_wait_for_a_broker_that_is_away() {
    let mut broker = Mosquitto::start().expect("mosquitto runs");
    let (host, port) = (broker.host(), broker.port());
    let filters = ["der/telemetry/#"];
    let durable =
        Client::connect_durable(&host, port, "durable", &filters).await.expect("it connects");
    drop(durable);
    let mut listener = listen(&broker).await;
    let agent = Agent::start(&broker);
    hears_status(&mut listener, "online").await;
    let some = |heard: &[Heard]| (samples(heard).len() >= 10).then_some(());
    listener.wait_for(PATIENCE, "ten samples", some).await.expect("it speaks");
    broker.stop().expect("it ends");
    tokio::time::sleep(OUTAGE).await;
    broker.restart().expect("it comes back");
    let mut listener = listen(&broker).await;
    hears_status(&mut listener, "online").await;
    listener.wait_for(PATIENCE, "ten samples", some).await.expect("it is back");
    agent.signal("-TERM");
    assert!(agent.ended().await.success());

    // A sample every 100 ms, also while the broker was away: no gap comes near the outage.
    let mut durable =
        Client::connect_durable(&host, port, "durable", &[]).await.expect("it connects");
    let last = samples(&listener.heard()).last().expect("it spoke").envelope.message_id;
    let whole = |heard: &[Heard]| {
        let all = samples(heard);
        all.iter().any(|sample| sample.envelope.message_id == last).then_some(all)
    };
    let all =
        durable.wait_for(PATIENCE, "the last sample", whole).await.expect("nothing is missing");
    let times: BTreeSet<i64> = all.iter().map(|sample| sample.envelope.timestamp.0).collect();
    let widest = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next - one).max();
    let widest = Duration::from_millis(widest.expect("many samples").unsigned_abs());
    assert!(widest < OUTAGE / 2, "samples were lost: a gap of {widest:?}");
}

/// A receipt of these messages, as the bridge sends it.
fn receipt(stored: Vec<Uuid>) -> Vec<u8> {
    let (message_id, timestamp) = (Uuid::new_v4(), SystemClock.now());
    ReceiptMessage { message_id, device_id: id(), timestamp, stored, refused: Vec::new() }.encode()
}

#[tokio::test]
async fn a_sample_without_a_receipt_is_sent_again_unchanged_and_one_with_a_receipt_is_not() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker).await;
    let agent = Agent::start(&broker);
    hears_status(&mut listener, "online").await;
    let topics = Topics::default();
    let (own, receipts) = (topics.telemetry(&id()), topics.receipts(&id()));
    let five = |heard: &[Heard]| {
        let all = samples(heard);
        (all.len() >= 5).then_some(all)
    };
    let first = listener.wait_for(PATIENCE, "five samples", five).await.expect("it speaks");
    assert!(first.iter().all(|sample| sample.envelope.receipt), "it asks for receipts");
    // The second has no receipt, and those after it have.
    let lost = first[1].envelope.message_id;
    let times = |heard: &[Heard], wanted: Uuid| -> Vec<Vec<u8>> {
        let text = wanted.to_string();
        let all = heard.iter().filter(|one| one.topic == own);
        let payloads = all.map(|one| one.payload.clone());
        payloads.filter(|payload| String::from_utf8_lossy(payload).contains(&text)).collect()
    };
    let give = |heard: &[Heard]| -> Vec<Uuid> {
        let all = samples(heard).into_iter().map(|sample| sample.envelope.message_id);
        all.filter(|id| *id != lost).collect()
    };
    // As long as it is not sent again, everything else gets its receipt.
    let mut known = 0;
    let again = loop {
        let more = |heard: &[Heard]| (heard.len() > known).then(|| heard.to_vec());
        let heard = listener.wait_for(PATIENCE, "a message", more).await.expect("it speaks");
        known = heard.len();
        let sent = times(&heard, lost);
        if sent.len() > 1 {
            break sent;
        }
        listener.publish(&receipts, receipt(give(&heard)), false, None).await.expect("published");
    };
    assert_eq!(again[0], again[1], "the same bytes");
    let others = give(&listener.heard());
    let count = others.iter().collect::<BTreeSet<_>>().len();
    assert_eq!(count, others.len(), "what has its receipt is not sent again");
    // At its end it waits for the receipts that are missing.
    let all = others.iter().copied().chain([lost]).collect();
    listener.publish(&receipts, receipt(all), false, None).await.expect("published");
    agent.signal("-TERM");
    assert!(agent.ended().await.success());
}

#[test]
fn a_bad_file_ends_with_2_and_all_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agent.json");
    fs::write(&path, r#"{"broker_host": "h", "broker_port": 0, "devce_id": "x"}"#)
        .expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_derms-agent"))
        .arg("--config")
        .arg(&path)
        .env_clear()
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in
        ["broker_port: found 0", "device_id: missing", "site_id: missing", "devce_id: unknown"]
    {
        assert!(words.contains(part), "{part} is not in: {words}");
    }
}
