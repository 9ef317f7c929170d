//! Who may do what: users and their passwords, tokens, the table of roles, the brake on guessing.
//!
//! Knows nothing of HTTP or GraphQL: those ask [`Auth`] and name an [`Action`], never a role.

mod oidc;
mod password;
pub mod policy;
mod throttle;
mod token;
mod users;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use service_kit::clock::Clock;
use thiserror::Error;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use oidc::{Begun, CameBack, Fault, Oidc, OidcConfig, OidcError, own_page};
pub use password::{HashError, hash_new_password, hash_password};
pub use policy::{Action, Role};
pub use throttle::Throttled;
pub use token::{TokenConfig, TokenError};
pub use users::{UserEntry, Users, UsersError};

use crate::caps::{
    CREDENTIAL_LEN_MAX, VERIFICATIONS_MAX, VERIFICATIONS_WAITING_MAX,
    VERIFICATIONS_WAITING_PER_ADDRESS,
};
use crate::network::Network;
use crate::places::Places;
use crate::store::sessions::EndedSessions;
use throttle::Throttle;
use token::{Subject, Tokens, Verified};

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthUser {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// The id of their token.
    pub session: Uuid,
    /// When their token ends, seconds since the epoch, tolerance included.
    pub expires_at: i64,
}

/// Why a login is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// Name or password is wrong; never says which.
    #[error("Invalid credentials")]
    Invalid,
    /// Too many failures.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many logins at the same time.
    #[error("too many logins at the same time; try again in a moment")]
    Busy,
}

/// A fresh token and whose it is.
#[derive(Debug, Clone)]
pub struct Session {
    /// The signed token.
    pub token: SecretString,
    /// The user.
    pub user: AuthUser,
}

/// Why somebody is not believed to be who they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// What they sent proves nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The provider whose token they sent cannot be asked for its keys.
    #[error("the login provider does not answer; try again in a moment")]
    ProviderAway,
}

/// What a login at the provider is sealed for in the browser.
const LOGIN: &str = "login";

/// Users, tokens and the brake, together.
pub struct Auth {
    users: Users,
    oidc: Option<Arc<Oidc>>,
    tokens: Tokens,
    ended: Arc<EndedSessions>,
    throttle: Arc<Throttle>,
    running: Arc<Semaphore>,
    waiting: Arc<Places<Network>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// Puts it together. Tokens of `ended` sessions are refused.
    #[must_use]
    pub fn new(
        users: Users,
        tokens: &TokenConfig,
        ended: Arc<EndedSessions>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let waiting = VERIFICATIONS_MAX + VERIFICATIONS_WAITING_MAX;
        Self {
            users,
            oidc: None,
            tokens: Tokens::new(tokens),
            ended,
            throttle: Arc::default(),
            running: Arc::new(Semaphore::new(VERIFICATIONS_MAX)),
            waiting: Places::new(waiting, VERIFICATIONS_WAITING_PER_ADDRESS),
            clock,
        }
    }

    /// The same, with a login provider beside the users.
    #[must_use]
    pub fn with_oidc(self, oidc: Option<Arc<Oidc>>) -> Self {
        Self { oidc, ..self }
    }

    /// The login provider, if one is set up.
    #[must_use]
    pub fn oidc(&self) -> Option<&Arc<Oidc>> {
        self.oidc.as_ref()
    }

    /// Whether anybody can log in by name and password.
    #[must_use]
    pub fn takes_passwords(&self) -> bool {
        !self.users.is_empty()
    }

    /// How long a session lives, seconds.
    #[must_use]
    pub fn ttl_s(&self) -> i64 {
        self.tokens.ttl_s()
    }

