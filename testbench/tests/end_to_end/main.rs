//! What users of the whole system are promised, one function for each promise, and all of them in both places: on
//! Mosquitto, Kafka and ClickHouse's engine with the services as processes, and on the parts embedded in `derms up`.
//! Nothing differs but the addresses.

mod operators;
mod stopped;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbench::mqtt::{Client, Heard, Who};
use testbench::place::{Place, SERVICE};
use testbench::service::Service;
use testbench::wait;

const SOON: Duration = Duration::from_secs(60);
/// Devices of the simulated fleet.
const DEVICES: usize = 20;
/// A device of its own, which asks for receipts and speaks all the time, whatever happens to the rest.
const AGENT: &str = "pi-test-1";
const AGENT_EVERY_S: f64 = 0.2;
/// How long nobody takes messages from the broker before everything is killed.
const STANDSTILL: Duration = Duration::from_millis(1_500);

const FEEDERS: &str = "{ feeders { id loadKw effectiveLimitKw headroomKw } }";

/// A place and those who use it.
struct World {
    place: Place,
    operator: String,
    simulator: Service,
    agent: Service,
}

impl World {
    fn begin(place: Place) -> Self {
        let operator =
            place.login("ada").unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
        let config = json!({
            "broker_host": "127.0.0.1", "broker_port": place.mqtt_port, "device_id": AGENT,
            "device_type": "ev", "site_id": "feeder-1", "p_max_kw": 7.2,
            "publish_interval_seconds": AGENT_EVERY_S, "receipt_timeout_seconds": 2,
        });
        let config = place.file("agent.json", &config.to_string()).expect("a file");
        let every_message = [("LOG_LEVEL", "debug")];
        let agent =
            place.user("derms-agent", &["--config", &config], &every_message).expect("the agent");
        // The embedded broker acknowledges what nobody is subscribed to yet. The agent has its receipts; the simulator,
        // which counts what is acknowledged, waits until the bridge listens.
        let rows = format!("SELECT count() FROM derms.telemetry WHERE device_id = '{AGENT}'");
        wait::until("the bridge listens", SOON, || {
            place.sql(&rows).parse::<u64>().ok().filter(|count| *count > 0)
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
        let simulator = place.user("derms-sim", &[], &[]).expect("the simulator");
        Self { place, operator, simulator, agent }
    }

    #[track_caller]
    fn eventually<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        wait::until(what, SOON, condition)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.place.logs()))
    }

    fn feeders(&self) -> Option<Vec<Value>> {
        self.place.graphql(&self.operator, FEEDERS)["data"]["feeders"].as_array().cloned()
    }

    fn count(&self, sql: &str) -> Option<u64> {
        self.place.sql(sql).parse().ok()
    }

    /// Waits until decisions are made that were not there yet, and stored.
    #[track_caller]
    fn goes_on(&self) {
        const DECISIONS: &str = "SELECT count() FROM derms.decisions";
        let before = self.eventually("the table is there", || self.count(DECISIONS));
        self.eventually("decisions go on", || {
            self.count(DECISIONS).filter(|count| *count >= before + 4)
        });
    }
}

fn kw(value: &Value) -> f64 {
    value.as_f64().expect("a number of kW")
}

fn devices_get_setpoints(world: &mut World) {
    let devices = "{ devices(first: 100) { edges { node { id setpointKw } } } }";
    world.eventually("every device is seen and has a setpoint", || {
        let answer = world.place.graphql(&world.operator, devices);
        let edges = answer["data"]["devices"]["edges"].as_array()?.clone();
        let agent =
            |edge: &Value| edge["node"]["id"] == AGENT && edge["node"]["setpointKw"].is_number();
        (edges.len() > DEVICES && edges.iter().any(agent)).then_some(())
    });
}

fn limits_are_kept_and_an_operators_event_holds(world: &mut World) {
    let before = world.eventually("both feeders are inside their limits", || {
        let feeders = world.feeders()?;
        let inside = |feeder: &Value| kw(&feeder["loadKw"]) <= kw(&feeder["effectiveLimitKw"]);
        let loaded = feeders.len() == 2 && kw(&feeders[0]["loadKw"]) > 1.0;
        (loaded && feeders.iter().all(inside)).then_some(feeders)
    });
    // In whole watts, as limits are kept.
    let half = (kw(&before[0]["loadKw"]) * 500.0).floor() / 1_000.0;
    let event = format!(
        r#"mutation {{ createEvent(input: {{ feederId: {}, start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z", limitKw: {half} }}) {{ id limitKw }} }}"#,
        before[0]["id"]
    );
    let viewer = world.place.login("vic").expect("a viewer may look");
    let refused = world.place.graphql(&viewer, &event);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let created = world.place.graphql(&world.operator, &event);
    assert!(created["data"]["createEvent"]["id"].is_string(), "{created}");
    world.eventually(&format!("the event's limit of {half} kW holds"), || {
        let feeders = world.feeders()?;
        let feeder = feeders.first()?;
        (kw(&feeder["loadKw"]) <= half && kw(&feeder["effectiveLimitKw"]) <= half).then_some(())
    });
}

