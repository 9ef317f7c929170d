//! Owns who may use the interface: the users, and where ClickHouse's clients put name and password.
//! It must not know statements.

use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq as _;

use super::request::Call;
use crate::error::{DbError, code};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads and writes the database, and makes its tables.
    Writer,
    /// Reads the database.
    Analyst,
}

/// One user of the interface.
#[derive(Clone)]
pub struct User {
    /// Name, as sent by the client.
    pub name: String,
    /// Password in clear, as sent by the client.
    pub password: String,
    /// What the user may do.
    pub role: Role,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Finds the request's role. An interface without users is open: everyone on the machine is its writer.
pub(super) fn check(users: &[User], parts: &Parts, call: &Call) -> Result<Role, DbError> {
    if users.is_empty() {
        return Ok(Role::Writer);
    }
    let (name, password) = credentials(parts, call);
    let found = users.iter().find(|user| {
        // A user without a password is none.
        !user.password.is_empty()
            && user.name == name
            && bool::from(user.password.as_bytes().ct_eq(password.as_bytes()))
    });
    let Some(user) = found else {
        let text = format!(
            "{name}: Authentication failed: password is incorrect, or there is no user with such name."
        );
        return Err(DbError::new(code::AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", &text));
    };
    Ok(user.role)
}

fn credentials(parts: &Parts, call: &Call) -> (String, String) {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(user) = header("x-clickhouse-user") {
        return (user.to_owned(), header("x-clickhouse-key").unwrap_or_default().to_owned());
    }
    let basic = header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| BASE64_STANDARD.decode(value.trim()).ok())
        .and_then(|value| String::from_utf8(value).ok());
    if let Some((user, password)) = basic.as_deref().and_then(|pair| pair.split_once(':')) {
        return (user.to_owned(), password.to_owned());
    }
    (
        call.user.clone().unwrap_or_else(|| "default".into()),
        call.password.clone().unwrap_or_default(),
    )
}
