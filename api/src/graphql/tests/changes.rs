//! Every kind of change: it is answered as it can be read back, it can be undone, and what makes no sense is refused with what
//! would.

use super::*;
use schemas::records::decision::{Alarm, Severity};

/// What a mutation answers.
async fn change(world: &World, mutation: &str) -> Value {
    world.ask(&format!("mutation {{ {mutation} }}")).await
}

#[tokio::test]
async fn limits_mode_policy_and_parent_are_set_and_taken_back() {
    let world = world();
    let set = "setFeeder(input: { id: \"f2\", parentId: \"f1\", importLimitKw: 30.5, exportLimitKw: 0, mode: MANUAL, policy: \"optimizer\" }) { id parentId importLimitKw exportLimitKw mode policy importLimitIsDefault policyIsDefault }";
    assert_eq!(
        change(&world, set).await["setFeeder"],
        json!({"id": "f2", "parentId": "f1", "importLimitKw": 30.5, "exportLimitKw": 0.0,
               "mode": "MANUAL", "policy": "optimizer", "importLimitIsDefault": false,
               "policyIsDefault": false})
    );
    // What is absent stays; what is null is taken back.
    let back = "setFeeder(input: { id: \"f2\", parentId: null, importLimitKw: null, exportLimitKw: null, policy: null, mode: SHADOW }) { parentId importLimitKw exportLimitKw mode policy importLimitIsDefault policyIsDefault }";
    assert_eq!(
        change(&world, back).await["setFeeder"],
        json!({"parentId": null, "importLimitKw": 250.0, "exportLimitKw": null, "mode": "SHADOW",
               "policy": "water-fill", "importLimitIsDefault": true, "policyIsDefault": true})
    );
    let new = "setFeeder(input: { id: \"f9\" }) { id importLimitKw deviceCount }";
    assert_eq!(
        change(&world, new).await["setFeeder"],
        json!({"id": "f9", "importLimitKw": 250.0, "deviceCount": 0})
    );
    let resumed = change(&world, "resumeControl(feederId: \"f1\") { id }").await;
    assert_eq!(resumed["resumeControl"]["id"], "f1");
    assert_eq!(world.live.view().registry().feeders[&feeder_id("f1")].resumes, 1);
}

fn feeder_id(text: &str) -> FeederId {
    FeederId::new(text).expect("an id")
}

#[tokio::test]
async fn an_empty_feeder_is_removed_by_an_admin_and_is_gone_from_every_list() {
    let world = world();
    change(&world, "setFeeder(input: { id: \"f9\", parentId: \"f1\" }) { id }").await;
    world.live.apply_feeder(feeder_state("f9", 1, 1, Watts::ZERO));
    let remove = "mutation { removeFeeder(id: \"f9\") }";
    let response = world.ask_as(Some(Role::Admin), remove).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = world.ask("{ feeders { id children { id } } feeder(id: \"f9\") { id } }").await;
    assert_eq!(
        data,
        json!({"feeders": [{"id": "f1", "children": []}, {"id": "f2", "children": []}],
               "feeder": null})
    );
    let full = world.ask_as(Some(Role::Admin), "mutation { removeFeeder(id: \"f1\") }").await;
    let (code, words) = refusal(&full, "f1");
    assert_eq!(code, "BAD_USER_INPUT");
    assert_eq!(words, "feeder f1 is not empty: 2 devices belong to it");
}

#[tokio::test]
async fn a_device_is_set_moved_opted_out_and_overridden_for_a_time() {
    let world = world();
    let set = "setDevice(input: { id: \"ev-1\", feederId: \"f2\", priority: 7, targetSoc: 0.9, fallbackKw: 1.4, optedOut: true }) { feederId priority targetSoc fallbackKw optedOut }";
    assert_eq!(
        change(&world, set).await["setDevice"],
        json!({"feederId": "f2", "priority": 7, "targetSoc": 0.9, "fallbackKw": 1.4, "optedOut": true})
    );
    let hold = "overrideSetpoint(deviceId: \"ev-1\", powerKw: 2.5, forSeconds: 60) { overridden override { powerKw until } }";
    let (code, words) = world.refused(&format!("mutation {{ {hold} }}")).await;
    assert_eq!(code, "BAD_USER_INPUT");
    assert!(words.contains("is opted out"), "{words}");
    change(&world, "setDevice(input: { id: \"ev-1\", optedOut: false }) { id }").await;
    assert_eq!(
        change(&world, hold).await["overrideSetpoint"],
        json!({"overridden": true,
               "override": {"powerKw": 2.5, "until": "2027-01-15T08:01:00+00:00"}})
    );
    let cleared = "clearOverride(deviceId: \"ev-1\") { overridden override { powerKw } }";
    for _ in 0..2 {
        assert_eq!(
            change(&world, cleared).await["clearOverride"],
            json!({"overridden": false, "override": null})
        );
    }
}

