//! Every field of the roots against every role, and against nobody.

use super::changes::alarm;
use super::*;

/// Field, how to ask for it, and the least role that may.
const FIELDS: &[(&str, &str, Role)] = &[
    ("me", "{ me { name role } }", Role::Viewer),
    ("health", "{ health { status } }", Role::Viewer),
    ("feeders", "{ feeders { id } }", Role::Viewer),
    ("feeder", "{ feeder(id: \"f1\") { id } }", Role::Viewer),
    ("devices", "{ devices { totalCount } }", Role::Viewer),
    ("device", "{ device(id: \"ev-1\") { id } }", Role::Viewer),
    ("trackingError", "{ trackingError { deviceId } }", Role::Viewer),
    ("events", "{ events { id } }", Role::Viewer),
    (
        "createEvent",
        "mutation { createEvent(input: { feederId: \"f1\", start: \"2027-01-15T08:00:00Z\", end: \"2027-01-15T09:00:00Z\", limitKw: 1 }) { id } }",
        Role::Operator,
    ),
    (
        "cancelEvent",
        "mutation { cancelEvent(id: \"0190a5b0-0000-7000-8000-000000000001\") { id } }",
        Role::Operator,
    ),
    ("waitingDevices", "{ waitingDevices { totalCount } }", Role::Viewer),
    ("noticedDevices", "{ noticedDevices { totalCount } }", Role::Viewer),
    ("approveDevice", "mutation { approveDevice(id: \"ev-7\") { id } }", Role::Operator),
    ("retireDevice", "mutation { retireDevice(id: \"ev-1\") }", Role::Operator),
    (
        "replaceDevice",
        "mutation { replaceDevice(id: \"ev-1\", by: \"ev-9\") { id } }",
        Role::Operator,
    ),
    (
        "updateEvent",
        "mutation { updateEvent(id: \"0190a5b0-0000-7000-8000-000000000001\", input: { limitKw: 2 }) { id } }",
        Role::Operator,
    ),
    (
        "createDrProgram",
        "mutation { createDrProgram(input: { name: \"p\", mode: FIXED_CAP, start: \"2027-01-15T08:00:00Z\", end: \"2027-01-15T09:00:00Z\" }) { id } }",
        Role::Operator,
    ),
    (
        "updateDrProgram",
        "mutation { updateDrProgram(id: \"0190a5b0-0000-7000-8000-000000000001\", input: { name: \"q\" }) { id } }",
        Role::Operator,
    ),
    (
        "setDrProgramActive",
        "mutation { setDrProgramActive(id: \"0190a5b0-0000-7000-8000-000000000001\", active: true) { id } }",
        Role::Operator,
    ),
    (
        "deleteDrProgram",
        "mutation { deleteDrProgram(id: \"0190a5b0-0000-7000-8000-000000000001\") }",
        Role::Admin,
    ),
    (
        "setFeeder",
        "mutation { setFeeder(input: { id: \"f1\", importLimitKw: 1 }) { id } }",
        Role::Operator,
    ),
    ("removeFeeder", "mutation { removeFeeder(id: \"f1\") }", Role::Admin),
    (
        "setDevice",
        "mutation { setDevice(input: { id: \"ev-1\", priority: 2 }) { id } }",
        Role::Operator,
    ),
    (
        "overrideSetpoint",
        "mutation { overrideSetpoint(deviceId: \"ev-1\", powerKw: 1, forSeconds: 60) { id } }",
        Role::Operator,
    ),
    ("clearOverride", "mutation { clearOverride(deviceId: \"ev-1\") { id } }", Role::Operator),
    ("resumeControl", "mutation { resumeControl(feederId: \"f1\") { id } }", Role::Operator),
    ("setSimulationMode", "mutation { setSimulationMode(mode: NIGHT) { mode } }", Role::Operator),
    (
        "ingestTelemetry",
        "mutation { ingestTelemetry(input: { deviceId: \"ev-1\", deviceType: EV, powerKw: 1 }) }",
        Role::Operator,
    ),
    ("drPrograms", "{ drPrograms { id } }", Role::Viewer),
    (
        "drProgram",
        "{ drProgram(id: \"0190a5b0-0000-7000-8000-000000000001\") { id } }",
        Role::Viewer,
    ),
    ("decisions", "{ decisions(feederId: \"f1\") { totalCount } }", Role::Viewer),
    ("decision", "{ decision(id: \"0190a5b0-0000-7000-8000-000000000001\") { id } }", Role::Viewer),
    ("explain", "{ explain(deviceId: \"ev-1\") { sentence } }", Role::Viewer),
    ("commands", "{ commands(deviceId: \"ev-1\") { totalCount } }", Role::Viewer),
    (
        "fairness",
        "{ fairness(feederId: \"f1\", from: \"2027-01-15T08:00:00Z\", to: \"2027-01-15T09:00:00Z\") { jain } }",
        Role::Viewer,
    ),
    ("simulation", "{ simulation { mode } }", Role::Viewer),
    ("alarms", "{ alarms { code } }", Role::Viewer),
    (
        "alarmHistory",
        "{ alarmHistory(from: \"2027-01-15T08:00:00Z\", to: \"2027-01-15T09:00:00Z\") { totalCount } }",
        Role::Viewer,
    ),
    (
        "violations",
        "{ violations(from: \"2027-01-15T08:00:00Z\", to: \"2027-01-15T09:00:00Z\") { totalCount } }",
        Role::Viewer,
    ),
    (
        "deadLetters",
        "{ deadLetters(from: \"2027-01-15T08:00:00Z\", to: \"2027-01-15T09:00:00Z\") { reason } }",
        Role::Operator,
    ),
    ("audit", "{ audit { totalCount } }", Role::Admin),
    ("policies", "{ policies }", Role::Viewer),
    ("thresholds", "{ thresholds { silenceSeconds } }", Role::Viewer),
    ("decisionMade", "subscription { decisionMade(feederId: \"f1\") { id } }", Role::Viewer),
    ("alarm", "subscription { alarm { code } }", Role::Viewer),
    ("feederUpdated", "subscription { feederUpdated { id } }", Role::Viewer),
    ("deviceUpdated", "subscription { deviceUpdated(deviceId: \"ev-1\") { id } }", Role::Viewer),
];

