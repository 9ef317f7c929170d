//! Owns the safe face of the C interface: a connection runs one statement at a time, results and streams
//! are freed exactly once. It must not know HTTP, queues or settings.

use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr;

use crate::error::DbError;
use crate::ffi::{Api, Begin, RawAnalysis, RawConnection, RawInsert, RawResult};

/// The value by which the C interface reports success.
const SUCCESS: i32 = 0;

/// What one statement read and wrote, as the engine counts it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) result_rows: u64,
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
}

impl Counts {
    /// Adds a further chunk: result rows add up, the engine's progress figures only grow.
    pub(crate) fn take_in(&mut self, chunk: Counts) {
        self.result_rows += chunk.result_rows;
        self.read_rows = self.read_rows.max(chunk.read_rows);
        self.read_bytes = self.read_bytes.max(chunk.read_bytes);
        self.written_rows = self.written_rows.max(chunk.written_rows);
        self.written_bytes = self.written_bytes.max(chunk.written_bytes);
    }
}

/// A whole answer, or one chunk of a streamed one.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) data: Vec<u8>,
    pub(crate) counts: Counts,
}

/// A statement's kind, as the library tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It changes nothing.
    Reading,
    /// It changes tables or what is in them.
    Changing,
    /// It is about the session or the server: `SET`, `SYSTEM`, `KILL`, `BACKUP`, and whatever writes a file.
    Control,
    /// Anything else: users, functions, collections, and what does not parse.
    Unknown,
}

/// What a text holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Classified {
    pub(crate) statements: u32,
    pub(crate) class: Class,
}

/// One session of the engine: its own settings, current database and temporary tables.
pub(crate) struct Connection {
    api: &'static Api,
    raw: RawConnection,
}

// SAFETY: the engine runs each statement on threads of its own and ties nothing to the caller's thread.
// All methods take `&mut self`, so that a connection is never used from two threads at once.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens a connection to the engine's data at `path`; the first one starts the engine with `config`.
    /// `None` means that the engine refused and gave no reason.
    pub(crate) fn open(api: &'static Api, path: &Path, config: &Path) -> Option<Self> {
        let argument = |name: &str, path: &Path| {
            CString::new([name.as_bytes(), path.as_os_str().as_encoded_bytes()].concat()).ok()
        };
        let arguments = [
            CString::new("clickhouse").ok()?,
            argument("--path=", path)?,
            argument("--config-file=", config)?,
        ];
        let mut pointers = arguments.each_ref().map(|argument| argument.as_ptr().cast_mut());
        // SAFETY: argc and argv describe three live, terminated strings; the engine copies them.
        let raw = unsafe { (api.connect)(3, pointers.as_mut_ptr()) };
        // SAFETY: a non-null answer points to the handle, which is null when the engine did not start.
        if raw.is_null() || unsafe { *raw }.is_null() { None } else { Some(Self { api, raw }) }
    }

    fn handle(&self) -> *mut c_void {
        // SAFETY: `raw` came from a successful connect and is closed only in `drop`.
        unsafe { *self.raw }
    }

    /// What the engine's own parser makes of a text: how many statements, and of which kind.
    pub(crate) fn classify(&mut self, sql: &[u8]) -> Classified {
        let mut analysis = RawAnalysis {
            struct_size: size_of::<RawAnalysis>() as u32,
            statement_count: 0,
            flags: 0,
            query_class: 0,
        };
        // SAFETY: pointer and length describe live bytes, no target database is passed, and the
        // analysis is a live struct that says its own size.
        let state = unsafe {
            (self.api.classify_query)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                ptr::null(),
                0,
                &mut analysis,
            )
        };
        if state != SUCCESS {
            return Classified { statements: 0, class: Class::Unknown };
        }
        let class = match analysis.query_class {
            0 => Class::Reading,
            1 => Class::Changing,
            3 => Class::Control,
            _ => Class::Unknown,
        };
        Classified { statements: analysis.statement_count, class }
    }

    /// Hands a statement over; what the engine needs of it later it has captured when the call returns.
    fn begin(
        &mut self,
        function: Begin,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> *mut c_void {
        let [names, name_lengths, values, value_lengths] = parameters.pointers();
        // SAFETY: all pointers and lengths describe memory that lives until the call returns.
        unsafe {
            function(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.cast(),
                name_lengths.cast(),
                values.cast(),
                value_lengths.cast(),
                parameters.len(),
            )
        }
    }

    /// Runs a statement and returns its whole answer.
    pub(crate) fn query(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<Answer, DbError> {
        let raw = self.begin(self.api.query, sql, format, parameters);
        ResultHandle { api: self.api, raw }.into_answer()
    }

    /// Begins a query whose answer comes in chunks.
    pub(crate) fn stream(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<QueryStream<'_>, DbError> {
        let raw = self.begin(self.api.stream_query, sql, format, parameters);
        let result = ResultHandle { api: self.api, raw };
        if let Some(error) = result.error() {
            return Err(error);
        }
        Ok(QueryStream { connection: self, result, ended: false })
    }

    /// Begins an INSERT whose rows are appended in chunks. `sql` ends before FORMAT or VALUES.
    pub(crate) fn insert(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<InsertStream<'_>, DbError> {
        let raw = self.begin(self.api.insert, sql, format, parameters);
        let stream = InsertStream { api: self.api, raw, connection: PhantomData };
        match stream.error() {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened once, closed once; streams borrow the connection, so none is left.
        unsafe { (self.api.close_conn)(self.raw) }
    }
}

/// Server-side parameters of one statement, in the form the C interface takes.
#[derive(Default)]
pub(crate) struct Parameters {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
    // Keeps alive what the pointers above point to.
    _owned: Vec<(String, String)>,
}

impl Parameters {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self {
            names: pairs.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: pairs.iter().map(|(name, _)| name.len()).collect(),
            values: pairs.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: pairs.iter().map(|(_, value)| value.len()).collect(),
            _owned: pairs,
        }
    }

    fn len(&self) -> usize {
        self.names.len()
    }

    fn pointers(&self) -> [*const c_void; 4] {
        [
            self.names.as_ptr().cast(),
            self.name_lengths.as_ptr().cast(),
            self.values.as_ptr().cast(),
            self.value_lengths.as_ptr().cast(),
        ]
    }
}

/// A streamed answer that borrows its connection until it is dropped.
pub(crate) struct QueryStream<'a> {
    connection: &'a mut Connection,
    result: ResultHandle,
    ended: bool,
}