/// What a program is asked for, and what is shown of it.
const PROGRAM: &str = "id name mode feederIds targetShedKw incentivePerKwh penaltyPerKwh active impact { availableBeforeKw availableAfterKw shedKw }";

#[tokio::test]
async fn a_program_is_made_changed_started_and_deleted() {
    let world = world();
    let make = format!(
        "createDrProgram(input: {{ name: \" Peak \", mode: FIXED_CAP, feederIds: [\"f1\"], start: \"2027-01-15T07:00:00Z\", end: \"2027-01-15T09:00:00Z\", targetShedKw: 10, clientMutationId: \"k1\" }}) {{ {PROGRAM} }}"
    );
    let made = change(&world, &make).await["createDrProgram"].clone();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        made,
        json!({"id": id, "name": "Peak", "mode": "FIXED_CAP", "feederIds": ["f1"],
               "targetShedKw": 10.0, "incentivePerKwh": 0.0, "penaltyPerKwh": 0.0, "active": false,
               "impact": null})
    );
    // A repeated request makes nothing twice.
    assert_eq!(change(&world, &make).await["createDrProgram"]["id"], json!(id));
    let other = make.replace("targetShedKw: 10", "targetShedKw: 11");
    let (code, words) = world.refused(&format!("mutation {{ {other} }}")).await;
    assert_eq!(code, "BAD_USER_INPUT");
    assert!(words.contains("use a new key"), "{words}");

    let started = format!("setDrProgramActive(id: \"{id}\", active: true) {{ {PROGRAM} }}");
    assert_eq!(
        change(&world, &started).await["setDrProgramActive"]["impact"],
        json!({"availableBeforeKw": 50.0, "availableAfterKw": 40.0, "shedKw": 10.0})
    );
    let patch = format!(
        "updateDrProgram(id: \"{id}\", input: {{ mode: PRICE_ELASTIC, feederIds: [], penaltyPerKwh: 0.25 }}) {{ {PROGRAM} }}"
    );
    let changed = change(&world, &patch).await["updateDrProgram"].clone();
    assert_eq!(
        (&changed["mode"], &changed["feederIds"], &changed["penaltyPerKwh"], &changed["name"]),
        (&json!("PRICE_ELASTIC"), &json!([]), &json!(0.25), &json!("Peak"))
    );
    assert_eq!(world.ask("{ drPrograms { id active } }").await["drPrograms"][0]["active"], true);
    let delete = format!("mutation {{ deleteDrProgram(id: \"{id}\") }}");
    let response = world.ask_as(Some(Role::Admin), &delete).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let one = format!("{{ drPrograms {{ id }} drProgram(id: \"{id}\") {{ id }} }}");
    assert_eq!(world.ask(&one).await, json!({"drPrograms": [], "drProgram": null}));
}

#[tokio::test]
async fn an_event_is_changed_under_its_id_and_made_once_for_each_key() {
    let world = world();
    let create = event_in(-5, "feederId: \"f1\", limitKw: 12, clientMutationId: \"k\"");
    let first = world.ask(&create).await["createEvent"]["id"].clone();
    assert_eq!(world.ask(&create).await["createEvent"]["id"], first);
    assert_eq!(world.ask("{ events { id } }").await["events"].as_array().map(Vec::len), Some(1));
    let (_, words) = world.refused(&create.replace("limitKw: 12", "limitKw: 13")).await;
    assert!(words.starts_with("clientMutationId: this key has made event"), "{words}");
    let update = |patch: &str| {
        format!(
            "updateEvent(id: {first}, input: {{ {patch} }}) {{ id limitKw type createdBy rampSeconds }}"
        )
    };
    assert_eq!(
        change(&world, &update("limitKw: 20, type: \"test\"")).await["updateEvent"],
        json!({"id": first, "limitKw": 20.0, "type": "test", "createdBy": "the operator",
               "rampSeconds": 0})
    );
    let refused = |patch: &str| format!("mutation {{ {} }}", update(patch));
    let (_, words) = world.refused(&refused("end: \"2027-01-15T07:58:00Z\"")).await;
    assert!(words.starts_with("end: must be in the future"), "{words}");
    let (_, words) = world.refused(&refused("start: \"2028-01-15T07:58:00Z\"")).await;
    assert!(words.starts_with("end: must be after start"), "{words}");
}

