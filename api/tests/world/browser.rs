//! A browser as far as a login needs one: it keeps cookies, follows nothing by itself, and names the dashboard's page.

use std::collections::{BTreeMap, HashMap};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::issuer::Issuer;
use super::{Api, answer};

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

    /// A query as the dashboard asks it.
    pub(crate) async fn graphql(&self, query: &str) -> (StatusCode, Value) {
        let request =
            self.request(reqwest::Method::POST, "/graphql").json(&json!({"query": query}));
        answer(request.header(DASHBOARD.0, DASHBOARD.1)).await
    }

    /// Whose the session is.
    pub(crate) async fn whose(&self) -> Value {
        answer(self.request(reqwest::Method::GET, "/api/auth/session")).await.1["user"].clone()
    }
}

pub(crate) fn location(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().expect("ASCII")
}
