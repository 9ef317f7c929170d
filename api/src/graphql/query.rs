//! What can be asked.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use schemas::{DeviceId, FeederId};

use super::cost;
use super::errors::bad_input;
use super::guards::{Can, user};
use super::types::device::{Device, DeviceFilter, DeviceOrder, select};
use super::types::enums::{DeviceOrigin, DeviceType, Freshness};
use super::types::event::{Event, EventFilter};
use super::types::feeder::Feeder;
use super::types::health::Health;
use super::types::lifecycle::{self, NoticedDeviceConnection, WaitingDeviceConnection};
use super::types::paging::{DeviceConnection, page};
use super::types::scalars::{device_id, feeder_id, from_datetime};
use super::types::tracking::{self, TrackingError};
use super::types::user::User;
use super::types::{Present, present, stores};
use crate::auth::Action;
use crate::caps::SEARCH_LEN_MAX;

/// The root of queries.
#[derive(Debug, Clone, Copy)]
pub struct Query;

#[Object]
impl Query {
    /// Who you are.
    #[graphql(guard = "Can(Action::ReadSelf)")]
    async fn me(&self, ctx: &Context<'_>) -> Result<User> {
        Ok(User::from(user(ctx)?))
    }

    /// Which parts of the system work.
    #[graphql(guard = "Can(Action::ReadHealth)")]
    async fn health(&self, ctx: &Context<'_>) -> Result<Health> {
        let stores = stores(ctx);
        Ok(stores.health.read(stores.clock.now()).into())
    }

    /// Every feeder, by id.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::feeders(child_complexity)")]
    async fn feeders(&self, ctx: &Context<'_>) -> Result<Vec<Feeder>> {
        present(ctx, |present| {
            let feeders = present.view.feeders();
            Ok(feeders.iter().map(|feeder| Feeder::read(present, feeder)).collect())
        })
    }

    /// One feeder; null when there is none of that id.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn feeder(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Feeder>> {
        let id = feeder_id("id", &id)?;
        present(ctx, |present| Ok(Feeder::find(present, &id)))
    }

    /// Devices, filtered, in order, by pages. `feederId` takes in the feeders below it.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "as many as the SDL names")]
    async fn devices(
        &self,
        ctx: &Context<'_>,
        feeder_id: Option<ID>,
        #[graphql(name = "type")] kind: Option<DeviceType>,
        origin: Option<DeviceOrigin>,
        freshness: Option<Freshness>,
        search: Option<String>,
        order_by: Option<DeviceOrder>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<DeviceConnection> {
        let filter = DeviceFilter {
            feeder_id: feeder(feeder_id.as_ref())?,
            kind: kind.map(Into::into),
            origin: origin.map(Into::into),
            freshness: freshness.map(Into::into),
            search: search.map(check_search).transpose()?,
        };
        present(ctx, |present| {
            let devices = select(present, &filter);
            page(
                devices,
                order_by.unwrap_or(DeviceOrder::Id),
                first.unwrap_or(cost::DEFAULT_PAGE),
                after.as_deref(),
            )
        })
    }

    /// One device; null when there is none of that id.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn device(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Device>> {
        let id: DeviceId = device_id("id", &id)?;
        present(ctx, |present| {
            Ok(present.view.device(&id).map(|device| Device::read(present, &device)))
        })
    }

    /// Devices that wait for an operator's approval, by id.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    async fn waiting_devices(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<WaitingDeviceConnection> {
        let first = first.unwrap_or(cost::DEFAULT_PAGE);
        present(ctx, |present| lifecycle::waiting(present, first, after.as_deref()))
    }

    /// Devices that something was noticed about, also unknown ones, by id.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    async fn noticed_devices(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<NoticedDeviceConnection> {
        let first = first.unwrap_or(cost::DEFAULT_PAGE);
        present(ctx, |present| lifecycle::noticed(present, first, after.as_deref()))
    }

    /// How far devices are from their setpoints. Without a window: the controller's own rolling one.
    #[graphql(
        guard = "Can(Action::ReadFleet)",
        complexity = "cost::page(Some(200), child_complexity)"
    )]
    async fn tracking_error(
        &self,
        ctx: &Context<'_>,
        feeder_id: Option<ID>,
        window_minutes: Option<i32>,
    ) -> Result<Vec<TrackingError>> {
        let under = feeder(feeder_id.as_ref())?;
        tracking::read(stores(ctx), under.as_ref(), window_minutes).await
    }

    /// Demand-response events by start: those that are on or to come; with `includePast` also those that are over or
    /// cancelled; with `activeAt` those that hold at that time.
    #[graphql(
        guard = "Can(Action::ReadEvents)",
        complexity = "cost::page(Some(50), child_complexity)"
    )]
    async fn events(
        &self,
        ctx: &Context<'_>,
        feeder_id: Option<ID>,
        active_at: Option<DateTime<Utc>>,
        #[graphql(default_with = "Some(false)")] include_past: Option<bool>,
    ) -> Result<Vec<Event>> {
        let filter = EventFilter {
            feeder_id: feeder(feeder_id.as_ref())?,
            active_at: active_at.map(from_datetime),
            include_past: include_past.unwrap_or(false),
        };
        present(ctx, |present: &Present<'_>| Ok(filter.select(present)))
    }
}

fn feeder(id: Option<&ID>) -> Result<Option<FeederId>> {
    id.map(|id| feeder_id("feederId", id)).transpose()
}

fn check_search(text: String) -> Result<String> {
    if text.chars().count() > SEARCH_LEN_MAX {
        return Err(bad_input(format!("search: at most {SEARCH_LEN_MAX} characters")));
    }
    Ok(text.to_lowercase())
}
