//! The schema without a network: what it serves, who may ask for it, and what it answers.

mod changes;
mod docs;
mod lifecycle;
mod many;
mod matrix;
mod sdl;
mod subscriptions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response, Value as GraphqlValue};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use schemas::mqtt::Topics;
use schemas::records::operator::{Change, DeviceRegistered, OperatorRecord};
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use serde_json::{Value, json};
use service_kit::clock::Clock;
use service_kit::log::AppendError;
use service_kit::mqtt::Broker;

use super::*;
use crate::auth::{AuthUser, Role};
use crate::graphql::errors::label;
use crate::store::health::{HealthMonitor, Probe};
use crate::store::history::{History, HistoryConfig};
use crate::store::ingest::{Ingest, IngestConfig};
use crate::store::live::Live;
use crate::store::operator::{Append, OperatorLog};
use crate::test_data::{NOW, device_state, feeder_state, operator_record};

struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A log that is read back at once, or never.
enum TestLog {
    ReadBack(Arc<Live>, std::sync::atomic::AtomicI64),
    NeverRead,
    Away,
}

impl Append for TestLog {
    fn append(
        &self,
        record: OperatorRecord,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<i64, AppendError>> {
        async move {
            match self {
                Self::ReadBack(live, next) => {
                    let offset = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    live.apply_operator(offset, &record);
                    Ok(offset)
                }
                Self::NeverRead => Ok(1_000_000),
                Self::Away => Err(AppendError::Timeout(timeout)),
            }
        }
        .boxed()
    }
}

/// Port 9 is "discard": nothing listens there.
const NO_HISTORY: &str = "http://127.0.0.1:9";

struct World {
    schema: ApiSchema,
    live: Arc<Live>,
}

/// Two feeders: f1 with two devices and a state, f2 with one registered device and no decision yet.
fn world_with(log: impl FnOnce(&Arc<Live>) -> TestLog) -> World {
    let clock: Arc<dyn Clock> = Arc::new(TestClock);
    let live = Arc::new(Live::default());
    for (offset, (id, feeder)) in (0..).zip([("ev-1", "f1"), ("pv-1", "f1"), ("ev-9", "f2")]) {
        let change = Change::DeviceRegistered(DeviceRegistered {
            device_id: DeviceId::new(id).expect("an id"),
            device_type: if id.starts_with("pv") { DeviceType::Pv } else { DeviceType::Ev },
            origin: DeviceOrigin::Simulated,
            feeder_id: FeederId::new(feeder).expect("an id"),
            site_id: None,
        });
        live.apply_operator(offset, &operator_record(change));
    }
    live.apply_device(device_state("ev-1", "f1", 1, 1));
    let mut pv = device_state("pv-1", "f1", 1, 1);
    pv.device_type = DeviceType::Pv;
    pv.power_w = Some(Watts(-2_000));
    pv.tracking_samples = 0;
    live.apply_device(pv);
    live.apply_feeder(feeder_state("f1", 1, 1, Watts(1_000)));
    live.set_complete();
    around(clock, &live, log(&live), NO_HISTORY)
}

/// A world whose view is not read to its end yet.
fn incomplete(log: TestLog) -> World {
    around(Arc::new(TestClock), &Arc::new(Live::default()), log, NO_HISTORY)
}

fn around(clock: Arc<dyn Clock>, live: &Arc<Live>, log: TestLog, history: &str) -> World {
    let history = HistoryConfig {
        url: history.to_owned(),
        database: "derms".to_owned(),
        user: None,
        password: None,
        authority: None,
        timeout: Duration::from_millis(500),
    };
    let probe = || Arc::new(Probe::new(Arc::clone(&clock)));
    let broker = Broker { host: "127.0.0.1".to_owned(), port: 9, credentials: None, tls: None };
    let ingest = IngestConfig { broker, topics: Topics::default(), payload_max: 10_000 };
    let stores = Stores {
        // Nobody carries what it takes.
        ingest: Ingest::new(ingest).0,
        history: Arc::new(History::new(&history).expect("a plain connection")),
        operator: Arc::new(OperatorLog::new(
            Arc::new(log),
            Arc::clone(live),
            Arc::clone(&clock),
            Duration::from_millis(100),
        )),
        health: Arc::new(HealthMonitor::new(Arc::clone(live), probe(), probe())),
        live: Arc::clone(live),
        clock,
        sim_hours_ahead: 0.0,
    };
    World { schema: build(stores, true), live: Arc::clone(live) }
}

fn world() -> World {
    world_with(|live| TestLog::ReadBack(Arc::clone(live), 3.into()))
}

fn user(role: Role) -> AuthUser {
    let name = format!("the {}", role.as_str());
    AuthUser { name, role, session: uuid::Uuid::nil(), expires_at: i64::MAX }
}

impl World {
    async fn ask_as(&self, role: Option<Role>, query: &str) -> Response {
        let mut request = Request::new(query);
        if let Some(role) = role {
            request = request.data(user(role));
        }
        label(self.schema.execute(request).await)
    }

