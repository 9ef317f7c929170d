//! The API over a real Kafka: what stands in the log is what it shows, and what it writes can be read back.

mod world;

use std::time::Duration;

use reqwest::StatusCode;
use schemas::ids::FeederId;
use schemas::records::decision::{Freshness, NodeBinding, NodeDecision, Rung};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, DeviceRegistered, FeederMode, OperatorRecord};
use schemas::records::state::{DeviceState, FeederState};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::topics::tree_partition;
use schemas::{DeviceId, Timestamp, Watts};
use serde_json::{Value, json};
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{InPartition, LogConfig, Only, Outgoing, Producer, ensure_topics};
use service_kit::settings::{Service, Settings};
use testbench::kafka::Kafka;
use uuid::Uuid;
use world::socket::{hear, owned_socket};
use world::{Api, answer};

const SOON: Duration = Duration::from_secs(30);

struct Log {
    producer: Producer,
    partitions: i32,
}

impl Log {
    async fn open(brokers: &str) -> Self {
        let settings = Settings::from_pairs(
            Service::Api,
            &[
                ("DERMS_KAFKA_BROKERS", brokers),
                ("AUTH_USERS", "[]"),
                ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ],
        )
        .expect("settings");
        let config = LogConfig::from_settings(&settings);
        let partitions = ensure_topics(&config).await.expect("topics");
        let producer = Producer::new(&config).expect("a producer");
        Self { producer, partitions }
    }

    async fn append(&self, outgoing: Outgoing) {
        self.producer.append(&outgoing, SOON).await.expect("it is appended");
    }

    fn lane(&self, root: &FeederId) -> InPartition {
        InPartition(tree_partition(root, self.partitions))
    }

    async fn register(&self, device: &str, feeder: &str) {
        let record = OperatorRecord {
            id: Uuid::now_v7(),
            at: SystemClock.now(),
            source: None,
            actor: "bridge".to_owned(),
            change: Change::DeviceRegistered(DeviceRegistered {
                device_id: device_id(device),
                device_type: DeviceType::Battery,
                origin: DeviceOrigin::Physical,
                feeder_id: feeder_id(feeder),
                site_id: None,
            }),
        };
        self.append(Outgoing::of(&record, Only)).await;
    }

    async fn decide(&self, feeder: &str, seq: i64, load: Watts) {
        let root = feeder_id(feeder);
        let state = FeederState {
            version: DecisionNo { epoch: 1, seq },
            at: SystemClock.now(),
            root: root.clone(),
            policy: "water-fill".to_owned(),
            node: node(&root, load),
            made: None,
            alarms: Vec::new(),
        };
        self.append(Outgoing::of(&state, self.lane(&root))).await;
    }

    async fn see(&self, device: &str, feeder: &str, seq: i64, power: Watts) {
        let root = feeder_id(feeder);
        let state = device_state(device, &root, seq, power, SystemClock.now());
        self.append(Outgoing::of(&state, self.lane(&root))).await;
    }
}

fn feeder_id(text: &str) -> FeederId {
    FeederId::new(text).expect("an id")
}

fn device_id(text: &str) -> DeviceId {
    DeviceId::new(text).expect("an id")
}

fn node(feeder: &FeederId, load: Watts) -> NodeDecision {
    NodeDecision {
        feeder_id: feeder.clone(),
        parent_id: None,
        mode: FeederMode::Automatic,
        import_limit_w: Watts(250_000),
        export_limit_w: None,
        limit_w: Watts(250_000),
        margin_w: Watts(2_500),
        load_w: load,
        controlled_w: load,
        uncontrolled_w: Watts::ZERO,
        reserved_w: Watts::ZERO,
        headroom_w: Watts(250_000) - load,
        allocated_w: load,
        unmet_w: Watts::ZERO,
        water_level_w: None,
        binding: NodeBinding::None,
        rung: Rung::Normal,
        degraded: None,
        stopped: None,
        device_count: 1,
        fresh_count: 1,
        stale_count: 0,
        by_type: Vec::new(),
    }
}

fn device_state(
    device: &str,
    feeder: &FeederId,
    seq: i64,
    power: Watts,
    now: Timestamp,
) -> DeviceState {
    DeviceState {
        device_id: device_id(device),
        version: DecisionNo { epoch: 1, seq },
        at: now,
        root: feeder.clone(),
        feeder_id: feeder.clone(),
        site_id: None,
        device_type: DeviceType::Battery,
        origin: DeviceOrigin::Physical,
        rated_w: Some(Watts(5_000)),
        min_power_w: None,
        priority: 1,
        target_soc: None,
        opted_out: false,
        overridden: false,
        freshness: Freshness::Fresh,
        last_seen: Some(now),
        power_w: Some(power),
        setpoint_w: None,
        soc: None,
        tracking_samples: 0,
        tracking_mean_w: None,
        tracking_mean_abs_w: None,
        compliant: true,
    }
}

/// An event that lasts for an hour from now on.
fn event_on(feeder: &str) -> String {
    let time = |ms: i64| {
        chrono::DateTime::from_timestamp_millis(SystemClock.now().plus_ms(ms).0)
            .expect("a date")
            .to_rfc3339()
    };
    format!(
        "mutation {{ createEvent(input: {{ feederId: \"{feeder}\", start: \"{}\", end: \"{}\", limitKw: 5 }}) {{ id createdBy }} }}",
        time(0),
        time(3_600_000)
    )
}

