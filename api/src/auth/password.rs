//! Password hashes: argon2id (ours) and the predecessor's scrypt, and the rule for new passwords.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// argon2id: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The predecessor's scrypt: N = 2^14, r = 8, p = 1, a key of 64 bytes.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 1;
const SCRYPT_KEY_LEN: usize = 64;

/// Least length of a new password.
const PASSWORD_LEN_MIN: usize = 12;

/// Why a text is no password hash.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "expected an argon2id hash ($argon2id$…, as derms-api hash-password prints) or scrypt:<base64 salt>:<base64 key of 64 bytes>"
)]
pub struct HashError;

/// A stored password hash.
#[derive(Clone)]
pub(super) struct Hash(Kind);

#[derive(Clone)]
enum Kind {
    Argon2(String),
    Scrypt { salt: Vec<u8>, key: Vec<u8> },
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(hidden)")
    }
}

impl Hash {
    /// Reads a stored hash.
    ///
    /// # Errors
    /// [`HashError`] when it is of neither kind.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        if let Some(rest) = text.strip_prefix("scrypt:") {
            let (salt, key) = rest.split_once(':').ok_or(HashError)?;
            let salt = BASE64_STANDARD.decode(salt).map_err(|_| HashError)?;
            let key = BASE64_STANDARD.decode(key).map_err(|_| HashError)?;
            if salt.is_empty() || key.len() != SCRYPT_KEY_LEN {
                return Err(HashError);
            }
            return Ok(Self(Kind::Scrypt { salt, key }));
        }
        let parsed = PasswordHash::new(text).map_err(|_| HashError)?;
        if parsed.algorithm.as_str() != "argon2id" || parsed.hash.is_none() {
            return Err(HashError);
        }
        Ok(Self(Kind::Argon2(text.to_owned())))
    }

    /// Whether a password has this hash. Takes tens of milliseconds: never on an async thread.
    pub(super) fn verify(&self, password: &str) -> bool {
        match &self.0 {
            Kind::Argon2(text) => PasswordHash::new(text)
                .is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok()),
            Kind::Scrypt { salt, key } => scrypt_key(password, salt)
                .is_some_and(|derived| bool::from(derived.ct_eq(key.as_slice()))),
        }
    }
}

fn scrypt_key(password: &str, salt: &[u8]) -> Option<[u8; SCRYPT_KEY_LEN]> {
    let params = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P, 32).ok()?;
    let mut key = [0; SCRYPT_KEY_LEN];
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut key).ok()?;
    Some(key)
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A hash that no password has, for names that nobody has: verifying it costs what a real one costs.
pub(super) fn decoy() -> Hash {
    static DECOY: LazyLock<Hash> = LazyLock::new(|| {
        let unknowable = uuid::Uuid::new_v4().to_string();
        let text = hash_password(&unknowable).expect("hashing a short text with fixed parameters");
        Hash::parse(&text).expect("our own hash")
    });
    DECOY.clone()
}

/// Hashes a password with argon2id and a random salt.
///
/// # Errors
/// [`HashError`] when the system gives no randomness.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    hasher().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| HashError)
}

/// Reads a new password, with or without an end of line, and hashes it if it is good enough.
///
/// # Errors
/// What the password lacks, or why it could not be read or hashed.
pub fn hash_new_password(mut input: impl std::io::Read) -> Result<String, String> {
    let mut password = String::new();
    input.read_to_string(&mut password).map_err(|error| error.to_string())?;
    let password = password.trim_end_matches(['\r', '\n']);
    match weakness(password) {
        Some(lack) => Err(lack),
        None => hash_password(password).map_err(|_| "the system gives no randomness".to_owned()),
    }
}

/// What a new password lacks; none when it is good enough.
fn weakness(password: &str) -> Option<String> {
    let mut lacks = Vec::new();
    if password.chars().count() < PASSWORD_LEN_MIN {
        lacks.push("12 characters or more");
    }
    if !password.chars().any(char::is_uppercase) {
        lacks.push("an upper-case letter");
    }
    if !password.chars().any(char::is_lowercase) {
        lacks.push("a lower-case letter");
    }
    if !password.chars().any(|c| c.is_ascii_digit()) {
        lacks.push("a digit");
    }
    if !password.chars().any(|c| !c.is_alphanumeric()) {
        lacks.push("a symbol");
    }
    (!lacks.is_empty()).then(|| format!("the password needs {}", lacks.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argon2id_hash_fits_its_password_alone() {
        let text = hash_password("Corr3ct-horse!").expect("randomness");
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        let hash = Hash::parse(&text).expect("our own hash");
        assert!(hash.verify("Corr3ct-horse!"));
        assert!(!hash.verify("Corr3ct-horse"));
    }

    #[test]
    fn a_hash_of_the_predecessor_still_fits() {
        // node: crypto.scryptSync('Adm1n!2345678', Buffer.from('0123456789abcdef'), 64)
        let text = PREDECESSOR_HASH;
        let hash = Hash::parse(text).expect("its format");
        assert!(hash.verify("Adm1n!2345678"));
        assert!(!hash.verify("Adm1n!2345679"));
    }

    #[test]
    fn other_texts_are_no_hashes() {
        for text in [
            "",
            "Adm1n!2345678",
            "scrypt:x",
            "scrypt:AAAA:AAAA",
            "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            "$2b$12$abcdefghijklmnopqrstuv",
        ] {
            assert_eq!(Hash::parse(text).err(), Some(HashError), "{text}");
        }
    }

    #[test]
    fn a_new_password_is_hashed_without_its_end_of_line() {
        let hash = hash_new_password("Adm1n!2345678\r\n".as_bytes()).expect("good enough");
        assert!(Hash::parse(&hash).expect("our own hash").verify("Adm1n!2345678"));
        assert!(hash_new_password("Adm1n!\n".as_bytes()).is_err());
    }

    #[test]
    fn a_weak_password_is_told_what_it_lacks() {
        assert_eq!(weakness("Adm1n!2345678"), None);
        assert_eq!(
            weakness("short"),
            Some(
                "the password needs 12 characters or more, an upper-case letter, a digit, a symbol"
                    .to_owned()
            )
        );
        assert_eq!(
            weakness("ALLUPPER12345!"),
            Some("the password needs a lower-case letter".to_owned())
        );
    }

    const PREDECESSOR_HASH: &str = "scrypt:MDEyMzQ1Njc4OWFiY2RlZg==:7iKBCMZXi3noT5XuXc3M0aolpLLp7CF5gNwzYytdd4mkr7MOKJGa+nq++w6EE/JPbyfESuzqqK3A9dMwWchtbA==";
}
