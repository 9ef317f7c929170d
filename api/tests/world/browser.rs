//! A browser as far as a login needs one: it keeps cookies, follows nothing by itself, and names the dashboard's page.

use std::collections::{BTreeMap, HashMap};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::client::Request;

use super::issuer::Issuer;
use super::socket::socket_request;
use super::{Api, PASSWORD, answer};

/// The header that only pages of our own can add.
pub(crate) const DASHBOARD: (&str, &str) = ("x-derms-dashboard", "1");

pub(crate) struct Browser<'a> {
    api: &'a Api,
    http: Client,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(api: &'a Api) -> Self {
        let http = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { api, http, cookies: BTreeMap::new() }
    }

    /// A request with the cookies, as a page of anybody's may cause it.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.api.url(path)).header(COOKIE, self.cookie())
    }

    pub(crate) fn cookie(&self) -> String {
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// Asks, and keeps the cookies that come back.
    pub(crate) async fn go(&mut self, path: &str) -> Response {
        let response = self.request(reqwest::Method::GET, path).send().await.expect("an answer");
        self.keep(&response);
        response
    }

    pub(crate) fn keep(&mut self, response: &Response) {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("ASCII");
            assert!(cookie.contains("; Path=/; HttpOnly; SameSite="), "{cookie}");
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Goes to the provider: what the address there says.
    pub(crate) async fn set_out(&mut self, query: &str) -> HashMap<String, String> {
        let response = self.go(&format!("/api/auth/oidc/login?here=true&{query}")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let url = Url::parse(location(&response)).expect("an address");
        assert_eq!(url.path(), "/auth", "{url}");
        url.query_pairs().into_owned().collect()
    }

    /// Comes back from there: where it leads.
    pub(crate) async fn come_back(&mut self, parameters: &[(&str, &str)]) -> String {
        let mut url = Url::parse("http://x/api/auth/oidc/callback").expect("an address");
        url.query_pairs_mut().extend_pairs(parameters);
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let response = self.go(&path).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        location(&response).to_owned()
    }

    /// The whole way: where it leads.
    pub(crate) async fn log_in(&mut self, issuer: &Issuer, query: &str) -> String {
        let asked = self.set_out(query).await;
        let code = issuer.consent(&asked);
        self.come_back(&[("code", &code), ("state", &asked["state"])]).await
    }

    /// Logs in by name and password, as the dashboard does.
    pub(crate) async fn log_in_as(&mut self, username: &str) {
        let body = json!({"username": username, "password": PASSWORD, "session": "cookie"});
        let request = self.request(reqwest::Method::POST, "/api/auth/login").json(&body);
        let response = request.header(DASHBOARD.0, DASHBOARD.1).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        self.keep(&response);
    }

    /// A request of the dashboard's.
    pub(crate) async fn graphql(&self, body: &Value) -> (StatusCode, Value) {
        let request = self.request(reqwest::Method::POST, "/graphql").json(body);
        answer(request.header(DASHBOARD.0, DASHBOARD.1)).await
    }

    /// Who is logged in, as the dashboard asks it.
    pub(crate) async fn me(&self) -> (StatusCode, Value) {
        self.graphql(&by_id(&document("Me"))).await
    }

    /// A WebSocket that a page of this origin opens.
    pub(crate) fn socket_request(&self, origin: Option<&str>) -> Request {
        let mut request = socket_request(self.api);
        let headers = request.headers_mut();
        headers.insert("cookie", self.cookie().parse().expect("a header"));
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().expect("a header"));
        }
        request
    }

    /// Whose the session is.
    pub(crate) async fn whose(&self) -> Value {
        answer(self.request(reqwest::Method::GET, "/api/auth/session")).await.1["user"].clone()
    }
}

/// The id of the dashboard's document of a name, as it stands.
pub(crate) fn document(name: &str) -> String {
    let known: BTreeMap<String, String> =
        serde_json::from_str(schemas::graphql::DASHBOARD).expect("a map");
    let is_it = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric()).nth(1);
        words == Some(name) && !text.contains("__typename")
    };
    known.into_iter().find(|(_, text)| is_it(text)).expect("a document of that name").0
}

/// A request that names its document by its id.
pub(crate) fn by_id(id: &str) -> Value {
    json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id}}})
}

pub(crate) fn location(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().expect("ASCII")
}
