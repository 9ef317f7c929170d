//! The GraphQL schema: names and types of schemas/graphql/schema.graphql, over the live view, history and the operators'
//! log. Types here are made from domain types; domain types know nothing of GraphQL.

mod change;
mod cost;
mod documents;
mod errors;
mod event_reads;
mod executor;
mod guards;
mod mutation;
mod past;
mod pool;
mod precheck;
mod query;
mod run;
mod series;
mod subscription;
mod types;

use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Schema;

pub use documents::Accepted;
pub(crate) use documents::{Documents, ProvedBy};
pub use errors::Code;
pub(crate) use errors::{outcome, refusal};
pub(crate) use event_reads::EventReads;
pub(crate) use executor::SocketOperations;
pub use mutation::Mutation;
pub(crate) use pool::Pool;
pub use query::Query;
pub(crate) use run::{Asker, Malformed, run};
pub use subscription::Subscription;

use crate::caps::{
    QUERY_COMPLEXITY_MAX, QUERY_DEPTH_MAX, QUERY_DIRECTIVES_MAX, QUERY_RECURSION_MAX,
};
use crate::store::Stores;

/// The schema that is served.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(pub(crate) IpAddr);

/// Builds the schema with its limits.
#[must_use]
pub fn build(stores: Stores, introspection: bool) -> ApiSchema {
    let series = series::loader(Arc::clone(&stores.history), Arc::clone(&stores.clock));
    let mut builder = Schema::build(Query, Mutation, Subscription)
        .limit_depth(QUERY_DEPTH_MAX)
        .limit_complexity(QUERY_COMPLEXITY_MAX)
        .limit_recursive_depth(QUERY_RECURSION_MAX)
        .limit_directives(QUERY_DIRECTIVES_MAX)
        .data(series)
        .data(stores);
    if !introspection {
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