    /// What an operator gets, without errors.
    #[track_caller]
    fn ask(&self, query: &str) -> impl Future<Output = Value> {
        let asked = self.ask_as(Some(Role::Operator), query);
        let query = query.to_owned();
        async move {
            let response = asked.await;
            assert!(response.errors.is_empty(), "{query}: {:?}", response.errors);
            response.data.into_json().expect("JSON")
        }
    }

    /// Code and message of the only error an operator gets.
    async fn refused(&self, query: &str) -> (String, String) {
        refusal(&self.ask_as(Some(Role::Operator), query).await, query)
    }
}

fn refusal(response: &Response, query: &str) -> (String, String) {
    assert_eq!(response.errors.len(), 1, "{query}: {:?}", response.errors);
    let error = &response.errors[0];
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let Some(GraphqlValue::String(code)) = code else {
        panic!("{query}: an error without a code");
    };
    (code.clone(), error.message.clone())
}

fn ids(connection: &Value) -> Vec<&str> {
    connection["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| edge["node"]["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn clients_are_told_beyond_what_something_is_marked_or_refused() {
    let data =
        world().ask("{ thresholds { nearLimitShare overrideSecondsMax priceShedShareMax } }").await;
    let expected =
        json!({"nearLimitShare": 0.01, "overrideSecondsMax": 604_800, "priceShedShareMax": 0.8});
    assert_eq!(data["thresholds"], expected);
}

#[tokio::test]
async fn feeders_show_what_was_decided_and_those_without_a_decision_their_limit() {
    let world = world();
    let data = world
        .ask("{ feeders { id mode policy loadKw importLimitKw effectiveLimitKw headroomKw waterLevel deviceCount staleCount byType { type count powerKw } lastDecisionAt } }")
        .await;
    assert_eq!(
        data["feeders"],
        json!([
            {"id": "f1", "mode": "AUTOMATIC", "policy": "water-fill", "loadKw": 1.0,
             "importLimitKw": 250.0, "effectiveLimitKw": 40.0, "headroomKw": 39.0, "waterLevel": 2.5,
             "deviceCount": 1, "staleCount": 0,
             "byType": [{"type": "EV", "count": 1, "powerKw": 1.0}],
             "lastDecisionAt": "2027-01-15T08:00:00+00:00"},
            {"id": "f2", "mode": "AUTOMATIC", "policy": "water-fill", "loadKw": 0.0,
             "importLimitKw": 250.0, "effectiveLimitKw": 250.0, "headroomKw": 250.0, "waterLevel": null,
             "deviceCount": 1, "staleCount": 1,
             "byType": [{"type": "EV", "count": 1, "powerKw": 0.0}],
             "lastDecisionAt": null}
        ])
    );
}

#[tokio::test]
async fn a_device_without_a_state_is_missing() {
    let world = world();
    let data = world
        .ask("{ device(id: \"ev-9\") { id feederId freshness powerKw lastSeen compliant priority } nobody: device(id: \"x\") { id } }")
        .await;
    assert_eq!(
        data,
        json!({
            "device": {"id": "ev-9", "feederId": "f2", "freshness": "MISSING", "powerKw": null,
                       "lastSeen": null, "compliant": true, "priority": 1},
            "nobody": null
        })
    );
}

#[tokio::test]
async fn devices_are_filtered_searched_and_ordered() {
    let world = world();
    for (arguments, expected) in [
        ("", vec!["ev-1", "ev-9", "pv-1"]),
        ("(feederId: \"f1\")", vec!["ev-1", "pv-1"]),
        ("(type: PV)", vec!["pv-1"]),
        ("(origin: PHYSICAL)", vec![]),
        ("(freshness: MISSING)", vec!["ev-9"]),
        ("(search: \"HOUSE-1\")", vec!["ev-1", "pv-1"]),
        ("(search: \"ev\", freshness: FRESH)", vec!["ev-1"]),
        ("(orderBy: POWER)", vec!["ev-1", "pv-1", "ev-9"]),
        ("(orderBy: PRIORITY)", vec!["ev-1", "pv-1", "ev-9"]),
        ("(orderBy: LAST_SEEN, first: 2)", vec!["ev-1", "pv-1"]),
    ] {
        let query = format!("{{ devices{arguments} {{ totalCount edges {{ node {{ id }} }} }} }}");
        assert_eq!(ids(&world.ask(&query).await["devices"]), expected, "{arguments}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let world = world();
    for order in ["ID", "POWER", "SOC", "TRACKING_ERROR", "PRIORITY", "LAST_SEEN"] {
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let query = format!(
                "{{ devices(orderBy: {order}, first: 1, after: {after}) {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ id }} }} }} }}"
            );
            let data = world.ask(&query).await;
            let page = &data["devices"];
            assert_eq!(page["totalCount"], 3);
            seen.extend(ids(page).into_iter().map(str::to_owned));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == json!(false) {
                break;
            }
        }
        let unique: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), unique.len()), (3, 3), "{order}: {seen:?}");
    }
}

#[tokio::test]
async fn what_is_not_accepted_is_refused_with_words_that_say_why() {
    let world = world();
    for (query, words) in [
        ("{ devices(first: 501) { totalCount } }", "first: expected 1 to 500"),
        ("{ devices(first: 0) { totalCount } }", "first: expected 1 to 500"),
        ("{ devices(after: \"?\") { totalCount } }", "after: expected a cursor"),
        ("{ feeder(id: \"a/b\") { id } }", "id: expected 1 to 64 characters"),
        ("{ trackingError(windowMinutes: 0) { deviceId } }", "windowMinutes: expected 1 to 1440"),
        ("{ nothing }", "Unknown field"),
        ("{", "expected"),
    ] {
        let (code, message) = world.refused(query).await;
        assert_eq!(code, "BAD_USER_INPUT", "{query}");
        assert!(message.contains(words), "{query}: {message}");
    }
}

#[tokio::test]
async fn history_says_that_clickhouse_is_away_and_the_rest_still_answers() {
    let world = world();
    let query = "{ feeder(id: \"f1\") { loadKw history(from: \"2027-01-01T00:00:00Z\", to: \"2027-01-02T00:00:00Z\") { at } } }";
    let (code, message) = world.refused(query).await;
    assert_eq!(code, "UNAVAILABLE");
    assert!(message.contains("history is unavailable"), "{message}");
    let backwards = query.replace("2027-01-01", "2027-02-01");
    let (code, message) = world.refused(&backwards).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("BAD_USER_INPUT", "\"from\" must be before \"to\"")
    );
    world.ask("{ feeder(id: \"f1\") { loadKw } }").await;
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_not_run() {
    let world = world();
    let nested = format!("{{ feeders {} id {} }}", "{ children ".repeat(20), "}".repeat(20));
    let aliases: String = (0..200)
        .map(|n| format!("a{n}: feeders {{ id history(from: \"2027-01-01T00:00:00Z\", to: \"2027-01-02T00:00:00Z\") {{ at }} }} "))
        .collect();
    let fleet_history = "{ devices(first: 500) { edges { node { telemetry(from: \"2027-01-01T00:00:00Z\", to: \"2027-01-02T00:00:00Z\") { at powerKw } } } } }";
    let walks = "devices(first: 1) { totalCount } ".repeat(300);
    for query in
        [nested, format!("{{ {aliases} }}"), fleet_history.to_owned(), format!("{{ {walks} }}")]
    {
        let (code, message) = world.refused(&query).await;
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.contains("too"), "{message}");
    }
    let page = "{ devices(first: 500) { totalCount edges { cursor node { id type origin feederId siteId ratedKw minPowerKw priority targetSoc optedOut overridden freshness lastSeen powerKw setpointKw soc trackingErrorKw compliant } } } }";
    world.ask(page).await;
}

