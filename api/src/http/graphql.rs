//! `POST /graphql`, as GraphQL over HTTP has it: one JSON request, one answer. Whoever has no valid token is answered before
//! the body is read.
//!
//! A client that accepts `application/graphql-response+json` gets 400 when its request could not be run; others get
//! 200 with errors inside, as older clients expect.

use async_graphql::Response as GraphqlResponse;
use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::App;
use super::client::Client;
use super::error::ApiError;
use super::proof::{self, Unproved};
use crate::graphql::{Asker, Code, Malformed, Source, outcome, refusal, run};
use crate::metrics;

const GRAPHQL_JSON: &str = "application/graphql-response+json";
const JSON: &str = "application/json; charset=utf-8";

/// Runs a query or a mutation.
pub(super) async fn answer(State(app): State<App>, client: Client, request: Request) -> Response {
    let modern = accepts_graphql(request.headers());
    let user = match proof::caller(&app.auth, request.method(), request.headers()).await {
        Ok(Some(user)) => user,
        Ok(None) => {
            return unauthenticated(
                modern,
                "log in first: send the token of POST /api/auth/login as \"Authorization: Bearer …\"",
            );
        }
        Err(unproved @ Unproved::Forged) => {
            let refusal = refusal(Code::Forbidden, &unproved.to_string());
            return respond(StatusCode::FORBIDDEN, modern, &refusal);
        }
        Err(unproved @ Unproved::ProviderAway) => {
            let refusal = refusal(Code::Unavailable, &unproved.to_string());
            return respond(StatusCode::SERVICE_UNAVAILABLE, modern, &refusal);
        }
        Err(Unproved::Header | Unproved::Token) => {
            return unauthenticated(modern, "Invalid or expired token");
        }
    };
    if !is_json(request.headers()) {
        let message = "send the request as Content-Type: application/json";
        let refusal = refusal(Code::BadUserInput, message);
        return respond(StatusCode::UNSUPPORTED_MEDIA_TYPE, modern, &refusal);
    }
    let asker =
        Asker { user, proved_by: proof::proved_by(request.headers()), source: Source(client.0) };
    let body: Bytes = match request.extract().await {
        Ok(body) => body,
        Err(rejection) => return ApiError::body(&rejection, app.body_limit).into_response(),
    };
    let started = Instant::now();
    let response = match run(&app.pool, &app.schema, &app.documents, asker, body.into()).await {
        Ok(response) => response,
        Err(Malformed(words)) => {
            return respond(StatusCode::BAD_REQUEST, modern, &refusal(Code::BadUserInput, words));
        }
    };
    metrics::observe_graphql(&outcome(&response), started.elapsed());
    let status =
        if modern && never_ran(&response) { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    respond(status, modern, &response)
}

fn unauthenticated(modern: bool, words: &str) -> Response {
    let refusal = refusal(Code::Unauthenticated, words);
    let mut response = respond(StatusCode::UNAUTHORIZED, modern, &refusal);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn respond(status: StatusCode, modern: bool, response: &GraphqlResponse) -> Response {
    let content_type = if modern { GRAPHQL_JSON } else { JSON };
    let body = if never_ran(response) {
        serde_json::to_vec(&serde_json::json!({"errors": response.errors}))
    } else {
        serde_json::to_vec(response)
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
