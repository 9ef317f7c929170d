//! What the value of a setting looks like, and what it is read as.

use std::marker::PhantomData;

use schemas::mqtt::Topics;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A text that is never shown, with a least length.
    Secret {
        /// Least number of characters.
        min_len: usize,
    },
    /// A whole number with its unit.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// Unit.
        unit: &'static str,
    },
    /// A number with its unit.
    Float {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// Unit.
        unit: &'static str,
    },
    /// true or false.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A TCP port.
    Port,
    /// HOST:PORT of this machine to listen on.
    Address,
    /// An http or https address.
    Url,
    /// What MQTT topics begin with.
    TopicPrefix,
}

/// Reads yes or no.
pub(super) fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

impl Kind {
    /// Whether a value is one of this kind.
    #[must_use]
    pub fn accepts_value(self, text: &str) -> bool {
        match self {
            Self::Text => !text.is_empty(),
            Self::Secret { min_len } => text.chars().count() >= min_len,
            Self::Int { min, max, .. } => {
                text.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Self::Float { min, max, .. } => {
                text.parse::<f64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Self::Flag => parse_flag(text).is_some(),
            Self::Choice(words) => words.contains(&text),
            Self::Port => text.parse::<u16>().is_ok(),
            Self::Address => text.parse::<std::net::SocketAddr>().is_ok(),
            Self::Url => text.starts_with("http://") || text.starts_with("https://"),
            Self::TopicPrefix => Topics::new(text).is_ok(),
        }
    }

    /// What is accepted, in words.
    #[must_use]
    pub fn accepts(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Secret { min_len: 0 | 1 } => "a secret text".to_owned(),
            Self::Secret { min_len } => format!("a secret text of at least {min_len} characters"),
            Self::Int { min, max, unit } => {
                format!("a whole number from {min} to {max} {unit}").trim_end().to_owned()
            }
            Self::Float { min, max, unit } => {
                format!("a number from {min} to {max} {unit}").trim_end().to_owned()
            }
            Self::Flag => "true or false".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Port => "a TCP port from 0 (any free one) to 65535".to_owned(),
            Self::Address => "ADDRESS:PORT to listen on".to_owned(),
            Self::Url => "an http:// or https:// address".to_owned(),
            Self::TopicPrefix => {
                "a topic prefix: no level empty, no + or #, no $ at the beginning".to_owned()
            }
        }
    }
}

/// A kind whose values are read as `T`, one of the types below.
#[derive(Debug, Clone, Copy)]
pub(super) struct As<T> {
    pub(super) kind: Kind,
    read: PhantomData<fn() -> T>,
}

impl<T> As<T> {
    const fn new(kind: Kind) -> Self {
        Self { kind, read: PhantomData }
    }
}

macro_rules! read_as {
    ($($(#[$doc:meta])+ $name:ident;)+) => {
        $($(#[$doc])+ #[derive(Debug, Clone, Copy)] pub enum $name {})+
    };
}

read_as! {
    /// Read as a text: also a path, an address of the web.
    Text;
    /// Read as a secret, which is never printed.
    Secret;
    /// Read as a whole number.
    Whole;
    /// Read as a number.
    Number;
    /// Read as yes or no.
    Flag;
    /// Read as a TCP port.
    Port;
    /// Read as an address to listen on.
    Address;
    /// Read as the topics under a prefix.
    TopicPrefix;
}

pub(super) const TEXT: As<Text> = As::new(Kind::Text);
pub(super) const URL: As<Text> = As::new(Kind::Url);
pub(super) const FLAG: As<Flag> = As::new(Kind::Flag);
pub(super) const PORT_NUMBER: As<Port> = As::new(Kind::Port);
pub(super) const ADDRESS: As<Address> = As::new(Kind::Address);
pub(super) const TOPIC_PREFIX: As<TopicPrefix> = As::new(Kind::TopicPrefix);

pub(super) const fn secret(min_len: usize) -> As<Secret> {
    As::new(Kind::Secret { min_len })
}

pub(super) const fn words(words: &'static [&'static str]) -> As<Text> {
    As::new(Kind::Choice(words))
}

pub(super) const fn ms(min: i64, max: i64) -> As<Whole> {
    int(min, max, "ms")
}

pub(super) const fn int(min: i64, max: i64, unit: &'static str) -> As<Whole> {
    As::new(Kind::Int { min, max, unit })
}

pub(super) const fn float(min: f64, max: f64, unit: &'static str) -> As<Number> {
    As::new(Kind::Float { min, max, unit })
}
