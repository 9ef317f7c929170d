//! MQTT over TLS with a certificate and a login: the bridge that has both gets in, and none ever speaks in the clear.

mod world;

use std::path::Path;

use testbench::certificates::Certificates;
use testbench::mosquitto::Mosquitto;
use world::{World, sample};

const PASSWORD: &str = "open-sesame-42";

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_with_certificate_and_login_gets_in() {
    let certificates = Certificates::make().expect("certificates");
    let mut world = World::start();
    world.mosquitto =
        Mosquitto::start_secured(&certificates, "bridge", PASSWORD).expect("mosquitto");
    let port = world.mosquitto.secured_port().expect("its port").to_string();
    let (certificate, key) = certificates.client();
    let (authority, certificate, key) =
        (text(&certificates.authority()), text(&certificate), text(&key));
    let secured = [
        ("MQTT_PORT", port.as_str()),
        ("MQTT_TLS_ENABLED", "true"),
        ("MQTT_TLS_CA_PATH", &authority),
        ("MQTT_TLS_CERT_PATH", &certificate),
        ("MQTT_TLS_KEY_PATH", &key),
        ("MQTT_USERNAME", "bridge"),
        ("MQTT_PASSWORD", PASSWORD),
    ];
    let bridge = world.bridge(&secured);
    let mut device = world.device("devices").await;
    world.ready(&mut device).await;
    let (id, payload) = sample("ev-1", "north");
    device.publish("der/telemetry/ev-1", payload).await;
    assert_eq!(world.samples("ev-1", 1).await[0].message_id, id);
    bridge.stop().await.expect("a clean end");

    // Without the certificate, and with a plain connection to the same port, nothing comes through.
    for others in [&secured[..3], &secured[..1]] {
        let bridge = world.bridge(others);
        let (id, payload) = sample("ev-1", "north");
        device.publish("der/telemetry/ev-1", payload).await;
        let log = world.mosquitto.log();
        let refused =
            |log: &str| log.matches("disconnected").count() + log.matches("error").count();
        let before = refused(&log);
        let turned_away = async {
            while refused(&world.mosquitto.log()) <= before {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(world::DEADLINE, turned_away).await.expect("it is turned away");
        let known: Vec<_> =
            world.samples("ev-1", 1).await.into_iter().map(|sample| sample.message_id).collect();
        assert!(!known.contains(&id), "nothing came through");
        bridge.stop().await.expect("a clean end");
    }
}
