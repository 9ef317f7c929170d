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

#[tokio::test]
async fn one_connection_runs_a_bounded_number_of_subscriptions() {
    let world = world();
    let budget = SocketBudget::default();
    let open = || {
        let request = Request::new("subscription { deviceUpdated { id } }")
            .data(user(Role::Viewer))
            .data(budget.clone());
        Box::pin(world.schema.execute_stream(request))
    };
    let mut running = Vec::new();
    for _ in 0..crate::caps::SUBSCRIPTIONS_PER_SOCKET_MAX {
        let mut stream = open();
        assert!(futures::poll!(stream.next()).is_pending());
        running.push(stream);
    }
    let refused = open().next().await.expect("an answer");
    assert_eq!(refusal(&refused, "one too many").0, "BAD_USER_INPUT");
    running.pop();
    let mut again = open();
    assert!(futures::poll!(again.next()).is_pending());
}
