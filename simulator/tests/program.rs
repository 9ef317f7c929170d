//! The program as a user starts it.

use std::process::Command;
use std::time::Duration;

use testbench::mosquitto::Mosquitto;
use testbench::mqtt::Client;

fn program(broker_port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_derms-sim"));
    command.env_clear().env("MQTT_HOST", "127.0.0.1").env("MQTT_PORT", broker_port.to_string());
    command
}

#[tokio::test]
async fn it_generates_load_for_a_while_and_says_what_was_acknowledged() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener =
        Client::connect(&broker.host(), broker.port(), "listener", &["der/telemetry/#"])
            .await
            .expect("it connects");
    let mut command = program(broker.port());
    command.args(["--devices", "50", "--rate", "500", "--for", "2"]);
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("it runs");
    let output = ended.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let words = String::from_utf8(output.stdout).expect("text");
    let count: usize = words
        .trim()
        .strip_prefix("telemetry acknowledged: ")
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("unexpected words: {words}"));
    // At most 500 per second for two seconds and one more round; a busy machine may manage less.
    assert!((100..=1_100).contains(&count), "{count}");
    listener
        .wait_for(Duration::from_secs(30), "as many", |heard| (heard.len() >= count).then_some(()))
        .await
        .expect("all are delivered");
    assert_eq!(listener.heard().len(), count);
}

#[test]
fn bad_settings_are_all_named_and_it_ends_with_2() {
    let output = program(1883)
        .args(["--devices=none", "--rate=-1"])
        .env("DERMS_SIM_INTERVAL_MS", "x")
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    for name in ["DERMS_SIM_DEVICES", "DERMS_SIM_RATE", "DERMS_SIM_INTERVAL_MS"] {
        assert!(words.contains(name), "{name} is not in: {words}");
    }
}
