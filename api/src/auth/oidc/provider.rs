//! Asks the provider: what it says of itself, its keys, a code's tokens, a user's claims. Keeps the first two, so that a
//! provider that is away for a while stops nobody whose token is known, and bounds how often it is asked.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::Header;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;
use service_kit::clock::Clock;
use service_kit::outgoing::{Bounds, FetchError, Outgoing};
use service_kit::task;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::config::{OidcConfig, is_guarded};
use super::keys::{Claims, SigningKeys};
use super::query::form;
use crate::caps::{
    OIDC_ANSWER_MAX, OIDC_DOWN_PAUSE, OIDC_KEY_ASKS, OIDC_KEY_ASKS_EVERY, OIDC_KEYS_FRESH,
    OIDC_KEYS_STALE_MAX, OIDC_TIMEOUT,
};
use crate::metrics::{Asked, count_asked};
use crate::pace::{Pace, Shared};

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const CA_SETTING: &str = "DERMS_OIDC_CA_PATH";

/// Why the provider is of no use now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AskError {
    /// It does not answer, or not as a provider does.
    #[error("the provider does not answer: {0}")]
    Away(String),
    /// It refuses what we ask.
    #[error("the provider refuses: {0}")]
    Refused(String),
}

/// What the provider says of itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Endpoints {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Tokens for a code.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) id_token: String,
    #[serde(default)]
    pub(super) access_token: Option<String>,
}

/// Something that was asked for, and when it came.
struct Held<T> {
    value: Arc<T>,
    at: Instant,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), at: self.at }
    }
}

#[derive(Default)]
struct Known {
    endpoints: Option<Held<Endpoints>>,
    keys: Option<Held<SigningKeys>>,
    /// The last failure, and when.
    failed: Option<(AskError, Instant)>,
}

pub(super) struct Provider {
    config: Arc<OidcConfig>,
    http: Outgoing,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    /// One asks, the others wait for what it hears.
    asking: Mutex<()>,
    /// Of tokens that no key fits: anybody can make those.
    key_asks: Shared,
}

impl Provider {
    /// # Errors
    /// When there is no authority to check its certificate against.
    pub(super) fn new(config: Arc<OidcConfig>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let bounds = Bounds { time: OIDC_TIMEOUT, size: OIDC_ANSWER_MAX };
        let http =
            Outgoing::new(bounds, config.is_plain(), config.authority.as_deref(), CA_SETTING)?;
        let key_asks = Shared::new(Pace { burst: OIDC_KEY_ASKS, every: OIDC_KEY_ASKS_EVERY });
        let (known, asking) = (RwLock::default(), Mutex::default());
        Ok(Self { config, http, clock, known, asking, key_asks })
    }

    /// What it says of itself, asked for within the last `fresh`.
    ///
    /// # Errors
    /// [`AskError`].
    pub(super) async fn endpoints(&self, fresh: Duration) -> Result<Arc<Endpoints>, AskError> {
        let held =
            || self.read(|known| known.endpoints.clone().filter(|held| held.at.elapsed() < fresh));
        if let Some(held) = held() {
            return Ok(held.value);
        }
        let _turn = self.asking.lock().await;
        match held() {
            Some(held) => Ok(held.value),
            None => self.discover().await,
        }
    }

    /// The keys of which one may have signed what has this header; those that are kept where they do.
    ///
    /// # Errors
    /// [`AskError`]; none of them fitting is no error.
    pub(super) async fn keys(
        self: &Arc<Self>,
        header: &Header,
    ) -> Result<Arc<SigningKeys>, AskError> {
        let usable = || {
            self.read(|known| {
                known.keys.clone().filter(|held| held.at.elapsed() < OIDC_KEYS_STALE_MAX)
            })
        };
        let fitting = || usable().filter(|held| held.value.fit(header));
        if let Some(held) = fitting() {
            if held.at.elapsed() >= OIDC_KEYS_FRESH {
                self.renew_aside();
            }
            return Ok(held.value);
        }
        let _turn = self.asking.lock().await;
        if let Some(held) = fitting() {
            return Ok(held.value);
        }
        match usable() {
            Some(held) if self.key_asks.take(self.clock.now()).is_err() => Ok(held.value),
            _ => self.ask_keys().await,
        }
    }

