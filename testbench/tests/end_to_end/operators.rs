//! What operators can change, over GraphQL and nothing else: seen in the next decision, at the devices and in the audit, and
//! taken back.

use serde_json::{Value, json};

use super::{AGENT, World, heard, kw};

/// The feeder that is changed; an event of another promise holds the other one.
const FEEDER: &str = "feeder-2";
/// The priority that a restart must keep.
const PRIORITY: i64 = 9;

impl World {
    /// What the API answers to somebody, without errors.
    #[track_caller]
    fn ask(&self, token: &str, query: &str) -> Value {
        let answer = self.place.graphql(token, query);
        assert!(answer["errors"].is_null() && answer["data"].is_object(), "{query}: {answer}");
        answer["data"].clone()
    }

    #[track_caller]
    fn change(&self, mutation: &str) -> Value {
        self.ask(&self.operator, &format!("mutation {{ {mutation} }}"))
    }

    /// Waits until the newest stored decision about the feeder has this value.
    #[track_caller]
    fn decided(&self, what: &str, value: &str) {
        let newest = format!(
            "SELECT toString(argMax({what}, at)) FROM derms.decisions WHERE feeder_id = '{FEEDER}'"
        );
        self.eventually(&format!("{what} is {value} in a decision"), || {
            (self.place.sql(&newest) == value).then_some(())
        });
    }

    /// Waits until the newest stored decision about a device has this value.
    #[track_caller]
    fn decided_of(&self, device: &str, what: &str, value: &str) {
        let newest = format!(
            "SELECT toString(argMax({what}, at)) FROM derms.decision_devices WHERE device_id = '{device}'"
        );
        self.eventually(&format!("{what} of {device} is {value} in a decision"), || {
            (self.place.sql(&newest) == value).then_some(())
        });
    }

    /// A charger of the feeder.
    fn charger(&self) -> String {
        let query = format!(
            "{{ devices(feederId: \"{FEEDER}\", type: EV, first: 1) {{ edges {{ node {{ id }} }} }} }}"
        );
        let data = self.ask(&self.operator, &query);
        data["devices"]["edges"][0]["node"]["id"].as_str().expect("a charger").to_owned()
    }

    /// What is said of a change in the audit.
    #[track_caller]
    fn audited(&self, kind: &str, entity: &str) {
        let rows = format!(
            "SELECT count() > 0 FROM derms.operator_log WHERE kind = '{kind}' AND entity = '{entity}' AND actor IN ('ada', 'eva') AND source = '127.0.0.1'"
        );
        self.eventually(&format!("{kind} of {entity} is in the audit"), || {
            (self.place.sql(&rows) == "1").then_some(())
        });
    }
}

pub(super) fn limits_and_policies_are_set_and_taken_back(world: &mut World) {
    world.change(&format!(
        "setFeeder(input: {{ id: \"{FEEDER}\", importLimitKw: 33.5, exportLimitKw: 20, policy: \"pro-rata\" }}) {{ id }}"
    ));
    world.decided("import_limit_w", "33500");
    world.decided("export_limit_w", "20000");
    world.decided("policy", "pro-rata");
    world.change(&format!(
        "setFeeder(input: {{ id: \"{FEEDER}\", importLimitKw: null, exportLimitKw: null, policy: null }}) {{ id }}"
    ));
    world.decided("import_limit_w", "40000");
    world.decided("ifNull(export_limit_w, -1)", "-1");
    world.decided("policy", "water-fill");
    world.audited("FeederChange", FEEDER);
    world.audited("FeederCleared", FEEDER);
}

pub(super) fn a_shadow_feeder_is_decided_and_nothing_reaches_its_devices(world: &mut World) {
    world.change(&format!("setFeeder(input: {{ id: \"{FEEDER}\", mode: SHADOW }}) {{ mode }}"));
    world.decided("mode", "SHADOW");
    let devices = format!(
        "SELECT arrayStringConcat(groupUniqArray(toString(device_id)), ' ') FROM derms.decision_devices WHERE feeder_id = '{FEEDER}'"
    );
    let devices = world.place.sql(&devices);
    let shadowed = |topic: &str| {
        let id = topic.rsplit('/').next().unwrap_or_default();
        devices.split(' ').any(|device| device == id)
    };
    let count = format!("SELECT count() FROM derms.decisions WHERE feeder_id = '{FEEDER}'");
    let before = world.count(&count).expect("a number");
    let decided = || world.count(&count).is_some_and(|count| count >= before + 4);
    let all = heard(world, &["der/control/+"], &[], "setpoints of the other feeder", |all| {
        all.iter().any(|one| !one.retained && !shadowed(&one.topic)) && decided()
    });
    let told: Vec<&str> = all
        .iter()
        .filter(|one| !one.retained && shadowed(&one.topic))
        .map(|one| one.topic.as_str())
        .collect();
    assert_eq!(told, Vec::<&str>::new(), "devices of a shadow feeder are told nothing");
    world.change(&format!("setFeeder(input: {{ id: \"{FEEDER}\", mode: AUTOMATIC }}) {{ mode }}"));
    world.decided("mode", "AUTOMATIC");
    heard(world, &["der/control/+"], &[], "setpoints again", |all| {
        all.iter().any(|one| !one.retained && shadowed(&one.topic))
    });
}