fn event_in(minutes: i64, more: &str) -> String {
    let time = |minutes: i64| {
        chrono::DateTime::from_timestamp_millis(NOW.0 + minutes * 60_000)
            .expect("a date")
            .to_rfc3339()
    };
    format!(
        "mutation {{ createEvent(input: {{ start: \"{}\", end: \"{}\", {more} }}) {{ id feederId limitKw type rampSeconds cancelled createdBy }} }}",
        time(minutes),
        time(minutes + 60)
    )
}

#[tokio::test]
async fn an_event_can_be_read_as_soon_as_it_is_answered_and_cancelled() {
    let world = world();
    let created =
        world.ask(&event_in(-5, "feederId: \"f1\", limitKw: 12.5, rampSeconds: 30")).await;
    let event = &created["createEvent"];
    assert_eq!(
        (
            &event["feederId"],
            &event["limitKw"],
            &event["type"],
            &event["rampSeconds"],
            &event["createdBy"]
        ),
        (&json!("f1"), &json!(12.5), &json!("dr"), &json!(30), &json!("the operator"))
    );
    world.ask(&event_in(300, "feederId: \"f2\", limitKw: 1")).await;
    let count = |data: Value| data["events"].as_array().expect("a list").len();
    assert_eq!(count(world.ask("{ events { id } }").await), 2);
    assert_eq!(count(world.ask("{ events(feederId: \"f1\") { id } }").await), 1);
    let now = chrono::DateTime::from_timestamp_millis(NOW.0).expect("a date").to_rfc3339();
    let active = format!("{{ events(activeAt: \"{now}\") {{ id }} }}");
    assert_eq!(count(world.ask(&active).await), 1);

    let id = event["id"].as_str().expect("an id");
    let cancel = format!("mutation {{ cancelEvent(id: \"{id}\") {{ id cancelled }} }}");
    assert_eq!(world.ask(&cancel).await["cancelEvent"]["cancelled"], true);
    assert_eq!(count(world.ask("{ events { id } }").await), 1);
    assert_eq!(count(world.ask("{ events(includePast: true) { id } }").await), 2);
    let (code, message) = world.refused(&cancel).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("BAD_USER_INPUT", "id: the event is cancelled already")
    );
}

