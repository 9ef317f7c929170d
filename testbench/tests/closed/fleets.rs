//! Devices of the system before this one at `derms up`, as they are: no login, their topics, their bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use testbench::mqtt::{Client, Heard};
use testbench::place::Place;
use testbench::predecessor::{pi_agent, simulator};

const PATIENCE: Duration = Duration::from_secs(90);
const LIMIT_KW: &str = "10";
/// What its simulator's chargers take at most, kW.
const CHARGERS: [(&str, f64); 2] = [("ev-001", 7.2), ("ev-002", 11.0)];

/// The newest setpoint of each device, kW.
fn targets(heard: &[Heard]) -> BTreeMap<String, f64> {
    let target = |one: &Heard| {
        let id = one.topic.rsplit('/').next()?.to_owned();
        Some((id, one.json()["payload"]["command"]["targetPowerKw"].as_f64()?))
    };
    heard.iter().filter_map(target).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_predecessors_simulator_and_pi_agent_are_controlled_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = [("FEEDER_DEFAULT_LIMIT_KW", LIMIT_KW), ("CONTROL_INTERVAL_SECONDS", "1")];
    let place = Place::embedded_with(folder, &set).expect("it starts");
    let connect = async |name: &str, filter: &str| loop {
        // It listens once its parts are up.
        if let Ok(client) = Client::connect("127.0.0.1", place.mqtt_port, name, &[filter]).await {
            return client;
        }
        tokio::task::yield_now().await;
    };
    let both = async {
        (
            connect("a-name-of-chance", "der/setpoints/+/+").await,
            connect("pi-der-001", "der/setpoints/battery/pi-der-001").await,
        )
    };
    let (mut fleet, mut pi) = tokio::time::timeout(PATIENCE, both).await.expect("they get in");

    // They follow what they are told until the chargers share what the house has left.
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    let controlled = async {
        loop {
            ticks.tick().await;
            let told = targets(&fleet.heard());
            for (id, most) in CHARGERS {
                let kw = told.get(id).map_or(0.6 * most, |kw| kw.clamp(0.0, most));
                let sample = simulator("ev", id, "house-01", kw, Some(0.31));
                let topic = format!("der/telemetry/ev/{id}");
                fleet.publish(&topic, sample, false, None).await.expect("queued");
            }
            for (kind, id, kw, soc) in
                [("pv", "pv-001", 0.0, None), ("battery", "bat-001", 0.2, Some(0.5))]
            {
                let sample = simulator(kind, id, "house-01", kw, soc);
                let topic = format!("der/telemetry/{kind}/{id}");
                fleet.publish(&topic, sample, false, None).await.expect("queued");
            }
            let sample = pi_agent("battery", "pi-der-001", 0.0, 50.0);
            let topic = "der/telemetry/battery/pi-der-001";
            pi.publish(topic, sample, false, None).await.expect("queued");
            let shares: Vec<f64> =
                CHARGERS.iter().filter_map(|(id, _)| told.get(*id).copied()).collect();
            let sum: f64 = shares.iter().sum();
            // Of 10 kW, less the margin and what the battery may take unasked.
            if shares.len() == CHARGERS.len() && (4.0..=10.0).contains(&sum) {
                break;
            }
        }
    };
    if tokio::time::timeout(PATIENCE, controlled).await.is_err() {
        panic!("they are told {:?}\n{}", targets(&fleet.heard()), place.logs());
    }
    let of_pi = |heard: &[Heard]| targets(heard).get("pi-der-001").copied();
    pi.wait_for(PATIENCE, "a setpoint for the Pi", of_pi)
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
    let last = fleet.heard().pop().expect("a setpoint").json();
    assert_eq!((last["v"].as_u64(), last["messageType"].as_str()), (Some(1), Some("setpoint")));
    let told = targets(&fleet.heard());
    assert!(!told.contains_key("pi-der-001"), "it is another connection's: {told:?}");
    fleet
        .wait_for(PATIENCE, "the battery's", |heard| targets(heard).get("bat-001").copied())
        .await
        .expect("it is told too");
}
