//! Sources, order, and what is said about bad values.

use super::*;

fn load(
    environment: &[(&str, &str)],
    file: Option<&str>,
    flags: &[&str],
) -> Result<Settings, Problems> {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let file = file.map(|text| ("derms.toml".to_owned(), text.to_owned()));
    let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Settings::from_sources(Service::Bridge, file, &environment, &flags)
}

#[test]
fn every_default_is_a_value_of_its_kind_and_names_are_unique() {
    let mut names = std::collections::BTreeSet::new();
    for setting in CATALOGUE {
        assert!(names.insert(setting.name), "{} stands twice", setting.name);
        if let Some(default) = setting.default {
            assert!(setting.kind.accepts_value(default), "{} = {default}", setting.name);
        }
    }
}

#[test]
fn a_secret_is_shown_under_no_name() {
    let given = [("DERMS_KAFKA_SASL_PASWORD", "open sesame"), ("JWT_SECRET", "sesame")];
    let problems = load(&given, None, &[]).expect_err("a misspelt name, and too short");
    let said = problems.to_string();
    assert!(said.contains("did you mean DERMS_KAFKA_SASL_PASSWORD?"), "{said}");
    assert!(!said.contains("sesame") && !format!("{problems:?}").contains("sesame"), "{said}");
}

#[test]
fn a_topic_prefix_is_refused_where_it_is_read_and_nowhere_else() {
    for prefix in ["a/#", "+", "a//b", "/a", "$share"] {
        let problems = load(&[("MQTT_TOPIC_PREFIX", prefix)], None, &[]).expect_err("no prefix");
        let said = problems.to_string();
        assert_eq!(problems.0.len(), 1, "{said}");
        assert!(said.contains(&format!("{prefix:?}")) && said.contains("a topic prefix"), "{said}");
    }
    let settings = load(&[("MQTT_TOPIC_PREFIX", "site/7")], None, &[]).expect("fine");
    assert_eq!(settings.topics(key::MQTT_TOPIC_PREFIX).prefix(), "site/7");
}

#[test]
fn the_allocation_modes_are_the_policies_there_are() {
    assert_eq!(catalogue::ALLOCATION_MODES[1..], *schemas::records::operator::POLICIES);
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    assert_eq!(load(&[], None, &[]).expect("fine").int(key::MQTT_MAX_RETRIES), 3);
    let file = Some("MQTT_MAX_RETRIES = 4");
    assert_eq!(load(&[], file, &[]).expect("fine").int(key::MQTT_MAX_RETRIES), 4);
    let environment = [("MQTT_MAX_RETRIES", "5")];
    assert_eq!(load(&environment, file, &[]).expect("fine").int(key::MQTT_MAX_RETRIES), 5);
    let flags = ["MQTT_MAX_RETRIES=6"];
    assert_eq!(load(&environment, file, &flags).expect("fine").int(key::MQTT_MAX_RETRIES), 6);
}

#[test]
fn all_problems_are_said_at_once_with_value_and_what_is_accepted() {
    let problems = load(
        &[("MQTT_PORT", "banana"), ("DERMS_TREE_PARTITION", "3"), ("HOLD_LAST_MAX_MS", "-1")],
        Some("NOT_A_SETTING = 1"),
        &["MQTT_MAX_RETRIES"],
    )
    .expect_err("five problems")
    .to_string();
    for expected in [
        "error: 5 settings cannot be used",
        "MQTT_PORT = \"banana\" (environment): expected a TCP port",
        "did you mean DERMS_TREE_PARTITIONS?",
        "HOLD_LAST_MAX_MS = \"-1\" (environment): expected a whole number from 0 to 86400000 ms",
        "NOT_A_SETTING = \"1\" (derms.toml): no such setting",
        "--set \"MQTT_MAX_RETRIES\": expected NAME=VALUE",
    ] {
        assert!(problems.contains(expected), "{expected:?} is not in:\n{problems}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set_and_foreign_ones_are_left_alone() {
    let settings =
        load(&[("MQTT_HOST", ""), ("PATH", "x"), ("HOME", "y")], None, &[]).expect("fine");
    assert_eq!(settings.text(key::MQTT_HOST), "localhost");
}

#[test]
fn a_missing_required_setting_is_named_and_secrets_are_not_shown() {
    let problems = Settings::from_sources(
        Service::Api,
        None,
        &[("JWT_SECRET".to_owned(), "short-secret".to_owned())],
        &[],
    )
    .expect_err("two problems")
    .to_string();
    assert!(problems.contains("AUTH_USERS is not set"), "{problems}");
    assert!(problems.contains("JWT_SECRET = \"(secret)\""), "{problems}");
    assert!(!problems.contains("short-secret"), "{problems}");
}

#[test]
fn a_child_process_is_told_everything_but_the_secrets_of_others() {
    let pairs = [("JWT_SECRET", "x".repeat(32)), ("AUTH_USERS", "[]".to_owned())];
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let more = [("DEMO_PASSWORD", "12345678"), ("DERMS_BIND", "127.0.0.1")];
    let settings = Settings::from_pairs(Service::Standalone, &[pairs, more.to_vec()].concat())
        .expect("settings");
    let told: Vec<_> = settings.of_service(Service::Standalone).map(|(name, _)| name).collect();
    for name in ["DEMO_PASSWORD", "DERMS_BIND", "LOG_LEVEL", "MQTT_PORT"] {
        assert!(told.contains(&name), "{name}");
    }
    for name in ["JWT_SECRET", "AUTH_USERS"] {
        assert!(!told.contains(&name), "{name}");
    }
}