#[tokio::test]
async fn the_simulators_day_is_set() {
    let world = world();
    assert_eq!(
        world.ask("{ simulation { mode overridden updatedAt } }").await["simulation"],
        json!({"mode": "AUTO", "overridden": false, "updatedAt": null})
    );
    assert_eq!(
        change(&world, "setSimulationMode(mode: NIGHT) { mode overridden updatedAt }").await["setSimulationMode"],
        json!({"mode": "NIGHT", "overridden": true, "updatedAt": "2027-01-15T08:00:00+00:00"})
    );
}

/// Mutation, code, and words that say what was wrong and what is accepted.
const REFUSED: &[(&str, &str, &str)] = &[
    ("setFeeder(input: { id: \"f1\" }) { id }", "BAD_USER_INPUT", "input: nothing to set"),
    (
        "setFeeder(input: { id: \"f1\", importLimitKw: -3 }) { id }",
        "BAD_USER_INPUT",
        "importLimitKw: expected a number of kW from 0",
    ),
    (
        "setFeeder(input: { id: \"f1\", policy: \"best\" }) { id }",
        "BAD_USER_INPUT",
        "policy: expected one of water-fill, optimizer",
    ),
    (
        "setFeeder(input: { id: \"f1\", parentId: \"nowhere\" }) { id }",
        "NOT_FOUND",
        "parentId: there is no feeder nowhere",
    ),
    (
        "setFeeder(input: { id: \"f1\", parentId: \"f1\" }) { id }",
        "BAD_USER_INPUT",
        "it would be its own ancestor",
    ),
    ("setFeeder(input: { id: \"..\" }) { id }", "BAD_USER_INPUT", "id: "),
    (
        "setFeeder(input: { id: \"new\", importLimitKw: null }) { id }",
        "NOT_FOUND",
        "id: there is no feeder new",
    ),
    ("resumeControl(feederId: \"nowhere\") { id }", "NOT_FOUND", "feederId: there is no feeder"),
    ("setDevice(input: { id: \"ev-1\" }) { id }", "BAD_USER_INPUT", "input: nothing to set"),
    (
        "setDevice(input: { id: \"ev-0\", priority: 1 }) { id }",
        "NOT_FOUND",
        "id: there is no device ev-0",
    ),
    (
        "setDevice(input: { id: \"ev-1\", priority: 11 }) { id }",
        "BAD_USER_INPUT",
        "priority: expected 1 to 10, got 11",
    ),
    (
        "setDevice(input: { id: \"ev-1\", targetSoc: 80 }) { id }",
        "BAD_USER_INPUT",
        "targetSoc: expected a fraction from 0 to 1, got 80",
    ),
    (
        "setDevice(input: { id: \"pv-1\", targetSoc: 0.8 }) { id }",
        "BAD_USER_INPUT",
        "targetSoc: device pv-1 is a PV; only a BATTERY or an EV",
    ),
    (
        "setDevice(input: { id: \"ev-1\", feederId: \"nowhere\" }) { id }",
        "NOT_FOUND",
        "feederId: there is no feeder nowhere",
    ),
    (
        "overrideSetpoint(deviceId: \"pv-1\", powerKw: 1, forSeconds: 60) { id }",
        "BAD_USER_INPUT",
        "powerKw: pv-1 is a PV",
    ),
    (
        "overrideSetpoint(deviceId: \"ev-1\", powerKw: 900, forSeconds: 60) { id }",
        "BAD_USER_INPUT",
        "powerKw: ev-1 takes",
    ),
    (
        "overrideSetpoint(deviceId: \"ev-1\", powerKw: 1, forSeconds: 0) { id }",
        "BAD_USER_INPUT",
        "forSeconds: expected 1 to 604800, got 0",
    ),
    ("clearOverride(deviceId: \"ev-0\") { id }", "NOT_FOUND", "deviceId: there is no device ev-0"),
    (
        "createDrProgram(input: { name: \" \", mode: FIXED_CAP, start: \"2027-01-15T07:00:00Z\", end: \"2027-01-15T09:00:00Z\" }) { id }",
        "BAD_USER_INPUT",
        "name: expected 1 to 128",
    ),
    (
        "createDrProgram(input: { name: \"p\", mode: FIXED_CAP, start: \"2027-01-15T09:00:00Z\", end: \"2027-01-15T08:30:00Z\" }) { id }",
        "BAD_USER_INPUT",
        "end: must be after start",
    ),
    (
        "createDrProgram(input: { name: \"p\", mode: FIXED_CAP, feederIds: [\"f1\", \"f1\"], start: \"2027-01-15T07:00:00Z\", end: \"2027-01-15T09:00:00Z\" }) { id }",
        "BAD_USER_INPUT",
        "feederIds[1]: feeder f1 is named twice",
    ),
    (
        "createDrProgram(input: { name: \"p\", mode: FIXED_CAP, feederIds: [\"f1\", \"x\"], start: \"2027-01-15T07:00:00Z\", end: \"2027-01-15T09:00:00Z\" }) { id }",
        "NOT_FOUND",
        "feederIds[1]: there is no feeder x",
    ),
    (
        "createDrProgram(input: { name: \"p\", mode: PRICE_ELASTIC, penaltyPerKwh: -1, start: \"2027-01-15T07:00:00Z\", end: \"2027-01-15T09:00:00Z\" }) { id }",
        "BAD_USER_INPUT",
        "penaltyPerKwh: expected 0 to 1000000, got -1",
    ),
    (
        "setDrProgramActive(id: \"x\", active: true) { id }",
        "BAD_USER_INPUT",
        "id: expected the UUID",
    ),
    (
        "updateDrProgram(id: \"0190a5b0-0000-7000-8000-000000000001\", input: {}) { id }",
        "NOT_FOUND",
        "id: there is no program",
    ),
];

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_what_would_and_nothing_is_written() {
    let world = world();
    let before = world.live.view().registry().clone();
    for (mutation, code, words) in REFUSED {
        let (got, message) = world.refused(&format!("mutation {{ {mutation} }}")).await;
        assert_eq!((got.as_str(), message.contains(words)), (*code, true), "{mutation}: {message}");
    }
    assert_eq!(*world.live.view().registry(), before);
}