#[tokio::test]
async fn an_event_that_makes_no_sense_is_refused_with_what_would() {
    let world = world();
    for (minutes, more, code, words) in [
        (
            0,
            "feederId: \"f1\", limitKw: -1",
            "BAD_USER_INPUT",
            "limitKw: expected a number of kW from 0",
        ),
        (0, "feederId: \"nowhere\", limitKw: 1", "NOT_FOUND", "there is no feeder nowhere"),
        (
            0,
            "feederId: \"f1\", limitKw: 1, rampSeconds: -1",
            "BAD_USER_INPUT",
            "rampSeconds: expected 0 to 86400",
        ),
        (0, "feederId: \"f1\", limitKw: 1, type: \"\"", "BAD_USER_INPUT", "type: expected 1 to 64"),
        (-120, "feederId: \"f1\", limitKw: 1", "BAD_USER_INPUT", "end: must be in the future"),
    ] {
        let (got, message) = world.refused(&event_in(minutes, more)).await;
        assert_eq!(got, code, "{more}: {message}");
        assert!(message.contains(words), "{more}: {message}");
    }
    let backwards = event_in(10, "feederId: \"f1\", limitKw: 1")
        .replace("start:", "x:")
        .replace("end:", "start:")
        .replace("x:", "end:");
    let (_, message) = world.refused(&backwards).await;
    assert!(message.contains("end: must be after start"), "{message}");
    let unknown = "mutation { cancelEvent(id: \"0190a5b0-0000-7000-8000-000000000001\") { id } }";
    assert_eq!(world.refused(unknown).await.0, "NOT_FOUND");
    let no_uuid = "mutation { cancelEvent(id: \"x\") { id } }";
    assert_eq!(world.refused(no_uuid).await.0, "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_change_that_is_not_confirmed_in_time_says_that_it_may_still_take_effect() {
    for log in [TestLog::NeverRead, TestLog::Away] {
        let world = world_with(|_| log);
        let (code, message) = world.refused(&event_in(0, "feederId: \"f1\", limitKw: 1")).await;
        assert_eq!(code, "TIMEOUT");
        assert!(message.contains("may still take effect"), "{message}");
    }
}

#[tokio::test]
async fn tracking_errors_are_those_of_devices_with_samples() {
    let world = world();
    let data = world
        .ask("{ trackingError(feederId: \"f1\", windowMinutes: 10) { deviceId samples meanErrorKw meanAbsErrorKw lastSetpointKw lastActualKw } }")
        .await;
    assert_eq!(
        data["trackingError"],
        json!([{"deviceId": "ev-1", "samples": 12, "meanErrorKw": -0.5, "meanAbsErrorKw": 0.6,
                "lastSetpointKw": 3.5, "lastActualKw": 3.0}])
    );
}

#[tokio::test]
async fn nothing_is_answered_from_half_a_view() {
    let world = incomplete(TestLog::NeverRead);
    for query in
        ["{ feeders { id } }", "{ devices { totalCount } }", "{ trackingError { deviceId } }"]
    {
        let (code, message) = world.refused(query).await;
        assert_eq!(code, "UNAVAILABLE", "{query}");
        assert!(message.contains("still being read"), "{message}");
    }
    world.ask("{ me { name } health { status } }").await;
}
