//! How far devices are from their setpoints: from the live view over the controller's own window, from history over
//! another one.

use std::collections::BTreeMap;

use schemas::records::state::DeviceState;
use schemas::records::telemetry::{DeviceOrigin, DeviceType};
use schemas::{DeviceId, FeederId, Soc, Watts};
use thiserror::Error;

use super::Stores;
use super::history::HistoryError;

const MINUTE_MS: i64 = 60_000;
/// Longest window: a day.
const WINDOW_MAX_MINUTES: i32 = 1_440;

/// A device with at least one sample in the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// Which device.
    pub device_id: DeviceId,
    /// The feeder that it stands on.
    pub feeder_id: FeederId,
    /// Its site.
    pub site_id: Option<String>,
    /// What it is.
    pub kind: DeviceType,
    /// Whether it is a thing or a simulation.
    pub origin: DeviceOrigin,
    /// How far it was.
    pub figures: Figures,
    /// Its last setpoint.
    pub last_setpoint: Option<Watts>,
    /// What it took or gave last.
    pub last_actual: Option<Watts>,
    /// Its state of charge.
    pub soc: Option<Soc>,
    /// Its priority.
    pub priority: i32,
}

/// How far a device was from its setpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Decisions compared.
    pub samples: i32,
    /// Signed mean of actual less setpoint.
    pub mean: Watts,
    /// Mean of the differences' sizes.
    pub mean_abs: Watts,
}

/// Why there are no figures.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrackingError {
    /// A window of so many minutes.
    #[error("expected 1 to {WINDOW_MAX_MINUTES}, got {0}")]
    Window(i32),
    /// Too early.
    #[error("the live view is still being read from the log; try again in a moment")]
    Incomplete,
    /// From another window than the controller's.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// The devices with at least one sample in the window, by id; without a window the controller's own.
///
/// # Errors
/// [`TrackingError`].
pub async fn read(
    stores: &Stores,
    under: Option<&FeederId>,
    window_minutes: Option<i32>,
) -> Result<Vec<Tracked>, TrackingError> {
    if let Some(minutes) = window_minutes.filter(|of| !(1..=WINDOW_MAX_MINUTES).contains(of)) {
        return Err(TrackingError::Window(minutes));
    }
    let own_window_ms = {
        let view = stores.live.view();
        if !view.is_complete() {
            return Err(TrackingError::Incomplete);
        }
        view.registry().settings.tracking_window_ms
    };
    let window_ms = window_minutes.map_or(own_window_ms, |minutes| i64::from(minutes) * MINUTE_MS);
    if window_ms == own_window_ms {
        return Ok(collect(stores, under, live));
    }
    let since = stores.clock.now().plus_ms(-window_ms);
    let rows = stores.history.tracking(since).await?.into_iter();
    let rows: BTreeMap<String, _> = rows.map(|row| (row.device_id.clone(), row)).collect();
    Ok(collect(stores, under, |state| {
        let row = rows.get(state.device_id.as_str())?;
        Some(Figures {
            samples: i32::try_from(row.samples).unwrap_or(i32::MAX),
            mean: Watts::from_kw(row.mean_kw)?,
            mean_abs: Watts::from_kw(row.mean_abs_kw)?,
        })
    }))
}

fn live(state: &DeviceState) -> Option<Figures> {
    let (mean, mean_abs) = (state.tracking_mean_w?, state.tracking_mean_abs_w?);
    let samples = state.tracking_samples;
    (samples > 0).then_some(Figures { samples, mean, mean_abs })
}

fn collect(
    stores: &Stores,
    under: Option<&FeederId>,
    figures: impl Fn(&DeviceState) -> Option<Figures>,
) -> Vec<Tracked> {
    let view = stores.live.view();
    let tree = under.map(|id| view.subtree(id));
    view.devices()
        .filter_map(|device| {
            let feeder_id = device.feeder_id()?.clone();
            let state = device.state?;
            if tree.as_ref().is_some_and(|tree| !tree.contains(&feeder_id)) {
                return None;
            }
            Some(Tracked {
                figures: figures(state)?,
                feeder_id,
                site_id: state.site_id.clone(),
                kind: state.device_type,
                origin: state.origin,
                last_setpoint: state.setpoint_w,
                last_actual: state.power_w,
                soc: state.soc,
                priority: state.priority,
                device_id: state.device_id.clone(),
            })
        })
        .collect()
}
