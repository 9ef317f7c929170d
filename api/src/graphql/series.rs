//! Reads of history that many entities of one answer ask for: gathered, so that a page of fifty devices is one query and
//! not fifty.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use futures::future::join_all;
use schemas::Timestamp;
use service_kit::clock::Clock;
use service_kit::task;
use uuid::Uuid;

use crate::caps::TREE_FEEDERS_MAX;
use crate::store::history::decisions::{DecisionDevices, DecisionRow, DevicesAsked};
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

/// A decision as it is about every feeder of its tree, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TreeOf(pub(super) Uuid, pub(super) Timestamp);

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

/// Answers keys, those together that ask in the same way. What goes wrong with some is no matter of the others: they may
/// be other people's.
async fn answer<K, A, V, W>(
    keys: &[K],
    how: impl Fn(&K) -> A,
    ask: impl Fn(A, Vec<K>) -> W,
) -> HashMap<K, Result<V, HistoryError>>
where
    K: Eq + Hash + Clone,
    A: Eq + Hash,
    W: Future<Output = Result<HashMap<K, Result<V, HistoryError>>, HistoryError>>,
{
    let mut groups: HashMap<A, Vec<K>> = HashMap::new();
    for key in keys {
        groups.entry(how(key)).or_default().push(key.clone());
    }
    let answers =
        groups.into_iter().map(async |(how, group)| match ask(how, group.clone()).await {
            Ok(answers) => answers,
            Err(error) => group.into_iter().map(|key| (key, Err(error.clone()))).collect(),
        });
    join_all(answers).await.into_iter().flatten().collect()
}

impl Loader<OfFeeder> for Series {
    type Value = Result<Vec<FeederPoint>, HistoryError>;
    type Error = Infallible;

    async fn load(&self, keys: &[OfFeeder]) -> Result<HashMap<OfFeeder, Self::Value>, Infallible> {
        let ask = async |range, group: Vec<OfFeeder>| {
            let ids: Vec<&str> = group.iter().map(|OfFeeder(id, _)| id.as_str()).collect();
            let series = self.history.feeders(&ids, &range, self.clock.now()).await?;
            let each = series.into_iter();
            Ok(each.map(|(id, points)| (OfFeeder(id, range), points.map_err(Into::into))).collect())
        };
        Ok(answer(keys, |OfFeeder(_, range)| *range, ask).await)
    }
}

impl Loader<OfDevice> for Series {
    type Value = Result<Vec<TelemetryPoint>, HistoryError>;
    type Error = Infallible;

    async fn load(&self, keys: &[OfDevice]) -> Result<HashMap<OfDevice, Self::Value>, Infallible> {
        let ask = async |range, group: Vec<OfDevice>| {
            let ids: Vec<&str> = group.iter().map(|OfDevice(id, _)| id.as_str()).collect();
            let series = self.history.devices(&ids, &range, self.clock.now()).await?;
            let each = series.into_iter();
            Ok(each.map(|(id, points)| (OfDevice(id, range), points.map_err(Into::into))).collect())
        };
        Ok(answer(keys, |OfDevice(_, range)| *range, ask).await)
    }
}

impl Loader<OfDecision> for Series {
    type Value = Result<DecisionDevices, HistoryError>;
    type Error = Infallible;

    async fn load(
        &self,
        keys: &[OfDecision],
    ) -> Result<HashMap<OfDecision, Self::Value>, Infallible> {
        let ask = async |asked: DevicesAsked, group: Vec<OfDecision>| {
            let decisions: Vec<(Uuid, Timestamp)> =
                group.iter().map(|OfDecision(id, at, _)| (*id, *at)).collect();
            let mut devices = self.history.decision_devices(&decisions, &asked).await?;
            let found = |key: OfDecision| {
                let devices = devices.remove(&key.0).unwrap_or_default();
                (key, Ok(devices))
            };
            Ok(group.into_iter().map(found).collect())
        };
        Ok(answer(keys, |OfDecision(_, _, asked)| asked.clone(), ask).await)
    }
}

impl Loader<TreeOf> for Series {
    type Value = Result<Vec<DecisionRow>, HistoryError>;
    type Error = Infallible;

    async fn load(&self, keys: &[TreeOf]) -> Result<HashMap<TreeOf, Self::Value>, Infallible> {
        let ask = async |(), group: Vec<TreeOf>| {
            let decisions: Vec<(Uuid, Timestamp)> =
                group.iter().map(|TreeOf(id, at)| (*id, *at)).collect();
            let mut trees = self.history.decision_trees(&decisions, TREE_FEEDERS_MAX).await?;
            let found = |key: TreeOf| {
                let tree = trees.remove(&key.0).unwrap_or_default();
                (key, Ok(tree))
            };
            Ok(group.into_iter().map(found).collect())
        };
        Ok(answer(keys, |_| (), ask).await)
    }
}
