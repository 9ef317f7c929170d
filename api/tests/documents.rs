//! Documents by their ids, and who may send their own: over HTTP and over a WebSocket, by a token and by the cookie.

mod world;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use world::browser::{Browser, by_id, document};
use world::socket::{Socket, hear, owned_socket, say};
use world::{Api, answer};

const OWN: &str = "{ me { name } }";

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

/// What a WebSocket answers to one request: data, or the code of the error.
async fn ask(socket: &mut Socket, request: Value) -> Value {
    say(socket, json!({"id": "1", "type": "subscribe", "payload": request})).await;
    let heard = hear(socket).await;
    if heard["type"] == "error" {
        return heard["payload"][0]["extensions"]["code"].clone();
    }
    assert_eq!(hear(socket).await["type"], "complete");
    match code(&heard["payload"]) {
        Value::Null => heard["payload"]["data"]["me"]["name"].clone(),
        code => code.clone(),
    }
}

#[test]
fn the_cookie_is_for_documents_of_the_dashboard_and_a_token_for_any() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut browser = Browser::new(&api);
        browser.log_in_as("vic").await;
        let expected = json!({"data": {"me": {"name": "vic", "role": "VIEWER"}}});
        assert_eq!(browser.me().await, (StatusCode::OK, expected.clone()));

        let (status, refused) = browser.graphql(&json!({"query": OWN})).await;
        assert_eq!((status, code(&refused)), (StatusCode::OK, &json!("FORBIDDEN")));
        let words = refused["errors"][0]["message"].as_str().expect("words");
        for told in ["DERMS_GRAPHQL_DOCUMENTS = tokens", "sha256Hash", "docs/api.md"] {
            assert!(words.contains(told), "{words}");
        }
        let (_, unknown) = browser.graphql(&by_id("0123")).await;
        assert_eq!(code(&unknown), "PERSISTED_QUERY_NOT_FOUND");
        assert!(
            unknown["errors"][0]["message"].as_str().is_some_and(|words| words.contains("0123"))
        );

        let token = api.token("vic").await;
        assert_eq!(api.graphql(&token, OWN).await["data"]["me"]["name"], "vic");
        let by_token = api.post("/graphql").bearer_auth(&token);
        let me = by_id(&document("Me"));
        assert_eq!(answer(by_token.json(&me)).await, (StatusCode::OK, expected));
        for empty in [json!({}), json!({"extensions": {"persistedQuery": {"version": 1}}})] {
            let (status, answer) =
                answer(api.post("/graphql").bearer_auth(&token).json(&empty)).await;
            assert_eq!(
                (status, code(&answer)),
                (StatusCode::BAD_REQUEST, &json!("BAD_USER_INPUT"))
            );
        }
        api.stop().await;
    });
}

#[test]
fn an_id_gives_nobody_more_than_their_role_does() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut browser = Browser::new(&api);
        browser.log_in_as("vic").await;
        let mut resume = by_id(&document("ResumeControl"));
        resume["variables"] = json!({"feederId": "f1"});
        assert_eq!(code(&browser.graphql(&resume).await.1), "FORBIDDEN");
        api.stop().await;
    });
}

#[test]
fn a_socket_takes_what_its_owner_could_ask_otherwise() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut browser = Browser::new(&api);
        browser.log_in_as("vic").await;
        let own_page = format!("http://{}", api.address());
        let request = browser.socket_request(Some(&own_page));
        let mut by_cookie = connect_async(request).await.expect("a socket").0;
        say(&mut by_cookie, json!({"type": "connection_init"})).await;
        assert_eq!(hear(&mut by_cookie).await["type"], "connection_ack");
        let mut by_token = owned_socket(&api, &api.token("vic").await).await;
        for (request, cookie, token) in [
            (by_id(&document("Me")), "vic", "vic"),
            (by_id("0123"), "PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_NOT_FOUND"),
            (json!({"query": OWN}), "FORBIDDEN", "vic"),
        ] {
            assert_eq!(ask(&mut by_cookie, request.clone()).await, cookie, "{request}");
            assert_eq!(ask(&mut by_token, request.clone()).await, token, "{request}");
        }
        api.stop().await;
    });
}

#[test]
fn the_setting_opens_the_cookie_and_closes_tokens() {
    world::run(async {
        for (setting, cookie, token) in
            [("any", Value::Null, Value::Null), ("known", json!("FORBIDDEN"), json!("FORBIDDEN"))]
        {
            let api = Api::start(&[("DERMS_GRAPHQL_DOCUMENTS", setting)]).await;
            let mut browser = Browser::new(&api);
            browser.log_in_as("vic").await;
            assert_eq!(
                *code(&browser.graphql(&json!({"query": OWN})).await.1),
                cookie,
                "{setting}"
            );
            let answer = api.graphql(&api.token("vic").await, OWN).await;
            assert_eq!(*code(&answer), token, "{setting}");
            api.stop().await;
        }
    });
}
