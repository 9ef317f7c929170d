//! Log-in by an OpenID Connect provider: the code flow with PKCE for browsers, and the provider's access tokens for
//! scripts. Knows nothing of HTTP on our side, nor of our own sessions: it says who somebody is.

mod claims;
mod config;
mod keys;
mod provider;
mod query;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use schemas::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service_kit::clock::Clock;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use uuid::Uuid;

pub use claims::Fault;
pub use config::OidcConfig;
pub use query::own_page;

use crate::auth::policy::Role;
use crate::auth::users::Fingerprint;
use crate::caps::{
    NAME_SHOWN_MAX, OIDC_DISCOVERY_FRESH, OIDC_LOGIN_AGE_MAX, OIDC_LOGIN_TIMEOUT, OIDC_LOGINS_MAX,
    OIDC_LOGINS_PER_ADDRESS, OIDC_PARAMETER_LEN_MAX,
};
use crate::network::Network;
use crate::places::Places;
use claims::Moment;
use keys::{Claims, is_asymmetric};
use provider::{AskError, Endpoints, Provider, address};

/// Any age: what the provider said of itself when it was last asked.
const ANY_AGE: Duration = Duration::MAX;
/// The `state` with which the provider sends a browser back whose session it has ended.
const LOGGED_OUT: &str = "logged-out";
/// Kinds of tokens (`typ` in the header) that are taken: those of logouts and the like are not.
const KINDS: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// Why a login by the provider did not come about, or a token of its is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OidcError {
    /// It does not answer.
    #[error("the login provider does not answer: {0}")]
    Away(String),
    /// It refuses to speak to us.
    #[error("the login provider refuses the login: {0}")]
    Refused(String),
    /// The browser comes back from a login that this browser did not begin, or too late.
    #[error("the login was not begun in this browser, or too long ago")]
    Stray,
    /// The user, or the provider, said no.
    #[error("the login was refused at the provider: {0}")]
    Denied(String),
    /// A token is not what it must be.
    #[error("a token of the login provider is not accepted: {0}")]
    Token(#[from] Fault),
    /// Nothing of what the user is there is a role here.
    #[error("the user has no role here")]
    NoRole,
    /// A user of that name is in AUTH_USERS, or it is no name.
    #[error("the user's name cannot be used here")]
    Name,
    /// Too many logins at the same time.
    #[error("too many logins at the same time")]
    Busy,
}

impl From<AskError> for OidcError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Away(words) => Self::Away(words),
            AskError::Refused(words) => Self::Refused(words),
        }
    }
}

/// Who somebody is, as the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) role: Role,
}

/// A login that has begun: what only the browser that began it holds, in a cookie that nobody can make.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    /// The page to go to afterwards.
    pub page: String,
    /// Whether the session outlives the browser.
    pub keep: bool,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("page", &self.page).finish_non_exhaustive()
    }
}

/// What the provider sends back with the browser.
#[derive(Clone, Default, Deserialize)]
pub struct CameBack {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl CameBack {
    /// Whether it comes from a logout there, not from a login.
    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        self.state.as_deref() == Some(LOGGED_OUT) && self.code.is_none() && self.error.is_none()
    }
}

impl std::fmt::Debug for CameBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CameBack").field("error", &self.error).finish_non_exhaustive()
    }
}

/// A token that was sent as bearer, and what it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) identity: Identity,
    pub(super) session: Uuid,
    pub(super) end: i64,
}

/// The provider.
pub struct Oidc {
    config: Arc<OidcConfig>,
    provider: Arc<Provider>,
    clock: Arc<dyn Clock>,
    tolerance_s: i64,
    logins: Arc<Places<Network>>,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").finish_non_exhaustive()
    }
}

