//! What subscribers are told, and when.

use super::*;

fn subscribe(world: &World, query: &str) -> impl futures::Stream<Item = Value> + use<> {
    let request = Request::new(query).data(user(Role::Viewer));
    world.schema.execute_stream(request).map(|response| {
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        response.data.into_json().expect("JSON")
    })
}

#[tokio::test]
async fn feeders_are_told_as_they_are_and_then_as_they_change() {
    let world = world();
    let mut updates = Box::pin(subscribe(&world, "subscription { feederUpdated { id loadKw } }"));
    let mut first = vec![
        updates.next().await.expect("f1")["feederUpdated"]["id"].clone(),
        updates.next().await.expect("f2")["feederUpdated"]["id"].clone(),
    ];
    first.sort_by_key(ToString::to_string);
    assert_eq!(first, [json!("f1"), json!("f2")]);
    assert!(futures::poll!(updates.next()).is_pending());
    world.live.apply_feeder(feeder_state("f1", 1, 2, Watts(7_000)));
    assert_eq!(
        updates.next().await.expect("a change"),
        json!({"feederUpdated": {"id": "f1", "loadKw": 7.0}})
    );
}

#[tokio::test]
async fn devices_are_told_when_they_change_and_one_that_is_named_as_it_is() {
    let world = world();
    let mut fleet = Box::pin(subscribe(
        &world,
        "subscription { deviceUpdated(feederId: \"f1\") { id powerKw } }",
    ));
    assert!(futures::poll!(fleet.next()).is_pending());
    let mut one = Box::pin(subscribe(
        &world,
        "subscription { deviceUpdated(deviceId: \"ev-1\") { id powerKw } }",
    ));
    let told = one.next().await.expect("as it is");
    assert_eq!(told["deviceUpdated"]["powerKw"], 3.0);

    world.live.apply_device(device_state("ev-9", "f2", 1, 2));
    let mut changed = device_state("ev-1", "f1", 1, 2);
    changed.power_w = Some(Watts(1_500));
    world.live.apply_device(changed);
    let expected = json!({"deviceUpdated": {"id": "ev-1", "powerKw": 1.5}});
    assert_eq!(fleet.next().await.expect("a change"), expected);
    assert_eq!(one.next().await.expect("a change"), expected);
}

/// The operations of a connection whose owner is a viewer.
struct Connection {
    operations: SocketOperations,
    session: Arc<async_graphql::Data>,
}

impl Connection {
    fn open(world: &World) -> Self {
        let (pool, reads) = (Arc::default(), EventReads::default());
        let mut session = async_graphql::Data::default();
        session.insert(user(Role::Viewer));
        session.insert(ProvedBy::Token);
        let documents = Arc::new(Documents::new(Accepted::Tokens));
        let operations = SocketOperations::new(world.schema.clone(), documents, pool, reads);
        Self { operations, session: Arc::new(session) }
    }

    fn run(&self, query: &str) -> futures::stream::BoxStream<'static, Response> {
        let session = Some(Arc::clone(&self.session));
        async_graphql::Executor::execute_stream(&self.operations, Request::new(query), session)
    }
}

#[tokio::test]
async fn one_connection_runs_a_bounded_number_of_operations() {
    let connection = Connection::open(&world());
    let open = || connection.run("subscription { deviceUpdated { id } }");
    let mut running = Vec::new();
    for _ in 0..crate::caps::OPERATIONS_PER_SOCKET_MAX {
        let mut stream = open();
        assert!(futures::poll!(stream.next()).is_pending());
        running.push(stream);
    }
    let refused = open().next().await.expect("an answer");
    assert_eq!(refusal(&refused, "one too many").0, "BAD_USER_INPUT");
    let refused = connection.run("{ me { name } }").next().await.expect("an answer");
    assert_eq!(refusal(&refused, "one too many").0, "BAD_USER_INPUT");
    running.pop();
    let mut again = open();
    assert!(futures::poll!(again.next()).is_pending());
}