pub(super) fn a_device_is_overridden_for_a_time_also_where_nothing_else_is_commanded(
    world: &mut World,
) {
    let device = world.charger();
    world.change(&format!("setFeeder(input: {{ id: \"{FEEDER}\", mode: MANUAL }}) {{ mode }}"));
    world.decided("mode", "MANUAL");
    let hold = |seconds: u32| {
        format!(
            "overrideSetpoint(deviceId: \"{device}\", powerKw: 2, forSeconds: {seconds}) {{ id }}"
        )
    };
    world.change(&hold(600));
    world.decided_of(&device, "reason", "OVERRIDE");
    world.decided_of(&device, "ifNull(setpoint_w, -1)", "2000");
    world.change(&format!("clearOverride(deviceId: \"{device}\") {{ id }}"));
    world.decided_of(&device, "reason = 'OVERRIDE'", "0");
    // One with an end ends by itself.
    world.change(&hold(8));
    world.decided_of(&device, "reason", "OVERRIDE");
    world.decided_of(&device, "reason = 'OVERRIDE'", "0");
    world.change(&format!("setFeeder(input: {{ id: \"{FEEDER}\", mode: AUTOMATIC }}) {{ mode }}"));
    world.decided("mode", "AUTOMATIC");
    world.audited("OverrideSet", &device);
    world.audited("OverrideCleared", &device);
}

pub(super) fn a_parents_limit_holds_over_both_feeders(world: &mut World) {
    let loads = |world: &World| -> Option<f64> {
        let feeders = world.feeders()?;
        Some(feeders.iter().filter(|f| f["id"] != "substation").map(|f| kw(&f["loadKw"])).sum())
    };
    let before = world.eventually("both feeders have load", || loads(world).filter(|kw| *kw > 5.0));
    let limit = (before * 700.0).floor() / 1_000.0;
    world.change(&format!(
        "setFeeder(input: {{ id: \"substation\", importLimitKw: {limit} }}) {{ id }}"
    ));
    for feeder in ["feeder-1", FEEDER] {
        world.change(&format!(
            "setFeeder(input: {{ id: \"{feeder}\", parentId: \"substation\" }}) {{ parentId }}"
        ));
    }
    world.decided("toString(root)", "substation");
    world.eventually(&format!("both together are within {limit} kW"), || {
        loads(world).filter(|load| *load <= limit)
    });
    for feeder in ["feeder-1", FEEDER] {
        world.change(&format!(
            "setFeeder(input: {{ id: \"{feeder}\", parentId: null }}) {{ parentId }}"
        ));
    }
    world.decided("toString(root)", FEEDER);
    let remove = "mutation { removeFeeder(id: \"substation\") }";
    let refused = world.place.graphql(&world.operator, remove);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let admin = world.place.login("eva").expect("an admin");
    assert_eq!(world.ask(&admin, remove)["removeFeeder"], "substation");
    assert_eq!(world.feeders().map(|feeders| feeders.len()), Some(2));
    world.audited("FeederRemoved", "substation");
}

