//! What operators can change. Each change is a record of operator.v1, and is answered once it can be read back.

use async_graphql::{Context, ID, Object, Result};
use schemas::records::operator::{Change, EventCancelled, EventCreated};
use uuid::Uuid;

use super::errors::{self, Code, bad_input};
use super::guards::{Can, user};
use super::types::event::{Event, EventInput};
use super::types::{present, stores};
use crate::auth::Action;

/// The root of mutations.
#[derive(Debug, Clone, Copy)]
pub struct Mutation;

#[Object]
impl Mutation {
    /// Lowers a feeder's limit for a time.
    #[graphql(guard = "Can(Action::ManageEvents)")]
    async fn create_event(&self, ctx: &Context<'_>, input: EventInput) -> Result<Event> {
        let stores = stores(ctx);
        let event_id = Uuid::now_v7();
        let created: EventCreated = input.check(event_id, stores.operator.now())?;
        present(ctx, |present| {
            if present.view.registry().feeders.contains_key(&created.feeder_id) {
                return Ok(());
            }
            Err(Code::NotFound.error(format!("feederId: there is no feeder {}", created.feeder_id)))
        })?;
        stores
            .operator
            .write(&user(ctx)?.name, Change::EventCreated(created))
            .await
            .map_err(|error| errors::write(&error))?;
        written(ctx, event_id)
    }

    /// Ends an event now.
    #[graphql(guard = "Can(Action::ManageEvents)")]
    async fn cancel_event(&self, ctx: &Context<'_>, id: ID) -> Result<Event> {
        let event_id: Uuid =
            id.parse().map_err(|_| bad_input("id: expected the UUID of an event"))?;
        let stores = stores(ctx);
        let now = stores.operator.now();
        present(ctx, |present| {
            let event = present.view.registry().events.get(&event_id);
            match event {
                None => Err(Code::NotFound.error(format!("there is no event {event_id}"))),
                Some(event) if event.cancelled_at.is_some() => {
                    Err(bad_input("the event is cancelled already"))
                }
                Some(event) if event.created.end <= now => Err(bad_input("the event is over")),
                Some(_) => Ok(()),
            }
        })?;
        let change = Change::EventCancelled(EventCancelled { event_id });
        stores
            .operator
            .write(&user(ctx)?.name, change)
            .await
            .map_err(|error| errors::write(&error))?;
        written(ctx, event_id)
    }
}

/// The event as the live view now has it.
fn written(ctx: &Context<'_>, event_id: Uuid) -> Result<Event> {
    present(ctx, |present| {
        present
            .view
            .registry()
            .events
            .get(&event_id)
            .map(Event::from)
            .ok_or_else(|| Code::Unavailable.error("the event was written but cannot be read yet"))
    })
}
