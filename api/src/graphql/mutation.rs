//! What operators can change. Each change is a record of operator.v1, and is answered once it can be read back.

use async_graphql::{Context, ID, Object, Result};
use schemas::records::operator::{Change, EventCancelled, EventCreated};
use uuid::Uuid;

use super::errors::{self, Code, bad_input};
use super::guards::{Can, user};
use super::lifecycle;
use super::types::device::Device;
use super::types::enums::DeviceType;
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

    /// Lets a waiting device in, on the feeder it claims or the one that is named, which is opened if it is not there. One
    /// that was never heard is registered beforehand: then type and feeder are needed.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn approve_device(
        &self,
        ctx: &Context<'_>,
        id: ID,
        feeder_id: Option<ID>,
        #[graphql(name = "type")] kind: Option<DeviceType>,
    ) -> Result<Device> {
        lifecycle::approve(ctx, &id, feeder_id.as_ref(), kind).await
    }

    /// Takes a device out for good: what it held is free. If it speaks again, it is unknown.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn retire_device(&self, ctx: &Context<'_>, id: ID) -> Result<ID> {
        lifecycle::retire(ctx, &id).await
    }

    /// Puts a device that was heard into the place of another: its feeder and what operators have set of it. The other is
    /// retired.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn replace_device(&self, ctx: &Context<'_>, id: ID, by: ID) -> Result<Device> {
        lifecycle::replace(ctx, &id, &by).await
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
