//! `derms up` and the brokers as strangers and accidents meet them: a module for each part.

mod api;
mod backup;
mod clickhouse;
mod fleets;
mod life;
mod log;
mod mqtt;
mod reach;
mod two_bridges;
mod words;
