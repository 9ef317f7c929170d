//! What is told as it happens. A subscriber holds a place in the order of changes and is told the newest state of each
//! entity that changed after it: one that is slow misses steps in between, never the newest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Context, ID, Result, Subscription as GraphqlSubscription};
use async_stream::stream;
use futures::Stream;

use super::errors::Code;
use super::guards::Can;
use super::types::device::Device;
use super::types::feeder::Feeder;
use super::types::scalars::{device_id, feeder_id};
use super::types::{Present, stores};
use crate::auth::Action;
use crate::caps::SUBSCRIPTIONS_PER_SOCKET_MAX;
use crate::metrics::Counted;
use crate::store::live::Revision;

/// How many subscriptions one connection runs.
#[derive(Debug, Clone, Default)]
pub struct SocketBudget(Arc<AtomicUsize>);

/// One running subscription; gives its place back when dropped.
struct Place {
    budget: Option<SocketBudget>,
    _counted: Counted,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(SocketBudget(running)) = &self.budget {
            running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn take_place(ctx: &Context<'_>) -> Result<Place> {
    let budget = ctx.data_opt::<SocketBudget>().cloned();
    if let Some(SocketBudget(running)) = &budget
        && running.fetch_add(1, Ordering::Relaxed) >= SUBSCRIPTIONS_PER_SOCKET_MAX
    {
        running.fetch_sub(1, Ordering::Relaxed);
        return Err(Code::BadUserInput.error(format!(
            "at most {SUBSCRIPTIONS_PER_SOCKET_MAX} subscriptions on one connection"
        )));
    }
    Ok(Place { budget, _counted: Counted::subscription() })
}

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
        let place = take_place(ctx)?;
        let stores = stores(ctx).clone();
        Ok(stream! {
            let _place = place;
            let mut revisions = stores.live.revisions();
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
                    None => if revisions.changed().await.is_err() { break },
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
        let place = take_place(ctx)?;
        let stores = stores(ctx).clone();
        Ok(stream! {
            let _place = place;
            let mut revisions = stores.live.revisions();
            let mut after: Revision = if device.is_some() { 0 } else { *revisions.borrow() };
            loop {
                let found = {
                    let view = stores.live.view();
                    let tree = feeder.as_ref().map(|id| view.subtree(id));
                    let (revision, found) = view.next_device(after, |candidate| {
                        let is_it = device.as_ref().is_none_or(|id| *id == candidate.id);
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
                    None => if revisions.changed().await.is_err() { break },
                }
            }
        })
    }
}
