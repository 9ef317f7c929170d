//! The API: what anybody can send to it, what it costs the rest of the process, and what ends a session.

use std::thread;
use std::time::Duration;

use testbench::curl::curl;
use testbench::place::Place;
use testbench::wait;

const SOON: Duration = Duration::from_secs(60);
const FEEDERS: &str = "{ feeders { id } }";
/// Clients at the same time, more than a small machine has threads.
const CLIENTS: usize = 12;
const REQUESTS_EACH: usize = 4;
/// Decisions that control goes on by while it is loaded.
const DECISIONS: u64 = 3;

fn post(place: &Place, path: &str, headers: &[&str], body: &str) -> (u16, String) {
    let url = format!("{}{path}", place.api_url());
    let file = place.file(&format!("body-{}", uuid::Uuid::new_v4()), body).expect("a file");
    let data = format!("@{file}");
    let mut arguments = vec!["--data-binary", &data, "-H", "content-type: application/json"];
    for header in headers {
        arguments.extend(["-H", *header]);
    }
    arguments.push(&url);
    curl(&arguments)
}

/// Two fields for each level, to the power.
fn doubling(levels: usize) -> String {
    let mut query = "{ ...f0 }".to_owned();
    for n in 0..levels {
        query += &format!(" fragment f{n} on Query {{ ...f{0} ...f{0} }}", n + 1);
    }
    query + &format!(" fragment f{levels} on Query {{ me {{ name }} }}")
}

/// What a hostile client sends: each of these once kept a thread busy for ever, ended the process, or cost much.
fn hostile() -> Vec<String> {
    let query = |text: &str| serde_json::json!({ "query": text }).to_string();
    let dear = "devices(first: 500) { totalCount edges { node { id powerKw } } } ".repeat(15);
    vec![
        query(&doubling(60)),
        query(&format!("{{ feeder(id: {}1{}) {{ id }} }}", "[".repeat(40_000), "]".repeat(40_000))),
        query(&"{ feeders ".repeat(40_000)),
        query(&format!("{{ {dear} }}")),
        format!("{{\"query\": \"{{ me {{ name }} }}\", \"variables\": {}}}", "[".repeat(500_000)),
        "[".repeat(900_000),
    ]
}

fn decisions(place: &Place) -> Option<u64> {
    let (_, text) = curl(&[&format!("{}/metrics", place.api_url())]);
    let lines = text.lines().filter(|line| line.starts_with("derms_processor_decisions_total"));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    Some(values.sum()).filter(|sum| *sum > 0)
}

#[test]
fn the_dearest_requests_hold_up_neither_control_nor_health_nor_the_end() {
    let mut place = Place::embedded().expect("derms is built");
    let logs = |place: &Place, error: anyhow::Error| -> ! { panic!("{error:#}\n{}", place.logs()) };
    let token = place.login("ada").unwrap_or_else(|error| logs(&place, error));
    let _fleet = place.user("derms-sim", &[], &[]).expect("the simulator");
    let before = wait::until("control decides", SOON, || decisions(&place))
        .unwrap_or_else(|error| logs(&place, error));
    let bearer = format!("authorization: Bearer {token}");
    let health = format!("{}/api/health", place.api_url());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (place, bearer) = (&place, bearer.as_str());
            scope.spawn(move || {
                // Every third has no token.
                let headers: &[&str] = if client % 3 == 0 { &[] } else { &[bearer] };
                for _ in 0..REQUESTS_EACH {
                    for body in hostile() {
                        post(place, "/graphql", headers, &body);
                    }
                    let login = r#"{"username":"nobody","password":"wrong"}"#;
                    post(place, "/api/auth/login", &[], login);
                }
            });
        }
        // All of it while they are at it.
        for n in 1..=DECISIONS {
            wait::until("control goes on", SOON, || {
                decisions(&place).filter(|now| *now >= before + n)
            })
            .unwrap_or_else(|error| logs(&place, error));
            assert_eq!(curl(&[&health]).0, 200, "health answers");
        }
    });
    let me = place.graphql(&token, "{ me { name } }");
    assert_eq!(me["data"]["me"]["name"], "ada", "{me}");
    place.stop().expect("it ends in its time, and well");
}

#[test]
fn a_logout_outlives_a_kill() {
    let mut place = Place::embedded().expect("derms is built");
    let login = |place: &Place| {
        place.login("ada").unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()))
    };
    let (token, other) = (login(&place), login(&place));
    let answers = |place: &Place, token: &str| {
        wait::until("the view is complete", SOON, || {
            place.graphql(token, FEEDERS)["data"]["feeders"].is_array().then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
    };
    answers(&place, &token);
    let bearer = format!("authorization: Bearer {token}");
    assert_eq!(post(&place, "/api/auth/logout", &[&bearer], "").0, 204);
    place.kill().expect("it runs");
    place.start().expect("it starts again");
    answers(&place, &other);
    let refused = place.graphql(&token, FEEDERS);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");
    place.stop().expect("it ends well");
}

#[test]
fn a_page_of_somebody_else_or_under_a_name_of_somebody_else_gets_nothing_done() {
    let mut place = Place::embedded().expect("derms is built");
    place.login("ada").unwrap_or_else(|error| panic!("{error:#}\n{}", place.logs()));
    let login = r#"{"username":"ada","password":"wrong"}"#;
    for (header, status) in [
        ("origin: https://evil.example", 403),
        ("sec-fetch-site: cross-site", 403),
        ("host: evil.example", 421),
        ("x-nothing: new", 401),
    ] {
        assert_eq!(post(&place, "/api/auth/login", &[header], login).0, status, "{header}");
    }
    for path in ["/", "/metrics", "/api/health"] {
        let url = format!("{}{path}", place.api_url());
        assert_eq!(curl(&["-H", "host: evil.example", &url]).0, 421, "{path}");
    }
    place.stop().expect("it ends well");
}
