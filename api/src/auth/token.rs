//! Tokens: HS256 JWTs whose algorithm, issuer, audience and end are pinned. Keys have an id, so that one can follow
//! another: tokens of the key before are accepted while they live.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use schemas::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use thiserror::Error;
use uuid::Uuid;

use super::policy::Role;
use super::users::{Fingerprint, UserEntry};

/// Bytes of a key's digest that make its id.
const KEY_ID_BYTES: usize = 6;

/// The token is not one of ours, or no longer valid. Never says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid or expired token")]
pub struct TokenError;

/// What tokens are made and checked with.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// The key new tokens are signed with.
    pub secret: SecretString,
    /// The one before it.
    pub previous: Option<SecretString>,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// How long a token lives.
    pub ttl: Duration,
    /// Tolerance for clocks that differ.
    pub tolerance: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// The predecessor's name for `sub`; its tokens have this one only.
    username: String,
    role: Role,
    iat: i64,
    exp: i64,
    iss: String,
    aud: String,
    jti: Uuid,
    fpr: Fingerprint,
    /// The login provider that said who it is; the role is its word, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    idp: Option<String>,
}

/// A token that is one of ours and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) username: String,
    /// Its id.
    pub(super) session: Uuid,
    /// Of its user's entry when it was issued.
    pub(super) fingerprint: Fingerprint,
    /// The second in which it stops being accepted.
    pub(super) end: i64,
    /// The login provider that said who it is, and the role that it gave.
    pub(super) provided: Option<(String, Role)>,
}

/// What a token is issued for.
pub(super) struct Subject<'s> {
    pub(super) username: &'s str,
    pub(super) role: Role,
    pub(super) fingerprint: &'s Fingerprint,
    /// The issuer of the login provider that said so.
    pub(super) provider: Option<&'s str>,
}

impl<'s> From<&'s UserEntry> for Subject<'s> {
    fn from(user: &'s UserEntry) -> Self {
        let UserEntry { username, role, fingerprint, .. } = user;
        Self { username, role: *role, fingerprint, provider: None }
    }
}

/// Something of ours that somebody else keeps for a while, and hands back as it was.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    aud: String,
    iss: String,
    exp: i64,
    #[serde(rename = "for")]
    content: T,
}

/// What must be in a token that is accepted.
#[derive(Debug, Deserialize)]
struct Accepted {
    username: String,
    jti: Uuid,
    fpr: Fingerprint,
    exp: i64,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    idp: Option<String>,
}

struct Key {
    id: String,
    decoding: DecodingKey,
}

/// Makes and checks tokens.
pub(super) struct Tokens {
    encoding: EncodingKey,
    /// The present key first.
    keys: Vec<Key>,
    validation: Validation,
    issuer: String,
    audience: String,
    ttl_s: i64,
    tolerance_s: i64,
}

impl Tokens {
    pub(super) fn new(config: &TokenConfig) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Times are checked here, by our clock.
        validation.validate_exp = false;
        let keys = std::iter::once(&config.secret)
            .chain(&config.previous)
            .map(|secret| Key {
                id: key_id(secret),
                decoding: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
            })
            .collect();
        Self {
            encoding: EncodingKey::from_secret(config.secret.expose_secret().as_bytes()),
            keys,
            validation,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            ttl_s: seconds(config.ttl),
            tolerance_s: seconds(config.tolerance),
        }
    }

    /// How long tokens live, seconds.
    pub(super) fn ttl_s(&self) -> i64 {
        self.ttl_s
    }

    /// A token for a user, and what it says.
    pub(super) fn issue<'s>(
        &self,
        subject: impl Into<Subject<'s>>,
        now: Timestamp,
    ) -> (String, Verified) {
        let subject = subject.into();
        let iat = now.0.div_euclid(1000);
        let exp = iat.saturating_add(self.ttl_s);
        let claims = Claims {
            sub: subject.username.to_owned(),
            username: subject.username.to_owned(),
            role: subject.role,
            iat,
            exp,
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            jti: Uuid::new_v4(),
            fpr: subject.fingerprint.clone(),
            idp: subject.provider.map(str::to_owned),
        };
        let token = self.sign(&claims);
        let verified = Verified {
            username: claims.username,
            session: claims.jti,
            fingerprint: claims.fpr,
            end: exp.saturating_add(self.tolerance_s),
            provided: claims.idp.map(|provider| (provider, claims.role)),
        };
        (token, verified)
    }

    fn sign(&self, claims: &impl Serialize) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = self.keys.first().map(|key| key.id.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .expect("claims of texts and numbers, signed with an HMAC key")
    }

    /// Something that only we can have written, for `age_s` seconds. It is no token: nothing sealed passes for one.
    pub(super) fn seal<T: Serialize>(
        &self,
        purpose: &str,
        content: T,
        age_s: i64,
        now: Timestamp,
    ) -> String {
        let exp = now.0.div_euclid(1000).saturating_add(age_s);
        self.sign(&Sealed { aud: self.sealed(purpose), iss: self.issuer.clone(), exp, content })
    }

    /// What was sealed for this purpose and is not too old.
    pub(super) fn unseal<T: DeserializeOwned>(
        &self,
        purpose: &str,
        text: &str,
        now: Timestamp,
    ) -> Option<T> {
        let mut validation = self.validation.clone();
        validation.set_audience(&[self.sealed(purpose)]);
        let sealed: Sealed<T> = self.decode(text, &validation)?;
        (sealed.exp > now.0.div_euclid(1000)).then_some(sealed.content)
    }

    fn sealed(&self, purpose: &str) -> String {
        format!("{}/{purpose}", self.audience)
    }

    fn decode<T: DeserializeOwned>(&self, token: &str, validation: &Validation) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        self.keys
            .iter()
            .filter(|key| header.kid.as_ref().is_none_or(|kid| *kid == key.id))
            .find_map(|key| jsonwebtoken::decode::<T>(token, &key.decoding, validation).ok())
            .map(|data| data.claims)
    }

    /// What a token says.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let claims: Accepted = self.decode(token, &self.validation).ok_or(TokenError)?;
        let now_s = now.0.div_euclid(1000);
        let latest_start = now_s.saturating_add(self.tolerance_s);
        let end = claims.exp.saturating_add(self.tolerance_s);
        let started =
            [claims.iat, claims.nbf].into_iter().flatten().all(|start| start <= latest_start);
        if !started || end <= now_s || claims.username.is_empty() {
            return Err(TokenError);
        }
        let provided = match (claims.idp, claims.role) {
            (Some(provider), Some(role)) => Some((provider, role)),
            (Some(_), None) => return Err(TokenError),
            (None, _) => None,
        };
        Ok(Verified {
            username: claims.username,
            session: claims.jti,
            fingerprint: claims.fpr,
            end,
            provided,
        })
    }
}

/// A key's id: the start of its digest, which tells nothing about the key.
fn key_id(secret: &SecretString) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(secret.expose_secret().as_bytes());
    digest[..KEY_ID_BYTES].iter().fold(String::new(), |mut id, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(id, "{byte:02x}");
        id
    })
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
