//! An API under test: in this process, on a free port, with what the test gives it for a log and a ClickHouse.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod browser;
pub(crate) mod engine;
pub(crate) mod front;
pub(crate) mod issuer;
pub(crate) mod socket;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use derms_api::Config;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use service_kit::settings::{Service, Settings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "Corr3ct-horse!";
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Runs a test and does not wait for calls of the log client that nobody awaits any more.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(test);
    runtime.shutdown_background();
}

/// A running API.
pub(crate) struct Api {
    address: SocketAddr,
    shutdown: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    http: Client,
}

/// The users of a test: ada the admin, otto the operator, vic the viewer.
/// The same text each time: with a hash made anew, tokens of before would be void.
pub(crate) fn users() -> String {
    static USERS: LazyLock<String> = LazyLock::new(|| {
        let hash = derms_api::auth::hash_password(PASSWORD).expect("randomness");
        json!([
            {"username": "ada", "passwordHash": hash, "role": "admin"},
            {"username": "otto", "passwordHash": hash, "role": "operator"},
            {"username": "vic", "passwordHash": hash, "role": "viewer"},
        ])
        .to_string()
    });
    USERS.clone()
}

impl Api {
    /// Starts one with these settings over ones that reach nothing.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(settings, |_| {}).await
    }

    /// The same, with something changed that no setting allows.
    pub(crate) async fn start_with(
        settings: &[(&str, &str)],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let users = users();
        let mut all = vec![
            ("PORT", "0"),
            ("AUTH_USERS", users.as_str()),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            // Port 9 is "discard": nothing listens there.
            ("DERMS_KAFKA_BROKERS", "127.0.0.1:9"),
            ("DERMS_CLICKHOUSE_URL", "http://127.0.0.1:9"),
        ];
        all.extend_from_slice(settings);
        let settings = Settings::from_pairs(Service::Api, &all).expect("settings of the catalogue");
        let mut config = Config::from_settings(&settings).expect("usable settings");
        change(&mut config);
        let shutdown = CancellationToken::new();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let running = service_kit::task::spawn(
            "api under test",
            derms_api::serve(config, shutdown.clone(), |address| {
                sender.send(address).expect("the test waits");
            }),
        );
        let address = receiver.await.expect("it listens");
        Self { address, shutdown, running, http: Client::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path))
    }

    pub(crate) async fn login(&self, username: &str, password: &str) -> (StatusCode, Value) {
        let body = json!({"username": username, "password": password});
        answer(self.post("/api/auth/login").json(&body)).await
    }

    pub(crate) async fn token(&self, username: &str) -> String {
        let (status, body) = self.login(username, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["token"].as_str().expect("a token").to_owned()
    }

    /// A GraphQL answer, errors and all.
    pub(crate) async fn graphql(&self, token: &str, query: &str) -> Value {
        let request = self.post("/graphql").bearer_auth(token).json(&json!({"query": query}));
        answer(request).await.1
    }

    /// Asks until the answer has what the test waits for.
    pub(crate) async fn graphql_until<T>(
        &self,
        token: &str,
        query: &str,
        found: impl Fn(&Value) -> Option<T>,
    ) -> T {
        let mut last = Value::Null;
        let waited = tokio::time::timeout(DEADLINE, async {
            loop {
                last = self.graphql(token, query).await;
                if let Some(found) = found(&last) {
                    return found;
                }
                tokio::time::sleep(POLL).await;
            }
        });
        match waited.await {
            Ok(found) => found,
            Err(_) => panic!("{query}: not what the test waits for within {DEADLINE:?}: {last}"),
        }
    }

    /// Ends it, which takes less than the five seconds that a whole system may take.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.running)
            .await
            .expect("it ends in time")
            .expect("it does not panic")
            .expect("it ends well");
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}
