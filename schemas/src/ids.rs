//! Ids that validate on construction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::caps::ID_LEN_MAX;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {ID_RULE}, got {0:?}")]
pub struct IdError(String);

/// What an id may be, in words. `.` and `..` are steps in a path: no URL and no folder can carry them as a name.
pub const ID_RULE: &str = "1 to 64 characters of A-Z a-z 0-9 . _ -, but not . or ..";

fn check_id(text: &str) -> Result<(), IdError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_step = matches!(text, "." | "..");
    if text.is_empty() || text.len() > ID_LEN_MAX || is_step || !text.bytes().all(allowed) {
        return Err(IdError(text.chars().take(ID_LEN_MAX + 1).collect()));
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(smol_str::SmolStr);

        impl $name {
            /// Takes a text that keeps the rules for ids.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long, or has a character outside `[A-Za-z0-9._-]`, or is a step in a path (`.`, `..`).
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_id(text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A device: one inverter, battery, charger, meter or agent.
    DeviceId
}
text_id! {
    /// A feeder: one node of a feeder tree.
    FeederId
}

/// The smallest number of bytes that names one thing in the same way everywhere: FNV-1a, 64 bits.
///
/// Used where an order or an offset must be recomputable by anyone from ids alone (tie-breaks, spread after an
/// event). Not a cryptographic hash.
#[must_use]
pub fn stable_hash(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            hash ^= u64::from(*byte);
            hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    // FNV's low bits are weak for short inputs; a final mix spreads them.
    mix(hash)
}

/// Spreads every bit of a number over all of them (splitmix64's finaliser).
#[must_use]
pub fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 30;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^= hash >> 27;
    hash = hash.wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_to_the_allowed_characters_and_length() {
        for good in ["a", "pi-der-001", "Feeder_1.A", "...", ".a", &"x".repeat(64)] {
            assert!(DeviceId::new(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "a/b", "ä", "a+", "#", ".", "..", &"x".repeat(65)] {
            assert!(DeviceId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_stable_hash_separates_its_parts() {
        assert_ne!(stable_hash(&[b"ab", b"c"]), stable_hash(&[b"a", b"bc"]));
        assert_eq!(stable_hash(&[b"ev-1"]), stable_hash(&[b"ev-1"]));
    }
}
