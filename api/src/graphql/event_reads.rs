//! Reads of history that events of subscriptions ask for: an event comes by itself, so that one request could ask
//! ClickHouse for ever. Each user has a pace.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Result};

use super::errors::{self, Code};
use super::guards::user;
use super::series::{Series, SeriesLoader};
use super::types::stores;
use crate::caps::{EVENT_READS, EVENT_READS_EVERY};
use crate::metrics::{Refusal, count_refused};
use crate::pace::{Pace, Used};
use crate::store::history::{History, HistoryError};

const PACE: Pace = Pace { burst: EVENT_READS, every: EVENT_READS_EVERY };

/// What each user has used; no more entries than there are users.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventReads(Arc<Mutex<HashMap<String, Used>>>);

/// History, for a field that is about to ask for it.
///
/// # Errors
/// UNAVAILABLE for an event of a subscription whose user has asked too often.
pub(super) fn history<'a>(ctx: &Context<'a>) -> Result<&'a History> {
    take_turn(ctx)?;
    Ok(&stores(ctx).history)
}

/// History of one of many, for a field that is about to ask for it.
///
/// # Errors
/// As for [`history`], and as history has them.
pub(super) async fn one_of_many<K, V>(ctx: &Context<'_>, key: K) -> Result<V>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    V: Default,
    Series: Loader<K, Value = std::result::Result<V, HistoryError>, Error = Infallible>,
{
    take_turn(ctx)?;
    let Ok(found) = ctx.data_unchecked::<SeriesLoader>().load_one(key).await;
    found.unwrap_or_else(|| Ok(V::default())).map_err(|error| errors::history(&error))
}

fn take_turn(ctx: &Context<'_>) -> Result<()> {
    let stores = stores(ctx);
    if let Some(EventReads(by_user)) = ctx.data_opt::<EventReads>() {
        let name = &user(ctx)?.name;
        let mut by_user = by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let used = by_user.entry(name.clone()).or_default();
        if used.take(PACE, stores.clock.now()).is_err() {
            count_refused(Refusal::EventRead);
            return Err(Code::Unavailable.error(
                "subscriptions ask for history too often; ask for it in a query of its own",
            ));
        }
    }
    Ok(())
}
