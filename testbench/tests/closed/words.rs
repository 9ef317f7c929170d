//! Health tells what is not well, and why: storing that fails, and a log that is another one than before.

use std::fs;

use crate::life::World;

/// No row can be inserted while this column is there, for a reason of its own.
const BREAK: &str = "ALTER TABLE derms.telemetry ADD COLUMN broken UInt8 \
                     MATERIALIZED throwIf(power_w >= power_w, 'broken by a test')";
const MEND: &str = "ALTER TABLE derms.telemetry DROP COLUMN broken";

fn says(world: &World, part: &str, words: &[&str]) -> Option<()> {
    let health = world.health();
    let detail = health[part]["detail"].as_str()?;
    words.iter().all(|word| detail.contains(word)).then_some(())
}

#[test]
fn inserts_that_fail_for_half_a_minute_are_told_with_their_cause_and_not_longer_than_they_fail() {
    let world = World::begin();
    assert_eq!(world.place.sql(BREAK), "");
    world.eventually("health says why nothing is stored", || {
        says(&world, "clickhouse", &["no block of telemetry", "broken by a test"])
    });
    assert_ne!(world.health()["status"], "ok");
    let decided = world.place.sql("SELECT max(at) FROM derms.decisions");
    assert_ne!(decided, "", "others are stored meanwhile");
    assert_eq!(world.place.sql(MEND), "");
    world.is_well();
}

#[test]
fn a_log_made_anew_is_told_and_control_goes_on() {
    let mut world = World::begin();
    world.place.stop().expect("it ends");
    fs::remove_dir_all(world.place.data().join("log")).expect("the log is wiped");
    world.place.start().expect("it starts again");
    world.operator = world.place.login("ada").expect("the API is there");
    world.eventually("health says that the log is another one", || {
        says(&world, "log", &["made anew", "have to be given again"])
    });
    assert_ne!(world.health()["status"], "ok");
    let logs = || {
        let logs = world.place.sql("SELECT uniqExact(log_id) FROM derms.decisions");
        (logs == "2").then_some(())
    };
    world.eventually("decisions of the new log are stored", logs);
}
