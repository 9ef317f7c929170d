//! Log-in by a provider, against one of the test's own: what is let in, what is not, and what a provider that is away
//! stops.

mod world;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use reqwest::header::SET_COOKIE;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use world::browser::{Browser, DASHBOARD, location};
use world::issuer::{CLIENT, Issuer, Mood, public_key, signed};
use world::socket::{hear, say, socket_request};
use world::{Api, PASSWORD, answer};

const PUBLIC: &str = "http://localhost:4000";

async fn start(issuer: &Issuer) -> Api {
    start_with(&issuer.url(), &[]).await
}

async fn start_with(issuer: &str, more: &[(&str, &str)]) -> Api {
    let mut settings = vec![
        ("DERMS_OIDC_ISSUER", issuer),
        ("DERMS_OIDC_CLIENT_ID", CLIENT),
        ("DERMS_OIDC_PUBLIC_URL", PUBLIC),
        ("DERMS_OIDC_NAME", "Grid ID"),
    ];
    settings.extend_from_slice(more);
    Api::start(&settings).await
}

#[test]
fn a_login_at_the_provider_gives_the_role_that_it_names_and_no_more() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        for (says, role, may_send) in [
            (json!({"roles": ["viewer"]}), "VIEWER", false),
            (json!({"roles": ["operator", "other"]}), "OPERATOR", true),
            (json!({"roles": ["viewer", "admin"]}), "ADMIN", true),
            (json!({"roles": "operator"}), "OPERATOR", true),
        ] {
            issuer.say(says.clone());
            let mut browser = Browser::new(&api);
            assert_eq!(browser.log_in(&issuer, "next=/devices?type=EV").await, "/devices?type=EV");
            let me = browser.me().await;
            let expected = json!({"data": {"me": {"name": "petra", "role": role}}});
            assert_eq!(me, (StatusCode::OK, expected), "{says}");
            let send = browser.request(Method::POST, "/api/telemetry").json(&json!([]));
            let (status, body) = answer(send.header(DASHBOARD.0, DASHBOARD.1)).await;
            assert_eq!(status != StatusCode::FORBIDDEN, may_send, "{says}: {body}");
        }
        for (says, problem) in [
            (json!({"roles": ["Admin", "root"]}), "no-role"),
            (json!({"roles": null}), "no-role"),
            // A user with a password here is nobody else's to name.
            (json!({"preferred_username": "ada", "roles": ["admin"]}), "name"),
        ] {
            issuer.say(says.clone());
            let mut browser = Browser::new(&api);
            let leads = browser.log_in(&issuer, "").await;
            assert_eq!(leads, format!("/login?problem={problem}"), "{says}");
            assert!(browser.cookies.is_empty() && browser.whose().await.is_null(), "{says}");
        }
        api.stop().await;
    });
}

#[test]
fn roles_that_the_id_token_leaves_out_are_asked_for_and_must_be_of_the_same_user() {
    world::run(async {
        let issuer = Issuer::start().await;
        let path = [("DERMS_OIDC_ROLES_CLAIM", "realm_access.roles")];
        let api = start_with(&issuer.url(), &path).await;
        issuer.say_of_user(json!({"sub": "u-1", "realm_access": {"roles": ["admin"]}}));
        let mut browser = Browser::new(&api);
        assert_eq!(browser.log_in(&issuer, "").await, "/");
        assert_eq!(browser.whose().await, json!({"username": "petra", "role": "admin"}));
        issuer.say_of_user(json!({"sub": "u-2", "realm_access": {"roles": ["admin"]}}));
        assert_eq!(browser.log_in(&issuer, "").await, "/login?problem=token");
        api.stop().await;
    });
}

