//! Tests of the migrations' text and of the derived row values. That the SQL runs is tested where an engine is.

use uuid::Uuid;

use super::*;
use crate::ids::DeviceId;
use crate::records::decision::{Emit, Freshness, Reason};
use crate::records::operator::EventCancelled;
use crate::records::telemetry::DeviceType;
use crate::units::WattHours;

#[test]
fn statements_are_cut_at_semicolons_that_end_a_line() {
    let sql = "-- a comment; with one at its end;\nSELECT 1;\n\nSELECT ';' -- not; here\n, 2;  \n-- only words\n";
    assert_eq!(
        statements(sql),
        ["-- a comment; with one at its end;\nSELECT 1", "\nSELECT ';' -- not; here\n, 2"]
    );
}

#[test]
fn a_last_statement_needs_no_semicolon() {
    assert_eq!(statements("SELECT 1"), ["SELECT 1\n"]);
    assert!(statements("\n-- nothing\n").is_empty());
}

#[test]
fn migrations_are_numbered_without_gaps_and_safe_to_run_again() {
    for (expected, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.number, expected, "{}", migration.name);
        let statements = statements(migration.sql);
        assert!(!statements.is_empty(), "{}", migration.name);
        for statement in statements {
            let code: Vec<&str> = statement.lines().filter(|line| is_code(line)).collect();
            assert!(
                ["IF NOT EXISTS", "OR REPLACE", "MODIFY COLUMN IF EXISTS", "MODIFY QUERY"]
                    .iter()
                    .any(|word| code[0].contains(word)),
                "{} cannot be run twice: {}",
                migration.name,
                code[0]
            );
        }
    }
}

#[test]
fn every_file_of_the_folder_is_a_migration() {
    // Tests run in the folder of their package.
    let folder = "clickhouse";
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII"))
        .collect();
    files.sort();
    let listed: Vec<String> = MIGRATIONS
        .iter()
        .map(|migration| format!("{:04}_{}.sql", migration.number, migration.name))
        .collect();
    assert_eq!(files, listed);
}

#[test]
fn an_operator_row_names_its_change_and_holds_it_as_json() {
    let event_id = Uuid::from_u128(7);
    let (kind, body) = operator_body(&Change::EventCancelled(EventCancelled { event_id }));
    assert_eq!(kind, "EventCancelled");
    assert_eq!(body, format!("{{\"event_id\":\"{event_id}\"}}"));
}

fn device(wanted: i64, setpoint: Option<i64>) -> DeviceDecision {
    DeviceDecision {
        device_id: DeviceId::new("d").expect("valid"),
        feeder_id: FeederId::new("f").expect("valid"),
        device_type: DeviceType::Ev,
        power_w: None,
        soc: None,
        freshness: Freshness::Fresh,
        sample_age_ms: None,
        wanted_w: Watts(wanted),
        share_w: Watts::ZERO,
        setpoint_w: setpoint.map(Watts),
        emit: Emit::None,
        ttl_ms: 0,
        fallback_w: Watts::ZERO,
        weight_milli: 1000,
        deficit_wh: WattHours::ZERO,
        reason: Reason::FairShare,
        bound_by: None,
        marginal_w: Watts::ZERO,
        compliant: true,
        typed_layout: false,
    }
}

#[test]
fn curtailed_is_what_was_wanted_and_not_given_in_either_direction() {
    for (wanted, setpoint, expected) in [
        (7000, Some(3000), 4000),
        (7000, Some(9000), 0),
        (7000, Some(-2000), 7000),
        (-5000, Some(-3000), 2000),
        (-5000, Some(0), 5000),
        (-5000, Some(1000), 5000),
        (0, Some(0), 0),
        (7000, None, 0),
    ] {
        assert_eq!(curtailed(&device(wanted, setpoint)), Watts(expected), "{wanted} {setpoint:?}");
    }
}