/// The first answer to a query, mutation or subscription.
async fn first_answer(world: &World, role: Option<Role>, query: &str) -> Response {
    let mut request = Request::new(query);
    if let Some(role) = role {
        request = request.data(user(role));
    }
    let answer = world.schema.execute_stream(request).next().await;
    label(answer.expect("an answer"))
}

fn codes(response: &Response) -> Vec<String> {
    response
        .errors
        .iter()
        .filter_map(|error| error.extensions.as_ref()?.get("code")?.clone().into_json().ok())
        .map(|code| code.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn every_field_is_open_to_its_roles_and_closed_to_all_others() {
    for (field, query, least) in FIELDS {
        let world = world();
        let mut state = feeder_state("f1", 1, 2, Watts(1_000));
        state.alarms.push(alarm("CTL-001", Some("f1"), "over"));
        world.live.apply_feeder(state);
        let nobody = codes(&first_answer(&world, None, query).await);
        assert_eq!(nobody, ["UNAUTHENTICATED"], "{field}");
        for role in Role::ALL {
            let codes = codes(&first_answer(&world, Some(role), query).await);
            let is_forbidden = codes == ["FORBIDDEN"];
            assert_eq!(is_forbidden, role < *least, "{field} as {role:?}: {codes:?}");
            assert!(!codes.contains(&"UNAUTHENTICATED".to_owned()), "{field} as {role:?}");
        }
    }
}

#[tokio::test]
async fn a_viewer_is_told_which_role_it_takes() {
    let world = world();
    let query = "mutation { cancelEvent(id: \"x\") { id } }";
    let response = world.ask_as(Some(Role::Viewer), query).await;
    assert_eq!(
        refusal(&response, query),
        ("FORBIDDEN".to_owned(), "this needs the operator role; you are a viewer".to_owned())
    );
}

#[test]
fn every_field_that_is_served_stands_in_the_matrix() {
    let served = super::sdl::root_fields(&world().schema.sdl());
    let listed: BTreeSet<String> = FIELDS.iter().map(|(field, ..)| (*field).to_owned()).collect();
    assert_eq!(served, listed);
}