#[test]
fn a_token_that_does_not_answer_this_login_is_refused() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        let mut encryption = public_key("enc", 7);
        encryption["use"] = json!("enc");
        issuer.add_other_key(encryption);
        issuer.add_other_key(json!({"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "n": "x"}));
        for says in [
            json!({"aud": "other"}),
            json!({"aud": ["other"]}),
            json!({"aud": [CLIENT, "other"]}),
            json!({"aud": null}),
            json!({"azp": "other"}),
            json!({"nonce": "of another login"}),
            json!({"nonce": null}),
            json!({"iss": "http://127.0.0.1:9"}),
            json!({"exp": 1_700_000_000}),
            json!({"exp": null}),
            json!({"iat": 4_000_000_000_u64}),
            json!({"sub": null}),
            json!({"signed by": ["one", 9]}),
            json!({"signed by": ["none", 1]}),
            json!({"signed by": ["enc", 7]}),
        ] {
            issuer.say(says.clone());
            let mut browser = Browser::new(&api);
            assert_eq!(browser.log_in(&issuer, "").await, "/login?problem=token", "{says}");
            assert!(browser.cookies.is_empty(), "{says}");
        }
        issuer.say(json!({}));
        assert_eq!(Browser::new(&api).log_in(&issuer, "").await, "/");
        api.stop().await;
    });
}

#[test]
fn only_the_browser_that_set_out_comes_back() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        const STRAY: &str = "/login?problem=login-expired";

        let mut ours = Browser::new(&api);
        let asked = ours.set_out("").await;
        let code = issuer.consent(&asked);
        let state = asked["state"].as_str();
        let back = [("code", code.as_str()), ("state", state)];
        // Another browser, with nothing and with a login of its own.
        let mut other = Browser::new(&api);
        assert_eq!(other.come_back(&back).await, STRAY);
        other.set_out("").await;
        assert_eq!(other.come_back(&back).await, STRAY);
        // A session's token is no login that has begun.
        other.cookies.insert("derms_login".to_owned(), api.token("vic").await);
        assert_eq!(other.come_back(&back).await, STRAY);
        // The right browser, and once.
        assert_eq!(ours.come_back(&back).await, "/");
        assert_eq!(ours.come_back(&back).await, STRAY);

        for (parameters, problem) in [
            (vec![("code", "x")], "login-expired"),
            (vec![("code", "x"), ("state", "y")], "login-expired"),
            (vec![("state", "$")], "login-expired"),
            (vec![("code", "made up"), ("state", "$")], "provider-refused"),
            (vec![("error", "access_denied"), ("state", "$")], "denied"),
            (vec![("code", "x"), ("state", "$"), ("iss", "https://other.example")], "token"),
        ] {
            let mut browser = Browser::new(&api);
            let asked = browser.set_out("next=/replay").await;
            let filled: Vec<_> = parameters
                .iter()
                .map(|(name, value)| {
                    (*name, if *value == "$" { asked["state"].as_str() } else { *value })
                })
                .collect();
            let leads = browser.come_back(&filled).await;
            assert_eq!(leads, format!("/login?problem={problem}&next=/replay"), "{parameters:?}");
            assert!(browser.cookies.is_empty(), "{parameters:?}");
        }
        // What the browser holds of a login is no session.
        let mut browser = Browser::new(&api);
        browser.set_out("").await;
        let held = browser.cookies["derms_login"].clone();
        browser.cookies.insert("derms_session".to_owned(), held.clone());
        assert!(browser.whose().await.is_null());
        let (status, _) = answer(
            api.post("/graphql").bearer_auth(held).json(&json!({"query": "{ me { name } }"})),
        )
        .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        api.stop().await;
    });
}

#[test]
fn a_login_leads_to_no_other_site() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        for elsewhere in [
            "https://evil.example",
            "//evil.example",
            "/%5Cevil.example",
            "/%09/evil.example",
            "javascript:alert(1)",
            "/api/auth/logout",
            "/x%0d%0aset-cookie:a=b",
        ] {
            let mut browser = Browser::new(&api);
            let leads = browser.log_in(&issuer, &format!("next={elsewhere}")).await;
            assert_eq!(leads, "/", "{elsewhere}");
        }
        // First to the name that the provider sends browsers back to, where the cookie is then.
        let mut browser = Browser::new(&api);
        let response = browser.go("/api/auth/oidc/login?next=/devices?type=EV%26q=a").await;
        assert_eq!(
            location(&response),
            format!(
                "{PUBLIC}/api/auth/oidc/login?next=/devices?type=EV%26q=a&keep=false&here=true"
            )
        );
        assert!(browser.cookies.is_empty());
        api.stop().await;
    });
}

