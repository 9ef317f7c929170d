//! ClickHouse's own engine (libchdb) in this process, behind ClickHouse's HTTP interface.
//! The library is loaded at run time, so building needs neither it nor its header. It must not know any
//! table, topic or setting of the product.

mod chunks;
mod connection;
mod engine;
mod error;
mod ffi;
mod http;
mod library;
mod sql;

pub use engine::{Engine, exit_process};
pub use error::{DbError, OpenError};
pub use http::{HttpOptions, User};
pub use library::find_library;
