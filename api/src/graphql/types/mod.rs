//! The types of the schema, made from domain types, and how fields get at what they are made from.

pub(super) mod alarm;
pub(super) mod audit;
pub(super) mod command;
pub(super) mod decision;
pub(super) mod device;
pub(super) mod enums;
pub(super) mod event;
pub(super) mod fairness;
pub(super) mod feeder;
pub(super) mod health;
pub(super) mod lifecycle;
pub(super) mod paging;
pub(super) mod program;
pub(super) mod scalars;
pub(super) mod simulation;
pub(super) mod thresholds;
pub(super) mod tracking;
pub(super) mod user;

use async_graphql::{Context, Result};
use schemas::Timestamp;

use super::Stores;
use super::errors::Code;
use crate::store::live::View;

/// The live view at one moment.
pub(crate) struct Present<'a> {
    pub(crate) view: &'a View,
    pub(crate) now: Timestamp,
}

pub(super) fn stores<'a>(ctx: &Context<'a>) -> &'a Stores {
    ctx.data_unchecked::<Stores>()
}

/// Answers from the live view.
///
/// # Errors
/// UNAVAILABLE while the view is not complete: half a fleet would look like a small one.
pub(super) fn present<T>(
    ctx: &Context<'_>,
    answer: impl FnOnce(&Present<'_>) -> Result<T>,
) -> Result<T> {
    let stores = stores(ctx);
    let view = stores.live.view();
    if !view.is_complete() {
        return Err(Code::Unavailable
            .error("the live view is still being read from the log; try again in a moment"));
    }
    answer(&Present { view: &view, now: stores.clock.now() })
}
