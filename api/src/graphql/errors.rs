//! Errors as clients see them: a stable code and words that say what was wrong and what is accepted. Never a source error.

use async_graphql::{Error, ErrorExtensions, Response, ServerError, Value};

use schemas::registry::Refused;

use crate::caps::ERRORS_TOLD_MAX;
use crate::store::history::HistoryError;
use crate::store::ingest::IngestError;
use crate::store::operator::WriteError;
use crate::store::tracking::TrackingError;

/// `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No valid token.
    Unauthenticated,
    /// The role does not allow it.
    Forbidden,
    /// Something in the request is not accepted.
    BadUserInput,
    /// There is no such thing.
    NotFound,
    /// A part that this needs is away.
    Unavailable,
    /// It took too long.
    Timeout,
    /// An id that no document has; the word is the one that clients of persisted queries look for.
    UnknownDocument,
}

impl Code {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::Unavailable => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::UnknownDocument => "PERSISTED_QUERY_NOT_FOUND",
        }
    }

    /// An error of this code.
    pub fn error(self, message: impl Into<String>) -> Error {
        Error::new(message).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }
}

impl From<&HistoryError> for Code {
    fn from(error: &HistoryError) -> Self {
        match error {
            HistoryError::Unavailable => Self::Unavailable,
            HistoryError::Timeout(_) => Self::Timeout,
            HistoryError::Plan(_) => Self::BadUserInput,
        }
    }
}

impl From<&TrackingError> for Code {
    fn from(error: &TrackingError) -> Self {
        match error {
            TrackingError::Window(_) => Self::BadUserInput,
            TrackingError::Incomplete => Self::Unavailable,
            TrackingError::History(error) => error.into(),
        }
    }
}

impl From<&IngestError> for Code {
    fn from(error: &IngestError) -> Self {
        match error {
            IngestError::Refused(_) => Self::BadUserInput,
            IngestError::Busy | IngestError::Unavailable => Self::Unavailable,
            IngestError::Unconfirmed => Self::Timeout,
        }
    }
}

pub(super) fn bad_input(message: impl Into<String>) -> Error {
    Code::BadUserInput.error(message)
}

pub(super) fn history(error: &HistoryError) -> Error {
    Code::from(error).error(error.to_string())
}

pub(super) fn write(error: &WriteError) -> Error {
    let code = match error {
        WriteError::Refused(
            Refused::UnknownFeeder(_)
            | Refused::UnknownDevice(_)
            | Refused::UnknownEvent(_)
            | Refused::UnknownProgram(_),
        ) => Code::NotFound,
        WriteError::Refused(_) => Code::BadUserInput,
        WriteError::Unavailable => Code::Unavailable,
        WriteError::Unconfirmed(_) => Code::Timeout,
    };
    code.error(error.to_string())
}

pub(super) fn ingest(error: &IngestError) -> Error {
    Code::from(error).error(error.to_string())
}

pub(super) fn tracking(error: &TrackingError) -> Error {
    let words = match error {
        TrackingError::Window(_) => format!("windowMinutes: {error}"),
        TrackingError::Incomplete | TrackingError::History(_) => error.to_string(),
    };
    Code::from(error).error(words)
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// An answer that says only why there is none.
pub(crate) fn refusal(code: Code, message: &str) -> Response {
    let error = code.error(message);
    Response::from_errors(vec![ServerError {
        extensions: error.extensions,
        ..ServerError::new(message, None)
    }])
}

/// Gives every error a code: what the library refuses before or while reading arguments is the request's fault. Only the
/// first errors are told.
pub(crate) fn label(mut response: Response) -> Response {
    response.errors.truncate(ERRORS_TOLD_MAX);
    for error in &mut response.errors {
        if code_of(error).is_none() {
            error.extensions.get_or_insert_default().set("code", Code::BadUserInput.as_str());
        }
    }
    response
}

/// How a response counts: `ok`, or the code of its first error.
pub(crate) fn outcome(response: &Response) -> String {
    response.errors.first().map_or("ok", |error| code_of(error).unwrap_or("unknown")).to_owned()
}
