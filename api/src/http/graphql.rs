//! `POST /graphql`, as GraphQL over HTTP has it: one JSON request, one answer.
//!
//! A client that accepts `application/graphql-response+json` gets 400 when its request could not be run; others get
//! 200 with errors inside, as older clients expect.

use std::time::Duration;

use async_graphql::{Request, Response as GraphqlResponse, ServerError};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::error::ApiError;
use super::{App, MaybeUser};
use crate::graphql::{Code, label, outcome};
use crate::metrics;

const GRAPHQL_JSON: &str = "application/graphql-response+json";
const JSON: &str = "application/json; charset=utf-8";

/// Longest run of one query or mutation; shorter than the bound on the request, so that the answer is GraphQL.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a query or a mutation.
pub(super) async fn answer(
    State(app): State<App>,
    user: Result<MaybeUser, ApiError>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let modern = accepts_graphql(&headers);
    let user = match user {
        Ok(MaybeUser(user)) => user,
        Err(_) => {
            let refusal = refusal(Code::Unauthenticated, "Invalid or expired token");
            return respond(StatusCode::UNAUTHORIZED, modern, refusal);
        }
    };
    if !is_json(&headers) {
        let message = "send the request as Content-Type: application/json";
        let refusal = refusal(Code::BadUserInput, message);
        return respond(StatusCode::UNSUPPORTED_MEDIA_TYPE, modern, refusal);
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return ApiError::body(&rejection, app.body_limit).into_response(),
    };
    let mut request = match read(&body) {
        Ok(request) => request,
        Err(message) => {
            return respond(StatusCode::BAD_REQUEST, modern, refusal(Code::BadUserInput, message));
        }
    };
    match user {
        Some(user) => request = request.data(user),
        // The schema is for those who may use it.
        None => request = request.disable_introspection(),
    }
    let response = run(&app, request).await;
    let status =
        if modern && never_ran(&response) { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    respond(status, modern, response)
}

async fn run(app: &App, request: Request) -> GraphqlResponse {
    let started = Instant::now();
    let response = match tokio::time::timeout(QUERY_TIMEOUT, app.schema.execute(request)).await {
        Ok(response) => label(response),
        Err(_) => refusal(Code::Timeout, "the query took too long; ask for less, or try again"),
    };
    metrics::observe_graphql(&outcome(&response), started.elapsed());
    response
}

fn read(body: &[u8]) -> Result<Request, &'static str> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
    if value.is_array() {
        return Err("batches are not accepted: send one request at a time");
    }
    let has_query = value.get("query").is_some_and(serde_json::Value::is_string);
    if !has_query {
        return Err("expected {\"query\": text, \"variables\": object, \"operationName\": text}");
    }
    serde_json::from_value(value)
        .map_err(|_| "\"variables\" must be an object and \"operationName\" a text")
}

fn refusal(code: Code, message: &str) -> GraphqlResponse {
    let error = code.error(message);
    GraphqlResponse::from_errors(vec![ServerError {
        extensions: error.extensions,
        ..ServerError::new(message, None)
    }])
}

fn respond(status: StatusCode, modern: bool, response: GraphqlResponse) -> Response {
    let content_type = if modern { GRAPHQL_JSON } else { JSON };
    let body = if never_ran(&response) {
        serde_json::to_vec(&serde_json::json!({"errors": response.errors}))
    } else {
        serde_json::to_vec(&response)
    };
    (status, [(CONTENT_TYPE, content_type)], body.unwrap_or_default()).into_response()
}

/// Whether the request was refused before any field was asked: then there is no data, not even null.
fn never_ran(response: &GraphqlResponse) -> bool {
    !response.errors.is_empty()
        && response.data == async_graphql::Value::Null
        && response.errors.iter().all(|error| error.path.is_empty())
}

fn accepts_graphql(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(GRAPHQL_JSON))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| {
            let kind = kind.trim().to_ascii_lowercase();
            kind == "application/json" || kind == GRAPHQL_JSON
        })
}