#[test]
fn keys_that_the_provider_changes_are_taken_without_a_restart_and_asked_for_with_measure() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        assert_eq!(Browser::new(&api).log_in(&issuer, "").await, "/");
        issuer.set_keys(&[("two", 2), ("one", 1)]);
        assert_eq!(Browser::new(&api).log_in(&issuer, "").await, "/");
        issuer.set_keys(&[("three", 3)]);
        assert_eq!(Browser::new(&api).log_in(&issuer, "").await, "/");
        // The one that is gone opens nothing, though it was good before.
        let old = signed("one", 1, &issuer.access_claims(&json!({})));
        assert_eq!(me(&api, &old).await.0, StatusCode::UNAUTHORIZED);
        for index in 0..50 {
            let made_up = signed(&format!("made up {index}"), 9, &issuer.access_claims(&json!({})));
            assert_eq!(me(&api, &made_up).await.0, StatusCode::UNAUTHORIZED);
        }
        let asked = issuer.asked("/jwks");
        assert!((3..10).contains(&asked), "asked {asked} times");
        assert_eq!(Browser::new(&api).log_in(&issuer, "").await, "/");
        api.stop().await;
    });
}

async fn me(api: &Api, token: &str) -> (StatusCode, Value) {
    let query = json!({"query": "{ me { name role } }"});
    answer(api.post("/graphql").bearer_auth(token).json(&query)).await
}

#[test]
fn scripts_may_send_the_providers_own_tokens_if_they_are_for_this_api() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start_with(&issuer.url(), &[("DERMS_OIDC_AUDIENCE", "derms-api, derms")]).await;
        let token = |changes: Value| signed("one", 1, &issuer.access_claims(&changes));
        for changes in [
            json!({}),
            json!({"aud": ["account", "derms-api"]}),
            json!({"aud": null, "azp": CLIENT}),
            json!({"aud": null, "azp": null, "client_id": CLIENT}),
        ] {
            let (status, body) = me(&api, &token(changes.clone())).await;
            assert_eq!(status, StatusCode::OK, "{changes}: {body}");
            assert_eq!(body["data"]["me"], json!({"name": "petra", "role": "OPERATOR"}));
        }
        for changes in [
            json!({"aud": "other"}),
            json!({"aud": "account", "azp": CLIENT}),
            json!({"aud": null, "azp": "other"}),
            json!({"aud": null, "azp": null}),
            json!({"iss": "https://other.example"}),
            json!({"exp": 1_700_000_000}),
            json!({"exp": null}),
            json!({"nonce": "x"}),
            json!({"typ": "ID"}),
            json!({"roles": ["other"]}),
            json!({"roles": null}),
            json!({"sub": null}),
            json!({"preferred_username": "ada"}),
        ] {
            let (status, body) = me(&api, &token(changes.clone())).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{changes}: {body}");
        }
        assert_eq!(
            me(&api, &signed("one", 9, &issuer.access_claims(&json!({})))).await.0,
            StatusCode::UNAUTHORIZED
        );
        for forged in secret_forgeries(&issuer) {
            assert_eq!(me(&api, &forged).await.0, StatusCode::UNAUTHORIZED, "{forged}");
        }
        // Ended like any other session: 503, because no log is there to make it last.
        let mine = token(json!({"jti": "mine"}));
        assert_eq!(me(&api, &mine).await.0, StatusCode::OK);
        let (status, _) = answer(api.post("/api/auth/logout").bearer_auth(&mine)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(me(&api, &mine).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(me(&api, &token(json!({"jti": "another"}))).await.0, StatusCode::OK);
        // A socket takes them too.
        let mut socket = connect_async(socket_request(&api)).await.expect("a socket").0;
        say(&mut socket, world::socket::init(&token(json!({})))).await;
        assert_eq!(hear(&mut socket).await["type"], "connection_ack");
        api.stop().await;
    });
}

