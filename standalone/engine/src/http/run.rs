//! Owns the running of one statement on a blocking thread: read its head, wait for a turn, set the session
//! up, then stream rows in or the answer out. It must not know HTTP headers.

use std::io::{Cursor, Read};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::body::RequestBody;
use super::request::Prepared;
use crate::chunks::{self, Joiner, Joining};
use crate::connection::{Connection, Counts, Parameters};
use crate::engine::Engine;
use crate::error::{DbError, code};
use crate::sql::{self, Statement};

/// A statement must end (or its rows begin) within so many bytes.
const HEAD_BYTES_MAX: usize = 256 << 10;
/// Largest statement that has no rows behind it.
const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// Rows are handed to the engine in pieces of this size.
const APPEND_BYTES: usize = 1 << 20;
/// Answers up to this size are sent whole: an error within them still becomes a proper HTTP status.
const BUFFERED_BYTES_MAX: usize = 1 << 20;
/// Largest answer in a format that cannot be streamed, such as JSON: it is held in memory whole.
const WHOLE_BYTES_MAX: usize = 256 << 20;
/// Chunks of a long answer that may wait for a slow client.
const ANSWER_CHUNKS_MAX: usize = 4;
/// What ClickHouse answers in when nobody names a format.
const DEFAULT_FORMAT: &str = "TabSeparated";

/// The beginning of an answer: all of it, or the first part with more to come.
pub(super) struct Started {
    pub(super) format: String,
    pub(super) first: Bytes,
    pub(super) counts: Counts,
    pub(super) rest: Option<mpsc::Receiver<Result<Bytes, DbError>>>,
}

impl Started {
    fn whole(format: &str, data: Vec<u8>, counts: Counts) -> Self {
        Self { format: format.to_owned(), first: data.into(), counts, rest: None }
    }
}

type Reply = oneshot::Sender<Result<Started, DbError>>;

/// Runs one statement and answers through `reply`. Blocks until it has ended.
pub(super) fn statement(
    engine: &Engine,
    prepared: Prepared,
    body: Option<RequestBody>,
    reply: Reply,
) {
    match read_head(&prepared.query, body) {
        Err(error) => answer(reply, Err(error)),
        Ok((head, body)) => run(engine, prepared, &head, body, reply),
    }
}

fn answer(reply: Reply, result: Result<Started, DbError>) {
    // A client that has gone needs no answer.
    drop(reply.send(result));
}

fn run(engine: &Engine, prepared: Prepared, head: &[u8], body: Option<RequestBody>, reply: Reply) {
    let parameters = Parameters::new(prepared.parameters);
    let kind = sql::statement(head);
    // The permit outlives the connection: a turn ends when the session is gone.
    let session = engine.admit().and_then(|permit| {
        let mut connection = engine.connect()?;
        for setup in &prepared.session {
            connection.query(setup.as_bytes(), DEFAULT_FORMAT, &Parameters::default())?;
        }
        Ok((connection, permit))
    });
    let (mut connection, _permit) = match session {
        Ok(session) => session,
        Err(error) => return answer(reply, Err(error)),
    };
    let default_format = prepared.default_format.as_deref().unwrap_or(DEFAULT_FORMAT);
    match kind {
        Statement::Insert { sql, format, data } => {
            let rows = Cursor::new(head[data..].to_vec()).chain(body.unwrap_or_else(nothing));
            let counts = insert(&mut connection, &head[sql], &format, &parameters, rows);
            answer(reply, counts.map(|counts| Started::whole(default_format, Vec::new(), counts)));
        }
        kind => match read_rest(head, body) {
            Err(error) => answer(reply, Err(error)),
            Ok(text) => query(&mut connection, &text, default_format, &parameters, kind, reply),
        },
    }
}

fn nothing() -> RequestBody {
    Box::new(std::io::empty())
}

/// The statement as far as it is needed to tell what it is, and the body that follows it.
fn read_head(
    query: &str,
    body: Option<RequestBody>,
) -> Result<(Vec<u8>, Option<RequestBody>), DbError> {
    let mut head = query.as_bytes().to_vec();
    let Some(mut body) = body else {
        return Ok((head, None));
    };
    if !head.is_empty() {
        // ClickHouse puts a line end between the URL's part of the statement and the body.
        head.push(b'\n');
        if matches!(sql::statement(&head), Statement::Insert { .. }) {
            return Ok((head, Some(body)));
        }
    }
    (&mut body).take(HEAD_BYTES_MAX as u64).read_to_end(&mut head).map_err(unreadable)?;
    Ok((head, Some(body)))
}

