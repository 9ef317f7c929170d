//! While the log is away nothing is acknowledged: the broker keeps it all, across the bridge's death too.
//!
//! Alone in its file: it reads the metrics of its process.

mod world;

use std::collections::BTreeSet;

use world::{Client, World, metric_reaches, sample, text};

const RECEIVED: &str = "derms_bridge_received_total{kind=\"telemetry\"}";
const ACKNOWLEDGED: &str = "derms_bridge_acknowledged_total";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_acknowledged_only_when_the_log_has_it() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    metric_reaches("derms_bridge_mqtt_connected{connection=\"in\"}", 1.0).await;
    let mut device = world.device("devices").await;
    device.publish("der/telemetry/ev-1", sample("ev-1", "north").1).await;
    metric_reaches(ACKNOWLEDGED, 1.0).await;

    world.log.broker_down(1).expect("the mock log goes down");
    let mut ids = BTreeSet::new();
    for _ in 0..10 {
        let (id, payload) = sample("ev-1", "north");
        device.publish("der/telemetry/ev-1", payload).await;
        ids.insert(id);
    }
    metric_reaches(RECEIVED, 11.0).await;
    metric_reaches("derms_bridge_unacknowledged", 10.0).await;
    bridge.kill().await;

    // Whoever takes the session over finds that the broker still has all ten.
    let mut heir = Client::connect(&world.mosquitto, "derms-bridge", false).await;
    while !ids.is_empty() {
        let message = text(&heir.next().await.payload);
        let id = ids.iter().find(|id| message.contains(&id.to_string())).copied();
        ids.remove(&id.expect("one of the ten, and each once"));
    }
}
