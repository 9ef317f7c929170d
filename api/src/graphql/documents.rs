//! Which documents are run: those of the dashboard, which it names by their ids, and others' own where the settings allow it.
//! The dashboard's are known since it was built: nothing that anybody sends is remembered, as async-graphql's extension for
//! persisted queries would.

use std::collections::HashMap;

use async_graphql::{Request, ServerError, Value};

use super::Code;
use crate::metrics::{Refusal, count_refused};

/// `extensions.persistedQuery.sha256Hash`.
const EXTENSION: &str = "persistedQuery";
const ID: &str = "sha256Hash";
const WHERE: &str = "docs/api.md, \"Documents by their ids\"";
/// What is told again of an id that nobody knows.
const TOLD_CHARS: usize = 64;

/// Who may send documents of their own (`DERMS_GRAPHQL_DOCUMENTS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// Everybody.
    Any,
    /// Whoever brings a token; the dashboard's cookie is for the dashboard's documents.
    Tokens,
    /// Nobody.
    Known,
}

impl Accepted {
    /// From its word; any other is the strictest.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "any" => Self::Any,
            "tokens" => Self::Tokens,
            _ => Self::Known,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Tokens => "tokens",
            Self::Known => "known",
        }
    }
}

/// By what somebody has proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProvedBy {
    /// A bearer token.
    Token,
    /// The cookie of the dashboard's session.
    Cookie,
}

/// The documents that are known, and who may send others.
#[derive(Debug)]
pub(crate) struct Documents {
    known: HashMap<String, String>,
    accepted: Accepted,
}

impl Documents {
    pub(crate) fn new(accepted: Accepted) -> Self {
        let known = serde_json::from_str(schemas::graphql::DASHBOARD).expect("a map, by a test");
        Self { known, accepted }
    }

    /// Puts the text of the document in, where it is named by its id.
    ///
    /// # Errors
    /// An id that is not known, or a text where none is accepted.
    pub(crate) fn find(&self, request: &mut Request, by: ProvedBy) -> Result<(), ServerError> {
        if request.query.is_empty() {
            let Some(id) = id(request) else { return Ok(()) };
            let text = self.known.get(id).ok_or_else(|| unknown(id))?;
            request.query.clone_from(text);
            return Ok(());
        }
        let may_send = match self.accepted {
            Accepted::Any => true,
            Accepted::Tokens => by == ProvedBy::Token,
            Accepted::Known => false,
        };
        if may_send || self.known.values().any(|text| *text == request.query) {
            return Ok(());
        }
        count_refused(Refusal::Document);
        let words = self.not_accepted(by);
        Err(refused(Code::Forbidden, words))
    }

    fn not_accepted(&self, by: ProvedBy) -> String {
        let word = self.accepted.word();
        let who = match by {
            ProvedBy::Cookie => "a session cookie",
            ProvedBy::Token => "a token",
        };
        let or = match self.accepted {
            Accepted::Any | Accepted::Tokens => ", or send a token and a document of your own",
            Accepted::Known => "",
        };
        format!(
            "\"query\" is no document of the dashboard, and by {who} no other is accepted (setting DERMS_GRAPHQL_DOCUMENTS = {word}): \
             name one by extensions.{EXTENSION}.{ID}{or} ({WHERE})"
        )
    }
}

/// The id that a request names its document by.
pub(super) fn id(request: &Request) -> Option<&str> {
    let Value::Object(named) = request.extensions.0.get(EXTENSION)? else { return None };
    match named.get(ID)? {
        Value::String(id) => Some(id),
        _ => None,
    }
}

fn unknown(id: &str) -> ServerError {
    count_refused(Refusal::Document);
    let told: String = id.chars().take(TOLD_CHARS).collect();
    refused(
        Code::UnknownDocument,
        format!(
            "this server does not know the document {told:?}: a dashboard of another version must be loaded anew; \
             what is known are the documents of the dashboard that this server was built with ({WHERE})"
        ),
    )
}