/// What a client that connects now hears on its topics, once `done` says that it is enough.
fn heard(
    world: &World,
    topics: &[&str],
    publish: &[(&str, String)],
    what: &str,
    done: impl Fn(&[Heard]) -> bool,
) -> Vec<Heard> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // As one of our services: others hear only what is meant for them.
        let who = Who { name: "derms-a-user", login: Some(SERVICE), ..Who::default() };
        let mut client = Client::connect_as("127.0.0.1", world.place.mqtt_port, who, topics)
            .await
            .expect("the broker lets it in");
        for (topic, payload) in publish {
            client.publish(topic, payload.clone(), false, None).await.expect("published");
        }
        let found = |all: &[Heard]| done(all).then(|| all.to_vec());
        client
            .wait_for(SOON, what, found)
            .await
            .unwrap_or_else(|error| panic!("{error:#}\n{}", world.place.logs()))
    })
}

fn a_setpoint_stands_at_the_broker(world: &mut World) {
    let topic = format!("der/control/{AGENT}");
    let all = heard(world, &[&topic], &[], "a retained setpoint", |all| !all.is_empty());
    let setpoint = all[0].json();
    assert!(all[0].retained && all[0].expiry_s.is_some(), "{:?}", all[0]);
    assert_eq!(setpoint["messageType"], "setpoint", "{setpoint}");
    assert!(setpoint["payload"]["command"]["ttlMs"].is_number(), "{setpoint}");
}

fn what_is_wrong_becomes_a_dead_letter_and_a_receipt_says_so(world: &mut World) {
    let ids = ["0193a5f0-0000-7000-8000-00000000000a", "0193a5f0-0000-7000-8000-00000000000b"];
    let sample = |id: &str, power: Value| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
        json!({
            "v": 1, "messageType": "telemetry", "messageId": id, "deviceId": "ev-own",
            "deviceType": "ev", "timestampMs": u64::try_from(now).expect("fits"), "receipt": true,
            "payload": {"readings": {"powerKw": power}, "status": {"online": true}, "siteId": "feeder-1"},
        })
        .to_string()
    };
    let topic = "der/telemetry/ev-own";
    let sent = [(topic, sample(ids[0], json!(1.5))), (topic, sample(ids[1], json!("much")))];
    let told = |all: &[Heard], list: &str| -> Vec<Value> {
        let of = |one: &Heard| one.json()["payload"][list].as_array().cloned().unwrap_or_default();
        all.iter().flat_map(of).collect()
    };
    let receipts = heard(world, &["der/receipts/ev-own"], &sent, "two receipts", |all| {
        told(all, "stored").len() + told(all, "refused").len() >= 2
    });
    assert_eq!(told(&receipts, "stored"), [ids[0]]);
    let refused = json!({"messageId": ids[1], "reason": "contract_violation"});
    assert_eq!(told(&receipts, "refused"), [refused]);
    let letters = "SELECT count() FROM derms.dead_letters WHERE reason = 'contract_violation' AND device_id = 'ev-own'";
    let rows = format!("SELECT count() FROM derms.telemetry WHERE message_id = '{}'", ids[0]);
    for query in [letters, &rows] {
        world.eventually(query, || world.count(query).filter(|count| *count == 1));
    }
}

