//! Owns the running of one statement: read its head, wait for a turn, set a session up, have it judged, then stream
//! rows in or the answer out. Reading happens before the turn, so that who sends slowly holds up nobody. It must not
//! know HTTP headers.

use std::io::{Cursor, Read};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::body::RequestBody;
use super::frames;
use super::request::Prepared;
use crate::access::QUERY_BYTES;
use crate::chunks::{self, Joiner, Joining};
use crate::connection::{Connection, Counts, Parameters};
use crate::engine::{Engine, play};
use crate::error::{DbError, code};
use crate::guard::Guard;
use crate::native::Revision;
use crate::sql::{self, Statement};

/// A statement must end (or its rows begin) within so many bytes.
const HEAD_BYTES_MAX: usize = 256 << 10;
/// Rows are handed to the engine in pieces of this size; the first is there before the turn is waited for.
const APPEND_BYTES: u64 = 1 << 20;
/// Answers up to this size are sent whole: an error within them still becomes a proper HTTP status.
const BUFFERED_BYTES_MAX: usize = 1 << 20;
/// Largest answer in a format that cannot be streamed, such as JSON: it is held in memory whole.
const WHOLE_BYTES_MAX: usize = 64 << 20;
/// Chunks of a long answer that may wait for a slow client, and how long the next waits for room.
const ANSWER_CHUNKS_MAX: usize = 4;
const SLOW_READER_MAX: Duration = Duration::from_secs(15);
/// What ClickHouse answers in when nobody names a format.
const DEFAULT_FORMAT: &str = "TabSeparated";

/// The beginning of an answer: all of it, or the first part with more to come.
pub(super) struct Started {
    pub(super) format: String,
    pub(super) first: Bytes,
    pub(super) counts: Counts,
    pub(super) rest: Option<mpsc::Receiver<Result<Bytes, DbError>>>,
}

type Reply = oneshot::Sender<Result<Started, DbError>>;

/// Where an answer goes, in which form, and on which runtime its chunks wait.
struct Client {
    reply: Reply,
    runtime: Handle,
    revision: Option<Revision>,
    framed: bool,
}

impl Client {
    fn answer(self, result: Result<Started, DbError>) {
        // A client that has gone needs no answer.
        drop(self.reply.send(result));
    }

    fn answer_whole(self, format: &str, answer: Result<(Bytes, Counts), DbError>) {
        let started = answer.map(|(data, counts)| Started {
            format: format.to_owned(),
            first: frames::packed(data, self.framed),
            counts,
            rest: None,
        });
        self.answer(started);
    }
}

/// A statement that has been read as far as it must be before its turn.
struct Arrived {
    head: Vec<u8>,
    kind: Statement,
    rows: RequestBody,
}

/// Runs one statement and answers through `reply`. Called on a blocking thread; blocks until it has ended.
pub(super) fn statement(
    engine: &Engine,
    prepared: Prepared,
    body: Option<RequestBody>,
    reply: Reply,
    runtime: Handle,
) {
    let (revision, framed) = (prepared.revision, prepared.framed);
    let client = Client { reply, runtime, revision, framed };
    let turn = read(&prepared.query, body).and_then(|read| {
        let analyst = !prepared.asker.writer;
        Ok((read, client.runtime.block_on(engine.turn(analyst))?))
    });
    let (read, turn) = match turn {
        Ok(ready) => ready,
        Err(error) => return client.answer(Err(error)),
    };
    let guarded = engine.clone();
    let ended = engine.with_session(move |connection| {
        run(connection, guarded.guard(), prepared, read, client);
    });
    drop(turn);
    if let Err(error) = ended {
        // The client's channel went down with the session, which answers it too.
        tracing::warn!(%error, "a statement's session was lost");
    }
}

fn run(
    connection: &mut Connection,
    guard: &Guard,
    prepared: Prepared,
    read: Arrived,
    client: Client,
) {
    let Arrived { head, kind, rows } = read;
    let parameters = Parameters::new(prepared.parameters.clone());
    let default_format = prepared.default_format.as_deref().unwrap_or(DEFAULT_FORMAT);
    let judged: Vec<u8> = match &kind {
        Statement::Insert { sql, format, .. } => {
            [&head[sql.clone()], b" FORMAT ", format.as_bytes()].concat()
        }
        Statement::Select | Statement::Other => head.clone(),
    };
    if let Err(error) = set_up(connection, guard, &prepared, &judged) {
        return client.answer(Err(error));
    }
    match kind {
        Statement::Insert { sql, format, data } => {
            let rows = Cursor::new(head[data..].to_vec()).chain(rows);
            let counts = insert(connection, &head[sql], &format, &parameters, rows);
            client.answer_whole(default_format, counts.map(|counts| (Bytes::new(), counts)));
        }
        kind => query(connection, &head, default_format, &parameters, kind, client),
    }
}

/// Settings and database of the session, the guard's judgement, and the part that it gives.
fn set_up(
    connection: &mut Connection,
    guard: &Guard,
    prepared: &Prepared,
    text: &[u8],
) -> Result<(), DbError> {
    for setup in &prepared.session {
        connection.query(setup.as_bytes(), DEFAULT_FORMAT, &Parameters::default())?;
    }
    let part = guard.judge(connection, text, prepared.asker)?;
    play(connection, part)?;
    if prepared.asker.reads_only || !prepared.asker.writer {
        // 2: reads only, yet the statement may still name settings of its own.
        connection.query(b"SET readonly = 2", DEFAULT_FORMAT, &Parameters::default())?;
    }
    Ok(())
}

