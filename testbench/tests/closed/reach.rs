//! What listens beyond this machine, as an operator meets it: nothing that strangers could use, and words that say what
//! to set.

use std::process::{Command, Stdio};
use std::time::Duration;

use testbench::service::program;
use testbench::wait;

/// A refusal comes before anything is started.
const REFUSAL_MAX: Duration = Duration::from_secs(30);

/// Runs `derms`, which must end by itself; gives its status and its words.
#[track_caller]
fn refusal(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(program("derms").expect("derms is built"))
        .args(arguments)
        .arg("--data")
        .arg(folder.path())
        .args(["--set", "PORT=0", "--set", "MQTT_PORT=0"])
        .args(["--set", "DERMS_KAFKA_PORT=0", "--set", "DERMS_CLICKHOUSE_PORT=0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("derms starts");
    let ended = wait::until("derms ends", REFUSAL_MAX, || child.try_wait().ok().flatten());
    if ended.is_err() {
        child.kill().expect("a child of ours");
    }
    let output = child.wait_with_output().expect("a child of ours");
    ended.unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"));
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn nothing_listens_beyond_this_machine_where_strangers_would_get_in() {
    let everywhere = "DERMS_BIND=0.0.0.0";
    for (arguments, need) in [
        (&["broker", "--set", everywhere][..], "derms users add"),
        (&["log", "--set", everywhere], "DERMS_KAFKA_SASL_PASSWORD"),
        (&["clickhouse", "--set", everywhere], "DERMS_CLICKHOUSE_PASSWORD"),
        (&["up", "--demo", "--set", "HOST=0.0.0.0"], "AUTH_USERS"),
        (&["up", "--demo", "--set", "DERMS_MQTT_BIND=0.0.0.0"], "derms users add"),
        (&["up", "--demo", "--set", "DERMS_MQTT_BIND=::"], "derms users add"),
    ] {
        let (status, words) = refusal(arguments);
        assert!(status.is_some_and(|code| code != 0), "{arguments:?}: {status:?}");
        for expected in [need, "beyond this machine", "keep it at 127.0.0.1"] {
            assert!(words.contains(expected), "{arguments:?} does not say {expected}: {words}");
        }
    }
}
