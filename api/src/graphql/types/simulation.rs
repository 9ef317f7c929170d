//! The simulator's time of day.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::operator;

use super::Present;
use super::scalars::to_datetime;

/// The simulator's time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "operator::SimulationMode")]
pub(crate) enum SimulationMode {
    /// Always day.
    Day,
    /// Always night.
    Night,
    /// By the clock.
    Auto,
}

/// The simulator's time of day, and whether an operator has set it.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Simulation {
    mode: SimulationMode,
    overridden: bool,
    updated_at: Option<DateTime<Utc>>,
    /// How far the simulated day is ahead of the clock; behind it where below 0.
    hours_ahead: f64,
}

impl Simulation {
    /// As it is now.
    pub(crate) fn read(present: &Present<'_>, hours_ahead: f64) -> Self {
        let (mode, updated_at) = present.view.registry().simulation;
        Self {
            mode: mode.into(),
            overridden: mode != operator::SimulationMode::Auto,
            updated_at: updated_at.map(to_datetime),
            hours_ahead,
        }
    }
}
