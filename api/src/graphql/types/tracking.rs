//! How far devices are from their setpoints: from the live view over the controller's own window, from history over
//! another one.

use std::collections::BTreeMap;

use async_graphql::{ID, Result, SimpleObject};
use schemas::records::state::DeviceState;
use schemas::{FeederId, Watts};

use super::Present;
use super::enums::{DeviceOrigin, DeviceType};
use super::scalars::to_the_watt;
use crate::graphql::Stores;
use crate::graphql::errors::{self, Code, bad_input};
use crate::store::history::TrackingRow;

const MINUTE_MS: i64 = 60_000;
/// Longest window: a day.
const WINDOW_MAX_MINUTES: i32 = 1_440;

/// One device's tracking error.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TrackingError {
    pub(crate) device_id: ID,
    pub(crate) feeder_id: ID,
    #[graphql(name = "type")]
    pub(crate) kind: DeviceType,
    pub(crate) origin: DeviceOrigin,
    pub(crate) samples: i32,
    pub(crate) mean_error_kw: f64,
    pub(crate) mean_abs_error_kw: f64,
    pub(crate) last_setpoint_kw: Option<f64>,
    pub(crate) last_actual_kw: Option<f64>,
    pub(crate) soc: Option<f64>,
    pub(crate) priority: i32,
    #[graphql(skip)]
    pub(crate) site_id: Option<String>,
}

/// Samples, signed mean and mean absolute error.
type Figures = (i32, f64, f64);

/// The devices with at least one sample in the window, by id.
///
/// # Errors
/// As clients see them.
pub(crate) async fn read(
    stores: &Stores,
    under: Option<&FeederId>,
    window_minutes: Option<i32>,
) -> Result<Vec<TrackingError>> {
    if let Some(minutes) = window_minutes
        && !(1..=WINDOW_MAX_MINUTES).contains(&minutes)
    {
        return Err(bad_input(format!(
            "windowMinutes: expected 1 to {WINDOW_MAX_MINUTES}, got {minutes}"
        )));
    }
    let own_window_ms = {
        let view = stores.live.view();
        if !view.is_complete() {
            return Err(Code::Unavailable
                .error("the live view is still being read from the log; try again in a moment"));
        }
        view.registry().settings.tracking_window_ms
    };
    let window_ms = window_minutes.map_or(own_window_ms, |minutes| i64::from(minutes) * MINUTE_MS);
    if window_ms == own_window_ms {
        return Ok(collect(stores, under, live_figures));
    }
    let since = stores.clock.now().plus_ms(-window_ms);
    let rows: BTreeMap<String, TrackingRow> = stores
        .history
        .tracking(since)
        .await
        .map_err(|error| errors::history(&error))?
        .into_iter()
        .map(|row| (row.device_id.clone(), row))
        .collect();
    Ok(collect(stores, under, |state| {
        let row = rows.get(state.device_id.as_str())?;
        let samples = i32::try_from(row.samples).unwrap_or(i32::MAX);
        Some((samples, to_the_watt(row.mean_kw), to_the_watt(row.mean_abs_kw)))
    }))
}

fn live_figures(state: &DeviceState) -> Option<Figures> {
    let mean = state.tracking_mean_w?;
    let mean_abs = state.tracking_mean_abs_w?;
    (state.tracking_samples > 0).then(|| (state.tracking_samples, mean.kw(), mean_abs.kw()))
}

fn collect(
    stores: &Stores,
    under: Option<&FeederId>,
    figures: impl Fn(&DeviceState) -> Option<Figures>,
) -> Vec<TrackingError> {
    let view = stores.live.view();
    let present = Present { view: &view, now: stores.clock.now() };
    let tree = under.map(|id| present.view.subtree(id));
    present
        .view
        .devices()
        .into_iter()
        .filter_map(|device| {
            let feeder_id = device.feeder_id()?.clone();
            let state = device.state?;
            if tree.as_ref().is_some_and(|tree| !tree.contains(&feeder_id)) {
                return None;
            }
            let (samples, mean_error_kw, mean_abs_error_kw) = figures(&state)?;
            Some(TrackingError {
                device_id: state.device_id.as_str().into(),
                feeder_id: feeder_id.as_str().into(),
                kind: state.device_type.into(),
                origin: state.origin.into(),
                samples,
                mean_error_kw,
                mean_abs_error_kw,
                last_setpoint_kw: state.setpoint_w.map(Watts::kw),
                last_actual_kw: state.power_w.map(Watts::kw),
                soc: state.soc.map(schemas::Soc::fraction),
                priority: state.priority,
                site_id: state.site_id.clone(),
            })
        })
        .collect()
}
