//! A login provider of the test's own: it says what the test wants to be said, also what no provider should say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const CLIENT: &str = "derms";
/// PKCS #8 around the 32 bytes of a key of Ed25519.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// How it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// With 503.
    Down,
    /// Too late.
    Slow,
    /// With more than anybody wants to hear.
    Chatty,
}

#[derive(Default)]
struct Inner {
    url: String,
    mood: Mood,
    /// Names and seeds of its signing keys; the first one signs.
    keys: Vec<(String, u8)>,
    /// Keys of other kinds in its JWKS.
    others: Vec<Value>,
    /// What the next ID token says beside the usual, or instead of it; null takes away.
    claims: Value,
    user_info: Value,
    /// Codes that were given: nonce, challenge, redirect address.
    codes: HashMap<String, (String, String, String)>,
    asked: HashMap<String, usize>,
}

/// A running one; it ends when dropped.
pub(crate) struct Issuer {
    inner: Arc<Mutex<Inner>>,
    running: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().expect("nobody panics with it")
}

fn encoding_key(seed: u8) -> EncodingKey {
    EncodingKey::from_ed_der(&[&PKCS8[..], &[seed; 32]].concat())
}

/// A key as it stands in a JWKS.
pub(crate) fn public_key(name: &str, seed: u8) -> Value {
    let jwk = Jwk::from_encoding_key(&encoding_key(seed), Algorithm::EdDSA).expect("a key");
    let mut jwk = serde_json::to_value(jwk).expect("JSON");
    jwk["kid"] = json!(name);
    jwk["use"] = json!("sig");
    jwk
}

/// A token with these claims, signed with a key.
pub(crate) fn signed(name: &str, seed: u8, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(name.to_owned());
    jsonwebtoken::encode(&header, claims, &encoding_key(seed)).expect("signing")
}

fn now_s() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the API under test has the machine's clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let inner = Inner {
            url,
            keys: vec![("one".to_owned(), 1)],
            claims: json!({}),
            user_info: json!({"sub": "u-1"}),
            ..Inner::default()
        };
        let inner = Arc::new(Mutex::new(inner));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/me", get(me))
            .layer(middleware::from_fn_with_state(Arc::clone(&inner), moody))
            .with_state(Arc::clone(&inner));
        let running = service_kit::task::spawn("issuer", async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self { inner, running }
    }

    pub(crate) fn url(&self) -> String {
        lock(&self.inner).url.clone()
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        lock(&self.inner).mood = mood;
    }

    pub(crate) fn say(&self, claims: Value) {
        lock(&self.inner).claims = claims;
    }

    pub(crate) fn say_of_user(&self, claims: Value) {
        lock(&self.inner).user_info = claims;
    }

    pub(crate) fn set_keys(&self, keys: &[(&str, u8)]) {
        lock(&self.inner).keys =
            keys.iter().map(|(name, seed)| ((*name).to_owned(), *seed)).collect();
    }

    pub(crate) fn add_other_key(&self, key: Value) {
        lock(&self.inner).others.push(key);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        lock(&self.inner).asked.get(path).copied().unwrap_or_default()
    }

    /// The claims of a good access token, changed; null takes away.
    pub(crate) fn access_claims(&self, changes: &Value) -> Value {
        let claims = json!({
            "iss": self.url(), "sub": "u-1", "aud": CLIENT, "azp": "script", "exp": now_s() + 300,
            "iat": now_s(), "preferred_username": "petra", "roles": ["operator"],
        });
        changed(claims, changes)
    }

    /// What a user does there: comes with an address, and leaves with a code.
    pub(crate) fn consent(&self, asked: &HashMap<String, String>) -> String {
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let mut inner = lock(&self.inner);
        let code = format!("code {}&+", inner.codes.len());
        let given = ["nonce", "code_challenge", "redirect_uri"].map(|name| asked[name].clone());
        inner.codes.insert(code.clone(), given.into());
        code
    }
}

fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

type Shared = State<Arc<Mutex<Inner>>>;

async fn moody(State(inner): Shared, request: Request<Body>, next: Next) -> Response {
    let mood = {
        let mut inner = lock(&inner);
        *inner.asked.entry(request.uri().path().to_owned()).or_default() += 1;
        inner.mood
    };
    match mood {
        Mood::Well => next.run(request).await,
        Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Slow => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            next.run(request).await
        }
        Mood::Chatty => " ".repeat(1024 * 1024).into_response(),
    }
}

async fn discovery(State(inner): Shared) -> Json<Value> {
    let url = &lock(&inner).url;
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/auth"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/jwks"),
        "userinfo_endpoint": format!("{url}/me"), "end_session_endpoint": format!("{url}/end"),
    }))
}

async fn jwks(State(inner): Shared) -> Json<Value> {
    let inner = lock(&inner);
    let mut keys: Vec<Value> =
        inner.keys.iter().map(|(name, seed)| public_key(name, *seed)).collect();
    keys.extend(inner.others.iter().cloned());
    Json(json!({"keys": keys}))
}

async fn token(State(inner): Shared, Form(form): Form<HashMap<String, String>>) -> Response {
    let mut inner = lock(&inner);
    let given = form.get("code").and_then(|code| inner.codes.remove(code));
    let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let known = given.filter(|(_, wanted, redirect)| {
        *wanted == challenge && form.get("redirect_uri") == Some(redirect)
    });
    let Some((nonce, _, _)) = known.filter(|_| form["client_id"] == CLIENT) else {
        let refusal = Json(json!({"error": "invalid_grant"}));
        return (StatusCode::BAD_REQUEST, refusal).into_response();
    };
    let claims = json!({
        "iss": inner.url, "sub": "u-1", "aud": CLIENT, "nonce": nonce, "exp": now_s() + 300,
        "iat": now_s(), "preferred_username": "petra", "roles": ["operator"],
    });
    let claims = changed(claims, &inner.claims);
    let (name, seed) = match claims.get("signed by") {
        Some(key) => {
            (key[0].as_str().expect("a name").to_owned(), key[1].as_u64().expect("a seed"))
        }
        None => (inner.keys[0].0.clone(), u64::from(inner.keys[0].1)),
    };
    let token = signed(&name, u8::try_from(seed).expect("small"), &claims);
    Json(json!({"id_token": token, "access_token": "opaque", "token_type": "Bearer"}))
        .into_response()
}

async fn me(State(inner): Shared) -> Json<Value> {
    Json(lock(&inner).user_info.clone())
}