/// Reads the statement, and of an INSERT's rows the first piece.
fn read(query: &str, body: Option<RequestBody>) -> Result<Arrived, DbError> {
    let mut head = query.as_bytes().to_vec();
    let mut body: RequestBody = body.unwrap_or_else(|| Box::new(std::io::empty()));
    if !head.is_empty() {
        // ClickHouse puts a line end between the URL's part of the statement and the body.
        head.push(b'\n');
    }
    if !matches!(sql::statement(&head), Statement::Insert { .. }) {
        (&mut body).take(HEAD_BYTES_MAX as u64).read_to_end(&mut head).map_err(unreadable)?;
    }
    let kind = sql::statement(&head);
    let ahead = match &kind {
        Statement::Insert { .. } => APPEND_BYTES,
        // One byte more than allowed tells that it is too long.
        Statement::Select | Statement::Other => QUERY_BYTES + 1,
    };
    let mut more = Vec::new();
    (&mut body).take(ahead).read_to_end(&mut more).map_err(unreadable)?;
    if matches!(kind, Statement::Insert { .. }) {
        return Ok(Arrived { head, kind, rows: Box::new(Cursor::new(more).chain(body)) });
    }
    head.extend_from_slice(&more);
    if head.len() as u64 > QUERY_BYTES {
        let text = format!("The statement is longer than {QUERY_BYTES} bytes");
        return Err(DbError::new(code::QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE", &text));
    }
    Ok(Arrived { head, kind, rows: body })
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
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        (&mut rows).take(APPEND_BYTES).read_to_end(&mut buffer).map_err(unreadable)?;
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
    client: Client,
) {
    let format = sql::output_format(text).unwrap_or_else(|| default_format.to_owned());
    let revision = client.revision.filter(|_| format.eq_ignore_ascii_case("Native"));
    if let Some(Err(error)) = revision.map(Revision::check) {
        return client.answer(Err(error));
    }
    let client = match chunks::joining(&format, revision).filter(|_| kind == Statement::Select) {
        Some(joining) => {
            let answer = Streamed { format: &format, default_format, joining };
            match answer.stream(connection, text, parameters, client) {
                Some(client) => client,
                None => return,
            }
        }
        None => client,
    };
    let limit = format!("SET max_result_bytes = {WHOLE_BYTES_MAX}");
    if let Err(error) = connection.query(limit.as_bytes(), DEFAULT_FORMAT, &Parameters::default()) {
        return client.answer(Err(error));
    }
    let whole = connection.query(text, default_format, parameters);
    let whole = whole.and_then(|whole| {
        let data = match revision {
            Some(revision) => revision.write(&whole.data, false)?,
            None => whole.data,
        };
        Ok((data.into(), whole.counts))
    });
    client.answer_whole(&format, whole);
}

/// How an answer is streamed.
struct Streamed<'a> {
    format: &'a str,
    default_format: &'a str,
    joining: Joining,
}

impl Streamed<'_> {
    /// Streams an answer out. Gives the client back when the statement turns out to have no streamed form.
    fn stream(
        &self,
        connection: &mut Connection,
        text: &[u8],
        parameters: &Parameters,
        client: Client,
    ) -> Option<Client> {
        let mut joiner = Joiner::new(self.joining);
        let mut stream = match connection.stream(text, self.default_format, parameters) {
            Ok(stream) => stream,
            Err(error) if error.is_not_streamable() => return Some(client),
            Err(error) => {
                client.answer(Err(error));
                return None;
            }
        };
        let mut first = BytesMut::new();
        let mut counts = Counts::default();
        while first.len() < BUFFERED_BYTES_MAX {
            let chunk = stream.next().and_then(|chunk| {
                chunk.map(|chunk| Ok((joiner.take(chunk.data)?, chunk.counts))).transpose()
            });
            match chunk {
                Ok(Some((data, more))) => {
                    counts.take_in(more);
                    first.extend_from_slice(&data);
                }
                Ok(None) => {
                    client.answer_whole(self.format, Ok((first.freeze(), counts)));
                    return None;
                }
                Err(error) => {
                    client.answer(Err(error));
                    return None;
                }
            }
        }
        let (sender, rest) = mpsc::channel(ANSWER_CHUNKS_MAX);
        let (runtime, framed) = (client.runtime.clone(), client.framed);
        let (format, first) = (self.format.to_owned(), frames::packed(first.freeze(), framed));
        client.answer(Ok(Started { format, first, counts, rest: Some(rest) }));
        while let Some(chunk) = stream.next().transpose() {
            let chunk = chunk.and_then(|chunk| joiner.take(chunk.data));
            let failed = chunk.is_err();
            let chunk = chunk.map(|chunk| frames::packed(chunk, framed));
            // Dropping the stream cancels the query of a client that has gone, or does not read on.
            let sent = runtime.block_on(sender.send_timeout(chunk, SLOW_READER_MAX));
            if sent.is_err() || failed {
                break;
            }
        }
        None
    }
}
