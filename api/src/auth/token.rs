//! Tokens: HS256 JWTs whose algorithm, issuer, audience and end are pinned. Keys have an id, so that one can follow
//! another: tokens of the key before are accepted while they live.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use schemas::Timestamp;
use secrecy::{ExposeSecret, SecretString};
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

    /// A token for a user, and what it says.
    pub(super) fn issue(&self, user: &UserEntry, now: Timestamp) -> (String, Verified) {
        let iat = now.0.div_euclid(1000);
        let exp = iat.saturating_add(self.ttl_s);
        let claims = Claims {
            sub: user.username.clone(),
            username: user.username.clone(),
            role: user.role,
            iat,
            exp,
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            jti: Uuid::new_v4(),
            fpr: user.fingerprint.clone(),
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = self.keys.first().map(|key| key.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding)
            .expect("claims of texts and numbers, signed with an HMAC key");
        let verified = Verified {
            username: claims.username,
            session: claims.jti,
            fingerprint: claims.fpr,
            end: exp.saturating_add(self.tolerance_s),
        };
        (token, verified)
    }

    /// What a token says.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError)?;
        let claims = self
            .keys
            .iter()
            .filter(|key| header.kid.as_ref().is_none_or(|kid| *kid == key.id))
            .find_map(|key| {
                jsonwebtoken::decode::<Accepted>(token, &key.decoding, &self.validation).ok()
            })
            .ok_or(TokenError)?
            .claims;
        let now_s = now.0.div_euclid(1000);
        let latest_start = now_s.saturating_add(self.tolerance_s);
        let end = claims.exp.saturating_add(self.tolerance_s);
        let started =
            [claims.iat, claims.nbf].into_iter().flatten().all(|start| start <= latest_start);
        if !started || end <= now_s || claims.username.is_empty() {
            return Err(TokenError);
        }
        Ok(Verified {
            username: claims.username,
            session: claims.jti,
            fingerprint: claims.fpr,
            end,
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
