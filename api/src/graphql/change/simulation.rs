//! The simulator's time of day.

use async_graphql::{Context, Result};
use schemas::records::operator::{Change, SimulationSet};

use super::write;
use crate::graphql::types::simulation::{Simulation, SimulationMode};
use crate::graphql::types::{present, stores};

/// Sets it.
pub(in crate::graphql) async fn set(ctx: &Context<'_>, mode: SimulationMode) -> Result<Simulation> {
    write(ctx, Change::SimulationSet(SimulationSet { mode: mode.into() })).await?;
    present(ctx, |present| Ok(Simulation::read(present, stores(ctx).sim_hours_ahead)))
}
