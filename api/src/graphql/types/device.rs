//! Devices: as registered, and as the last decision saw them.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::decision;
use schemas::records::state::DeviceState;
use schemas::records::telemetry;
use schemas::registry::{DEFAULT_PRIORITY, Device as Registered};
use schemas::{DeviceId, FeederId, Soc, Timestamp, Watts};

use super::Present;
use super::enums::{DeviceOrigin, DeviceType, Freshness, Resolution};
use super::feeder::range;
use super::lifecycle::{Notice, notices};
use super::scalars::{to_datetime, to_the_watt};
use crate::graphql::series::OfDevice;
use crate::graphql::{cost, event_reads};
use crate::store::health::silence_max_ms;
use crate::store::history;
use crate::store::live::DeviceView;

/// A device.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Device {
    #[graphql(skip)]
    pub(crate) device_id: DeviceId,
    id: ID,
    #[graphql(name = "type")]
    kind: DeviceType,
    origin: DeviceOrigin,
    pub(crate) feeder_id: ID,
    pub(crate) site_id: Option<String>,
    rated_kw: Option<f64>,
    min_power_kw: Option<f64>,
    pub(crate) priority: i32,
    target_soc: Option<f64>,
    opted_out: bool,
    overridden: bool,
    freshness: Freshness,
    last_seen: Option<DateTime<Utc>>,
    pub(crate) power_kw: Option<f64>,
    setpoint_kw: Option<f64>,
    pub(crate) soc: Option<f64>,
    /// Signed mean of actual less setpoint over the controller's rolling window.
    pub(crate) tracking_error_kw: Option<f64>,
    compliant: bool,
    /// What was noticed about it, each once.
    notices: Vec<Notice>,
    /// What an operator has set that it does when its setpoint lapses; null where it names that itself.
    fallback_kw: Option<f64>,
    /// The operator's setpoint that is in force.
    #[graphql(name = "override")]
    held: Option<Override>,
}

/// An operator's setpoint.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Override {
    power_kw: f64,
    until: DateTime<Utc>,
}

/// A point of a device's history.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TelemetryPoint {
    at: DateTime<Utc>,
    power_kw: f64,
    min_kw: Option<f64>,
    max_kw: Option<f64>,
    setpoint_kw: Option<f64>,
    soc: Option<f64>,
}

/// Orders of devices: ids from a to z; all else the largest first, and what is unknown last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum DeviceOrder {
    /// By id.
    Id,
    /// By power, consumers first.
    Power,
    /// By state of charge.
    Soc,
    /// By the size of the tracking error.
    TrackingError,
    /// By priority.
    Priority,
    /// By when it was heard last.
    LastSeen,
}

/// Which devices.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeviceFilter {
    pub(crate) feeder_id: Option<FeederId>,
    pub(crate) kind: Option<telemetry::DeviceType>,
    pub(crate) origin: Option<telemetry::DeviceOrigin>,
    pub(crate) freshness: Option<decision::Freshness>,
    /// In lower case.
    pub(crate) search: Option<String>,
}

impl DeviceFilter {
    fn takes(&self, present: &Present<'_>, device: DeviceView<'_>) -> bool {
        let found = self.search.as_ref().is_none_or(|text| {
            let feeder = device.feeder_id().map(FeederId::as_str);
            let fields = [Some(device.id.as_str()), feeder, site_id(device)];
            fields.into_iter().flatten().any(|field| field.to_lowercase().contains(text))
        });
        found
            && self.kind.is_none_or(|kind| device_type(device) == Some(kind))
            && self.origin.is_none_or(|origin| self::origin(device) == Some(origin))
            && self.freshness.is_none_or(|wanted| {
                let seen = device.state.map(|state| freshness(present, state));
                seen.unwrap_or(decision::Freshness::Missing) == wanted
            })
    }
}

fn device_type(device: DeviceView<'_>) -> Option<telemetry::DeviceType> {
    let seen = device.state.map(|state| state.device_type);
    seen.or_else(|| device.registered.map(|registered| registered.device_type))
}

fn origin(device: DeviceView<'_>) -> Option<telemetry::DeviceOrigin> {
    let seen = device.state.map(|state| state.origin);
    seen.or_else(|| device.registered.map(|registered| registered.origin))
}

fn site_id(device: DeviceView<'_>) -> Option<&str> {
    match (device.state, device.registered) {
        (Some(state), _) => state.site_id.as_deref(),
        (None, registered) => registered?.site_id.as_deref(),
    }
}

fn priority(device: DeviceView<'_>) -> i32 {
    let set = device.registered.and_then(|registered| registered.priority);
    set.or_else(|| device.state.map(|state| state.priority)).unwrap_or(DEFAULT_PRIORITY)
}

/// The devices that fit, by id.
pub(crate) fn select<'v>(present: &Present<'v>, filter: &DeviceFilter) -> Vec<DeviceView<'v>> {
    let tree = filter.feeder_id.as_ref().map(|id| present.view.subtree(id));
    let view = present.view;
    view.devices()
        .filter(|device| {
            tree.as_ref().is_none_or(|tree| device.feeder_id().is_some_and(|id| tree.contains(id)))
        })
        .filter(|device| filter.takes(present, *device))
        .collect()
}

/// A device's place in an order: the smaller first; what is unknown last.
pub(super) fn rank(device: DeviceView<'_>, order: DeviceOrder) -> i64 {
    let largest_first = |millionths: Option<i64>| millionths.map_or(i64::MAX, |value| -value);
    let state = device.state;
    let milliwatts = |power: Watts| power.0.saturating_mul(1_000);
    match order {
        DeviceOrder::Id => 0,
        DeviceOrder::Power => largest_first(state.and_then(|state| state.power_w).map(milliwatts)),
        DeviceOrder::Soc => {
            largest_first(state.and_then(|state| state.soc).map(|soc| i64::from(soc.0) * 100))
        }
        DeviceOrder::TrackingError => largest_first(
            state.and_then(|state| state.tracking_mean_w).map(|mean| milliwatts(mean.abs())),
        ),
        DeviceOrder::Priority => -i64::from(priority(device)),
        DeviceOrder::LastSeen => {
            largest_first(state.and_then(|state| state.last_seen).map(|seen| seen.0))
        }
    }
}