impl QueryStream<'_> {
    /// The next chunk; `None` at the end. After an error or the end there is nothing more to fetch.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, DbError> {
        if self.ended {
            return Ok(None);
        }
        // SAFETY: connection and stream are alive, and `&mut self` serialises the fetches.
        let raw = unsafe {
            (self.connection.api.stream_fetch)(self.connection.handle(), self.result.raw)
        };
        match (ResultHandle { api: self.connection.api, raw }).into_answer() {
            Ok(answer) if answer.data.is_empty() => {
                self.ended = true;
                Ok(None)
            }
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }
}

impl Drop for QueryStream<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: alive and not finished; the handle itself is freed by `ResultHandle`.
            unsafe {
                (self.connection.api.stream_cancel)(self.connection.handle(), self.result.raw);
            }
        }
    }
}

/// An open INSERT. Dropping it without `finish` cancels it: nothing of it is committed.
pub(crate) struct InsertStream<'a> {
    api: &'static Api,
    raw: RawInsert,
    connection: PhantomData<&'a mut Connection>,
}

impl InsertStream<'_> {
    fn error(&self) -> Option<DbError> {
        // SAFETY: the handle is alive; the text belongs to it and is copied here.
        unsafe { text((self.api.insert_error)(self.raw)) }.map(DbError::from_engine)
    }

    /// Appends bytes in the stream's format; blocks when the engine is behind.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), DbError> {
        // SAFETY: pointer and length describe live bytes, which the engine copies.
        let state = unsafe { (self.api.insert_append)(self.raw, data.as_ptr().cast(), data.len()) };
        if state == SUCCESS {
            Ok(())
        } else {
            Err(self.error().unwrap_or_else(DbError::unexplained))
        }
    }

    /// Commits the rows.
    pub(crate) fn finish(self) -> Result<Counts, DbError> {
        // SAFETY: the handle is alive; the result is freed by `ResultHandle`, the stream by `drop`.
        let raw = unsafe { (self.api.insert_done)(self.raw) };
        ResultHandle { api: self.api, raw }.into_answer().map(|answer| answer.counts)
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: freed once. Destroying a stream that was not finished cancels it; cancelling a
        // finished one does nothing.
        unsafe {
            (self.api.insert_cancel)(self.raw);
            (self.api.insert_destroy)(self.raw);
        }
    }
}

struct ResultHandle {
    api: &'static Api,
    raw: RawResult,
}

impl ResultHandle {
    fn error(&self) -> Option<DbError> {
        if self.raw.is_null() {
            return Some(DbError::unexplained());
        }
        // SAFETY: the handle is alive; the text belongs to it and is copied here.
        unsafe { text((self.api.result_error)(self.raw)) }.map(DbError::from_engine)
    }

    fn into_answer(self) -> Result<Answer, DbError> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        // SAFETY: the handle is alive and holds `length` bytes at `buffer`, copied before it is freed.
        unsafe {
            let (buffer, length) =
                ((self.api.result_buffer)(self.raw), (self.api.result_length)(self.raw));
            let data = if buffer.is_null() || length == 0 {
                Vec::new()
            } else {
                std::slice::from_raw_parts(buffer.cast::<u8>(), length).to_vec()
            };
            let counts = Counts {
                result_rows: (self.api.result_rows)(self.raw),
                read_rows: (self.api.result_storage_rows)(self.raw),
                read_bytes: (self.api.result_storage_bytes)(self.raw),
                written_rows: (self.api.result_rows_written)(self.raw),
                written_bytes: (self.api.result_bytes_written)(self.raw),
            };
            Ok(Answer { data, counts })
        }
    }
}

impl Drop for ResultHandle {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: every handle is owned by exactly one `ResultHandle`.
            unsafe { (self.api.destroy_result)(self.raw) }
        }
    }
}

/// Copies a C string; `None` for null and for the empty string.
///
/// # Safety
/// `pointer` is null or a terminated string.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: by this function's own precondition.
    let text = unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned();
    if text.is_empty() { None } else { Some(text) }
}
