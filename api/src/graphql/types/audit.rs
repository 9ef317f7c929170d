//! Who changed what.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::Timestamp;

use super::paging::connection;
use super::scalars::to_datetime;
use crate::store::history::audit::Entry;

/// A change, and what was set of its entity before and after it.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AuditEntry {
    id: ID,
    at: DateTime<Utc>,
    /// The user, or the service that wrote it.
    actor: String,
    /// The address that the request came from; null for services.
    source: Option<String>,
    /// The name of the change.
    kind: String,
    /// What was changed.
    entity: ID,
    /// JSON, in watts; null where nothing was set.
    before: Option<String>,
    /// JSON, in watts.
    after: String,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.into(),
            at: to_datetime(Timestamp(entry.at_ms)),
            actor: entry.actor,
            source: entry.source,
            kind: entry.kind,
            entity: entry.entity.into(),
            before: entry.before,
            after: entry.after,
        }
    }
}

connection!(AuditConnection, AuditEdge, AuditEntry, "changes");
