//! `AUTH_USERS`: who may log in. Only hashes; a plain password is refused at the start.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::password::Hash;
use super::policy::Role;

/// One user.
#[derive(Debug, Clone)]
pub struct UserEntry {
    /// The name, as it is typed.
    pub username: String,
    /// The role.
    pub role: Role,
    pub(super) hash: Hash,
    pub(super) fingerprint: Fingerprint,
}

/// Changes with the user's password and role. Tokens carry it, so that those of another password or role are void without
/// anybody keeping a list. A digest of a hash with a random salt: it tells nothing about the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // With its length before it, so that parts cannot run into each other.
            digest.update(part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self(BASE64_URL_SAFE_NO_PAD.encode(&digest.finalize()[..FINGERPRINT_BYTES]))
    }
}

/// Why the list cannot be used: every problem, each with the user it is about.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.join("; "))]
pub struct UsersError(pub Vec<String>);

/// Everyone who may log in.
#[derive(Debug, Clone)]
pub struct Users {
    by_name: BTreeMap<String, UserEntry>,
}

/// Bytes of a fingerprint.
const FINGERPRINT_BYTES: usize = 16;

const SHAPE: &str = "expected a JSON array of {\"username\": …, \"passwordHash\": …, \"role\": \"viewer\"|\"operator\"|\"admin\"}";

impl Users {
    /// Reads the JSON array.
    ///
    /// # Errors
    /// [`UsersError`] with all that is wrong.
    pub fn parse(json: &str) -> Result<Self, UsersError> {
        let value: Value = serde_json::from_str(json)
            .map_err(|error| UsersError(vec![format!("{SHAPE}, got no JSON: {error}")]))?;
        let Value::Array(entries) = value else {
            return Err(UsersError(vec![SHAPE.to_owned()]));
        };
        let mut by_name = BTreeMap::new();
        let mut problems = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match read_entry(entry) {
                Ok(entry) if by_name.contains_key(&entry.username) => {
                    problems.push(format!("user {:?} is listed twice", entry.username));
                }
                Ok(entry) => {
                    by_name.insert(entry.username.clone(), entry);
                }
                Err(problem) => problems.push(format!("entry {}: {problem}", index + 1)),
            }
        }
        if by_name.is_empty() && problems.is_empty() {
            problems.push("the list is empty: nobody could log in".to_owned());
        }
        if problems.is_empty() { Ok(Self { by_name }) } else { Err(UsersError(problems)) }
    }

    /// Nobody: for where all log in by a provider.
    #[must_use]
    pub fn nobody() -> Self {
        Self { by_name: BTreeMap::new() }
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The user of a name.
    #[must_use]
    pub fn find(&self, username: &str) -> Option<&UserEntry> {
        self.by_name.get(username)
    }
}

fn read_entry(entry: &Value) -> Result<UserEntry, String> {
    let entry = entry.as_object().ok_or(SHAPE)?;
    if entry.contains_key("password") {
        return Err(
            "has a plain \"password\"; put its hash into \"passwordHash\" (derms-api hash-password makes one)"
                .to_owned(),
        );
    }
    let username = text(entry, "username")?;
    let hash_text = text(entry, "passwordHash")?;
    let hash = Hash::parse(&hash_text)
        .map_err(|error| format!("passwordHash of {username:?}: {error}"))?;
    let role = text(entry, "role")?;
    let role = Role::ALL.into_iter().find(|known| known.as_str() == role).ok_or_else(|| {
        format!("role {role:?} of {username:?}: expected viewer, operator or admin")
    })?;
    let fingerprint = Fingerprint::of(&[&username, role.as_str(), &hash_text]);
    Ok(UserEntry { username, role, hash, fingerprint })
}

fn text(entry: &Map<String, Value>, key: &str) -> Result<String, String> {
    match entry.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(format!("{key:?} is missing or no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash() -> String {
        format!("scrypt:MDEyMzQ1Njc4OWFiY2RlZg==:{}==", "A".repeat(86))
    }

    #[test]
    fn users_are_read_with_their_roles() {
        let json = format!(
            r#"[{{"username":"ada","passwordHash":"{0}","role":"admin"}},
                {{"username":"vic","passwordHash":"{0}","role":"viewer"}}]"#,
            hash()
        );
        let users = Users::parse(&json).expect("a good list");
        assert_eq!(users.find("ada").map(|user| user.role), Some(Role::Admin));
        assert_eq!(users.find("vic").map(|user| user.role), Some(Role::Viewer));
        assert!(users.find("bob").is_none());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let json = format!(
            r#"[{{"username":"a","password":"x","role":"admin"}},
                {{"username":"b","passwordHash":"nonsense","role":"admin"}},
                {{"username":"c","passwordHash":"{0}","role":"root"}},
                {{"passwordHash":"{0}","role":"admin"}}]"#,
            hash()
        );
        let UsersError(problems) = Users::parse(&json).expect_err("a bad list");
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("plain \"password\""), "{problems:?}");
        assert!(problems[1].contains("argon2id"), "{problems:?}");
        assert!(problems[2].contains("viewer, operator or admin"), "{problems:?}");
        assert!(problems[3].contains("\"username\" is missing"), "{problems:?}");
    }

    #[test]
    fn an_empty_list_and_a_list_that_is_none_are_refused() {
        for json in ["[]", "{}", "", "[1]"] {
            assert!(Users::parse(json).is_err(), "{json}");
        }
    }
}
