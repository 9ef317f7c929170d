//! The GraphQL SDL: the names that the dashboard, scripts and operators rely on.

/// The whole SDL, as committed.
pub const SDL: &str = include_str!("../graphql/schema.graphql");
