//! The HTTP side as a client meets it, while neither log nor ClickHouse is there: what does not need them works.

mod world;

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use world::socket::{hear, init, open_socket, say};
use world::{Api, PASSWORD, answer};

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

#[test]
fn a_login_gives_a_token_that_says_who_it_is() {
    world::run(async {
        let api = Api::start(&[]).await;
        let (status, body) = api.login("otto", PASSWORD).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["user"], json!({"username": "otto", "role": "operator"}));
        let token = body["token"].as_str().expect("a token");
        let answer = api.graphql(token, "{ me { name role } }").await;
        assert_eq!(answer, json!({"data": {"me": {"name": "otto", "role": "OPERATOR"}}}));
        api.stop().await;
    });
}

#[test]
fn a_bad_login_is_told_what_is_wrong_and_guessing_is_stopped() {
    world::run(async {
        let api = Api::start(&[]).await;
        for body in ["", "{", "[]", "{\"username\": 1}"] {
            let (status, answer) = answer(api.post("/api/auth/login").body(body)).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert!(answer["error"].is_string(), "{body}");
        }
        let (status, body) =
            answer(api.post("/api/auth/login").json(&json!({"username": "vic"}))).await;
        assert_eq!(
            (status, body),
            (StatusCode::BAD_REQUEST, json!({"error": "username and password are required"}))
        );
        for _ in 0..5 {
            let (status, body) = api.login("vic", "wrong").await;
            assert_eq!(
                (status, body),
                (StatusCode::UNAUTHORIZED, json!({"error": "Invalid credentials"}))
            );
        }
        let (status, body) = api.login("vic", PASSWORD).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(body["error"].as_str().expect("words").starts_with("too many failed logins"));
        assert_eq!(api.login("ada", PASSWORD).await.0, StatusCode::OK);
        api.stop().await;
    });
}

#[test]
fn health_is_public_and_says_what_is_missing_but_not_where_it_would_be() {
    world::run(async {
        let api = Api::start(&[]).await;
        let (status, body) = answer(api.get("/api/health")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["status"], "degraded");
        assert_eq!((&body["log"]["ok"], &body["db"]["ok"]), (&json!(false), &json!(false)));
        let text = body.to_string();
        assert!(!text.contains("127.0.0.1") && !text.contains(":9"), "{text}");
        api.stop().await;
    });
}

#[test]
fn graphql_over_http_keeps_to_its_rules() {
    world::run(async {
        let api = Api::start(&[]).await;
        let token = api.token("vic").await;
        let json_query = json!({"query": "{ me { name } }"});
        let bad = |response: &Value| response["errors"][0]["extensions"]["code"].clone();

        let (status, body) = answer(api.post("/graphql").json(&json_query)).await;
        assert_eq!((status, bad(&body)), (StatusCode::UNAUTHORIZED, json!("UNAUTHENTICATED")));
        let (status, body) = answer(api.post("/graphql").bearer_auth("x").json(&json_query)).await;
        assert_eq!((status, bad(&body)), (StatusCode::UNAUTHORIZED, json!("UNAUTHENTICATED")));
        let with_token = || api.post("/graphql").bearer_auth(&token);
        let (status, _) = answer(with_token().body(json_query.to_string())).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let (status, body) = answer(with_token().json(&json!([json_query]))).await;
        assert_eq!((status, bad(&body)), (StatusCode::BAD_REQUEST, json!("BAD_USER_INPUT")));
        let (status, body) = answer(with_token().json(&json!({"query": "{ nothing }"}))).await;
        assert_eq!((status, bad(&body)), (StatusCode::OK, json!("BAD_USER_INPUT")));
        let modern = "application/graphql-response+json";
        let (status, _) =
            answer(with_token().header("accept", modern).json(&json!({"query": "{ nothing }"})))
                .await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let response = with_token().header("accept", modern).json(&json_query).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(response.headers(), "content-type"), modern);
        assert_eq!(answer(api.get("/graphql")).await.0, StatusCode::METHOD_NOT_ALLOWED);
        let feeders = api.graphql(&token, "{ feeders { id } }").await;
        assert_eq!(bad(&feeders), "UNAVAILABLE");
        api.stop().await;
    });
}

