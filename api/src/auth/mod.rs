//! Who may do what: users and their passwords, tokens, the table of roles, the brake on guessing.
//!
//! Knows nothing of HTTP or GraphQL: those ask [`Auth`] and name an [`Action`], never a role.

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
use token::{Tokens, Verified};

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
    pub token: String,
    /// The user.
    pub user: AuthUser,
}

/// Users, tokens and the brake, together.
pub struct Auth {
    users: Users,
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
            tokens: Tokens::new(tokens),
            ended,
            throttle: Arc::default(),
            running: Arc::new(Semaphore::new(VERIFICATIONS_MAX)),
            waiting: Places::new(waiting, VERIFICATIONS_WAITING_PER_ADDRESS),
            clock,
        }
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
        Ok(Session { token, user: auth_user(entry, &issued) })
    }

    /// Who a token belongs to: a user who is still listed, with the password and the role that they had when it was
    /// issued, and who has not ended the session.
    ///
    /// # Errors
    /// [`TokenError`] when it is not one of ours, or no longer valid.
    pub fn verify(&self, token: &str) -> Result<AuthUser, TokenError> {
        let verified = self.tokens.verify(token, self.clock.now())?;
        let entry = self.users.find(&verified.username).ok_or(TokenError)?;
        if entry.fingerprint != verified.fingerprint || self.ended.contains(verified.session) {
            return Err(TokenError);
        }
        Ok(auth_user(entry, &verified))
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
