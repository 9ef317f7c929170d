//! The dependency arrows of the workspace: services never depend on each other, nothing depends on what embeds them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom. Anything that is not here is an error.
const ARROWS: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("control-core", &["schemas"]),
    ("device-model", &["schemas"]),
    ("service-kit", &["schemas"]),
    ("bridge-inbound", &["schemas"]),
    ("bridge-outbound", &["schemas"]),
    ("derms-bridge", &["schemas", "service-kit", "bridge-inbound", "bridge-outbound"]),
    ("control-instance", &["schemas", "control-core"]),
    ("derms-processor", &["schemas", "service-kit", "control-core", "control-instance"]),
    ("derms-api", &["schemas", "service-kit"]),
    ("derms-sim", &["schemas", "service-kit", "device-model"]),
    ("derms-agent", &["schemas", "service-kit", "device-model"]),
    ("derms-engine", &[]),
    ("derms-log", &["service-kit"]),
    ("rmqtt-net", &[]),
    (
        "derms",
        &[
            "schemas",
            "service-kit",
            "derms-engine",
            "derms-log",
            "derms-bridge",
            "derms-processor",
            "derms-api",
            "derms-sim",
        ],
    ),
    ("testbench", &["schemas", "service-kit"]),
    (
        "proving",
        &[
            "schemas",
            "control-core",
            "control-instance",
            "bridge-inbound",
            "bridge-outbound",
            "device-model",
        ],
    ),
];

/// Libraries that only one crate may name.
const HOMES: &[(&str, &str)] = &[
    ("tansu-sans-io", "derms-log"),
    ("libsql", "derms-log"),
    ("rmqtt", "derms"),
    ("libloading", "derms-engine"),
    ("tokio", "!control-core"),
    ("tokio", "!control-instance"),
    ("rdkafka", "!control-instance"),
    ("tokio", "!schemas"),
    ("tokio", "!device-model"),
    ("tokio", "!bridge-inbound"),
    ("tokio", "!bridge-outbound"),
    ("rdkafka", "!control-core"),
    ("rdkafka", "!bridge-inbound"),
    ("rdkafka", "!bridge-outbound"),
    ("prometheus", "!bridge-inbound"),
    ("prometheus", "!bridge-outbound"),
    ("rumqttc", "!derms-bridge"),
    ("openssl", "!"),
    ("native-tls", "!"),
];

/// What each crate of the workspace depends on, tests aside. Tests run in the folder of their package.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let normal = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
            (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn every_arrow_between_crates_is_one_of_the_design() {
    let edges = edges();
    let ours: BTreeSet<&String> = edges.keys().collect();
    for (package, dependencies) in &edges {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == package) else {
            panic!("{package} has no row in ARROWS");
        };
        for dependency in dependencies.iter().filter(|name| ours.contains(name)) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{package} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn heavy_and_foreign_libraries_stay_in_their_homes() {
    for (package, dependencies) in edges() {
        for (library, home) in HOMES {
            if !dependencies.contains(*library) {
                continue;
            }
            let allowed = match home.strip_prefix('!') {
                Some("") => false,
                Some(banned) => banned != package,
                None => *home == package,
            };
            assert!(allowed, "{package} must not depend on {library}");
        }
    }
}

#[test]
fn what_a_crate_of_ours_says_is_shown() {
    for (package, dependencies) in edges() {
        // The simulation has a listener of its own, and rmqtt's network layer speaks as rmqtt.
        if !dependencies.contains("tracing")
            || ["proving", "rmqtt-net", "testbench"].contains(&package.as_str())
        {
            continue;
        }
        let target = package.replace('-', "_");
        let shown = service_kit::logging::TARGETS.iter().any(|begin| target.starts_with(begin));
        assert!(shown, "{package} logs under {target}, which is in no list");
    }
}
