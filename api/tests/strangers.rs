//! What a stranger meets, and what one client can do to another: nothing.

mod world;

use std::time::Duration;

use derms_api::caps;
use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};
use world::socket::{hear, init, open_socket, owned_socket, say, socket_request};
use world::{Api, PASSWORD, answer};

/// A busy machine takes its time.
const SOON: Duration = Duration::from_secs(60);

async fn connect(api: &Api) -> TcpStream {
    TcpStream::connect(api.address()).await.expect("it listens")
}

/// Whether the other side ends the connection, however long it takes within reason.
async fn is_ended(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.is_ok()
}

#[test]
fn nothing_of_a_query_is_looked_at_without_a_token() {
    world::run(async {
        let api = Api::start(&[]).await;
        // Of each of these the second byte would already be too much, if anybody read it.
        for body in ["{", "[[[[[[", "{\"query\": \"{\"}", "{\"query\": \"{ nothin }\"}"] {
            let request =
                api.post("/graphql").header("content-type", "application/json").body(body);
            let (status, answer) = answer(request).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
            assert!(!answer.to_string().contains("Did you mean"), "{answer}");
        }
        // The body is not waited for either.
        let mut stream = connect(&api).await;
        let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.expect("it is taken");
        let mut first = [0; 12];
        tokio::time::timeout(SOON, stream.read_exact(&mut first))
            .await
            .expect("at once")
            .expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 401");
        api.stop().await;
    });
}

#[test]
fn a_query_that_would_explode_is_refused_and_the_next_one_is_answered() {
    world::run(async {
        let api = Api::start(&[]).await;
        let token = api.token("vic").await;
        let mut doubling = "{ ...f0 }".to_owned();
        for n in 0..40 {
            doubling += &format!(" fragment f{n} on Query {{ ...f{0} ...f{0} }}", n + 1);
        }
        doubling += " fragment f40 on Query { me { name } }";
        let values =
            format!("{{ feeder(id: {}1{}) {{ id }} }}", "[".repeat(20_000), "]".repeat(20_000));
        let open = "{ a ".repeat(7_000);
        for query in [doubling, values, open] {
            let answer = api.graphql(&token, &query).await;
            let error = &answer["errors"][0];
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
            assert!(error["message"].as_str().expect("words").contains("too"), "{answer}");
        }
        let deep = format!(
            "{{\"query\": \"{{ me {{ name }} }}\", \"variables\": {}1{}}}",
            "{\"a\":".repeat(50_000),
            "}".repeat(50_000)
        );
        let request =
            api.post("/graphql").bearer_auth(&token).header("content-type", "application/json");
        assert_eq!(answer(request.body(deep)).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(api.graphql(&token, "{ me { name } }").await["data"]["me"]["name"], "vic");
        api.stop().await;
    });
}

#[test]
fn foreign_names_and_pages_get_nothing_done() {
    world::run(async {
        let api = Api::start(&[("DERMS_PUBLIC_NAMES", "derms.example")]).await;
        for (host, expected) in [
            ("evil.example", StatusCode::MISDIRECTED_REQUEST),
            ("derms.example", StatusCode::OK),
            ("localhost:3001", StatusCode::OK),
        ] {
            let response =
                api.get("/api/health").header("host", host).send().await.expect("an answer");
            assert_eq!(response.status(), expected, "{host}");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{host}");
        }
        let body = json!({"username": "vic", "password": PASSWORD});
        for (origin, expected) in [
            ("https://evil.example", StatusCode::FORBIDDEN),
            ("null", StatusCode::FORBIDDEN),
            ("https://derms.example", StatusCode::OK),
        ] {
            let login = api.post("/api/auth/login").header("origin", origin).json(&body);
            assert_eq!(answer(login).await.0, expected, "{origin}");
        }
        let cross = api.post("/api/auth/login").header("sec-fetch-site", "cross-site").json(&body);
        assert_eq!(answer(cross).await.0, StatusCode::FORBIDDEN);
        let mut request = socket_request(&api);
        request.headers_mut().insert("origin", "https://evil.example".parse().expect("a header"));
        assert!(connect_async(request).await.is_err());
        let mut request = socket_request(&api);
        let own = format!("http://{}", api.address()).parse().expect("a header");
        request.headers_mut().insert("origin", own);
        assert!(connect_async(request).await.is_ok());
        api.stop().await;
    });
}

#[test]
fn one_address_has_a_bounded_number_of_connections_and_gives_them_back() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut held = Vec::new();
        for _ in 0..caps::CONNECTIONS_PER_ADDRESS {
            let mut stream = connect(&api).await;
            // Its answer shows that it was let in.
            stream
                .write_all(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .await
                .expect("taken");
            let mut first = [0; 8];
            stream.read_exact(&mut first).await.expect("an answer");
            held.push(stream);
        }
        let mut one_too_many = connect(&api).await;
        assert!(is_ended(&mut one_too_many).await);
        drop(held);
        let asked = tokio::time::timeout(SOON, async {
            while api.get("/api/health").send().await.is_err() {
                tokio::task::yield_now().await;
            }
        });
        asked.await.expect("the places are free again");
        api.stop().await;
    });
}

