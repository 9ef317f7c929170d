//! What is told as it happens. A subscriber holds a place in the order of changes and is told the newest state of each
//! entity that changed after it, at most twice a second: one that is slow misses steps in between, never the newest.
//! Nothing is told before the view is complete: until then it is not known either whether the subscriber's session was
//! ended.

use std::collections::HashSet;

use async_graphql::{Context, ID, Result, Subscription as GraphqlSubscription};
use async_stream::stream;
use futures::Stream;
use schemas::records::decision_no::DecisionNo;

use super::guards::Can;
use super::types::alarm::Alarm;
use super::types::decision::Decision;
use super::types::device::Device;
use super::types::feeder::Feeder;
use super::types::scalars::{device_id, feeder_id};
use super::types::{Present, stores};
use crate::auth::Action;
use crate::caps::SUBSCRIPTION_PAUSE;
use crate::metrics::Counted;
use crate::store::live::{Revision, Subject, subject};

/// The root of subscriptions.
#[derive(Debug, Clone, Copy)]
pub struct Subscription;

#[GraphqlSubscription]
impl Subscription {
    /// Feeders: first as they are, then each as it changes.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn feeder_updated(
        &self,
        ctx: &Context<'_>,
        feeder_id: Option<ID>,
    ) -> Result<impl Stream<Item = Feeder> + use<>> {
        let wanted = feeder_id.map(|id| self::feeder_id("feederId", &id)).transpose()?;
        let stores = stores(ctx).clone();
        Ok(stream! {
            let _counted = Counted::subscription();
            let mut revisions = stores.live.complete().await;
            let mut after: Revision = 0;
            loop {
                let found = {
                    let view = stores.live.view();
                    let (revision, feeder) = view.next_feeder(after, |feeder| {
                        wanted.as_ref().is_none_or(|id| *id == feeder.id)
                    });
                    after = revision;
                    let present = Present { view: &view, now: stores.clock.now() };
                    feeder.map(|feeder| Feeder::read(&present, &feeder))
                };
                match found {
                    Some(feeder) => yield feeder,
                    None => {
                        tokio::time::sleep(SUBSCRIPTION_PAUSE).await;
                        if revisions.changed().await.is_err() { break }
                    }
                }
            }
        })
    }

    /// Devices as they change; one that is asked for by id is told first as it is. `feederId` takes in the feeders below.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn device_updated(
        &self,
        ctx: &Context<'_>,
        device_id: Option<ID>,
        feeder_id: Option<ID>,
    ) -> Result<impl Stream<Item = Device> + use<>> {
        let device = device_id.map(|id| self::device_id("deviceId", &id)).transpose()?;
        let feeder = feeder_id.map(|id| self::feeder_id("feederId", &id)).transpose()?;
        let stores = stores(ctx).clone();
        Ok(stream! {
            let _counted = Counted::subscription();
            let mut revisions = stores.live.complete().await;
            let mut after: Revision = if device.is_some() { 0 } else { *revisions.borrow() };
            loop {
                let found = {
                    let view = stores.live.view();
                    let tree = feeder.as_ref().map(|id| view.subtree(id));
                    let (revision, found) = view.next_device(after, |candidate| {
                        let is_it = device.as_ref().is_none_or(|id| id == candidate.id);
                        is_it && tree.as_ref().is_none_or(|tree| {
                            candidate.feeder_id().is_some_and(|id| tree.contains(id))
                        })
                    });
                    after = revision;
                    let present = Present { view: &view, now: stores.clock.now() };
                    found.map(|device| Device::read(&present, &device))
                };
                match found {
                    Some(device) => yield device,
                    None => {
                        tokio::time::sleep(SUBSCRIPTION_PAUSE).await;
                        if revisions.changed().await.is_err() { break }
                    }
                }
            }
        })
    }

    /// Decisions about a feeder: the newest one first, then each as it is made. Who is slow misses some, never the newest.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn decision_made(
        &self,
        ctx: &Context<'_>,
        feeder_id: ID,
    ) -> Result<impl Stream<Item = Decision> + use<>> {
        let wanted = self::feeder_id("feederId", &feeder_id)?;
        let stores = stores(ctx).clone();
        Ok(stream! {
            let _counted = Counted::subscription();
            let mut revisions = stores.live.complete().await;
            let mut told: Option<DecisionNo> = None;
            loop {
                let newest = {
                    let view = stores.live.view();
                    let state = view.feeder(&wanted).and_then(|feeder| feeder.state);
                    state.filter(|state| told != Some(state.version))
                };
                if let Some(state) = newest {
                    told = Some(state.version);
                    if let Some(decision) = Decision::newest(&state) {
                        yield decision;
                    }
                }
                tokio::time::sleep(SUBSCRIPTION_PAUSE).await;
                if revisions.changed().await.is_err() { break }
            }
        })
    }

    /// Alarms: those that stand first, then each as it is raised.
    #[graphql(guard = "Can(Action::ReadFleet)")]
    async fn alarm(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Alarm> + use<>> {
        let stores = stores(ctx).clone();
        Ok(stream! {
            let _counted = Counted::subscription();
            let mut revisions = stores.live.complete().await;
            let mut told = HashSet::new();
            loop {
                let standing = stores.live.view().alarms(None);
                let subjects: HashSet<Subject> =
                    standing.iter().map(|standing| subject(&standing.alarm)).collect();
                for standing in standing {
                    if !told.contains(&subject(&standing.alarm)) {
                        yield Alarm::from(standing);
                    }
                }
                // One that is over may be raised again.
                told = subjects;
                tokio::time::sleep(SUBSCRIPTION_PAUSE).await;
                if revisions.changed().await.is_err() { break }
            }
        })
    }
}