#[test]
fn introspection_is_for_those_who_are_logged_in_and_can_be_turned_off() {
    world::run(async {
        let query = json!({"query": "{ __schema { queryType { name } } }"});
        let api = Api::start(&[]).await;
        let token = api.token("vic").await;
        let (_, body) = answer(api.post("/graphql").bearer_auth(&token).json(&query)).await;
        assert_eq!(body["data"]["__schema"]["queryType"]["name"], "Query");
        let (status, body) = answer(api.post("/graphql").json(&query)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(body["data"].is_null(), "{body}");
        api.stop().await;

        let api = Api::start(&[("DERMS_GRAPHQL_INTROSPECTION", "false")]).await;
        let token = api.token("vic").await;
        let (_, body) = answer(api.post("/graphql").bearer_auth(&token).json(&query)).await;
        assert!(body["data"]["__schema"].is_null(), "{body}");
        api.stop().await;
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_as_such() {
    world::run(async {
        let api = Api::start(&[("JSON_BODY_LIMIT", "2kb")]).await;
        let token = api.token("vic").await;
        let large = json!({"query": "{ me { name } }", "variables": {"v": "x".repeat(3_000)}});
        let (status, body) = answer(api.post("/graphql").bearer_auth(&token).json(&large)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(body["error"].as_str().expect("words").contains("2048 bytes"), "{body}");
        // A login is small, whatever else may be sent.
        let large = json!({"username": "a", "password": "x".repeat(5_000)});
        let (status, body) = answer(api.post("/api/auth/login").json(&large)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(body["error"].as_str().expect("words").contains("2048 bytes"), "{body}");
        api.stop().await;
    });
}

#[test]
fn the_tracking_error_route_wants_a_token() {
    world::run(async {
        let api = Api::start(&[]).await;
        let path = "/api/metrics/tracking-error";
        let (status, body) = answer(api.get(path)).await;
        assert_eq!(
            (status, body),
            (StatusCode::UNAUTHORIZED, json!({"error": "Missing bearer token"}))
        );
        let (status, body) = answer(api.get(path).bearer_auth("x")).await;
        assert_eq!(
            (status, body),
            (StatusCode::UNAUTHORIZED, json!({"error": "Invalid or expired token"}))
        );
        let token = api.token("vic").await;
        let (status, _) = answer(api.get(path).bearer_auth(&token)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        for (parameters, words) in [
            ("minutes=soon", "minutes: expected a whole number"),
            ("minutes=2000", "minutes: expected 1 to 1440"),
            ("minutes=1&minutes=2", "duplicate field `minutes`"),
        ] {
            let bad = api.get(&format!("{path}?{parameters}")).bearer_auth(&token);
            let (status, body) = answer(bad).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert!(body["error"].as_str().is_some_and(|text| text.contains(words)), "{body}");
        }
        api.stop().await;
    });
}

#[test]
fn telemetry_and_exports_want_their_roles_and_say_what_is_wrong() {
    world::run(async {
        // Nothing listens on port 9.
        let api = Api::start(&[("MQTT_HOST", "127.0.0.1"), ("MQTT_PORT", "9")]).await;
        let (operator, viewer) = (api.token("otto").await, api.token("vic").await);
        let sample = |extra: &str| {
            format!(
                r#"{{"v":1,"messageType":"telemetry","messageId":"0193a5f0-0000-7000-8000-00000000000a","deviceId":"ev-1",
                "deviceType":"ev","timestampMs":1800000000000,"payload":{{"readings":{{"powerKw":1}},"status":{{"online":true}}}}{extra}}}"#
            )
        };
        let many = format!("[{}]", vec!["{}"; 501].join(","));
        for (token, body, status, words) in [
            (None, sample(""), StatusCode::UNAUTHORIZED, "Missing bearer token"),
            (Some(&viewer), sample(""), StatusCode::FORBIDDEN, "needs the operator role"),
            (Some(&operator), "[".to_owned(), StatusCode::BAD_REQUEST, "not_json"),
            (Some(&operator), "{}".to_owned(), StatusCode::BAD_REQUEST, "deviceId: found nothing"),
            (Some(&operator), sample(r#","v":1"#), StatusCode::BAD_REQUEST, "twice"),
            (Some(&operator), many, StatusCode::BAD_REQUEST, "at most 500"),
            (Some(&operator), sample(""), StatusCode::SERVICE_UNAVAILABLE, "MQTT_HOST"),
        ] {
            let mut request = api.post("/api/telemetry").body(body.clone());
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let (found, answer) = answer(request).await;
            assert_eq!(found, status, "{body}: {answer}");
            assert!(answer["error"].as_str().is_some_and(|text| text.contains(words)), "{answer}");
        }
        let span = "from=2027-01-15T08:00:00Z&to=2027-01-15T09:00:00Z";
        for (path, status, words) in [
            (format!("telemetry.csv?{span}"), StatusCode::SERVICE_UNAVAILABLE, "ClickHouse"),
            (format!("telemetry.xlsx?{span}"), StatusCode::NOT_FOUND, "telemetry.parquet"),
            ("telemetry.csv?to=soon".to_owned(), StatusCode::BAD_REQUEST, "from: expected a time"),
            (format!("telemetry.csv?{span}&deviceId=a%20b"), StatusCode::BAD_REQUEST, "deviceId"),
        ] {
            let path = format!("/api/export/{path}");
            assert_eq!(answer(api.get(&path)).await.0, StatusCode::UNAUTHORIZED, "{path}");
            let (found, answer) = answer(api.get(&path).bearer_auth(&viewer)).await;
            assert_eq!(found, status, "{path}: {answer}");
            assert!(answer["error"].as_str().is_some_and(|text| text.contains(words)), "{answer}");
        }
        api.stop().await;
    });
}

#[test]
fn it_lives_before_it_is_ready() {
    world::run(async {
        let api = Api::start(&[]).await;
        assert_eq!(answer(api.get("/livez")).await.0, StatusCode::OK);
        let (status, body) = answer(api.get("/readyz")).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body["error"].as_str().is_some_and(|text| text.contains("the log")), "{body}");
        api.stop().await;
    });
}

/// Every route of the router but the dashboard's, GraphQL's socket and metrics, whose path is a setting.
#[test]
fn the_description_names_every_route_and_no_other() {
    let router = include_str!("../src/http/mod.rs");
    let mut routes: Vec<&str> = router
        .split(".route(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().expect("a path"))
        .filter(|path| !["/graphql/ws", "/metrics"].contains(path))
        .collect();
    routes.sort_unstable();
    world::run(async {
        let api = Api::start(&[]).await;
        let (status, description) = answer(api.get("/api/openapi.json")).await;
        assert_eq!(status, StatusCode::OK);
        let paths = description["paths"].as_object().expect("paths");
        let mut described: Vec<&str> = paths.keys().map(String::as_str).collect();
        described.sort_unstable();
        assert_eq!(described, routes);
        for (path, methods) in paths {
            for method in ["get", "post"] {
                let path = path.replace("{file}", "telemetry.csv");
                let request = if method == "get" { api.get(&path) } else { api.post(&path) };
                let (status, body) = answer(request).await;
                let known = methods[method]["responses"].get(status.as_str()).is_some();
                let other = status == StatusCode::METHOD_NOT_ALLOWED && methods[method].is_null();
                assert!(known || other, "{method} {path}: {status} {body}");
            }
        }
        api.stop().await;
    });
}

#[test]
fn metrics_are_where_they_are_set_to_be_and_nowhere_when_off() {
    world::run(async {
        let api = Api::start(&[("PROMETHEUS_PATH", "/internal/metrics")]).await;
        answer(api.get("/api/health")).await;
        let (status, body) = answer(api.get("/internal/metrics")).await;
        assert_eq!(status, StatusCode::OK);
        let text = body.as_str().expect("text");
        assert!(
            text.contains("derms_api_requests_total{route=\"/api/health\",status=\"2xx\"}"),
            "{text}"
        );
        api.stop().await;
        let api = Api::start(&[("PROMETHEUS_ENABLED", "false")]).await;
        assert_eq!(answer(api.get("/metrics")).await.0, StatusCode::NOT_FOUND);
        api.stop().await;
    });
}

#[test]
fn the_dashboard_is_served_with_headers_that_keep_it_to_itself() {
    world::run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        put("index.html", "<!doctype html><title>page</title>");
        put("assets/app-1a2b.js", "export {}");
        let path = folder.path().to_str().expect("UTF-8");
        let api = Api::start(&[("DERMS_DASHBOARD_DIR", path)]).await;

        let page = api.get("/").send().await.expect("an answer");
        assert_eq!(page.status(), StatusCode::OK);
        let headers = page.headers().clone();
        let policy = header(&headers, "content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
        assert_eq!(header(&headers, "cache-control"), "no-cache");

        for path in ["/devices/ev-1?tab=history", "/devices/site.ev-1"] {
            let route = api.get(path).send().await.expect("an answer");
            assert_eq!(route.status(), StatusCode::OK, "{path}");
            assert!(header(route.headers(), "content-type").starts_with("text/html"));
            assert!(route.text().await.expect("a page").contains("<title>page"));
        }

        let asset = api.get("/assets/app-1a2b.js").send().await.expect("an answer");
        assert!(header(asset.headers(), "cache-control").contains("immutable"));
        for missing in ["/assets/gone.js", "/api/nothing", "/graphql/nothing", "/../Cargo.toml"] {
            let (status, body) = answer(api.get(missing)).await;
            let is_page = body.as_str().is_some_and(|text| text.contains("<title>page"));
            assert!(status == StatusCode::NOT_FOUND || is_page, "{missing}: {status} {body}");
        }
        assert_eq!(
            answer(api.get("/api/nothing")).await.1,
            json!({"error": "there is no /api/nothing"})
        );
        api.stop().await;
    });
}

#[test]
fn only_listed_origins_may_call_from_a_browser() {
    world::run(async {
        let api = Api::start(&[("CORS_ALLOWED_ORIGINS", "https://derms.example")]).await;
        for (origin, allowed) in
            [("https://derms.example", "https://derms.example"), ("https://evil.example", "")]
        {
            let response = api.get("/api/health").header("origin", origin).send().await;
            let response = response.expect("an answer");
            assert_eq!(header(response.headers(), "access-control-allow-origin"), allowed);
        }
        api.stop().await;
    });
}

#[test]
fn a_socket_takes_queries_once_its_owner_has_proved_who_they_are() {
    world::run(async {
        let api = Api::start(&[]).await;
        let token = api.token("vic").await;
        let mut socket = open_socket(&api).await;
        say(&mut socket, init(&token)).await;
        assert_eq!(hear(&mut socket).await["type"], "connection_ack");
        let query =
            json!({"id": "1", "type": "subscribe", "payload": {"query": "{ me { name } }"}});
        say(&mut socket, query).await;
        let next = hear(&mut socket).await;
        assert_eq!(next["payload"]["data"]["me"]["name"], "vic");
        assert_eq!(hear(&mut socket).await, json!({"type": "complete", "id": "1"}));
        api.stop().await;
    });
}

#[test]
fn a_socket_is_closed_when_its_token_is_bad_or_ends_and_when_the_service_does() {
    world::run(async {
        let api = Api::start(&[]).await;
        let mut socket = open_socket(&api).await;
        say(&mut socket, init("x")).await;
        assert_eq!(hear(&mut socket).await, 4401);

        let mut early = open_socket(&api).await;
        say(
            &mut early,
            json!({"id": "1", "type": "subscribe", "payload": {"query": "{ me { name } }"}}),
        )
        .await;
        assert_eq!(hear(&mut early).await, 4401);

        let token = api.token("vic").await;
        let mut socket = open_socket(&api).await;
        say(&mut socket, init(&token)).await;
        assert_eq!(hear(&mut socket).await["type"], "connection_ack");
        let ended = tokio::join!(api.stop(), hear(&mut socket));
        assert_eq!(ended.1, 1001);

        let api = Api::start_with(&[], |config| {
            config.tokens.ttl = Duration::from_secs(2);
            config.tokens.tolerance = Duration::ZERO;
        })
        .await;
        let token = api.token("vic").await;
        let mut socket = open_socket(&api).await;
        say(&mut socket, init(&token)).await;
        assert_eq!(hear(&mut socket).await["type"], "connection_ack");
        assert_eq!(hear(&mut socket).await, 4401);
        api.stop().await;
    });
}

#[test]
fn a_socket_of_another_protocol_and_no_socket_at_all_are_refused() {
    world::run(async {
        let api = Api::start(&[]).await;
        let url = format!("ws://{}/graphql/ws", api.address());
        let mut request = url.into_client_request().expect("a request");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "graphql-ws".parse().expect("a header"));
        assert!(connect_async(request).await.is_err());
        assert_eq!(answer(api.get("/graphql/ws")).await.0, StatusCode::UPGRADE_REQUIRED);
        api.stop().await;
    });
}