fn telemetry_by_api_goes_the_devices_way(world: &mut World) {
    let number = std::cell::Cell::new(0_u8);
    let sample = |power: Value| {
        number.set(number.get() + 1);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
        json!({
            "v": 1, "messageType": "telemetry", "deviceId": "meter-by-api", "deviceType": "meter",
            "messageId": format!("0193a5f0-0000-7000-8000-0000000001{:02x}", number.get()),
            // A device has one sample of a moment.
            "timestampMs": u64::try_from(now).expect("fits") + u64::from(number.get()),
            "payload": {"readings": {"powerKw": power}, "status": {"online": true}, "siteId": "feeder-1"},
        })
    };
    let place = &world.place;
    let send = |token: &str, body: &Value| place.post(token, "/api/telemetry", body);
    let one = sample(json!(1.5));
    let viewer = place.login("vic").expect("a viewer may look");
    assert_eq!(send(&viewer, &one).0, 403);
    // Whoever reads the answer finds the row; the same message again is no other.
    for _ in 0..2 {
        assert_eq!(send(&world.operator, &one), (201, json!({"status": "ok"})), "{}", place.logs());
    }
    let (status, answer) = send(&world.operator, &sample(json!("much")));
    let words = answer["error"].as_str().unwrap_or_default();
    assert!(status == 400 && words.contains("payload.readings.powerKw"), "{status}: {answer}");
    let mut other_type = sample(json!(2));
    other_type["deviceType"] = json!("ev");
    let (status, answer) = send(&world.operator, &other_type);
    let words = answer["error"].as_str().unwrap_or_default();
    assert!(status == 400 && words.contains("device_conflict"), "{status}: {answer}");
    let list = json!([sample(json!(2)), {"deviceId": "meter-by-api"}, sample(json!(3))]);
    let (status, answer) = send(&world.operator, &list);
    assert_eq!((status, &answer["stored"]), (400, &json!(2)), "{answer}");
    assert!(
        answer["results"][1]["error"].as_str().is_some_and(|words| words.contains("messageId"))
    );
    let mutation = r#"mutation { ingestTelemetry(input: { deviceId: "pv-by-api", deviceType: PV, powerKw: -4.2, feederId: "feeder-1", clientMutationId: "once" }) }"#;
    let answers = [(); 2].map(|()| place.graphql(&world.operator, mutation));
    assert!(answers[0]["data"]["ingestTelemetry"].is_string(), "{}", answers[0]);
    assert_eq!(answers[0], answers[1], "one key, one message");
    let samples = "SELECT device_id, count(), sum(power_w) FROM derms.telemetry WHERE device_id IN ('meter-by-api', 'pv-by-api') GROUP BY device_id ORDER BY device_id FORMAT CSV";
    let letters = "SELECT arrayStringConcat(arraySort(groupArray(toString(reason))), ' ') FROM derms.dead_letters WHERE device_id = 'meter-by-api'";
    for (query, expected) in [
        (samples, "\"meter-by-api\",3,6500\n\"pv-by-api\",1,-4200"),
        (letters, "contract_violation device_conflict"),
    ] {
        world.eventually(query, || (place.sql(query) == expected).then_some(()));
    }
    // It speaks no more, and nothing is kept for it.
    for device in ["meter-by-api", "pv-by-api"] {
        let retired = format!("mutation {{ retireDevice(id: \"{device}\") }}");
        let answer = place.graphql(&world.operator, &retired);
        assert_eq!(answer["data"]["retireDevice"], device, "{answer}");
    }
}

fn what_the_simulator_had_acknowledged_is_stored_once(world: &mut World) {
    let ended = world.simulator.terminate(Duration::from_secs(10)).expect("the simulator ends");
    let log = world.simulator.log();
    assert!(ended.success(), "{log}");
    let acknowledged: u64 = log
        .lines()
        .rev()
        .find_map(|line| line.split("telemetry acknowledged: ").nth(1))
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("the simulator counts what was acknowledged:\n{log}"));
    let stored = "SELECT count(), uniqExact(message_id) FROM derms.telemetry WHERE source = 'simulator' FORMAT TSV";
    let expected = format!("{acknowledged}\t{acknowledged}");
    let mut found = String::new();
    let once = wait::until("everything acknowledged is stored once", SOON, || {
        found = world.place.sql(stored);
        (found == expected).then_some(())
    });
    once.unwrap_or_else(|error| {
        panic!("{error:#}: {acknowledged} acknowledged, stored {found:?}\n{}", world.place.logs())
    });
}

fn after_a_stop_it_goes_on_where_it_was(world: &mut World) {
    const FIRST: &str = "SELECT toString(min(at)) FROM derms.decisions";
    let first = world.place.sql(FIRST);
    world.place.stop().expect("everything ends in good order");
    world.place.start().expect("it starts again");
    world.goes_on();
    assert_eq!(world.place.sql(FIRST), first, "what was stored is there");
}

/// Every sample that the agent has made so far, as its log says.
fn made(agent: &Service) -> BTreeSet<String> {
    let topic = format!("der/telemetry/{AGENT}");
    let log = agent.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let samples = lines.filter(|line| line["message"] == "publishes" && line["topic"] == topic);
    samples.filter_map(|line| line["id"].as_str().map(str::to_owned)).collect()
}