impl Oidc {
    /// Puts it together; the provider is asked when somebody logs in.
    ///
    /// # Errors
    /// When there is no authority to check its certificate against.
    pub fn new(
        config: OidcConfig,
        tolerance: Duration,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let mut parts = vec![&*config.issuer, &*config.client_id, &*config.roles_claim];
        for (value, role) in &config.roles {
            parts.extend([value.as_str(), role.as_str()]);
        }
        Ok(Self {
            fingerprint: Fingerprint::of(&parts),
            provider: Arc::new(Provider::new(Arc::clone(&config), Arc::clone(&clock))?),
            logins: Places::new(OIDC_LOGINS_MAX, OIDC_LOGINS_PER_ADDRESS),
            tolerance_s: i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX),
            clock,
            config,
        })
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &OidcConfig {
        &self.config
    }

    /// Changes with the provider and with what its words mean here: sessions of before are void then.
    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Begins a login: what the browser keeps, and where it goes. Only a provider that answers is gone to.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn begin(
        &self,
        page: String,
        keep: bool,
        network: Network,
    ) -> Result<(Begun, String), OidcError> {
        let _place = self.logins.take(Some(network)).map_err(|_| OidcError::Busy)?;
        let endpoints = self.provider.endpoints(OIDC_DISCOVERY_FRESH).await?;
        let begun = Begun { state: random(), nonce: random(), verifier: random(), page, keep };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(begun.verifier.as_bytes()));
        let url = endpoints.authorization(&[
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", &self.config.redirect_uri()),
            ("scope", &self.config.scope),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok((begun, url))
    }

    /// Ends a login: who it was, and the ID token that says so.
    ///
    /// # Errors
    /// [`OidcError`].
    pub(super) async fn complete(
        &self,
        begun: &Begun,
        back: CameBack,
        network: Network,
    ) -> Result<(Identity, SecretString), OidcError> {
        let state = back.state.as_deref().unwrap_or_default();
        if !bool::from(subtle::ConstantTimeEq::ct_eq(state.as_bytes(), begun.state.as_bytes())) {
            return Err(OidcError::Stray);
        }
        if back.iss.is_some_and(|issuer| issuer != self.config.issuer) {
            return Err(Fault::Issuer.into());
        }
        if let Some(error) = back.error {
            return Err(OidcError::Denied(shown(&error)));
        }
        let code =
            back.code.filter(|code| !code.is_empty() && code.len() <= OIDC_PARAMETER_LEN_MAX);
        let code = code.ok_or(OidcError::Stray)?;
        let _place = self.logins.take(Some(network)).map_err(|_| OidcError::Busy)?;
        tokio::time::timeout(OIDC_LOGIN_TIMEOUT, self.redeem(begun, &code))
            .await
            .map_err(|_| OidcError::Away(format!("not within {OIDC_LOGIN_TIMEOUT:?}")))?
    }

    async fn redeem(
        &self,
        begun: &Begun,
        code: &str,
    ) -> Result<(Identity, SecretString), OidcError> {
        let config = &self.config;
        let endpoints = self.provider.endpoints(ANY_AGE).await?;
        let answer = self.provider.redeem(&endpoints, code, &begun.verifier).await?;
        let id = self.open(&answer.id_token).await?;
        claims::check_id(&id, &config.issuer, &config.client_id, &begun.nonce, self.moment())?;
        let more = self.more(&endpoints, &id, answer.access_token.as_deref()).await?;
        let mut sources = vec![&id];
        sources.extend(&more);
        Ok((self.identity(&sources)?, answer.id_token.into()))
    }

    /// What the ID token does not say: from the access token, where it is one that can be read, else from the provider.
    async fn more(
        &self,
        endpoints: &Endpoints,
        id: &Claims,
        access_token: Option<&str>,
    ) -> Result<Vec<Claims>, OidcError> {
        let config = &self.config;
        let is_whole = |more: &[Claims]| {
            let sources: Vec<&Claims> = std::iter::once(id).chain(more).collect();
            claims::has(&sources, &config.roles_claim)
                && claims::has(&sources, &config.username_claim)
        };
        let mut more = Vec::new();
        let Some(access_token) = access_token.filter(|_| !is_whole(&more)) else {
            return Ok(more);
        };
        let subject = id.get("sub").and_then(|sub| sub.as_str()).unwrap_or_default();
        // One that is no JWT is none of our business.
        if let Ok(access) = self.open(access_token).await {
            claims::check_companion(
                &access,
                &config.issuer,
                &config.client_id,
                subject,
                self.moment(),
            )?;
            more.push(access);
        }
        if !is_whole(&more)
            && let Some(info) = self.provider.user_info(endpoints, access_token).await?
        {
            if info.get("sub").and_then(|sub| sub.as_str()) != Some(subject) {
                return Err(Fault::Subject.into());
            }
            more.push(info);
        }
        Ok(more)
    }

    fn identity(&self, sources: &[&Claims]) -> Result<Identity, OidcError> {
        let config = &self.config;
        let name = claims::name(sources, &config.username_claim).ok_or(OidcError::Name)?;
        let role = claims::role(sources, &config.roles_claim, &config.roles);
        Ok(Identity { name, role: role.ok_or(OidcError::NoRole)? })
    }

    /// Where a browser ends its session at the provider, if the provider can be asked and offers it. With
    /// the ID token of the login it need not ask the user whether they mean it.
    pub async fn farewell(&self, id_token: &str) -> Option<String> {
        let endpoints = self.provider.endpoints(ANY_AGE).await.ok()?;
        let back = self.config.redirect_uri();
        let mut parameters = vec![
            ("client_id", &*self.config.client_id),
            ("post_logout_redirect_uri", &*back),
            ("state", LOGGED_OUT),
        ];
        if !id_token.is_empty() {
            parameters.push(("id_token_hint", id_token));
        }
        Some(address(endpoints.end_session_endpoint.as_deref()?, &parameters))
    }

    /// Whether a token may be one of the provider's, by its looks.
    pub(super) fn may_be_its(token: &str) -> bool {
        jsonwebtoken::decode_header(token).is_ok_and(|header| is_asymmetric(header.alg))
    }

    /// Who an access token of the provider's belongs to.
    ///
    /// # Errors
    /// [`OidcError`].
    pub(super) async fn bearer(&self, token: &str) -> Result<Bearer, OidcError> {
        let config = &self.config;
        let claims = self.open(token).await?;
        claims::check_bearer(
            &claims,
            &config.issuer,
            &config.client_id,
            &config.audiences,
            self.moment(),
        )?;
        let identity = self.identity(&[&claims])?;
        let end = self.moment().end(&claims).ok_or(Fault::Expired)?;
        // Without the signature: some kinds of them can be rewritten into another that fits, too.
        let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
        let session = Uuid::new_v5(&Uuid::NAMESPACE_URL, &Sha256::digest(signed.as_bytes()));
        Ok(Bearer { identity, session, end })
    }

    /// What a token says that the provider has signed.
    async fn open(&self, token: &str) -> Result<Claims, OidcError> {
        let header: Header = jsonwebtoken::decode_header(token).map_err(|_| Fault::Form)?;
        if !is_asymmetric(header.alg) {
            return Err(Fault::Algorithm.into());
        }
        let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        if header.crit.is_some() || !KINDS.contains(&kind.as_str()) {
            return Err(Fault::Header.into());
        }
        let keys = self.provider.keys(&header).await?;
        if !keys.fit(&header) {
            return Err(Fault::Key.into());
        }
        Ok(keys.open(&header, token).ok_or(Fault::Signature)?)
    }

    fn moment(&self) -> Moment {
        let Timestamp(now_ms) = self.clock.now();
        Moment { now_s: now_ms.div_euclid(1000), tolerance_s: self.tolerance_s }
    }

    /// How long a login may take at the provider, seconds.
    #[must_use]
    pub fn login_age_max_s() -> i64 {
        i64::try_from(OIDC_LOGIN_AGE_MAX.as_secs()).unwrap_or(i64::MAX)
    }
}

/// 244 random bits as 64 characters that stand in any address: long enough for a verifier of PKCE.
fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// A word of somebody else's as one short word of a line.
fn shown(text: &str) -> String {
    text.chars().take(NAME_SHOWN_MAX).flat_map(char::escape_debug).collect()
}
