//! Owns the answers: status, headers, the body's stream, and the cancelling of statements whose client has
//! gone. It must not know how statements run.

use std::sync::{Arc, Weak};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, stream};

use super::Shared;
use super::frames;
use super::run::Started;
use crate::connection::Counts;
use crate::engine::Engine;
use crate::error::DbError;

const FORMAT: HeaderName = HeaderName::from_static("x-clickhouse-format");
const QUERY_ID: HeaderName = HeaderName::from_static("x-clickhouse-query-id");
const SUMMARY: HeaderName = HeaderName::from_static("x-clickhouse-summary");
const TIMEZONE: HeaderName = HeaderName::from_static("x-clickhouse-timezone");
const SERVER: HeaderName = HeaderName::from_static("x-clickhouse-server-display-name");
const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const EXCEPTION_TAG: HeaderName = HeaderName::from_static("x-clickhouse-exception-tag");
/// Length of the tag that marks an error inside a body that was already under way.
const TAG_CHARS: usize = 16;

/// Is there as long as a statement runs: its thread has it.
pub(super) type Runs = Arc<()>;

/// Cancels the statement when dropped before it has ended: the client has gone.
pub(super) struct CancelGuard {
    shared: Shared,
    tag: Option<String>,
    runs: Weak<()>,
}

impl CancelGuard {
    pub(super) fn new(shared: &Shared, tag: &str) -> (Self, Runs) {
        let runs = Runs::default();
        let guard =
            Self { shared: shared.clone(), tag: Some(tag.to_owned()), runs: Arc::downgrade(&runs) };
        (guard, runs)
    }

    /// The statement has ended: there is nothing to cancel.
    pub(super) fn ended(mut self) {
        self.tag = None;
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let Some(tag) = self.tag.take() {
            let (engine, runs): (Engine, _) = (self.shared.engine.clone(), self.runs.clone());
            self.shared
                .tasks
                .spawn_blocking(move || engine.cancel(&tag, || runs.strong_count() > 0));
        }
    }
}

pub(super) fn success(
    shared: &Shared,
    started: Started,
    query_id: &str,
    guard: CancelGuard,
    framed: bool,
) -> Response {
    let tag: String = uuid::Uuid::new_v4().simple().to_string().chars().take(TAG_CHARS).collect();
    let body = match started.rest {
        None => {
            guard.ended();
            Body::from(started.first)
        }
        Some(rest) => {
            let first = stream::iter([Ok::<Bytes, std::io::Error>(started.first)]);
            let rest = Rest { chunks: rest, guard: Some(guard), tag: tag.clone(), framed };
            Body::from_stream(first.chain(stream::unfold(rest, next_chunk)))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&started.format)));
    put(headers, SERVER, "derms");
    put(headers, TIMEZONE, shared.engine.timezone());
    put(headers, FORMAT, &started.format);
    put(headers, QUERY_ID, query_id);
    put(headers, SUMMARY, &summary(&started.counts));
    put(headers, EXCEPTION_TAG, &tag);
    response
}

/// What is still to come of an answer.
struct Rest {
    chunks: tokio::sync::mpsc::Receiver<Result<Bytes, DbError>>,
    guard: Option<CancelGuard>,
    tag: String,
    framed: bool,
}

/// One more chunk. An error behind a status that is already sent is written into the body, between
/// marks that ClickHouse's clients look for.
async fn next_chunk(mut rest: Rest) -> Option<(Result<Bytes, std::io::Error>, Rest)> {
    let chunk = match rest.chunks.recv().await {
        Some(Ok(chunk)) => chunk,
        end => {
            if let Some(guard) = rest.guard.take() {
                guard.ended();
            }
            let Some(Err(error)) = end else { return None };
            let (message, tag) = (format!("{error}\n"), &rest.tag);
            let marked = format!(
                "\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n",
                message.len()
            );
            rest.chunks.close();
            frames::packed(marked.into(), rest.framed)
        }
    };
    Some((Ok(chunk), rest))
}

pub(super) fn failure(error: &DbError, query_id: &str, framed: bool) -> Response {
    let mut response =
        Response::new(Body::from(frames::packed(format!("{error}\n").into(), framed)));
    *response.status_mut() = status(error.code);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    headers.insert(EXCEPTION_CODE, HeaderValue::from(error.code));
    put(headers, QUERY_ID, query_id);
    response
}

/// Puts a header unless its text cannot be one (a client's query id may hold anything).
fn put(headers: &mut axum::http::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn summary(counts: &Counts) -> String {
    serde_json::json!({
        "read_rows": counts.read_rows.to_string(),
        "read_bytes": counts.read_bytes.to_string(),
        "written_rows": counts.written_rows.to_string(),
        "written_bytes": counts.written_bytes.to_string(),
        "total_rows_to_read": counts.read_rows.to_string(),
        "result_rows": counts.result_rows.to_string(),
        "result_bytes": "0",
        "elapsed_ns": "0",
    })
    .to_string()
}

fn content_type(format: &str) -> &'static str {
    match format {
        "JSON" | "JSONCompact" | "JSONStrings" | "JSONColumns" => "application/json; charset=UTF-8",
        "JSONEachRow" | "JSONCompactEachRow" | "NDJSON" => "application/x-ndjson; charset=UTF-8",
        "CSV" => "text/csv; charset=UTF-8; header=absent",
        "CSVWithNames" => "text/csv; charset=UTF-8; header=present",
        "TabSeparated" | "TSV" | "TabSeparatedWithNames" | "TSVWithNames" => {
            "text/tab-separated-values; charset=UTF-8"
        }
        "RowBinary" | "RowBinaryWithNamesAndTypes" | "Native" | "Parquet" | "Arrow" => {
            "application/octet-stream"
        }
        _ => "text/plain; charset=UTF-8",
    }
}

/// The status that ClickHouse's server gives for an error code.
fn status(code: u32) -> StatusCode {
    match code {
        6 | 27 | 26 | 33 | 36 | 38 | 41 | 43 | 53 | 62 | 69 | 70 | 72 | 117 | 130 | 456 | 457 => {
            StatusCode::BAD_REQUEST
        }
        16 | 46 | 47 | 50 | 56 | 60 | 63 | 73 | 81 | 115 | 137 => StatusCode::NOT_FOUND,
        164 | 192 | 193 | 452 | 497 | 516 => StatusCode::FORBIDDEN,
        223 => StatusCode::PAYLOAD_TOO_LARGE,
        48 => StatusCode::NOT_IMPLEMENTED,
        159 => StatusCode::GATEWAY_TIMEOUT,
        202 | 236 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_carry_their_code_and_a_fitting_status() {
        let error = DbError::from_engine("Code: 60. DB::Exception: no such table".into());
        let response = failure(&error, "some id", false);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[EXCEPTION_CODE], "60");
    }

    #[test]
    fn a_query_id_that_cannot_be_a_header_is_left_out() {
        let response = failure(&DbError::unexplained(), "two\nlines", false);
        assert!(!response.headers().contains_key(QUERY_ID));
    }
}
