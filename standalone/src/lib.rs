//! Everything by one command on embedded parts: the servers under `embedded/`, each a child process (`child.rs`), the
//! services as tasks, all of them under care (`supervisor.rs`); the order of starting and ending in `up.rs`, what the
//! user sees in `banner.rs`. It must hold no rule of the product; the services bring those.

mod backup;
mod banner;
mod child;
pub mod cli;
mod disk;
mod draft;
pub mod embedded;
mod folder;
mod metrics;
mod plan;
mod reach;
mod report;
mod running;
mod servers;
mod services;
mod solo;
mod supervisor;
mod up;
mod users;