#[test]
fn whoever_sends_a_request_for_ever_is_cut_off() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut silent = connect(&api).await;
        let mut head = connect(&api).await;
        head.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await.expect("taken");
        let mut body = connect(&api).await;
        let login =
            b"POST /api/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
        body.write_all(login).await.expect("taken");
        let mut kept = connect(&api).await;
        kept.write_all(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .expect("taken");
        let ended = tokio::join!(
            is_ended(&mut silent),
            is_ended(&mut head),
            is_ended(&mut body),
            is_ended(&mut kept),
        );
        assert_eq!(ended, (true, true, true, true));
        let mut large = connect(&api).await;
        let head = format!(
            "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
            "x".repeat(caps::HEAD_BYTES_MAX)
        );
        large.write_all(head.as_bytes()).await.ok();
        let mut first = [0; 12];
        large.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 431");
        api.stop().await;
    });
}

#[test]
fn a_socket_that_does_not_say_who_it_is_or_says_too_much_is_closed() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut silent = open_socket(&api).await;
        let token = api.token("vic").await;

        let mut large = open_socket(&api).await;
        let padding = "x".repeat(caps::SOCKET_FIRST_MESSAGE_MAX);
        say(&mut large, json!({"type": "connection_init", "payload": {"x": padding}})).await;
        assert_eq!(hear(&mut large).await, 4429);

        let mut many = owned_socket(&api, &token).await;
        for _ in 0..2 * caps::SOCKET_MESSAGES {
            // Refused as soon as it is closed.
            if many.send(Message::text("{\"type\":\"pong\"}")).await.is_err() {
                break;
            }
        }
        // Who still sends when the other end is gone may hear of a broken pipe before the code.
        let told = loop {
            match many.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                told => break told,
            }
        };
        let is_over = match &told {
            Some(Ok(Message::Close(Some(frame)))) => u16::from(frame.code) == 4429,
            Some(Err(Error::Io(_))) => true,
            _ => false,
        };
        assert!(is_over, "{told:?}");

        assert_eq!(hear(&mut silent).await, 4408);
        api.stop().await;
    });
}

#[test]
fn one_user_has_a_bounded_number_of_sockets_and_another_user_still_gets_one() {
    world::run(async {
        let api = Api::start(&[]).await;
        let (vic, otto) = (api.token("vic").await, api.token("otto").await);
        let mut held = Vec::new();
        for _ in 0..caps::SOCKETS_PER_USER {
            held.push(owned_socket(&api, &vic).await);
        }
        let mut one_too_many = open_socket(&api).await;
        say(&mut one_too_many, init(&vic)).await;
        assert_eq!(hear(&mut one_too_many).await, 4429);
        let other = owned_socket(&api, &otto).await;
        drop((held, other));
        api.stop().await;
    });
}

#[test]
fn a_strangers_failures_do_not_lock_others_out_and_a_forged_address_helps_nobody() {
    world::run(async {
        let api = Api::start(&[]).await;
        let refused = |name: &str, forwarded: String| {
            let body = json!({"username": name, "password": "wrong"});
            let login =
                api.post("/api/auth/login").header("x-forwarded-for", forwarded).json(&body);
            async move { login.send().await.expect("an answer") }
        };
        let mut last = StatusCode::OK;
        for n in 0..35 {
            let response = refused("nobody", format!("203.0.113.{n}")).await;
            last = response.status();
            assert_eq!(
                last == StatusCode::TOO_MANY_REQUESTS,
                response.headers().contains_key("retry-after")
            );
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(api.login("vic", PASSWORD).await.0, StatusCode::OK);
        api.stop().await;

        // Behind a proxy that is trusted, each client stands for itself.
        let api = Api::start(&[("DERMS_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
        let login = |forwarded: &'static str, password: &'static str| {
            let body = json!({"username": "vic", "password": password});
            answer(api.post("/api/auth/login").header("x-forwarded-for", forwarded).json(&body))
        };
        for _ in 0..5 {
            assert_eq!(login("203.0.113.1", "wrong").await.0, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(login("203.0.113.1", PASSWORD).await.0, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(login("203.0.113.1, 203.0.113.2", PASSWORD).await.0, StatusCode::OK);
        api.stop().await;
    });
}

#[test]
fn a_logout_ends_the_session_here_even_when_the_log_is_away() {
    world::run(async {
        let api = Api::start(&[]).await;
        let (token, other) = (api.token("vic").await, api.token("vic").await);
        let mut socket = owned_socket(&api, &token).await;
        let (status, body) = answer(api.post("/api/auth/logout").bearer_auth(&token)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body["error"].as_str().expect("words").contains("may come back"), "{body}");
        assert_eq!(hear(&mut socket).await, 4401);
        let (status, _) = answer(api.post("/api/auth/logout").bearer_auth(&token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(api.graphql(&other, "{ me { name } }").await["data"]["me"]["name"], "vic");
        api.stop().await;
    });
}
