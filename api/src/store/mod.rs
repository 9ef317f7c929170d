//! What the API knows and where from: the live view (log), history (ClickHouse), and the operators' log it writes;
//! and telemetry that it passes on.

pub mod follow;
pub mod health;
pub mod history;
pub mod ingest;
pub mod live;
pub mod operator;
pub mod sessions;
pub mod stored;
pub mod tracking;

use std::sync::Arc;

use service_kit::clock::Clock;

use self::health::HealthMonitor;
use self::history::History;
use self::ingest::Ingest;
use self::live::Live;
use self::operator::OperatorLog;

/// Where answers come from, over GraphQL and beside it.
#[derive(Clone)]
pub struct Stores {
    /// Feeders, devices, events, now.
    pub live: Arc<Live>,
    /// The past.
    pub history: Arc<History>,
    /// Where telemetry goes that comes over the API.
    pub ingest: Ingest,
    /// Where changes go.
    pub operator: Arc<OperatorLog>,
    /// How the parts are.
    pub health: Arc<HealthMonitor>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How far the simulator's day is ahead of the clock, in hours.
    pub sim_hours_ahead: f64,
}