/// Tokens that are "signed" with what everybody knows: the public key, the client's id, nothing.
fn secret_forgeries(issuer: &Issuer) -> Vec<String> {
    use base64::Engine as _;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    let claims = issuer.access_claims(&json!({}));
    let key = public_key("one", 1)["x"].as_str().expect("a key").to_owned();
    let mut forged: Vec<_> = [key.as_str(), CLIENT]
        .into_iter()
        .flat_map(|secret| {
            [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].map(|algorithm| {
                let mut header = Header::new(algorithm);
                header.kid = Some("one".to_owned());
                let key = EncodingKey::from_secret(secret.as_bytes());
                jsonwebtoken::encode(&header, &claims, &key).expect("signing")
            })
        })
        .collect();
    let part = |value: Value| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for header in [json!({"alg": "none"}), json!({"alg": "none", "kid": "one"})] {
        forged.push(format!("{}.{}.", part(header), part(claims.clone())));
    }
    let good = signed("one", 1, &claims);
    let (_, rest) = good.split_once('.').expect("three parts");
    forged.push(format!("{}.{rest}", part(json!({"alg": "EdDSA", "kid": "one", "crit": ["x"]}))));
    forged
}

#[test]
fn a_provider_that_is_away_stops_logins_in_words_and_nobody_who_is_in() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        let mut petra = Browser::new(&api);
        assert_eq!(petra.log_in(&issuer, "keep=true").await, "/");
        let script = signed("one", 1, &issuer.access_claims(&json!({})));
        assert_eq!(me(&api, &script).await.0, StatusCode::OK);
        let mut late = Browser::new(&api);
        let asked = late.set_out("next=/devices").await;
        let code = issuer.consent(&asked);

        issuer.set_mood(Mood::Down);
        let back = [("code", code.as_str()), ("state", asked["state"].as_str())];
        assert_eq!(late.come_back(&back).await, "/login?problem=provider-away&next=/devices");
        assert_eq!(petra.me().await.0, StatusCode::OK);
        assert_eq!(petra.whose().await["username"], "petra");
        assert_eq!(me(&api, &script).await.0, StatusCode::OK, "its keys are known");
        assert_eq!(api.login("ada", PASSWORD).await.0, StatusCode::OK);
        let unknown = signed("new", 2, &issuer.access_claims(&json!({})));
        let (status, body) = me(&api, &unknown).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        api.stop().await;

        // From the start on: no address, an error, no end, too much.
        for mood in [None, Some(Mood::Down), Some(Mood::Slow), Some(Mood::Chatty)] {
            issuer.set_mood(mood.unwrap_or_default());
            let url = if mood.is_some() { issuer.url() } else { "http://127.0.0.1:9".to_owned() };
            let api = start_with(&url, &[]).await;
            let begun = Instant::now();
            let response =
                Browser::new(&api).go("/api/auth/oidc/login?here=true&next=/devices").await;
            assert_eq!(
                location(&response),
                "/login?problem=provider-away&next=/devices",
                "{mood:?}"
            );
            assert!(begun.elapsed() < Duration::from_secs(10), "{mood:?}");
            assert_eq!(api.login("ada", PASSWORD).await.0, StatusCode::OK);
            api.stop().await;
        }
    });
}

#[test]
fn a_provider_that_is_not_the_one_that_is_set_is_none() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start_with(&issuer.url().replace("127.0.0.1", "localhost"), &[]).await;
        let response = Browser::new(&api).go("/api/auth/oidc/login?here=true").await;
        assert_eq!(location(&response), "/login?problem=provider-away");
        api.stop().await;
    });
}

#[test]
fn a_session_of_the_provider_ends_with_what_it_rests_on() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        let mut browser = Browser::new(&api);
        browser.log_in(&issuer, "").await;
        let session = browser.cookies["derms_session"].clone();
        api.stop().await;
        for (settings, goes_on) in [
            (vec![], true),
            (vec![("DERMS_OIDC_NAME", "Other")], true),
            (vec![("DERMS_OIDC_CLIENT_ID", "other")], false),
            (vec![("DERMS_OIDC_ROLES", "operator=viewer")], false),
            (vec![("DERMS_OIDC_ISSUER", "https://other.example")], false),
        ] {
            let api = start_with(&issuer.url(), &settings).await;
            let mut browser = Browser::new(&api);
            browser.cookies.insert("derms_session".to_owned(), session.clone());
            assert_eq!(!browser.whose().await.is_null(), goes_on, "{settings:?}");
            api.stop().await;
        }
        let api = Api::start(&[]).await;
        let (status, _) = me(&api, &session).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "no provider is set up any more");
        let (status, _) = answer(api.get("/api/auth/oidc/login")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        api.stop().await;
    });
}