#[test]
fn what_stands_in_the_log_is_shown_and_what_is_written_is_still_there_after_a_restart() {
    world::run(async {
        let mut kafka = Kafka::start().expect("Kafka; scripts/fetch-kafka gets its jars");
        let brokers = kafka.address();
        let log = Log::open(&brokers).await;
        log.register("bat-1", "f1").await;
        log.decide("f1", 1, Watts(1_000)).await;
        log.decide("f1", 2, Watts(2_000)).await;
        let settings =
            [("DERMS_KAFKA_BROKERS", brokers.as_str()), ("DB_QUERY_TIMEOUT_MS", "10000")];
        let api = Api::start(&settings).await;
        let token = api.token("otto").await;

        let feeders =
            "{ feeders { id loadKw } devices { edges { node { id freshness powerKw } } } }";
        let shown = api
            .graphql_until(&token, feeders, |answer| {
                answer["errors"].is_null().then(|| answer["data"].clone())
            })
            .await;
        assert_eq!(shown["feeders"], json!([{"id": "f1", "loadKw": 2.0}]));
        assert_eq!(
            shown["devices"]["edges"][0]["node"],
            json!({"id": "bat-1", "freshness": "MISSING", "powerKw": null})
        );
        log.see("bat-1", "f1", 3, Watts(-1_500)).await;
        let device = "{ device(id: \"bat-1\") { freshness powerKw } }";
        api.graphql_until(&token, device, |answer| {
            let seen = json!({"freshness": "FRESH", "powerKw": -1.5});
            (answer["data"]["device"] == seen).then_some(())
        })
        .await;

        let created = api.graphql(&token, &event_on("f1")).await;
        let id = created["data"]["createEvent"]["id"].clone();
        assert!(id.is_string(), "{created}");
        let events = "{ events { id createdBy } }";
        let listed = json!([{"id": id, "createdBy": "otto"}]);
        assert_eq!(api.graphql(&token, events).await["data"]["events"], listed);
        api.stop().await;

        let api = Api::start(&settings).await;
        let token = api.token("vic").await;
        api.graphql_until(&token, events, |answer| {
            (answer["data"]["events"] == listed).then_some(())
        })
        .await;

        // The log goes away: what is known is still shown, changes are refused, health says it.
        kafka.kill().expect("Kafka ends");
        let health = "{ health { status log { ok } } }";
        api.graphql_until(&token, health, |answer| {
            (answer["data"]["health"]["log"]["ok"] == Value::Bool(false)).then_some(())
        })
        .await;
        assert_eq!(api.graphql(&token, events).await["data"]["events"], listed);
        api.stop().await;
    });
}

#[test]
fn a_logout_ends_the_session_on_every_instance_and_outlives_a_restart() {
    world::run(async {
        let kafka = Kafka::start().expect("Kafka; scripts/fetch-kafka gets its jars");
        let brokers = kafka.address();
        let settings =
            [("DERMS_KAFKA_BROKERS", brokers.as_str()), ("DB_QUERY_TIMEOUT_MS", "10000")];
        let (first, second) = tokio::join!(Api::start(&settings), Api::start(&settings));
        let (token, other) = (first.token("otto").await, first.token("otto").await);
        let feeders = "{ feeders { id } }";
        for api in [&first, &second] {
            api.graphql_until(&token, feeders, |answer| answer["errors"].is_null().then_some(()))
                .await;
        }
        let mut elsewhere = owned_socket(&second, &token).await;
        let (status, body) = answer(first.post("/api/auth/logout").bearer_auth(&token)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
        assert_eq!(hear(&mut elsewhere).await, 4401);
        second.stop().await;
        first.stop().await;

        let api = Api::start(&settings).await;
        api.graphql_until(&other, feeders, |answer| answer["errors"].is_null().then_some(())).await;
        let refused = api.graphql(&token, feeders).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");
        api.stop().await;
    });
}

#[test]
fn a_change_that_the_log_does_not_take_in_time_is_not_called_done_and_the_view_catches_up() {
    world::run(async {
        let mut kafka = Kafka::start().expect("Kafka; scripts/fetch-kafka gets its jars");
        let brokers = kafka.address();
        let log = Log::open(&brokers).await;
        log.register("bat-1", "f1").await;
        let settings = [("DERMS_KAFKA_BROKERS", brokers.as_str()), ("DB_QUERY_TIMEOUT_MS", "1500")];
        let api = Api::start(&settings).await;
        let token = api.token("otto").await;
        let feeders = "{ feeders { id } }";
        api.graphql_until(&token, feeders, |answer| answer["errors"].is_null().then_some(())).await;

        kafka.kill().expect("Kafka ends");
        let refused = api.graphql(&token, &event_on("f1")).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "TIMEOUT", "{refused}");
        kafka.restart().expect("Kafka starts again");
        // It may still take effect, as the answer said: the producer goes on trying, and the view reads on.
        let events = "{ events { createdBy } }";
        api.graphql_until(&token, events, |answer| {
            (answer["data"]["events"] == json!([{"createdBy": "otto"}])).then_some(())
        })
        .await;
        api.stop().await;
    });
}
