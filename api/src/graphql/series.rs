//! Reads of history that many entities of one answer ask for: gathered, so that a page of fifty devices is one query and
//! not fifty.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use schemas::Timestamp;
use service_kit::clock::Clock;
use service_kit::task;
use uuid::Uuid;

use crate::store::history::decisions::{DecisionDevices, DevicesAsked};
use crate::store::history::{FeederPoint, History, HistoryError, Range, TelemetryPoint};

/// A feeder's series.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OfFeeder(pub(super) String, pub(super) Range);

/// A device's series.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OfDevice(pub(super) String, pub(super) Range);

/// The devices of a decision, and when that was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OfDecision(pub(super) Uuid, pub(super) Timestamp, pub(super) DevicesAsked);

/// Reads what was gathered.
pub(super) struct Series {
    history: Arc<History>,
    clock: Arc<dyn Clock>,
}

/// What gathers for a moment; nothing is kept.
pub(super) type SeriesLoader = DataLoader<Series>;

/// A loader over history.
pub(super) fn loader(history: Arc<History>, clock: Arc<dyn Clock>) -> SeriesLoader {
    DataLoader::new(Series { history, clock }, |work| task::spawn("history of many", work))
}

/// Keys by what they ask in the same way.
fn alike<'k, K, A: Eq + Hash>(keys: &'k [K], how: impl Fn(&'k K) -> A) -> HashMap<A, Vec<&'k K>> {
    let mut groups: HashMap<A, Vec<&K>> = HashMap::new();
    for key in keys {
        groups.entry(how(key)).or_default().push(key);
    }
    groups
}

impl Loader<OfFeeder> for Series {
    type Value = Vec<FeederPoint>;
    type Error = HistoryError;

    async fn load(
        &self,
        keys: &[OfFeeder],
    ) -> Result<HashMap<OfFeeder, Self::Value>, HistoryError> {
        let mut all = HashMap::new();
        for (range, group) in alike(keys, |OfFeeder(_, range)| *range) {
            let ids: Vec<&str> = group.iter().map(|OfFeeder(id, _)| id.as_str()).collect();
            let series = self.history.feeders(&ids, &range, self.clock.now()).await?;
            all.extend(series.into_iter().map(|(id, points)| (OfFeeder(id, range), points)));
        }
        Ok(all)
    }
}

impl Loader<OfDevice> for Series {
    type Value = Vec<TelemetryPoint>;
    type Error = HistoryError;

    async fn load(
        &self,
        keys: &[OfDevice],
    ) -> Result<HashMap<OfDevice, Self::Value>, HistoryError> {
        let mut all = HashMap::new();
        for (range, group) in alike(keys, |OfDevice(_, range)| *range) {
            let ids: Vec<&str> = group.iter().map(|OfDevice(id, _)| id.as_str()).collect();
            let series = self.history.devices(&ids, &range, self.clock.now()).await?;
            all.extend(series.into_iter().map(|(id, points)| (OfDevice(id, range), points)));
        }
        Ok(all)
    }
}

impl Loader<OfDecision> for Series {
    type Value = DecisionDevices;
    type Error = HistoryError;

    async fn load(
        &self,
        keys: &[OfDecision],
    ) -> Result<HashMap<OfDecision, Self::Value>, HistoryError> {
        let mut all = HashMap::new();
        for (asked, group) in alike(keys, |OfDecision(_, _, asked)| asked) {
            let decisions: Vec<(Uuid, Timestamp)> =
                group.iter().map(|OfDecision(id, at, _)| (*id, *at)).collect();
            let mut devices = self.history.decision_devices(&decisions, asked).await?;
            all.extend(
                group
                    .into_iter()
                    .map(|key| (key.clone(), devices.remove(&key.0).unwrap_or_default())),
            );
        }
        Ok(all)
    }
}
