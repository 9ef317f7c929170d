//! A running `derms up` is backed up by one command, and put back into an empty folder by another.

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use testbench::place::Place;
use testbench::wait;

use crate::life::World;

const SOON: Duration = Duration::from_secs(90);
/// Decisions and samples that are there before.
const SOME: u64 = 6;
const TABLES: [(&str, &str); 5] = [
    ("telemetry", "arrival"),
    ("decisions", "at"),
    ("decision_devices", "at"),
    ("telemetry_1m", "minute"),
    ("feeder_1m", "minute"),
];

/// Rows of each table from before a moment; those of rollups as what they hold, since they are joined at any time.
fn counts(place: &Place, before_ms: &str) -> Vec<String> {
    let count = |(table, at): (&str, &str)| {
        let what = if table.ends_with("_1m") { "uniqExact(minute)" } else { "count()" };
        place.sql(&format!(
            "SELECT {what} FROM derms.{table} WHERE {at} < fromUnixTimestamp64Milli({before_ms})"
        ))
    };
    TABLES.map(count).into()
}

/// A path as a person writes it, from where the test runs.
fn relative(path: &Path) -> String {
    let here = env::current_dir().expect("a working directory");
    let up = "../".repeat(here.components().count() - 1);
    format!("{up}{}", path.strip_prefix("/").expect("a whole path").display())
}

#[track_caller]
fn number(place: &Place, sql: &str) -> u64 {
    place.sql(sql).parse().unwrap_or_else(|_| panic!("{sql}\n{}", place.logs()))
}

#[test]
fn what_a_running_system_held_is_in_its_backup_and_control_goes_on_from_there() {
    let mut world = World::begin();
    world.eventually("there is something to keep", || {
        (number(&world.place, "SELECT count() FROM derms.decisions") >= SOME).then_some(())
    });
    // All that is older is stored by now.
    let moment = "SELECT toUnixTimestamp64Milli(min(newest)) FROM (SELECT max(at) AS newest FROM derms.decisions \
                  UNION ALL SELECT max(arrival) FROM derms.telemetry)";
    let before_ms = world.place.sql(moment);
    let held = counts(&world.place, &before_ms);
    let epoch = number(&world.place, "SELECT max(epoch) FROM derms.decisions");
    let event = r#"mutation { createEvent(input: { feederId: "feeder-2", limitKw: 17, start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z" }) { id } }"#;
    let made = world.place.graphql(&world.operator, event);
    assert!(made["data"]["createEvent"]["id"].is_string(), "{made}");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("monday.derms").display().to_string();
    let data = relative(&world.place.data());
    let backup = |to: &str| {
        world.place.command("derms", &["backup", "--data", &data, "--to", to]).expect("derms runs")
    };
    let (done, words) = backup(&file);
    assert!(done, "{words}\n{}", world.place.logs());
    let (done, words) = backup(&file);
    assert!(!done && words.contains("nothing is overwritten"), "{words}");
    // It was not in the way of control.
    world.is_well();
    assert_eq!(counts(&world.place, &before_ms), held);
    world.place.stop().expect("it ends");

    let into = folder.path().join("data").display().to_string();
    let restore = |from: &str| {
        world
            .place
            .command("derms", &["restore", "--from", from, "--data", &into])
            .expect("it runs")
    };
    let whole = fs::read(&file).expect("the backup");
    let short = format!("{file}.short");
    fs::write(&short, &whole[..whole.len() / 2]).expect("a file");
    let (done, words) = restore(&short);
    assert!(!done && words.contains("the backup") && !fs::exists(&into).expect("asked"), "{words}");
    let (done, words) = restore(&file);
    assert!(done, "{words}");
    let (done, words) = restore(&file);
    assert!(!done && words.contains("holds something"), "{words}");

    let place = Place::embedded_with(folder, &[]).expect("it starts");
    let operator = place.login("ada").unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
    let eventually = |what: &str, condition: &dyn Fn() -> bool| {
        wait::until(what, SOON, || condition().then_some(()))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
    };
    assert_eq!(counts(&place, &before_ms), held, "{}", place.logs());
    let _fleet = place.user("derms-sim", &[], &[]).expect("the simulator");
    let higher = format!("SELECT count() FROM derms.decisions WHERE epoch > {epoch}");
    eventually("decisions go on under a higher epoch", &|| number(&place, &higher) >= SOME);
    assert_eq!(counts(&place, &before_ms), held, "{}", place.logs());
    let feeders = "{ feeders { id effectiveLimitKw loadKw } }";
    eventually("what an operator had set holds, and devices obey", &|| {
        let answer = place.graphql(&operator, feeders);
        let feeders = answer["data"]["feeders"].as_array().cloned().unwrap_or_default();
        feeders.iter().any(|feeder| {
            let load = feeder["loadKw"].as_f64().unwrap_or(0.0);
            feeder["id"] == "feeder-2"
                && feeder["effectiveLimitKw"] == 17.0
                && load > 1.0
                && load <= 17.0
        })
    });
}