pub(super) fn programs_by_cap_and_by_price_lower_the_limit_while_they_act(world: &mut World) {
    let program = |mode: &str, more: &str| {
        format!(
            "createDrProgram(input: {{ name: \"{mode}\", mode: {mode}, feederIds: [\"{FEEDER}\"], start: \"2020-01-01T00:00:00Z\", end: \"2099-01-01T00:00:00Z\", active: true, clientMutationId: \"{mode}\", {more} }}) {{ id }}"
        )
    };
    let admin = world.place.login("eva").expect("an admin");
    for (mode, more, limit) in [
        ("FIXED_CAP", "targetShedKw: 10", "30000"),
        ("PRICE_ELASTIC", "penaltyPerKwh: 50", "20000"),
    ] {
        let make = program(mode, more);
        let made = world.change(&make)["createDrProgram"]["id"].clone();
        assert_eq!(world.change(&make)["createDrProgram"]["id"], made, "a retry makes no second");
        world.decided("limit_w", limit);
        let impact = format!("{{ drProgram(id: {made}) {{ active impact {{ shedKw }} }} }}");
        world.eventually("its impact is shown", || {
            let data = world.ask(&world.operator, &impact);
            (kw(&data["drProgram"]["impact"]["shedKw"]) > 0.0).then_some(())
        });
        world.change(&format!("setDrProgramActive(id: {made}, active: false) {{ active }}"));
        world.decided("limit_w", "40000");
        world.change(&format!(
            "updateDrProgram(id: {made}, input: {{ targetShedKw: 5, penaltyPerKwh: 0 }}) {{ id }}"
        ));
        let gone = format!("mutation {{ deleteDrProgram(id: {made}) }}");
        assert_eq!(world.ask(&admin, &gone)["deleteDrProgram"], made);
        world.audited("ProgramDeleted", made.as_str().expect("an id"));
    }
}

pub(super) fn an_event_is_changed_and_cancelled_under_its_id(world: &mut World) {
    let created = world.change(&format!(
        "createEvent(input: {{ feederId: \"{FEEDER}\", start: \"2020-01-01T00:00:00Z\", end: \"2099-01-01T00:00:00Z\", limitKw: 25 }}) {{ id }}"
    ));
    let id = created["createEvent"]["id"].clone();
    world.decided("limit_w", "25000");
    world.change(&format!("updateEvent(id: {id}, input: {{ limitKw: 35 }}) {{ id }}"));
    world.decided("limit_w", "35000");
    let view = format!(
        "SELECT limit_kw, created_by FROM derms.events WHERE toString(event_id) = '{}' FORMAT TSV",
        id.as_str().expect("an id")
    );
    world.eventually("the event is changed for analysts too", || {
        (world.place.sql(&view) == "35\tada").then_some(())
    });
    world.change(&format!("cancelEvent(id: {id}) {{ cancelledAt }}"));
    world.decided("limit_w", "40000");
}

pub(super) fn devices_are_set_and_the_simulators_day_too(world: &mut World) {
    let device = world.charger();
    let set = |what: &str| {
        world.change(&format!("setDevice(input: {{ id: \"{device}\", {what} }}) {{ id }}"));
    };
    set("optedOut: true");
    world.decided_of(&device, "reason", "OPTED_OUT");
    set("optedOut: false");
    world.decided_of(&device, "reason = 'OPTED_OUT'", "0");
    set(&format!("priority: {PRIORITY}, targetSoc: 0.95"));
    world.audited("DeviceChange", &device);
    world.change(&format!("resumeControl(feederId: \"{FEEDER}\") {{ id }}"));
    world.audited("ControlResumed", FEEDER);
    for (mode, profile) in [("NIGHT", "night"), ("AUTO", "auto")] {
        world.change(&format!("setSimulationMode(mode: {mode}) {{ mode }}"));
        heard(world, &["der/simulation/profile"], &[], "the profile", |all| {
            all.iter().any(|one| one.json()["profile"] == profile)
        });
    }
}

/// A time so many seconds from now.
fn around(seconds: i64) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let now = i64::try_from(now).expect("fits");
    chrono::DateTime::from_timestamp(now + seconds, 0).expect("a date").to_rfc3339()
}

