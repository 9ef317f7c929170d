//! Everything that people change goes one way: what they ask for is checked field by field and against the registry, becomes
//! a record of operator.v1, and is answered once it can be read back.

pub(super) mod device;
pub(super) mod event;
pub(super) mod feeder;
pub(super) mod lifecycle;
pub(super) mod program;
pub(super) mod simulation;
pub(super) mod telemetry;

use async_graphql::{Context, Result};
use schemas::records::operator::Change;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::errors::{self, Code, bad_input};
use super::guards::actor;
use super::types::{Present, stores};
use crate::caps::MUTATION_KEY_LEN_MAX;

/// The namespace of ids that are derived from a client's key (UUID v5).
const KEYED: Uuid = Uuid::from_u128(0x51b8_77f1_6f0e_4d2c_8a3b_5d0c_91d7_3e64);

/// Appends a change and waits until it can be read back.
async fn write(ctx: &Context<'_>, change: Change) -> Result<()> {
    let actor = actor(ctx)?;
    stores(ctx).operator.write(&actor, change).await.map_err(|error| errors::write(&error))
}

/// The id of something new: the same for the same key of the same user, so that a repeated request makes nothing twice.
fn new_id(ctx: &Context<'_>, key: Option<&str>) -> Result<Uuid> {
    let Some(key) = key else { return Ok(Uuid::now_v7()) };
    if key.is_empty() || key.chars().count() > MUTATION_KEY_LEN_MAX {
        return Err(bad_input(format!(
            "clientMutationId: expected 1 to {MUTATION_KEY_LEN_MAX} characters"
        )));
    }
    let name = &actor(ctx)?.name;
    Ok(Uuid::new_v5(&KEYED, format!("{}:{name}{key}", name.len()).as_bytes()))
}

/// What a client is told whose key has made something else.
fn key_in_use(what: &str, id: Uuid) -> async_graphql::Error {
    bad_input(format!(
        "clientMutationId: this key has made {what} {id}, which is another than the one asked for; use a new key"
    ))
}

/// The id that a client names.
pub(super) fn uuid(argument: &str, what: &str, id: &async_graphql::ID) -> Result<Uuid> {
    id.parse().map_err(|_| bad_input(format!("{argument}: expected the UUID of {what}")))
}

/// A feeder that must be there.
fn check_feeder(present: &Present<'_>, argument: &str, feeder_id: &FeederId) -> Result<()> {
    if present.view.registry().feeders.contains_key(feeder_id) {
        return Ok(());
    }
    Err(Code::NotFound.error(format!("{argument}: there is no feeder {feeder_id}")))
}

/// A time that begins before it ends.
pub(super) fn check_span(start: Timestamp, end: Timestamp) -> Result<()> {
    if start < end {
        return Ok(());
    }
    let shown = super::types::scalars::to_datetime;
    Err(bad_input(format!("end: must be after start; got {} and {}", shown(start), shown(end))))
}
