//! `simulation/profile`: which part of the day simulators shall act.

use serde_json::json;

use crate::mqtt::envelope::parse_json;
use crate::mqtt::fields::Fields;
use crate::mqtt::rejection::Rejection;

/// Bytes of a profile message; a longer one is refused.
const PROFILE_LEN_MAX: usize = 4 * 1024;

/// The part of the day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Always day.
    Day,
    /// Always night.
    Night,
    /// What the clock says.
    #[default]
    Auto,
}

impl Profile {
    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Night => "night",
            Self::Auto => "auto",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Day, Self::Night, Self::Auto].into_iter().find(|profile| profile.as_str() == word)
    }
}

/// `{"profile":"day"|"night"|"auto","source":"manual"|"auto"}`.
///
/// The predecessor sends a fixed profile with source `auto` when the clock shall decide again; so source `auto`
/// means [`Profile::Auto`] whatever the profile says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileMessage {
    /// What simulators shall follow.
    pub profile: Profile,
}

impl ProfileMessage {
    /// Reads one.
    ///
    /// # Errors
    /// A [`Rejection`] that says where and why.
    pub fn decode(payload: &[u8]) -> Result<Self, Rejection> {
        let value = parse_json(payload, PROFILE_LEN_MAX)?;
        let mut fields = Fields::of(&value, "")?;
        let profile = fields.required("profile")?.word(Profile::of, "day, night or auto")?;
        let by_clock = fields
            .optional("source")
            .map(|field| {
                field.word(
                    |word| matches!(word, "manual" | "auto").then_some(word == "auto"),
                    "manual or auto",
                )
            })
            .transpose()?
            .unwrap_or(false);
        Ok(Self { profile: if by_clock { Profile::Auto } else { profile } })
    }

    /// The bytes that go out, retained.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let source = if self.profile == Profile::Auto { "auto" } else { "manual" };
        json!({"profile": self.profile.as_str(), "source": source}).to_string().into_bytes()
    }
}