impl Device {
    /// A device as it is now.
    pub(crate) fn read(present: &Present<'_>, device: &DeviceView<'_>) -> Self {
        match (device.registered, device.state) {
            (registered, Some(state)) => Self::seen(present, device, registered, state),
            (Some(registered), None) => Self::unseen(present, device, registered),
            (None, None) => unreachable!("a view of a device holds at least one of the two"),
        }
    }

    fn seen(
        present: &Present<'_>,
        device: &DeviceView<'_>,
        registered: Option<&Registered>,
        state: &DeviceState,
    ) -> Self {
        let feeder_id = registered.map_or(&state.feeder_id, |device| &device.feeder_id);
        Self {
            device_id: state.device_id.clone(),
            id: state.device_id.as_str().into(),
            kind: state.device_type.into(),
            origin: state.origin.into(),
            feeder_id: feeder_id.as_str().into(),
            site_id: state.site_id.clone(),
            rated_kw: state.rated_w.map(Watts::kw),
            min_power_kw: state.min_power_w.map(Watts::kw),
            priority: priority(*device),
            target_soc: registered
                .and_then(|device| device.target_soc)
                .or(state.target_soc)
                .map(Soc::fraction),
            opted_out: registered.map_or(state.opted_out, |device| device.opted_out),
            overridden: is_overridden(registered, present.now).unwrap_or(state.overridden),
            freshness: freshness(present, state).into(),
            last_seen: state.last_seen.map(to_datetime),
            power_kw: state.power_w.map(Watts::kw),
            setpoint_kw: state.setpoint_w.map(Watts::kw),
            soc: state.soc.map(Soc::fraction),
            tracking_error_kw: state.tracking_mean_w.map(Watts::kw),
            compliant: state.compliant,
            notices: notices(present.view.registry(), &state.device_id),
            fallback_kw: registered.and_then(|device| device.fallback_w).map(Watts::kw),
            held: registered.and_then(|device| held(device, present.now)),
        }
    }

    /// Registered, but control has not looked at it yet.
    fn unseen(present: &Present<'_>, device: &DeviceView<'_>, registered: &Registered) -> Self {
        let id = device.id;
        Self {
            device_id: id.clone(),
            id: id.as_str().into(),
            kind: registered.device_type.into(),
            origin: registered.origin.into(),
            feeder_id: registered.feeder_id.as_str().into(),
            site_id: registered.site_id.clone(),
            rated_kw: None,
            min_power_kw: None,
            priority: priority(*device),
            target_soc: registered.target_soc.map(Soc::fraction),
            opted_out: registered.opted_out,
            overridden: is_overridden(Some(registered), present.now).unwrap_or(false),
            freshness: Freshness::Missing,
            last_seen: None,
            power_kw: None,
            setpoint_kw: None,
            soc: None,
            tracking_error_kw: None,
            compliant: true,
            notices: notices(present.view.registry(), id),
            fallback_kw: registered.fallback_w.map(Watts::kw),
            held: held(registered, present.now),
        }
    }
}

/// The operator's setpoint that holds now.
fn held(registered: &Registered, now: Timestamp) -> Option<Override> {
    let (power_w, until) = registered.override_w.filter(|(_, until)| now < *until)?;
    Some(Override { power_kw: power_w.kw(), until: to_datetime(until) })
}

/// Whether an operator's setpoint holds now; none when the registry does not know the device.
fn is_overridden(registered: Option<&Registered>, now: Timestamp) -> Option<bool> {
    registered.map(|device| held(device, now).is_some())
}

/// As the last decision saw it; but when decisions have stopped, fresh does not stay fresh.
fn freshness(present: &Present<'_>, state: &DeviceState) -> decision::Freshness {
    let allowed_ms = present.view.registry().settings.stale_ms + silence_max_ms(present.view);
    let is_old = state.last_seen.is_none_or(|seen| present.now.since(seen) > allowed_ms);
    match state.freshness {
        decision::Freshness::Fresh if is_old => decision::Freshness::Stale,
        as_seen => as_seen,
    }
}

impl From<history::TelemetryPoint> for TelemetryPoint {
    fn from(point: history::TelemetryPoint) -> Self {
        Self {
            at: to_datetime(Timestamp(point.at_ms)),
            power_kw: to_the_watt(point.power_kw),
            min_kw: point.min_kw,
            max_kw: point.max_kw,
            setpoint_kw: point.setpoint_kw.map(to_the_watt),
            soc: point.soc,
        }
    }
}

#[ComplexObject]
impl Device {
    /// Power, setpoint and state of charge over time. Where nothing was recorded there is no point.
    #[graphql(complexity = "cost::series(max_points, child_complexity)")]
    async fn telemetry(
        &self,
        ctx: &Context<'_>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        #[graphql(default_with = "Some(Resolution::Auto)")] resolution: Option<Resolution>,
        #[graphql(default_with = "Some(cost::DEFAULT_POINTS)")] max_points: Option<i32>,
    ) -> Result<Vec<TelemetryPoint>> {
        let range = range(from, to, resolution, max_points)?;
        let points =
            event_reads::one_of_many(ctx, OfDevice(self.device_id.to_string(), range)).await?;
        Ok(points.into_iter().map(TelemetryPoint::from).collect())
    }
}
