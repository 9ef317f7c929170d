use std::sync::Mutex;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use schemas::Timestamp;
use schemas::codec::Record as _;
use schemas::records::decision::{Claim, LedgerRecord};
use uuid::Uuid;

use super::*;

type Subjects = Arc<Mutex<Vec<(String, String)>>>;

/// A registry that gives each new schema the next number, and refuses what it is told to.
async fn registry(refuse: &'static str) -> (String, Subjects) {
    async fn take(
        State((subjects, refuse)): State<(Subjects, &'static str)>,
        Path(subject): Path<String>,
        Json(body): Json<serde_json::Value>,
    ) -> axum::response::Response {
        if subject == refuse {
            return (StatusCode::CONFLICT, "incompatible").into_response();
        }
        let text = body["schema"].as_str().expect("a schema").to_owned();
        let mut subjects = subjects.lock().expect("test");
        subjects.push((subject, text));
        Json(serde_json::json!({ "id": 100 + subjects.len() })).into_response()
    }
    let subjects = Subjects::default();
    let router = Router::new()
        .route("/subjects/{subject}/versions", post(take))
        .with_state((Arc::clone(&subjects), refuse));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    crate::task::spawn("registry", async move { axum::serve(listener, router).await });
    (url, subjects)
}

fn claim() -> Vec<u8> {
    let claim =
        Claim { epoch: 3, writer: Uuid::nil(), at: Timestamp(5), name: "test".into(), log: None };
    LedgerRecord::Claim(claim).encode()
}

#[tokio::test]
async fn values_are_framed_for_other_tools_and_come_back_as_they_were() {
    let (url, subjects) = registry("").await;
    let framing = Framing::new(Some(&url));
    framing.register("x.").await.expect("registered");
    let names: Vec<String> =
        subjects.lock().expect("test").iter().map(|(subject, _)| subject.clone()).collect();
    assert!(names.contains(&"x.decisions.v1-value".to_owned()), "{names:?}");

    let value = claim();
    let framed = framing.outgoing(Topic::Decisions, &value).expect("framed");
    let place = names.iter().rposition(|name| name == "x.decisions.v1-value").expect("there");
    let id = u32::try_from(101 + place).expect("small");
    assert_eq!(framed[0], 0);
    assert_eq!(framed[1..5], id.to_be_bytes());
    assert_eq!(framed[5..], value[10..]);
    assert_eq!(framing.incoming(Topic::Decisions, framed), value);
}

#[tokio::test]
async fn without_a_registry_nothing_changes_and_before_registering_nothing_is_sent() {
    let plain = Framing::new(None);
    assert_eq!(plain.outgoing(Topic::Decisions, &claim()), Ok(claim()));
    assert_eq!(plain.incoming(Topic::Decisions, claim()), claim());
    let early = Framing::new(Some("http://127.0.0.1:1"));
    assert_eq!(early.outgoing(Topic::Decisions, &claim()), Err(NotRegistered));
    let error = early.register("x.").await.expect_err("nobody is there");
    assert!(error.to_string().contains("DERMS_SCHEMA_REGISTRY_URL"), "{error}");
}

#[tokio::test]
async fn a_refused_schema_is_named() {
    let (url, _) = registry("x.acks.v1-value").await;
    let error = Framing::new(Some(&url)).register("x.").await.expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("x.acks.v1-value: 409 incompatible"), "{text}");
}
