//! The GraphQL SDL: the names that the dashboard, scripts and operators rely on; and by which documents the dashboard asks.

/// The whole SDL, as committed.
pub const SDL: &str = include_str!("../graphql/schema.graphql");

/// The dashboard's documents by their ids, as JSON: the SHA-256 of each text, and the text. Made by the dashboard's build.
pub const DASHBOARD: &str = include_str!("../graphql/dashboard.json");
