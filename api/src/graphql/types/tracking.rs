//! How far a device is from its setpoints.

use async_graphql::{ID, SimpleObject};
use schemas::{Soc, Watts};

use super::enums::{DeviceOrigin, DeviceType};
use crate::store::tracking::Tracked;

/// One device's tracking error.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TrackingError {
    device_id: ID,
    feeder_id: ID,
    #[graphql(name = "type")]
    kind: DeviceType,
    origin: DeviceOrigin,
    samples: i32,
    mean_error_kw: f64,
    mean_abs_error_kw: f64,
    last_setpoint_kw: Option<f64>,
    last_actual_kw: Option<f64>,
    soc: Option<f64>,
    priority: i32,
}

impl From<Tracked> for TrackingError {
    fn from(tracked: Tracked) -> Self {
        Self {
            device_id: tracked.device_id.as_str().into(),
            feeder_id: tracked.feeder_id.as_str().into(),
            kind: tracked.kind.into(),
            origin: tracked.origin.into(),
            samples: tracked.figures.samples,
            mean_error_kw: tracked.figures.mean.kw(),
            mean_abs_error_kw: tracked.figures.mean_abs.kw(),
            last_setpoint_kw: tracked.last_setpoint.map(Watts::kw),
            last_actual_kw: tracked.last_actual.map(Watts::kw),
            soc: tracked.soc.map(Soc::fraction),
            priority: tracked.priority,
        }
    }
}
