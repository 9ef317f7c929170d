//! Who may do what: users and their passwords, tokens, the table of roles, the brake on guessing.
//!
//! Knows nothing of HTTP or GraphQL: those ask [`Auth`] and name an [`Action`], never a role.

mod password;
pub mod policy;
mod throttle;
mod token;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use service_kit::clock::Clock;
use thiserror::Error;
use tokio::sync::Semaphore;

pub use password::{HashError, hash_new_password, hash_password};
pub use policy::{Action, Role};
pub use throttle::Throttled;
pub use token::{TokenConfig, TokenError};
pub use users::{UserEntry, Users, UsersError};

use crate::caps::{CREDENTIAL_LEN_MAX, VERIFICATIONS_MAX, VERIFICATIONS_WAITING_MAX};
use throttle::Throttle;
use token::Tokens;

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthUser {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
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
    throttle: Throttle,
    running: Arc<Semaphore>,
    waiting: Semaphore,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// Puts it together.
    #[must_use]
    pub fn new(users: Users, tokens: &TokenConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            users,
            tokens: Tokens::new(tokens),
            throttle: Throttle::default(),
            running: Arc::new(Semaphore::new(VERIFICATIONS_MAX)),
            waiting: Semaphore::new(VERIFICATIONS_MAX + VERIFICATIONS_WAITING_MAX),
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
        address: IpAddr,
    ) -> Result<Session, LoginError> {
        let too_long = username.len() > CREDENTIAL_LEN_MAX
            || password.expose_secret().len() > CREDENTIAL_LEN_MAX;
        if too_long {
            return Err(LoginError::Invalid);
        }
        let now = self.clock.now();
        self.throttle.check(username, address, now)?;
        let _place = self.waiting.try_acquire().map_err(|_| LoginError::Busy)?;
        // Counted before the verdict, so that many tries at the same time do not slip through together.
        self.throttle.count(username, address, now);
        let entry = self.users.find(username);
        let hash = entry.map_or_else(password::decoy, |entry| entry.hash.clone());
        let permit =
            Arc::clone(&self.running).acquire_owned().await.expect("the semaphore is never closed");
        let matches = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash.verify(password.expose_secret())
        })
        .await
        .unwrap_or(false);
        let entry = entry.filter(|_| matches).ok_or(LoginError::Invalid)?;
        self.throttle.forgive(username, address);
        let (token, expires_at) = self.tokens.issue(&entry.username, entry.role, self.clock.now());
        Ok(Session {
            token,
            user: AuthUser { name: entry.username.clone(), role: entry.role, expires_at },
        })
    }

    /// Who a token belongs to. A user who is no longer listed has no valid token; the role is the one listed now.
    ///
    /// # Errors
    /// [`TokenError`] when it is not one of ours, or no longer valid.
    pub fn verify(&self, token: &str) -> Result<AuthUser, TokenError> {
        let (name, expires_at) = self.tokens.verify(token, self.clock.now())?;
        let entry = self.users.find(&name).ok_or(TokenError)?;
        Ok(AuthUser { name, role: entry.role, expires_at })
    }

    /// The token of an `Authorization` value: `Bearer …`.
    #[must_use]
    pub fn bearer(value: &str) -> Option<&str> {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

#[cfg(test)]
mod tests;