#[tokio::test]
async fn a_connection_without_an_owner_runs_nothing_and_no_document_goes_by_unchecked() {
    let connection = Connection::open(&world());
    let stranger = async_graphql::Executor::execute_stream(
        &connection.operations,
        Request::new("{"),
        Some(Arc::default()),
    );
    let refused = Box::pin(stranger).next().await.expect("an answer");
    assert_eq!(refusal(&refused, "{").0, "UNAUTHENTICATED");
    let query = format!("{{ me {{ name }} {} }}", "a: me { name } ".repeat(65));
    let refused = connection.run(&query).next().await.expect("an answer");
    assert!(refusal(&refused, &query).1.contains("too many aliases"));
    let answered = connection.run("{ me { name } }").next().await.expect("an answer");
    assert_eq!(answered.data.into_json().expect("JSON")["me"]["name"], "the viewer");
}

#[tokio::test]
async fn events_ask_for_history_at_a_bounded_pace() {
    let world = world();
    let connection = Connection::open(&world);
    let query = "subscription { deviceUpdated(deviceId: \"ev-1\") { telemetry(from: \"2027-01-01T00:00:00Z\", to: \"2027-01-02T00:00:00Z\") { at } } }";
    let mut updates = connection.run(query);
    let mut words = Vec::new();
    for seq in 0..i64::from(crate::caps::EVENT_READS) + 1 {
        let mut changed = device_state("ev-1", "f1", 1, seq + 2);
        changed.power_w = Some(Watts(seq));
        world.live.apply_device(changed);
        words.push(refusal(&updates.next().await.expect("an event"), query).1);
    }
    let last = words.pop().expect("one more than may be asked");
    assert!(last.contains("too often"), "{last}");
    assert!(words.iter().all(|words| words.contains("ClickHouse does not answer")), "{words:?}");
    let asked = world.ask("{ feeder(id: \"f1\") { loadKw } }").await;
    assert_eq!(asked["feeder"]["loadKw"], 1.0);
}

#[tokio::test]
async fn nothing_is_told_before_the_view_is_complete() {
    let world = incomplete(TestLog::NeverRead);
    world.live.apply_feeder(feeder_state("f1", 1, 1, Watts(1_000)));
    let mut updates = Box::pin(subscribe(&world, "subscription { feederUpdated { id } }"));
    assert!(futures::poll!(updates.next()).is_pending());
    world.live.set_complete();
    let told = updates.next().await.expect("it is complete");
    assert_eq!(told, json!({"feederUpdated": {"id": "f1"}}));
}

#[tokio::test]
async fn decisions_and_alarms_are_told_as_they_are_and_then_each_new_one_once() {
    let world = world();
    let mut decisions = Box::pin(subscribe(
        &world,
        "subscription { decisionMade(feederId: \"f1\") { feederId limitKw bindingConstraint latencyMs shadow certified } }",
    ));
    assert_eq!(
        decisions.next().await.expect("the newest")["decisionMade"],
        json!({"feederId": "f1", "limitKw": 40.0, "bindingConstraint": "EVENT", "latencyMs": 500.0,
               "shadow": false, "certified": true})
    );
    let mut alarms = Box::pin(subscribe(&world, "subscription { alarm { code message } }"));
    assert!(futures::poll!(alarms.next()).is_pending());
    let tell = |seq: i64, load: i64, alarms: Vec<schemas::records::decision::Alarm>| {
        let mut state = feeder_state("f1", 1, seq, Watts(load));
        state.alarms = alarms;
        world.live.apply_feeder(state);
    };
    let raised = |code: &str| super::changes::alarm(code, Some("f1"), "over");
    tell(2, 2_000, vec![raised("CTL-001")]);
    let told = |code: &str| json!({"alarm": {"code": code, "message": "over"}});
    assert_eq!(alarms.next().await.expect("raised"), told("CTL-001"));
    tell(3, 3_000, vec![raised("CTL-001"), raised("CTL-002")]);
    assert_eq!(alarms.next().await.expect("raised"), told("CTL-002"));
    // Only the newest of the two that came meanwhile.
    assert_eq!(decisions.next().await.expect("the newest")["decisionMade"]["feederId"], "f1");
    assert!(futures::poll!(decisions.next()).is_pending());
}