fn killed_all_at_once_it_loses_nothing_of_a_device_that_asks_for_receipts(world: &mut World) {
    // What the broker has acknowledged meanwhile, nobody has taken.
    world.place.stand_still().expect("stopped");
    std::thread::sleep(STANDSTILL);
    world.place.kill().expect("killed");
    world.place.start().expect("it starts again");
    world.goes_on();
    let made = made(&world.agent);
    assert!(made.len() > 50, "{made:?}");
    let ids = format!("SELECT message_id FROM derms.telemetry WHERE device_id = '{AGENT}'");
    let mut missing = made.clone();
    let whole = wait::until("every sample of the agent is stored", SOON, || {
        let stored = world.place.sql(&ids);
        for id in stored.lines() {
            missing.remove(id);
        }
        missing.is_empty().then_some(())
    });
    whole.unwrap_or_else(|error| {
        panic!("{error:#}: {missing:?} of {}\n{}", made.len(), world.place.logs())
    });
    let twice = "SELECT count() - uniqExact(message_id) FROM derms.telemetry";
    assert_eq!(world.place.sql(twice), "0", "nothing is stored twice");
}

fn every_decision_is_certified_and_made_again_byte_for_byte(world: &mut World) {
    let certified = "SELECT count() > 0 AND countIf(NOT certified) = 0 FROM derms.decisions";
    assert_eq!(world.place.sql(certified), "1");
    let (same, words) = world.place.command("derms-processor", &["replay"]).expect("it runs");
    assert!(same && words.contains("no difference"), "{words}");
}

fn everything_ends_in_good_order(world: &mut World) {
    let ended = world.agent.terminate(Duration::from_secs(10)).expect("the agent ends");
    assert!(ended.success(), "{}", world.agent.log());
    world.place.stop().expect("everything ends in good order");
}

/// Panics where it is not kept.
type Promise = fn(&mut World);

/// Every promise, in an order in which none spoils another.
const PROMISES: [(&str, Promise); 21] = [
    ("devices get setpoints", devices_get_setpoints),
    ("limits are kept and an event holds", limits_are_kept_and_an_operators_event_holds),
    ("a setpoint stands at the broker", a_setpoint_stands_at_the_broker),
    ("limits and policies", operators::limits_and_policies_are_set_and_taken_back),
    ("a shadow feeder", operators::a_shadow_feeder_is_decided_and_nothing_reaches_its_devices),
    (
        "overrides",
        operators::a_device_is_overridden_for_a_time_also_where_nothing_else_is_commanded,
    ),
    ("a parent's limit", operators::a_parents_limit_holds_over_both_feeders),
    ("programs", operators::programs_by_cap_and_by_price_lower_the_limit_while_they_act),
    ("an event that changes", operators::an_event_is_changed_and_cancelled_under_its_id),
    ("devices and the simulation", operators::devices_are_set_and_the_simulators_day_too),
    ("the past", operators::the_past_is_explained),
    ("a file of samples", operators::samples_are_exported_as_a_file),
    ("dead letters and receipts", what_is_wrong_becomes_a_dead_letter_and_a_receipt_says_so),
    ("telemetry by API", telemetry_by_api_goes_the_devices_way),
    ("acknowledged is stored once", what_the_simulator_had_acknowledged_is_stored_once),
    ("a stop and a start", after_a_stop_it_goes_on_where_it_was),
    ("settings after it", operators::what_operators_have_set_outlives_a_restart),
    (
        "a kill of everything",
        killed_all_at_once_it_loses_nothing_of_a_device_that_asks_for_receipts,
    ),
    ("replay", every_decision_is_certified_and_made_again_byte_for_byte),
    // After it decisions stand in the log that are not.
    ("a stopped feeder", stopped::a_stopped_feeder_tells_everyone_the_fallback_until_it_is_resumed),
    ("the end", everything_ends_in_good_order),
];

#[expect(clippy::print_stderr, reason = "says where a failure belongs, and what takes its time")]
fn keeps_every_promise(place: Place) {
    let mut world = World::begin(place);
    for (name, promise) in PROMISES {
        let began = Instant::now();
        eprintln!("{name} …");
        promise(&mut world);
        eprintln!("{name}: kept ({:.1?})", began.elapsed());
    }
}

#[test]
fn every_promise_is_kept_on_mosquitto_kafka_and_the_engine() {
    keeps_every_promise(Place::servers().expect("the servers and services start"));
}

#[test]
fn every_promise_is_kept_on_the_embedded_parts() {
    keeps_every_promise(Place::embedded().expect("it starts"));
}
