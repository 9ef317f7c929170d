//! What can be asked.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use schemas::records::operator::POLICIES;
use schemas::{DeviceId, FeederId};

use super::change::uuid;
use super::cost;
use super::errors::{self, bad_input};
use super::guards::{Can, user};
use super::past::{self, Asked};
use super::types::alarm::{Alarm, AlarmPeriodConnection, DeadLetterReason, ViolationConnection};
use super::types::audit::AuditConnection;
use super::types::command::CommandConnection;
use super::types::decision::{Decision, DecisionConnection, Explanation};
use super::types::device::{Device, DeviceFilter, DeviceOrder, select};
use super::types::enums::{DeviceOrigin, DeviceType, Freshness};
use super::types::event::{Event, EventFilter};
use super::types::fairness::Fairness;
use super::types::feeder::Feeder;
use super::types::health::Health;
use super::types::lifecycle::{self, NoticedDeviceConnection, WaitingDeviceConnection};
use super::types::paging::{DeviceConnection, page};
use super::types::program::DrProgram;
use super::types::scalars::{device_id, feeder_id, from_datetime};
use super::types::simulation::Simulation;
use super::types::thresholds::Thresholds;
use super::types::tracking::TrackingError;
use super::types::user::User;
use super::types::{Present, present, stores};
use crate::auth::Action;
use crate::caps::SEARCH_LEN_MAX;
use crate::store::tracking;

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
            search: search.map(|text| check_text("search", text.to_lowercase())).transpose()?,
        };
        present(ctx, |present| {
            let devices = select(present, &filter);
            page(
                present,
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
        let read = tracking::read(stores(ctx), under.as_ref(), window_minutes).await;
        let tracked = read.map_err(|error| errors::tracking(&error))?;
        Ok(tracked.into_iter().map(TrackingError::from).collect())
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

    /// Demand-response programs by start.
    #[graphql(
        guard = "Can(Action::ReadEvents)",
        complexity = "cost::page(Some(50), child_complexity)"
    )]
    async fn dr_programs(&self, ctx: &Context<'_>) -> Result<Vec<DrProgram>> {
        present(ctx, |present| Ok(DrProgram::all(present)))
    }

    /// One program; null when there is none of that id.
    #[graphql(guard = "Can(Action::ReadEvents)")]
    async fn dr_program(&self, ctx: &Context<'_>, id: ID) -> Result<Option<DrProgram>> {
        let id = uuid("id", "a program", &id)?;
        present(ctx, |present| {
            let program = present.view.registry().programs.get(&id);
            Ok(program.map(|program| DrProgram::read(present, program)))
        })
    }

    /// A feeder's decisions, the newest first. Without `from`: of the last 24 hours before `to`.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    async fn decisions(
        &self,
        ctx: &Context<'_>,
        feeder_id: ID,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<DecisionConnection> {
        let feeder = self::feeder_id("feederId", &feeder_id)?;
        past::decisions(ctx, &feeder, Asked { from, to, first, after }).await
    }

    /// One decision as it is about a feeder; null when none of that id is stored.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn decision(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Decision>> {
        past::decision(ctx, &id).await
    }

    /// Why a device got what it got, at a moment or now; null where no decision about it is stored within ten minutes
    /// before it.
    #[graphql(
        guard = "Can(Action::ReadFleet)",
        complexity = "cost::series(Some(10), child_complexity)"
    )]
    async fn explain(
        &self,
        ctx: &Context<'_>,
        device_id: ID,
        at: Option<DateTime<Utc>>,
    ) -> Result<Option<Explanation>> {
        let device = self::device_id("deviceId", &device_id)?;
        past::explain(ctx, &device, at).await
    }

    /// Setpoints that were sent, with what became of each, the newest first. `feederId` takes in the feeders below.
    /// Without `from`: of the last 24 hours before `to`.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "as many as the SDL names")]
    async fn commands(
        &self,
        ctx: &Context<'_>,
        device_id: Option<ID>,
        feeder_id: Option<ID>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<CommandConnection> {
        let device = device_id.map(|id| self::device_id("deviceId", &id)).transpose()?;
        let feeder = self::feeder(feeder_id.as_ref())?;
        past::commands(ctx, device, feeder.as_ref(), Asked { from, to, first, after }).await
    }

    /// Who was given how much of what they wanted, under a feeder, over a time.
    #[graphql(
        guard = "Can(Action::ReadFleet)",
        complexity = "cost::page(Some(200), child_complexity)"
    )]
    async fn fairness(
        &self,
        ctx: &Context<'_>,
        feeder_id: ID,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Fairness> {
        let feeder = self::feeder_id("feederId", &feeder_id)?;
        past::fairness(ctx, &feeder, from, to).await
    }

    /// The simulator's time of day.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn simulation(&self, ctx: &Context<'_>) -> Result<Simulation> {
        present(ctx, |present| Ok(Simulation::read(present, stores(ctx).sim_hours_ahead)))
    }

    /// The alarms that stand, critical ones first. `feederId` takes in the feeders below it.
    #[graphql(
        guard = "Can(Action::ReadFleet)",
        complexity = "cost::page(Some(50), child_complexity)"
    )]
    async fn alarms(&self, ctx: &Context<'_>, feeder_id: Option<ID>) -> Result<Vec<Alarm>> {
        let under = self::feeder(feeder_id.as_ref())?;
        present(ctx, |present| {
            let standing = present.view.alarms(under.as_ref());
            Ok(standing.into_iter().map(Alarm::from).collect())
        })
    }

    /// When alarms stood, the newest first. `feederId` takes in the feeders below it.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    async fn alarm_history(
        &self,
        ctx: &Context<'_>,
        feeder_id: Option<ID>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<AlarmPeriodConnection> {
        let under = self::feeder(feeder_id.as_ref())?;
        let asked = Asked { from: Some(from), to: Some(to), first, after };
        past::alarms(ctx, under.as_ref(), asked).await
    }

    /// When feeders were over their limits, the newest first. `feederId` takes in the feeders below it.
    #[graphql(guard = "Can(Action::ReadFleet)", complexity = "cost::page(first, child_complexity)")]
    async fn violations(
        &self,
        ctx: &Context<'_>,
        feeder_id: Option<ID>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<ViolationConnection> {
        let under = self::feeder(feeder_id.as_ref())?;
        let asked = Asked { from: Some(from), to: Some(to), first, after };
        past::violations(ctx, under.as_ref(), asked).await
    }

    /// Messages that were refused, by reason, the most frequent first.
    #[graphql(
        guard = "Can(Action::ReadDeadLetters)",
        complexity = "cost::page(Some(50), child_complexity)"
    )]
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<DeadLetterReason>> {
        past::dead_letters(ctx, from, to).await
    }

    /// Who changed what, the newest first. Without `from`: ever.
    #[graphql(guard = "Can(Action::ReadAudit)", complexity = "cost::page(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "as many as the SDL names")]
    async fn audit(
        &self,
        ctx: &Context<'_>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        actor: Option<String>,
        entity: Option<ID>,
        #[graphql(default_with = "Some(cost::DEFAULT_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<AuditConnection> {
        let actor = actor.map(|text| check_text("actor", text)).transpose()?;
        let entity = entity.map(|id| check_text("entity", id.0)).transpose()?;
        past::audit(ctx, actor, entity, Asked { from, to, first, after }).await
    }

    /// The policies that share headroom, the default first.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn policies(&self, _ctx: &Context<'_>) -> Vec<&'static str> {
        POLICIES.to_vec()
    }

    /// Beyond which bounds something is marked or refused.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn thresholds(&self, ctx: &Context<'_>) -> Result<Thresholds> {
        present(ctx, |present| Ok(Thresholds::read(present)))
    }
}

fn feeder(id: Option<&ID>) -> Result<Option<FeederId>> {
    id.map(|id| feeder_id("feederId", id)).transpose()
}

fn check_text(argument: &str, text: String) -> Result<String> {
    if text.chars().count() > SEARCH_LEN_MAX {
        return Err(bad_input(format!("{argument}: at most {SEARCH_LEN_MAX} characters")));
    }
    Ok(text)
}
