//! One query or mutation from its bytes to its answer's, on the pool.

use std::sync::Arc;

use async_graphql::{Request, Response};

use super::errors::{label, refusal};
use super::pool::{Pool, Unrun};
use super::{ApiSchema, Code, Documents, ProvedBy, Source, documents, precheck};
use crate::auth::AuthUser;

/// Who asks, and by what they have proved it.
pub(crate) struct Asker {
    pub(crate) user: AuthUser,
    pub(crate) proved_by: ProvedBy,
    pub(crate) source: Source,
}

/// A body that is no request; the words say what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads, checks and runs the body of a request; none of it on a thread that others wait for.
///
/// # Errors
/// [`Malformed`].
pub(crate) async fn run(
    pool: &Pool,
    schema: &ApiSchema,
    documents: &Arc<Documents>,
    Asker { user, proved_by, source }: Asker,
    body: Vec<u8>,
) -> Result<Response, Malformed> {
    let (schema, documents, name) = (schema.clone(), Arc::clone(documents), user.name.clone());
    let work = move || async move {
        let mut request = read(&body)?;
        drop(body);
        let found = documents.find(&mut request, proved_by);
        match found.and_then(|()| precheck::check(&mut request)) {
            Ok(()) => Ok(schema.execute(request.data(user).data(source)).await),
            Err(error) => Ok(Response::from_errors(vec![error])),
        }
    };
    match pool.run(&name, work).await {
        Ok(read) => read.map(label),
        Err(unrun) => Ok(answer(Err(unrun))),
    }
}

/// The answer of something that was to run on the pool.
pub(super) fn answer(outcome: Result<Response, Unrun>) -> Response {
    match outcome {
        Ok(response) => label(response),
        Err(unrun @ Unrun::Timeout) => refusal(Code::Timeout, &unrun.to_string()),
        Err(unrun) => refusal(Code::Unavailable, &unrun.to_string()),
    }
}

fn read(body: &[u8]) -> Result<Request, Malformed> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| Malformed("the body is not JSON"))?;
    if value.is_array() {
        return Err(Malformed("batches are not accepted: send one request at a time"));
    }
    let has_query = value.get("query").is_some_and(serde_json::Value::is_string);
    let request: Request = serde_json::from_value(value).map_err(|_| {
        Malformed(
            "\"query\" and \"operationName\" must be texts, \"variables\" and \"extensions\" objects",
        )
    })?;
    if !has_query && documents::id(&request).is_none() {
        return Err(Malformed(
            "expected {\"query\": text, \"variables\": object, \"operationName\": text}, or the id of a document of the dashboard as extensions.persistedQuery.sha256Hash",
        ));
    }
    Ok(request)
}