#[test]
fn the_login_page_is_told_how_one_can_log_in() {
    world::run(async {
        let methods = |api: Api| async move {
            let (status, body) = answer(api.get("/api/auth/methods")).await;
            assert_eq!(status, StatusCode::OK);
            api.stop().await;
            body
        };
        let plain = methods(Api::start(&[]).await).await;
        assert_eq!(plain, json!({"password": true, "oidc": null}));
        let url = "https://login.example.org";
        let both = methods(start_with(url, &[]).await).await;
        assert_eq!(both, json!({"password": true, "oidc": {"name": "Grid ID"}}));
        let alone = methods(start_with(url, &[("AUTH_USERS", "[]")]).await).await;
        assert_eq!(alone, json!({"password": false, "oidc": {"name": "Grid ID"}}));
    });
}

#[test]
fn a_password_login_of_the_dashboard_gives_a_cookie_that_no_page_reads() {
    world::run(async {
        let api = Api::start(&[("DERMS_PUBLIC_NAMES", "derms.example")]).await;
        let body = |keep: bool| json!({"username": "otto", "password": PASSWORD, "session": "cookie", "keep": keep});
        let login = |keep: bool| api.post("/api/auth/login").json(&body(keep));
        let (status, _) = answer(login(false)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "a form of somebody else's can ask this");
        for (keep, origin, end) in [
            (false, None, "SameSite=Strict"),
            (true, None, "SameSite=Strict; Max-Age=43200"),
            (false, Some("https://derms.example"), "SameSite=Strict; Secure"),
        ] {
            let mut request = login(keep).header(DASHBOARD.0, DASHBOARD.1);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let response = request.send().await.expect("an answer");
            let cookie = response.headers()[SET_COOKIE].to_str().expect("ASCII").to_owned();
            assert_eq!(cookie.starts_with("__Host-"), origin.is_some(), "{cookie}");
            assert!(cookie.ends_with(end), "{cookie}");
            let mut browser = Browser::new(&api);
            browser.keep(&response);
            let answer: Value = response.json().await.expect("JSON");
            assert_eq!(answer["user"], json!({"username": "otto", "role": "operator"}));
            assert!(answer["expiresAtMs"].is_i64() && answer.get("token").is_none(), "{answer}");
            assert_eq!(browser.whose().await["username"], "otto");
        }
        api.stop().await;
    });
}

#[test]
fn a_change_by_cookie_needs_the_header_that_only_the_dashboard_can_send() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        let mut browser = Browser::new(&api);
        browser.log_in(&issuer, "").await;
        let query = json!({"query": "{ me { name } }"});
        for path in ["/graphql", "/api/telemetry", "/api/auth/logout"] {
            let (status, body) = answer(browser.request(Method::POST, path).json(&query)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {body}");
        }
        assert_eq!(browser.me().await.0, StatusCode::OK);
        // A header that a page of another origin would have to ask for first, and is not given.
        let asked = api.post("/graphql").build().expect("a request").url().clone();
        let preflight = reqwest::Client::new()
            .request(Method::OPTIONS, asked)
            .header("origin", "http://localhost:5173")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", DASHBOARD.0)
            .send()
            .await
            .expect("an answer");
        let allowed = preflight.headers()["access-control-allow-headers"].to_str().expect("ASCII");
        assert!(!allowed.contains(DASHBOARD.0), "{allowed}");
        assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
        // An Authorization counts before the cookie, as it does without one.
        let (status, _) =
            answer(browser.request(Method::POST, "/graphql").bearer_auth("x").json(&query)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        // Out: the cookie is nobody's from then on.
        let out =
            browser.request(Method::POST, "/api/auth/logout").header(DASHBOARD.0, DASHBOARD.1);
        assert_eq!(out.send().await.expect("an answer").status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(browser.whose().await.is_null());
        assert_eq!(browser.me().await.0, StatusCode::UNAUTHORIZED);
        api.stop().await;
    });
}