/// The whole text of a statement that has no rows behind it.
fn read_rest(head: &[u8], body: Option<RequestBody>) -> Result<Vec<u8>, DbError> {
    let mut text = head.to_vec();
    if let Some(body) = body {
        body.take(STATEMENT_BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    }
    if text.len() > STATEMENT_BYTES_MAX {
        let text = format!("The statement is longer than {STATEMENT_BYTES_MAX} bytes");
        return Err(DbError::new(code::QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE", &text));
    }
    Ok(text)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err takes")]
fn unreadable(error: std::io::Error) -> DbError {
    let text = format!("Cannot read the request's body: {error}");
    DbError::new(code::CANNOT_READ_ALL_DATA, "CANNOT_READ_ALL_DATA", &text)
}

/// Streams rows in. A body that breaks off cancels the INSERT: nothing of it is stored.
fn insert(
    connection: &mut Connection,
    sql: &[u8],
    format: &str,
    parameters: &Parameters,
    mut rows: impl Read,
) -> Result<Counts, DbError> {
    let mut stream = connection.insert(sql, format, parameters)?;
    let mut buffer = Vec::with_capacity(APPEND_BYTES);
    loop {
        buffer.clear();
        (&mut rows).take(APPEND_BYTES as u64).read_to_end(&mut buffer).map_err(unreadable)?;
        if buffer.is_empty() {
            return stream.finish();
        }
        if let Err(error) = stream.append(&buffer) {
            // The cause is told by the end of the stream; `append` only says that there is one.
            return Err(stream.finish().err().unwrap_or(error));
        }
    }
}

fn query(
    connection: &mut Connection,
    text: &[u8],
    default_format: &str,
    parameters: &Parameters,
    kind: Statement,
    reply: Reply,
) {
    if connection.statement_count(text) > 1 {
        let error = "Multi-statements are not allowed";
        return answer(reply, Err(DbError::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", error)));
    }
    if sql::writes_outfile(text) {
        let error = "INTO OUTFILE is not allowed";
        return answer(reply, Err(DbError::new(code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", error)));
    }
    let format = sql::output_format(text).unwrap_or_else(|| default_format.to_owned());
    let reply = match chunks::joining(&format).filter(|_| kind == Statement::Select) {
        Some(joining) => {
            match stream_answer(connection, text, default_format, joining, parameters, reply) {
                Some(reply) => reply,
                None => return,
            }
        }
        None => reply,
    };
    let limit = format!("SET max_result_bytes = {WHOLE_BYTES_MAX}, result_overflow_mode = 'throw'");
    if let Err(error) = connection.query(limit.as_bytes(), DEFAULT_FORMAT, &Parameters::default()) {
        return answer(reply, Err(error));
    }
    let whole = connection.query(text, default_format, parameters);
    answer(reply, whole.map(|whole| Started::whole(&format, whole.data, whole.counts)));
}

/// Streams an answer out. Gives `reply` back when the statement turns out to have no streamed form.
fn stream_answer(
    connection: &mut Connection,
    text: &[u8],
    default_format: &str,
    joining: Joining,
    parameters: &Parameters,
    reply: Reply,
) -> Option<Reply> {
    let format = sql::output_format(text).unwrap_or_else(|| default_format.to_owned());
    let mut joiner = Joiner::new(joining);
    let mut stream = match connection.stream(text, default_format, parameters) {
        Ok(stream) => stream,
        Err(error) if error.is_not_streamable() => return Some(reply),
        Err(error) => {
            answer(reply, Err(error));
            return None;
        }
    };
    let mut first = Vec::new();
    let mut counts = Counts::default();
    while first.len() < BUFFERED_BYTES_MAX {
        match stream.next() {
            Ok(Some(chunk)) => {
                counts.take_in(chunk.counts);
                first.extend_from_slice(joiner.take(&chunk.data));
            }
            Ok(None) => {
                answer(reply, Ok(Started::whole(&format, first, counts)));
                return None;
            }
            Err(error) => {
                answer(reply, Err(error));
                return None;
            }
        }
    }
    let (sender, rest) = mpsc::channel(ANSWER_CHUNKS_MAX);
    answer(
        reply,
        Ok(Started { format: format.to_owned(), first: first.into(), counts, rest: Some(rest) }),
    );
    while let Some(chunk) = stream.next().transpose() {
        let failed = chunk.is_err();
        // Dropping the stream cancels the query of a client that has gone.
        if sender
            .blocking_send(chunk.map(|chunk| Bytes::copy_from_slice(joiner.take(&chunk.data))))
            .is_err()
            || failed
        {
            break;
        }
    }
    None
}