pub(super) fn alarm(code: &str, feeder: Option<&str>, message: &str) -> Alarm {
    Alarm {
        code: code.to_owned(),
        severity: Severity::Critical,
        feeder_id: feeder.map(feeder_id),
        device_id: None,
        message: message.to_owned(),
    }
}

#[tokio::test]
async fn alarms_stand_while_decisions_have_them_since_the_first() {
    let world = world();
    let tell = |seq: i64, later_ms: i64, alarms: Vec<Alarm>| {
        let mut state = feeder_state("f1", 1, seq, Watts(1_000));
        state.at = state.at.plus_ms(later_ms);
        state.alarms = alarms;
        world.live.apply_feeder(state);
    };
    let ask = "{ alarms { at code severity feederId message runbook } }";
    tell(2, 5_000, vec![alarm("CTL-001", Some("f1"), "3 kW over")]);
    tell(3, 10_000, vec![alarm("CTL-001", Some("f1"), "2 kW over")]);
    assert_eq!(
        world.ask(ask).await["alarms"],
        json!([{"at": "2027-01-15T08:00:05+00:00", "code": "CTL-001", "severity": "CRITICAL",
                "feederId": "f1", "message": "2 kW over", "runbook": "docs/runbook/CTL-001.md"}])
    );
    assert_eq!(world.ask("{ alarms(feederId: \"f2\") { code } }").await["alarms"], json!([]));
    tell(4, 15_000, Vec::new());
    assert_eq!(world.ask(ask).await["alarms"], json!([]));
}