#[test]
fn a_socket_by_cookie_is_opened_by_a_page_of_ours_alone() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        let mut browser = Browser::new(&api);
        browser.log_in(&issuer, "").await;
        let own = format!("http://{}", api.address());
        // A page that CORS lets in may bring a token; the cookie is not for it. No browser names no origin.
        for (origin, first) in [
            (Some(own.as_str()), json!("connection_ack")),
            (Some("http://localhost:5173"), json!(4401)),
            (None, json!(4401)),
        ] {
            let request = browser.socket_request(origin);
            let mut socket = connect_async(request).await.expect("a socket").0;
            say(&mut socket, json!({"type": "connection_init"})).await;
            let heard = hear(&mut socket).await;
            let heard = if heard.is_object() { heard["type"].clone() } else { heard };
            assert_eq!(heard, first, "{origin:?}");
        }
        let foreign = browser.socket_request(Some("https://evil.example"));
        assert!(connect_async(foreign).await.is_err());

        let request = browser.socket_request(Some(&own));
        let mut socket = connect_async(request).await.expect("a socket").0;
        say(&mut socket, json!({"type": "connection_init"})).await;
        assert_eq!(hear(&mut socket).await["type"], "connection_ack");
        let out =
            browser.request(Method::POST, "/api/auth/logout").header(DASHBOARD.0, DASHBOARD.1);
        out.send().await.expect("an answer");
        assert_eq!(hear(&mut socket).await, 4401, "the socket ends with its session");
        api.stop().await;
    });
}

/// Logs out as the dashboard does: where the answer leads.
async fn log_out(browser: &mut Browser<'_>) -> Value {
    let out = browser.request(Method::POST, "/api/auth/logout").header(DASHBOARD.0, DASHBOARD.1);
    let response = out.send().await.expect("an answer");
    // There is no log here: the session has ended, but may come back with a restart.
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    browser.keep(&response);
    let answer: Value = response.json().await.expect("JSON");
    answer["next"].clone()
}

#[test]
fn logging_out_leads_to_the_providers_logout_and_back_to_the_login() {
    world::run(async {
        let issuer = Issuer::start().await;
        let api = start(&issuer).await;
        let mut browser = Browser::new(&api);
        browser.log_in(&issuer, "").await;
        let id_token = browser.cookies["derms_provider"].clone();
        let next = log_out(&mut browser).await;
        assert_eq!(browser.cookies.len(), 0);
        let next = Url::parse(next.as_str().expect("an address")).expect("an address");
        assert_eq!(
            format!("{}{}", next.origin().ascii_serialization(), next.path()),
            issuer.url() + "/end"
        );
        let said: HashMap<String, String> = next.query_pairs().into_owned().collect();
        assert_eq!(said["id_token_hint"], id_token);
        assert_eq!(said["client_id"], CLIENT);
        assert!(said["post_logout_redirect_uri"].ends_with("/api/auth/oidc/callback"), "{said:?}");
        assert_eq!(browser.come_back(&[("state", &said["state"])]).await, "/login");

        // A provider that is away keeps nobody in.
        browser.log_in(&issuer, "").await;
        issuer.set_mood(Mood::Down);
        assert!(log_out(&mut browser).await.is_string(), "what it said of itself is known");
        assert!(browser.whose().await.is_null());
        issuer.set_mood(Mood::Well);

        // Whoever came in by a password has no session there.
        browser.log_in(&issuer, "").await;
        browser.log_in_as("otto").await;
        assert!(log_out(&mut browser).await.is_null());
        // Nor does a script, whatever cookies it sends.
        browser.log_in(&issuer, "").await;
        let token = api.token("otto").await;
        let out = browser.request(Method::POST, "/api/auth/logout").bearer_auth(token);
        assert!(answer(out).await.1["next"].is_null());
        api.stop().await;
    });
}