fn refused(code: Code, words: String) -> ServerError {
    let mut error = ServerError::new(words, None);
    error.extensions.get_or_insert_default().set("code", code.as_str());
    error
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::json;
    use sha2::{Digest, Sha256};

    use super::super::precheck;
    use super::*;

    const OWN: &str = "{ me { name } }";

    fn known() -> HashMap<String, String> {
        Documents::new(Accepted::Known).known
    }

    fn by_id(id: &str) -> Request {
        let body = json!({"extensions": {EXTENSION: {"version": 1, ID: id}}});
        serde_json::from_value(body).expect("a request")
    }

    fn find(accepted: Accepted, mut request: Request, by: ProvedBy) -> Result<String, String> {
        let found = Documents::new(accepted).find(&mut request, by);
        found.map(|()| request.query).map_err(|error| {
            let extensions = error.extensions.expect("a code");
            format!("{} {}", extensions.get("code").expect("a code"), error.message)
        })
    }

    #[test]
    fn an_id_is_the_sha_256_of_its_text() {
        assert!(known().len() > 50, "only {} documents", known().len());
        for (id, text) in known() {
            assert_eq!(id, format!("{:x}", Sha256::digest(&text)), "{text}");
        }
    }

    #[test]
    fn no_document_of_the_dashboard_is_too_much() {
        for text in known().into_values() {
            let checked = precheck::check(&mut Request::new(text.clone()));
            assert!(checked.is_ok(), "{text}: {checked:?}");
        }
    }

    #[test]
    fn a_known_id_is_taken_from_everybody_and_no_other_from_anybody() {
        let (id, text) = known().into_iter().next().expect("a document");
        for accepted in [Accepted::Any, Accepted::Tokens, Accepted::Known] {
            for by in [ProvedBy::Token, ProvedBy::Cookie] {
                assert_eq!(find(accepted, by_id(&id), by), Ok(text.clone()));
                let other = format!("{}{}", &id[1..], &id[..1]);
                let words = find(accepted, by_id(&other), by).expect_err("not known");
                assert!(words.starts_with("\"PERSISTED_QUERY_NOT_FOUND\" "), "{words}");
                assert!(words.contains(&other) && words.contains("docs/api.md"), "{words}");
            }
        }
        let long = find(Accepted::Any, by_id(&"é".repeat(10_000)), ProvedBy::Token);
        assert!(long.expect_err("not known").len() < 500);
    }

    #[test]
    fn a_text_is_taken_from_whom_the_setting_says_and_a_known_one_from_everybody() {
        let (_, text) = known().into_iter().next().expect("a document");
        for (accepted, by, is_taken) in [
            (Accepted::Any, ProvedBy::Cookie, true),
            (Accepted::Any, ProvedBy::Token, true),
            (Accepted::Tokens, ProvedBy::Cookie, false),
            (Accepted::Tokens, ProvedBy::Token, true),
            (Accepted::Known, ProvedBy::Cookie, false),
            (Accepted::Known, ProvedBy::Token, false),
        ] {
            assert_eq!(find(accepted, Request::new(text.clone()), by), Ok(text.clone()));
            let own = find(accepted, Request::new(OWN), by);
            assert_eq!(own.is_ok(), is_taken, "{accepted:?} {by:?}: {own:?}");
            if let Err(words) = own {
                assert!(words.starts_with("\"FORBIDDEN\" "), "{words}");
                let setting = format!("DERMS_GRAPHQL_DOCUMENTS = {}", accepted.word());
                assert!(words.contains(&setting) && words.contains("docs/api.md"), "{words}");
            }
        }
    }

    #[test]
    fn an_id_beside_a_text_counts_for_nothing() {
        let (id, _) = known().into_iter().next().expect("a document");
        let mut both = by_id(&id);
        OWN.clone_into(&mut both.query);
        both.variables = Variables::default();
        assert!(find(Accepted::Tokens, both, ProvedBy::Cookie).is_err());
    }

    #[test]
    fn every_word_of_the_setting_is_known() {
        for accepted in [Accepted::Any, Accepted::Tokens, Accepted::Known] {
            assert_eq!(Accepted::from_word(accepted.word()), accepted);
        }
    }
}
