//! The history that `derms-sim history` makes: repeatable, with late and repeated samples, and with sums that agree.

use std::process::{Command, Output};

use testbench::service::program;

use crate::store::Store;
use crate::{example, sums};

const TABLES: [&str; 8] = [
    "telemetry",
    "acks",
    "operator_log",
    "decisions",
    "decision_devices",
    "setpoints",
    "decision_alarms",
    "sent",
];

/// Runs the generator: an hour and a half with an event in it, on six feeders.
fn history(store: &Store, more: &[&str]) -> Output {
    // From yesterday's 16:48 to 18:14.
    let until = (example::day().0 + 65_640_000).to_string();
    let fixed =
        ["history", "--devices", "60", "--feeders", "6", "--days", "0.06", "--until", &until];
    Command::new(program("derms-sim").expect("it is built"))
        .args(fixed)
        .args(["--clickhouse", store.url()])
        .args(more)
        .env_clear()
        .current_dir(store.folder())
        .output()
        .expect("it runs")
}

fn make(store: &Store, seed: &str) {
    let output = history(store, &["--seed", seed]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Count and checksum of every table.
fn checksums(store: &Store) -> Vec<Vec<Vec<String>>> {
    // The id of a sample's message goes when it is a day old.
    let of = |table| {
        let columns = if table == "telemetry" { "* EXCEPT message_id" } else { "*" };
        store.rows(&format!(
            "SELECT count(), sum(cityHash64(toString(tuple({columns})))) FROM {table}"
        ))
    };
    TABLES.map(of).to_vec()
}

#[test]
fn a_made_up_history_is_repeatable_and_its_sums_and_rollups_agree_with_late_and_repeated_samples() {
    let store = Store::empty();
    let checksums_of = |seed| {
        store.clear();
        make(&store, seed);
        checksums(&store)
    };
    let other = checksums_of("8");
    let first = checksums_of("7");
    let again = checksums_of("7");
    assert_eq!(first, again, "the same seed");
    assert_ne!(first, other, "another seed");

    // Late samples, and samples that came twice: they took a place in the log, and no row.
    let late = store.number("SELECT countIf(age_ms > 500) / count() FROM telemetry");
    assert!((0.04..0.06).contains(&late), "{late}");
    let twice = store.number("SELECT 1 - count() / (max(log_offset) + 1) FROM telemetry");
    assert!((0.03..0.06).contains(&twice), "{twice}");
    assert_eq!(store.number("SELECT count() - uniqExact(device_id, ts) FROM telemetry"), 0.0);

    let decisions = sums::agree(&store);
    // Two areas, a decision of each every 5 s.
    assert_eq!(decisions, 2 * 1_037);
    sums::rollups_equal_what_raw_rows_give(&store);
    loads_add_up(&store);
    every_change_is_sent_before_its_device_has_it(&store);
    everything_happens(&store);

    let refused = history(&store, &[]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("--beside-other-rows"), "{words}");
    assert_eq!(checksums(&store), again, "nothing was written");
}

fn loads_add_up(store: &Store) {
    let sql = "
        SELECT count(), countIf(area.load_w != feeders.load_w), countIf(area.controlled_w != devices.power_w)
        FROM (SELECT root, seq, load_w, controlled_w FROM decisions WHERE feeder_id = root) AS area
        JOIN (SELECT root, seq, sum(load_w) AS load_w FROM decisions WHERE feeder_id != root GROUP BY root, seq) AS feeders USING (root, seq)
        JOIN (SELECT root, seq, sum(ifNull(power_w, 0)) AS power_w FROM decision_devices GROUP BY root, seq) AS devices USING (root, seq)";
    let rows = store.rows(sql);
    assert_ne!(rows[0][0], "0");
    assert_eq!(
        rows[0][1..],
        ["0", "0"],
        "areas that differ from their feeders, and from their devices"
    );
}

fn every_change_is_sent_before_its_device_has_it(store: &Store) {
    // From the raw tables, and what the view makes of them.
    let sql = "
        SELECT count() > 100,
               count() - (SELECT count() FROM setpoints WHERE emit = 'CHANGE'),
               count() - uniqExact(setpoint_id),
               countIf(sent_at < decided_at OR broker_acked_at <= sent_at),
               countIf((setpoint_id, decision_id, device_id, feeder_id, decided_at, epoch, seq) NOT IN
                   (SELECT setpoint_id, decision_id, device_id, feeder_id, decided_at, epoch, seq FROM setpoints WHERE emit = 'CHANGE')),
               countIf((root, epoch, seq, decision_id) NOT IN (SELECT root, epoch, seq, decision_id FROM decisions))
        FROM sent";
    assert_eq!(store.rows(sql)[0], ["1", "0", "0", "0", "0", "0"]);
    let sql = "
        SELECT countIf((emit = 'CHANGE') != (sent_at IS NOT NULL)),
               countIf(sent_at >= acked_at OR broker_acked_at >= acked_at OR sent_at >= applied_at),
               countIf(stage = 'SENT') > 0, countIf(stage = 'SENT' AND emit = 'RENEW')
        FROM v_command_ledger";
    assert_eq!(store.rows(sql)[0], ["0", "0", "1", "0"]);
}

/// The questions of the page have answers in it.
fn everything_happens(store: &Store) {
    for sql in [
        "SELECT count() FROM v_violations",
        "SELECT count() FROM v_alarms",
        "SELECT count() FROM v_event_effect WHERE curtailed_kwh > 0",
        "SELECT count() FROM v_devices",
        "SELECT count() FROM v_command_ledger WHERE stage = 'OBSERVED'",
        "SELECT count() FROM v_command_ledger WHERE applied_at IS NOT NULL",
        "SELECT count() FROM v_curtailment WHERE binding = 'EVENT' AND curtailed_kwh > 0",
        "SELECT count() FROM v_curtailment WHERE binding = 'IMPORT_LIMIT' AND curtailed_kwh > 0",
    ] {
        assert!(store.number(sql) > 0.0, "{sql}");
    }
}

#[test]
fn arguments_that_cannot_be_used_are_named() {
    let refused = |arguments: &[&str], word: &str| {
        let program = program("derms-sim").expect("it is built");
        let output = Command::new(program).arg("history").args(arguments).env_clear().output();
        let output = output.expect("it runs");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains(word), "{arguments:?}: {words}");
    };
    refused(&[], "--days");
    refused(&["--days", "0"], "0.01 to 400");
    refused(&["--days", "many"], "0.01 to 400");
    refused(&["--days", "1", "--devices", "none"], "DERMS_SIM_DEVICES");
    refused(&["--days", "1", "--devices", "3", "--feeders", "9"], "more than there are devices");
    refused(&["--days", "1", "--interval", "7", "--window", "10"], "multiple of --interval");
    refused(&["--days", "1", "--until", "yesterday"], "2026-05-01T12:00:00Z");
    refused(&["--days", "1", "--clickhouse", "nowhere"], "DERMS_CLICKHOUSE_URL");
}
