//! Owns the table of functions in libchdb.so: their C signatures and how they are found. Every other file
//! calls them through `connection.rs`; nothing here knows what a statement is.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;

/// What `chdb_connect` answers: a pointer to the connection handle.
pub(crate) type RawConnection = *mut *mut c_void;
/// A `chdb_result`, for whole and for streamed answers alike.
pub(crate) type RawResult = *mut c_void;
/// A `chdb_insert_stream`.
pub(crate) type RawInsert = *mut c_void;

/// `chdb_query_analysis_v1`: versioned by its first field, which the caller fills in.
#[repr(C)]
pub(crate) struct RawAnalysis {
    pub(crate) struct_size: u32,
    pub(crate) statement_count: u32,
    pub(crate) flags: u32,
    pub(crate) query_class: u32,
}

/// Text as the engine takes it: a pointer and a length, no terminator needed.
type Names = *const *const c_char;
type Lengths = *const usize;

/// A function that takes a statement: connection, SQL, format, then names and values of parameters.
pub(crate) type Begin = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    usize,
    *const c_char,
    usize,
    Names,
    Lengths,
    Names,
    Lengths,
    usize,
) -> *mut c_void;

macro_rules! api {
    ($($begin:ident = $begin_symbol:literal;)* --- $($field:ident = $symbol:literal : fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        /// The functions of the loaded library.
        pub(crate) struct Api {
            $(pub(crate) $begin: Begin,)*
            $(pub(crate) $field: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)*
        }

        impl Api {
            /// Loads the library at `path` for the rest of the process's life.
            ///
            /// # Errors
            /// What the dynamic loader said, when the file is no library or lacks one of the functions.
            pub(crate) fn load(path: &Path) -> Result<Self, libloading::Error> {
                // SAFETY: loading runs the library's initialisers. libchdb is made to be loaded this way
                // and its initialisers have no preconditions.
                let library = unsafe { libloading::Library::new(path)? };
                let api = Self {
                    // SAFETY: each type is the declaration of that symbol in chdb.h 26.7.
                    $($begin: unsafe { *library.get(concat!($begin_symbol, "\0").as_bytes())? },)*
                    // SAFETY: likewise.
                    $($field: unsafe { *library.get(concat!($symbol, "\0").as_bytes())? },)*
                };
                // The engine's threads outlive every connection, so the code must never be unmapped.
                std::mem::forget(library);
                Ok(api)
            }
        }
    };
}

api! {
    query = "chdb_query_with_params_n";
    stream_query = "chdb_stream_query_with_params_n";
    insert = "chdb_stream_insert_with_params_n";
    ---
    set_signal_handlers_enabled = "chdb_set_signal_handlers_enabled": fn(c_int);
    connect = "chdb_connect": fn(c_int, *mut *mut c_char) -> RawConnection;
    close_conn = "chdb_close_conn": fn(RawConnection);
    classify_query = "chdb_classify_query_n":
        fn(*mut c_void, *const c_char, usize, *const c_char, usize, *mut RawAnalysis) -> c_int;
    stream_fetch = "chdb_stream_fetch_result": fn(*mut c_void, RawResult) -> RawResult;
    stream_cancel = "chdb_stream_cancel_query": fn(*mut c_void, RawResult);
    insert_append = "chdb_stream_append": fn(RawInsert, *const c_void, usize) -> c_int;
    insert_done = "chdb_stream_done": fn(RawInsert) -> RawResult;
    insert_cancel = "chdb_stream_cancel_insert": fn(RawInsert);
    insert_error = "chdb_stream_insert_error": fn(RawInsert) -> *const c_char;
    insert_destroy = "chdb_destroy_insert_stream": fn(RawInsert);
    result_error = "chdb_result_error": fn(RawResult) -> *const c_char;
    result_buffer = "chdb_result_buffer": fn(RawResult) -> *const c_char;
    result_length = "chdb_result_length": fn(RawResult) -> usize;
    result_rows = "chdb_result_rows_read": fn(RawResult) -> u64;
    result_storage_rows = "chdb_result_storage_rows_read": fn(RawResult) -> u64;
    result_storage_bytes = "chdb_result_storage_bytes_read": fn(RawResult) -> u64;
    result_rows_written = "chdb_result_rows_written": fn(RawResult) -> u64;
    result_bytes_written = "chdb_result_bytes_written": fn(RawResult) -> u64;
    destroy_result = "chdb_destroy_query_result": fn(RawResult);
}
