//! Everything in one process on embedded parts: the servers under `embedded/`, the order of starting and ending
//! in `up.rs`, what the user sees in `banner.rs`. It must hold no rule of the product; the services bring those.

mod banner;
pub mod cli;
pub mod embedded;
mod plan;
mod services;
mod solo;
mod up;