    /// Begins a login at the provider: what the browser keeps meanwhile, and where it goes.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn begin(
        &self,
        oidc: &Oidc,
        page: String,
        keep: bool,
        network: Network,
    ) -> Result<(String, String), OidcError> {
        let (begun, url) = oidc.begin(page, keep, network).await?;
        let sealed = self.tokens.seal(LOGIN, begun, Oidc::login_age_max_s(), self.clock.now());
        Ok((sealed, url))
    }

    /// What the browser kept of a login, if it is one of ours and not too old.
    #[must_use]
    pub fn begun(&self, sealed: &str) -> Option<Begun> {
        self.tokens.unseal(LOGIN, sealed, self.clock.now())
    }

    /// Ends a login at the provider: a session of ours, which needs the provider no more until it is left, and the ID token
    /// that it is left with.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn complete(
        &self,
        oidc: &Oidc,
        begun: &Begun,
        back: CameBack,
        network: Network,
    ) -> Result<(Session, SecretString), OidcError> {
        let (identity, id_token) = oidc.complete(begun, back, network).await?;
        // Whoever has a password here is nobody else's to name.
        if self.users.find(&identity.name).is_some() {
            return Err(OidcError::Name);
        }
        let subject = Subject {
            username: &identity.name,
            role: identity.role,
            fingerprint: oidc.fingerprint(),
            provider: Some(&oidc.config().issuer),
        };
        let (token, issued) = self.tokens.issue(subject, self.clock.now());
        let user = AuthUser {
            name: identity.name,
            role: identity.role,
            session: issued.session,
            expires_at: issued.end,
        };
        Ok((Session { token: token.into(), user }, id_token))
    }

    /// Who a bearer token belongs to: one of ours, or an access token of the login provider's.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn authenticate(&self, token: &str) -> Result<AuthUser, ProofError> {
        let Some(oidc) = self.oidc.as_ref().filter(|_| Oidc::may_be_its(token)) else {
            return Ok(self.verify(token)?);
        };
        let bearer = oidc.bearer(token).await.map_err(|error| match error {
            OidcError::Away(_) => ProofError::ProviderAway,
            error => {
                tracing::debug!(%error, "a token of the login provider is refused");
                ProofError::Token(TokenError)
            }
        })?;
        let identity = bearer.identity;
        if self.users.find(&identity.name).is_some() || self.ended.contains(bearer.session) {
            return Err(TokenError.into());
        }
        Ok(AuthUser {
            name: identity.name,
            role: identity.role,
            session: bearer.session,
            expires_at: bearer.end,
        })
    }

    /// Checks a name and a password. An unknown name takes as long as a wrong password.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(
        &self,
        username: &str,
        password: SecretString,
        network: Network,
    ) -> Result<Session, LoginError> {
        let too_long = username.len() > CREDENTIAL_LEN_MAX
            || password.expose_secret().len() > CREDENTIAL_LEN_MAX;
        if too_long {
            return Err(LoginError::Invalid);
        }
        let place = self.waiting.take(Some(network)).map_err(|_| LoginError::Busy)?;
        let attempt = self.throttle.begin(username, network, self.clock.now())?;
        let entry = self.users.find(username);
        let is_listed = entry.is_some();
        let hash = entry.map_or_else(password::decoy, |entry| entry.hash.clone());
        let permit =
            Arc::clone(&self.running).acquire_owned().await.expect("the semaphore is never closed");
        // Judged where it is verified: whoever does not wait for the verdict gets it all the same.
        let matches = tokio::task::spawn_blocking(move || {
            let _places = (permit, place);
            let matches = hash.verify(password.expose_secret()) && is_listed;
            if matches {
                attempt.succeeded()
            } else {
                attempt.failed()
            }
            matches
        })
        .await
        .unwrap_or(false);
        let entry = entry.filter(|_| matches).ok_or(LoginError::Invalid)?;
        let (token, issued) = self.tokens.issue(entry, self.clock.now());
        Ok(Session { token: token.into(), user: auth_user(entry, &issued) })
    }

    /// Who a token of ours belongs to: a user who is still listed, with the password and the role that they had when it
    /// was issued, or whom the login provider named; and who has not ended the session.
    ///
    /// # Errors
    /// [`TokenError`] when it is none, or no longer valid.
    pub fn verify(&self, token: &str) -> Result<AuthUser, TokenError> {
        let verified = self.tokens.verify(token, self.clock.now())?;
        if self.ended.contains(verified.session) {
            return Err(TokenError);
        }
        let entry = self.users.find(&verified.username);
        let Some((provider, role)) = &verified.provided else {
            let entry = entry.ok_or(TokenError)?;
            let is_same = entry.fingerprint == verified.fingerprint;
            return if is_same { Ok(auth_user(entry, &verified)) } else { Err(TokenError) };
        };
        let is_provided = self.oidc.as_ref().is_some_and(|oidc| {
            oidc.config().issuer == *provider && *oidc.fingerprint() == verified.fingerprint
        });
        if !is_provided || entry.is_some() {
            return Err(TokenError);
        }
        Ok(AuthUser {
            role: *role,
            session: verified.session,
            expires_at: verified.end,
            name: verified.username,
        })
    }

    /// The token of an `Authorization` value: `Bearer …`.
    #[must_use]
    pub fn bearer(value: &str) -> Option<&str> {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

fn auth_user(entry: &UserEntry, token: &Verified) -> AuthUser {
    AuthUser {
        name: entry.username.clone(),
        role: entry.role,
        session: token.session,
        expires_at: token.end,
    }
}

#[cfg(test)]
mod tests;
