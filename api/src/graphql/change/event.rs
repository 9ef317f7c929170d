//! Demand-response events: created, changed, cancelled.

use async_graphql::{Context, ID, Result};
use schemas::records::operator::{Change, EventCancelled};
use schemas::registry;
use uuid::Uuid;

use super::{check_feeder, check_span, key_in_use, new_id, uuid, write};
use crate::graphql::errors::{Code, bad_input};
use crate::graphql::types::event::{Event, EventInput, EventPatch};
use crate::graphql::types::{Present, present, stores};

/// Lowers a feeder's limit for a time.
pub(in crate::graphql) async fn create(ctx: &Context<'_>, input: EventInput) -> Result<Event> {
    let event_id = new_id(ctx, input.client_mutation_id.as_deref())?;
    let created = input.check(event_id)?;
    let now = stores(ctx).operator.now();
    let made_before = present(ctx, |present| {
        if let Some(before) = present.view.registry().events.get(&event_id) {
            return if before.created == created {
                Ok(Some(Event::from(before)))
            } else {
                Err(key_in_use("event", event_id))
            };
        }
        if created.end <= now {
            return Err(bad_input("end: must be in the future"));
        }
        check_feeder(present, "feederId", &created.feeder_id)?;
        Ok(None)
    })?;
    if let Some(event) = made_before {
        return Ok(event);
    }
    write(ctx, Change::EventCreated(created)).await?;
    read_back(ctx, event_id)
}

/// Changes an event that is on or to come.
pub(in crate::graphql) async fn update(
    ctx: &Context<'_>,
    id: &ID,
    patch: EventPatch,
) -> Result<Event> {
    let event_id = uuid("id", "an event", id)?;
    let change = present(ctx, |present| {
        let created = &find(present, event_id)?.created;
        let changed = patch.apply(created)?;
        check_span(changed.start, changed.end)?;
        if changed.end <= present.now {
            return Err(bad_input("end: must be in the future; cancelEvent ends an event now"));
        }
        Ok(changed)
    })?;
    write(ctx, Change::EventChanged(change)).await?;
    read_back(ctx, event_id)
}

/// Ends an event now.
pub(in crate::graphql) async fn cancel(ctx: &Context<'_>, id: &ID) -> Result<Event> {
    let event_id = uuid("id", "an event", id)?;
    present(ctx, |present| find(present, event_id).map(|_| ()))?;
    write(ctx, Change::EventCancelled(EventCancelled { event_id })).await?;
    read_back(ctx, event_id)
}

/// An event that is on or to come.
fn find<'v>(present: &'v Present<'_>, event_id: Uuid) -> Result<&'v registry::Event> {
    match present.view.registry().events.get(&event_id) {
        None => Err(Code::NotFound.error(format!("id: there is no event {event_id}"))),
        Some(event) if event.cancelled_at.is_some() => {
            Err(bad_input("id: the event is cancelled already"))
        }
        Some(event) if event.created.end <= present.now => Err(bad_input("id: the event is over")),
        Some(event) => Ok(event),
    }
}

/// The event as the live view now has it.
fn read_back(ctx: &Context<'_>, event_id: Uuid) -> Result<Event> {
    present(ctx, |present| {
        let event = present.view.registry().events.get(&event_id);
        event
            .map(Event::from)
            .ok_or_else(|| Code::Unavailable.error("the event was written but cannot be read yet"))
    })
}