    /// The tokens of a code.
    ///
    /// # Errors
    /// [`AskError`].
    pub(super) async fn redeem(
        &self,
        endpoints: &Endpoints,
        code: &str,
        verifier: &str,
    ) -> Result<TokenAnswer, AskError> {
        let config = &self.config;
        let redirect_uri = config.redirect_uri();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = Request::builder().method(Method::POST).uri(&endpoints.token_endpoint);
        match &config.client_secret {
            Some(secret) if endpoints.takes_basic() => {
                let pair = format!("{}:{}", form(&config.client_id), form(secret.expose_secret()));
                let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
                request = request.header(AUTHORIZATION, value);
            }
            Some(secret) => {
                fields.push(("client_id", &config.client_id));
                fields.push(("client_secret", secret.expose_secret()));
            }
            None => fields.push(("client_id", &config.client_id)),
        }
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", form(value))).collect();
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Body::from(body.join("&")))
            .map_err(|error| AskError::Away(error.to_string()))?;
        let (status, body) = self.ask(Asked::Tokens, request).await?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| AskError::Away("its answer to a code holds no ID token".to_owned()));
        }
        let word = serde_json::from_slice::<Value>(&body).ok();
        let word = word.as_ref().and_then(|body| body.get("error")?.as_str());
        let word = super::shown(word.unwrap_or("no reason"));
        if status.is_server_error() {
            return Err(AskError::Away(format!("{status}, {word}")));
        }
        Err(AskError::Refused(format!("{status}, {word}")))
    }

    /// What it says of the user whose access token this is; none where it does not say such things as claims.
    ///
    /// # Errors
    /// [`AskError`].
    pub(super) async fn user_info(
        &self,
        endpoints: &Endpoints,
        access_token: &str,
    ) -> Result<Option<Claims>, AskError> {
        let Some(url) = &endpoints.userinfo_endpoint else { return Ok(None) };
        let request = Request::builder()
            .uri(url)
            .header(AUTHORIZATION, format!("Bearer {access_token}"))
            .header(ACCEPT, "application/json")
            .body(Body::empty())
            .map_err(|error| AskError::Away(error.to_string()))?;
        let (status, body) = self.ask(Asked::UserInfo, request).await?;
        if status.is_server_error() {
            return Err(AskError::Away(format!("{status} for the user's claims")));
        }
        Ok(serde_json::from_slice(&body).ok().filter(|_| status.is_success()))
    }

    async fn discover(&self) -> Result<Arc<Endpoints>, AskError> {
        self.not_just_failed()?;
        let url = format!("{}{WELL_KNOWN}", self.config.issuer.trim_end_matches('/'));
        let found = match self.get(Asked::Discovery, &url).await {
            Ok(body) => self.judge(&body),
            Err(error) => Err(error),
        };
        self.keep(found, |known, endpoints| known.endpoints = Some(endpoints))
    }

    fn judge(&self, body: &[u8]) -> Result<Endpoints, AskError> {
        let away = |words: String| AskError::Away(words);
        let endpoints: Endpoints = serde_json::from_slice(body)
            .map_err(|error| away(format!("what it says of itself is not understood: {error}")))?;
        if endpoints.issuer != self.config.issuer {
            let issuer = super::shown(&endpoints.issuer);
            return Err(away(format!("it calls itself {issuer}, not as DERMS_OIDC_ISSUER says")));
        }
        let mut urls =
            vec![&endpoints.authorization_endpoint, &endpoints.token_endpoint, &endpoints.jwks_uri];
        urls.extend(&endpoints.userinfo_endpoint);
        urls.extend(&endpoints.end_session_endpoint);
        let is_good =
            |url: &str| is_guarded(url) && (self.config.is_plain() || url.starts_with("https://"));
        match urls.into_iter().find(|url| !is_good(url)) {
            Some(url) => {
                Err(away(format!("it names an address that is not guarded: {}", super::shown(url))))
            }
            None => Ok(endpoints),
        }
    }

    async fn ask_keys(&self) -> Result<Arc<SigningKeys>, AskError> {
        self.not_just_failed()?;
        let known = self.read(|known| known.endpoints.clone());
        let endpoints = match known {
            Some(held) => held.value,
            None => self.discover().await?,
        };
        let found = self.get(Asked::Keys, &endpoints.jwks_uri).await.and_then(|body| {
            SigningKeys::read(&body)
                .ok_or_else(|| AskError::Away("its keys are no JWKS".to_owned()))
        });
        let keys = self.keep(found, |known, keys| known.keys = Some(keys))?;
        tracing::info!(keys = keys.len(), "read the login provider's keys");
        Ok(keys)
    }

    /// Renews what is old while it goes on being used; nobody waits.
    fn renew_aside(self: &Arc<Self>) {
        let provider = Arc::clone(self);
        drop(task::spawn("login provider's keys", async move {
            // Somebody else does already.
            let Ok(_turn) = provider.asking.try_lock() else { return };
            if provider.not_just_failed().is_ok() {
                // They may have moved. A failure is kept and said by whoever asks.
                drop(provider.discover().await);
                drop(provider.ask_keys().await);
            }
        }));
    }

    fn not_just_failed(&self) -> Result<(), AskError> {
        self.read(|known| match &known.failed {
            Some((error, at)) if at.elapsed() < OIDC_DOWN_PAUSE => Err(error.clone()),
            _ => Ok(()),
        })
    }

    fn keep<T>(
        &self,
        found: Result<T, AskError>,
        put: impl FnOnce(&mut Known, Held<T>),
    ) -> Result<Arc<T>, AskError> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(value) => {
                let value = Arc::new(value);
                put(&mut known, Held { value: Arc::clone(&value), at: Instant::now() });
                known.failed = None;
                Ok(value)
            }
            Err(error) => {
                tracing::warn!(%error, "the login provider could not be asked");
                known.failed = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }

    fn read<T>(&self, of: impl FnOnce(&Known) -> T) -> T {
        of(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn get(&self, what: Asked, url: &str) -> Result<Bytes, AskError> {
        let request = Request::builder().uri(url).header(ACCEPT, "application/json");
        let request =
            request.body(Body::empty()).map_err(|error| AskError::Away(error.to_string()))?;
        let (status, body) = self.ask(what, request).await?;
        if status == StatusCode::OK {
            Ok(body)
        } else {
            Err(AskError::Away(format!("{status} for {}", super::shown(url))))
        }
    }

    async fn ask(
        &self,
        what: Asked,
        request: Request<Body>,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let answer = self.http.fetch(request).await;
        let is_answer = answer.as_ref().is_ok_and(|(status, _)| !status.is_server_error());
        count_asked(what, is_answer);
        answer.map_err(|error: FetchError| AskError::Away(error.to_string()))
    }
}

impl Endpoints {
    /// How a client with a secret proves itself; by Basic where the provider does not say.
    fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| {
            let has = |word: &str| methods.iter().any(|method| method == word);
            has("client_secret_basic") || !has("client_secret_post")
        })
    }

    /// The address that a browser is sent to.
    pub(super) fn authorization(&self, parameters: &[(&str, &str)]) -> String {
        address(&self.authorization_endpoint, parameters)
    }
}

/// An address with parameters.
pub(super) fn address(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", form(value))).collect();
    let join = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{join}{}", query.join("&"))
}
