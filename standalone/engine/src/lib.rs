//! ClickHouse's own engine (libchdb) in this process, behind ClickHouse's HTTP interface.
//! The library is loaded at run time, so building needs neither it nor its header. It must not know any
//! table, topic or setting of the product.

mod access;
mod backup;
mod chunks;
mod connection;
mod engine;
mod error;
mod ffi;
mod guard;
mod http;
mod library;
mod native;
mod sandbox;
mod sql;
mod threads;

pub use access::EngineOptions;
pub use engine::{Engine, exit_process};
pub use error::{DbError, OpenError};
pub use http::{HttpOptions, Role, User};
pub use library::find_library;