pub(super) fn the_past_is_explained(world: &mut World) {
    let device = world.charger();
    let explain = format!(
        "{{ explain(deviceId: \"{device}\") {{ sentence decision {{ id feederId certified devices(first: 2) {{ totalCount pageInfo {{ hasNextPage endCursor }} }} }} device {{ wantedKw reason }} }} }}"
    );
    let explained = world.eventually("a device is explained", || {
        let data = world.ask(&world.operator, &explain);
        data["explain"].is_object().then(|| data["explain"].clone())
    });
    let sentence = explained["sentence"].as_str().expect("a sentence");
    assert!(sentence.starts_with(&device) && sentence.ends_with('.'), "{sentence}");
    assert_eq!(explained["decision"]["feederId"], FEEDER);
    let id = &explained["decision"]["id"];
    let one = format!("{{ decision(id: {id}) {{ id limitKw }} }}");
    assert_eq!(world.ask(&world.operator, &one)["decision"]["id"], *id);

    let page = |after: &Value| {
        let query = format!(
            "{{ decisions(feederId: \"{FEEDER}\", first: 3, after: {after}) {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ id at }} }} }} }}"
        );
        world.place.graphql(&world.operator, &query)
    };
    let first = page(&Value::Null);
    let first = &first["data"]["decisions"];
    assert_eq!(first["pageInfo"]["hasNextPage"], true, "{first}");
    let second = page(&first["pageInfo"]["endCursor"]);
    let at = |page: &Value, index: usize| {
        page["edges"][index]["node"]["at"].as_str().expect("a time").to_owned()
    };
    assert!(at(&second["data"]["decisions"], 0) < at(first, 2), "{second}");
    let forged = page(&json!("bm90aGluZw"));
    assert_eq!(forged["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{forged}");

    let commands = format!(
        "{{ commands(feederId: \"{FEEDER}\", first: 100) {{ totalCount edges {{ node {{ deviceId stage decidedAt sentAt ackedAt appliedAt observedAt }} }} }} }}"
    );
    world.eventually("commands are seen to be followed", || {
        let data = world.ask(&world.operator, &commands);
        let edges = data["commands"]["edges"].as_array()?.clone();
        edges.iter().any(|edge| edge["node"]["stage"] == "OBSERVED").then_some(())
    });
    world.eventually("the stages of a command are told in their order", || {
        let data = world.ask(&world.operator, &commands);
        let edges = data["commands"]["edges"].as_array()?.clone();
        // Times of one form and length: their order is that of their texts.
        let stages = ["decidedAt", "sentAt", "ackedAt", "appliedAt"];
        let whole = |edge: &Value| {
            let times = stages.map(|stage| edge["node"][stage].as_str().map(str::to_owned));
            times.iter().all(Option::is_some) && times.is_sorted()
        };
        edges.iter().any(whole).then_some(())
    });
    let span = "from: \"2020-01-01T00:00:00Z\", to: \"2099-01-01T00:00:00Z\"";
    let fair = format!(
        "{{ fairness(feederId: \"{FEEDER}\", from: \"{}\", to: \"{}\") {{ jain perDevice {{ deviceId wantedKwh }} }} }}",
        around(-3_600),
        around(3_600)
    );
    world.eventually("what each device wanted is told", || {
        let data = world.ask(&world.operator, &fair);
        (!data["fairness"]["perDevice"].as_array()?.is_empty()).then_some(())
    });
    let letters = format!("{{ deadLetters({span}) {{ reason count detail sample }} }}");
    world.ask(&world.operator, &letters);
    world.ask(&world.operator, &format!("{{ alarms {{ code }} alarmHistory({span}) {{ totalCount edges {{ node {{ code from to }} }} }} violations({span}) {{ totalCount }} }}"));

    let audit = "{ audit(first: 500) { totalCount edges { node { actor source kind entity before after } } } }";
    let refused = world.place.graphql(&world.operator, audit);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let admin = world.place.login("eva").expect("an admin");
    let data = world.ask(&admin, audit);
    let edges = data["audit"]["edges"].as_array().expect("a list").clone();
    let limits = |entry: &&Value| {
        let node = &entry["node"];
        node["kind"] == "FeederCleared" && node["entity"] == FEEDER && node["actor"] == "ada"
    };
    let entry = edges.iter().find(limits).unwrap_or_else(|| panic!("{edges:?}"));
    let before = entry["node"]["before"].as_str().expect("it had a limit");
    let after = entry["node"]["after"].as_str().expect("it is told");
    assert!(before.len() > after.len(), "{before} became {after}");
}

pub(super) fn samples_are_exported_as_a_file(world: &mut World) {
    let day = format!("from={}&to={}", around(-3_600), around(3_600)).replace('+', "%2B");
    let path = format!("/api/export/telemetry.csv?{day}&deviceId={AGENT}");
    let stored = format!("SELECT count() FROM derms.telemetry WHERE device_id = '{AGENT}'");
    let least = world.count(&stored).expect("a number");
    let (status, csv) = world.place.get(&world.operator, &path);
    let lines = u64::try_from(csv.lines().count()).expect("fits");
    let end = &csv[csv.len().saturating_sub(200)..];
    assert_eq!(status, 200, "{end}");
    assert!(csv.starts_with("\"device_id\"") && end.ends_with("\"\n"), "it is cut off: {end}");
    assert!(lines > least, "{lines} lines of {least} samples");
}

pub(super) fn what_operators_have_set_outlives_a_restart(world: &mut World) {
    let device = world.charger();
    let query = format!("{{ device(id: \"{device}\") {{ priority targetSoc }} }}");
    world.eventually("the priority is still there", || {
        let answer = world.place.graphql(&world.operator, &query);
        (answer["data"]["device"] == json!({"priority": PRIORITY, "targetSoc": 0.95})).then_some(())
    });
}
