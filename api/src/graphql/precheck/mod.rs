//! What a document may cost before anything of the library looks at it: checked in time linear in its length, with no
//! recursion on what has not been bounded.
//!
//! Three steps, each safe because of the one before: the text's tokens and nesting (so that the parser cannot overflow
//! its stack), the parsed document's shape (so that validation, which follows fragments to wherever they are spread,
//! cannot explode), and the variables. Knows neither the schema nor who asks.

mod shape;
mod text;
mod variables;

use async_graphql::{Request, ServerError};
use thiserror::Error;

/// Why a request is refused: which bound, how much there is, and how much is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Excess {
    /// Something there are too many of.
    #[error("the query has too many {what}: at most {most} are accepted")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are accepted.
        most: usize,
    },
    /// Something that is nested too deep.
    #[error("the query is nested too deep in its {what}: at most {most} levels are accepted")]
    TooDeep {
        /// What.
        what: &'static str,
        /// How many levels are accepted.
        most: usize,
    },
    /// A name of a length that nobody gives.
    #[error("the query has a name that is too long: at most {0} characters are accepted")]
    LongName(usize),
    /// A fragment that comes back to itself.
    #[error("a fragment of the query spreads itself")]
    Cycle,
}

/// What was counted: the work of the check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Measure {
    /// Tokens of the text.
    tokens: usize,
    /// Nodes of the document and of the variables that were looked at, each time that they were.
    steps: usize,
}

/// Checks a request, and keeps the parsed document in it so that it is parsed once.
///
/// # Errors
/// What is too much, or where the text is no GraphQL.
pub(crate) fn check(request: &mut Request) -> Result<(), ServerError> {
    measure(request, &mut Measure::default())
}

fn measure(request: &mut Request, measure: &mut Measure) -> Result<(), ServerError> {
    measure.tokens = text::scan(&request.query).map_err(|excess| refused(&excess))?;
    variables::walk(&request.variables, &mut measure.steps).map_err(|excess| refused(&excess))?;
    let document = request.parsed_query()?;
    shape::walk(document, &mut measure.steps).map_err(|excess| refused(&excess))
}

/// Without a code of its own: like all that the library refuses, it is the request's fault.
fn refused(excess: &Excess) -> ServerError {
    ServerError::new(excess.to_string(), None)
}

#[cfg(test)]
mod tests;
