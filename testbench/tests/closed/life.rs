//! Parts that die, hang, or have no room.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use service_kit::clock::{Clock as _, SystemClock};
use testbench::mqtt::{Client, Heard};
use testbench::place::Place;
use testbench::wait;

/// A part that hangs is asked three times before it is started again.
const SOON: Duration = Duration::from_secs(90);
const PARTS: [&str; 3] = ["broker", "log", "clickhouse"];
const HEALTH: &str =
    "{ health { status log { detail } clickhouse { detail } control { detail } mqtt { detail } } }";

/// `derms up` with a device that speaks all the time.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) operator: String,
    _simulator: testbench::service::Service,
}

impl World {
    pub(crate) fn begin() -> Self {
        let place = Place::embedded().expect("it starts");
        let operator =
            place.login("ada").unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
        let simulator = place.user("derms-sim", &[], &[]).expect("the simulator");
        let world = Self { place, operator, _simulator: simulator };
        world.is_well();
        world
    }

    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        wait::until(what, SOON, condition)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.place.logs()))
    }

    pub(crate) fn health(&self) -> Value {
        self.place.graphql(&self.operator, HEALTH)["data"]["health"].take()
    }

    /// Waits until health says that all is well, and decisions go on.
    #[track_caller]
    pub(crate) fn is_well(&self) {
        self.eventually("all is well", || (self.health()["status"] == "ok").then_some(()));
        let decisions =
            || self.place.sql("SELECT count() FROM derms.decisions").parse::<u64>().ok();
        let before = self.eventually("decisions are stored", decisions);
        self.eventually("decisions go on", || decisions().filter(|count| *count > before + 2));
    }

    #[track_caller]
    fn child(&self, part: &str) -> u32 {
        self.eventually(&format!("the {part} runs"), || self.place.child(part))
    }

    /// Waits until a part is another process than this one.
    #[track_caller]
    fn is_replaced(&self, part: &str, before: u32) {
        self.eventually(&format!("the {part} is started again"), || {
            self.place.child(part).filter(|now| *now != before)
        });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

#[test]
fn a_part_that_crashes_takes_no_other_with_it_and_is_started_again_with_the_reason_in_the_log() {
    let world = World::begin();
    let parent = world.place.pid().expect("it runs");
    for (part, name, reason) in [
        ("broker", "ABRT", "signal 6"),
        ("log", "KILL", "signal 9"),
        ("clickhouse", "ABRT", "signal 6"),
    ] {
        let others: Vec<_> =
            PARTS.iter().filter(|other| **other != part).map(|other| world.child(other)).collect();
        let before = world.child(part);
        signal(before, name);
        world.is_replaced(part, before);
        world.is_well();
        assert_eq!(world.place.pid(), Some(parent));
        assert!(others.iter().all(|other| runs(*other)), "{}", world.place.logs());
        world.eventually("the log says why", || world.place.log().contains(reason).then_some(()));
    }
}

#[test]
fn a_part_that_stands_still_is_found_named_and_started_again() {
    let world = World::begin();
    let before = world.child("broker");
    signal(before, "STOP");
    world.eventually("health names it", || {
        let words = world.health()["mqtt"]["detail"].as_str()?.to_owned();
        words.contains("the embedded MQTT broker").then_some(())
    });
    world.is_replaced("broker", before);
    world.is_well();
}

/// Samples of a device which asks for receipts, each a millisecond after the one before.
fn samples(device: &str, number: i64) -> Vec<String> {
    let now = SystemClock.now().0;
    let sample = |ago: i64| {
        serde_json::json!({
            "v": 1, "messageType": "telemetry", "messageId": uuid::Uuid::new_v4(), "deviceId": device,
            "deviceType": "ev", "timestampMs": now - ago, "receipt": true,
            "payload": {
                "readings": {"powerKw": 3.2}, "status": {"online": true}, "feederId": "feeder-1",
            },
        })
        .to_string()
    };
    (0..number).rev().map(sample).collect()
}

/// Publishes samples of a device; returns when the broker has them.
async fn publish(place: &Place, device: &str, samples: &[String]) -> Client {
    let receipts = format!("der/receipts/{device}");
    let client = Client::connect("127.0.0.1", place.mqtt_port, device, &[&receipts])
        .await
        .expect("the broker lets it in");
    let topic = format!("der/telemetry/ev/{device}");
    for sample in samples {
        client.publish(&topic, sample.as_str(), false, None).await.expect("queued");
    }
    client.subscribed(&format!("der/control/{device}")).await.expect("the broker has read them");
    client
}

/// Publishes samples of a device; returns when there is a receipt for each.
async fn publish_for_receipts(place: &Place, device: &str, samples: &[String]) {
    let mut client = publish(place, device, samples).await;
    let all = |heard: &[Heard]| (receipted(heard) == samples.len()).then_some(());
    client.wait_for(SOON, "all receipts", all).await.expect("the log has them");
}

/// Samples that receipts call stored.
fn receipted(heard: &[Heard]) -> usize {
    let stored = |one: &Heard| one.json()["payload"]["stored"].as_array().map_or(0, Vec::len);
    heard.iter().filter(|one| one.topic.starts_with("der/receipts/")).map(stored).sum()
}

#[test]
fn what_has_a_receipt_before_a_stop_in_good_order_is_stored_once_though_the_log_is_wiped_then() {
    let mut world = World::begin();
    let runtime = runtime();
    let stored = |place: &Place| {
        place.sql("SELECT count() FROM derms.telemetry WHERE device_id = 'ev-last'")
    };
    // As many as a device may send at once.
    let sent = samples("ev-last", 20);
    runtime.block_on(publish_for_receipts(&world.place, "ev-last", &sent));
    world.place.stop().expect("it ends");
    fs::remove_dir_all(world.place.data().join("log")).expect("the log is wiped");
    world.place.start().expect("it starts again");
    let before = world.eventually("ClickHouse answers", || {
        Some(stored(&world.place)).filter(|answer| !answer.is_empty())
    });
    assert_eq!(before, "20");
    world.eventually("it is ready", || {
        (world.place.log().matches("dashboard: ").count() == 2).then_some(())
    });
    // Its receipts did not come through: it sends all of them again, and then another one.
    let again = [sent, samples("ev-last", 1)].concat();
    runtime.block_on(publish_for_receipts(&world.place, "ev-last", &again));
    world.eventually("the other one is stored", || (stored(&world.place) != "20").then_some(()));
    assert_eq!(stored(&world.place), "21");
}

#[test]
fn a_second_processor_with_the_same_partitions_takes_over_and_leaves_and_no_row_stands_twice() {
    let world = World::begin();
    let epochs = || world.place.sql("SELECT max(epoch) FROM derms.decisions").parse().ok();
    let alone: i64 = world.eventually("decisions are stored", epochs);
    let more = [("DERMS_PARTITIONS", "all")];
    let mut second = world.place.user("derms-processor", &[], &more).expect("it starts");
    world.eventually("the second one decides", || epochs().filter(|count| *count > alone));
    let both = world.place.sql("SELECT count() FROM derms.telemetry");
    world.eventually("samples are stored meanwhile", || {
        (world.place.sql("SELECT count() FROM derms.telemetry") != both).then_some(())
    });
    let ended = second.terminate(Duration::from_secs(10)).expect("it ends when told to");
    assert!(ended.success(), "{ended:?}");
    let told = epochs().expect("decisions are stored");
    world.eventually("the first one decides again", || epochs().filter(|count| *count > told));
    world.is_well();
    let twice = "SELECT count() FROM \
                 (SELECT 1 FROM derms.telemetry GROUP BY device_id, ts HAVING count() > 1)";
    assert_eq!(world.place.sql(twice), "0");
}

#[test]
fn ready_means_that_a_sample_published_then_is_stored() {
    let place = Place::embedded().expect("it starts");
    wait::until("it is ready", SOON, || place.log().contains("dashboard: ").then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
    drop(runtime().block_on(publish(&place, "ev-early", &samples("ev-early", 1))));
    let rows = "SELECT count() FROM derms.telemetry WHERE device_id = 'ev-early'";
    wait::until("its sample is stored", SOON, || (place.sql(rows) == "1").then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
}

#[test]
fn parts_end_with_a_parent_that_is_killed_and_the_next_start_waits_for_them() {
    let mut world = World::begin();
    let before = PARTS.map(|part| world.child(part));
    world.place.kill().expect("killed");
    // At once, while they may still be ending.
    world.place.start().expect("it starts again");
    let ended = || before.iter().all(|pid| !runs(*pid)).then_some(());
    world.eventually("the parts of the killed run have ended", ended);
    world.operator = world.place.login("ada").expect("the API is there");
    world.is_well();
}

#[test]
fn no_secret_is_in_the_arguments_of_a_part_and_none_of_the_services_in_its_environment() {
    let world = World::begin();
    for part in PARTS {
        let pid = world.child(part);
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).expect("a process of ours");
        let (arguments, environment) = (read("cmdline"), read("environ"));
        let has = |bytes: &[u8], text: &str| {
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        for secret in ["a-secret-of-at-least-thirty-two-characters", "$argon2id$"] {
            assert!(!has(&arguments, secret), "{part}");
            assert!(!has(&environment, secret), "{part}");
        }
        assert!(!has(&environment, "JWT_SECRET") && !has(&environment, "AUTH_USERS"), "{part}");
    }
}
