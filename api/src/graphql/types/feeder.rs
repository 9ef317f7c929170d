//! Feeders.

use async_graphql::{ComplexObject, Context, ID, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::decision::NodeDecision;
use schemas::{FeederId, Timestamp, Watts};

use super::enums::{DeviceType, FeederMode, Resolution};
use super::scalars::{from_datetime, to_datetime, to_the_watt};
use super::{Present, present};
use crate::caps::POINTS_MAX;
use crate::graphql::errors::bad_input;
use crate::graphql::series::OfFeeder;
use crate::graphql::{cost, event_reads};
use crate::store::health::silent_for_ms;
use crate::store::history::{self, Range};
use crate::store::live::FeederView;

/// A feeder: its limits as operators set them, its state as the last decision saw it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Feeder {
    #[graphql(skip)]
    feeder_id: FeederId,
    id: ID,
    parent_id: Option<ID>,
    mode: FeederMode,
    policy: String,
    degraded: Option<String>,
    stopped: Option<String>,
    import_limit_kw: f64,
    export_limit_kw: Option<f64>,
    effective_limit_kw: f64,
    load_kw: f64,
    controlled_kw: f64,
    uncontrolled_kw: f64,
    reserved_kw: f64,
    headroom_kw: f64,
    allocated_kw: f64,
    /// kW per unit of weight; null where nothing binds.
    water_level: Option<f64>,
    device_count: i32,
    fresh_count: i32,
    stale_count: i32,
    by_type: Vec<TypeTotal>,
    last_decision_at: Option<DateTime<Utc>>,
    /// Nobody has set an import limit: the settings' one holds.
    import_limit_is_default: bool,
    /// Nobody has set a policy: the settings' one decides.
    policy_is_default: bool,
}

/// One type's share of a feeder.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TypeTotal {
    #[graphql(name = "type")]
    kind: DeviceType,
    count: i32,
    power_kw: f64,
}

/// A point of a feeder's history.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct FeederPoint {
    at: DateTime<Utc>,
    load_kw: f64,
    limit_kw: f64,
    headroom_kw: f64,
    curtailed_kw: f64,
    allocated_kw: f64,
    /// Null in minutes and hours from before it was kept.
    reserved_kw: Option<f64>,
}

impl Feeder {
    /// A feeder by id.
    pub(crate) fn find(present: &Present<'_>, id: &FeederId) -> Option<Self> {
        let feeder = present.view.feeder(id)?;
        Some(Self::read(present, &feeder))
    }

    /// A feeder as it is now.
    pub(crate) fn read(present: &Present<'_>, feeder: &FeederView) -> Self {
        let registry = present.view.registry();
        let settings = &feeder.settings;
        let import_limit = registry.import_limit(settings);
        let base = Self {
            feeder_id: feeder.id.clone(),
            id: feeder.id.as_str().into(),
            parent_id: settings.parent_id.as_ref().map(|id| id.as_str().into()),
            mode: settings.mode.into(),
            policy: settings.policy.clone().unwrap_or_else(|| registry.settings.policy.clone()),
            degraded: None,
            stopped: None,
            import_limit_kw: import_limit.kw(),
            export_limit_kw: settings.export_limit_w.map(Watts::kw),
            effective_limit_kw: 0.0,
            load_kw: 0.0,
            controlled_kw: 0.0,
            uncontrolled_kw: 0.0,
            reserved_kw: 0.0,
            headroom_kw: 0.0,
            allocated_kw: 0.0,
            water_level: None,
            device_count: 0,
            fresh_count: 0,
            stale_count: 0,
            by_type: Vec::new(),
            last_decision_at: None,
            import_limit_is_default: settings.import_limit_w.is_none(),
            policy_is_default: settings.policy.is_none(),
        };
        match &feeder.state {
            Some(state) => Self {
                last_decision_at: Some(to_datetime(state.at)),
                degraded: state.node.degraded.clone().or_else(|| silence(present, feeder)),
                ..base.decided(&state.node)
            },
            None => base.undecided(present, import_limit),
        }
    }

    fn decided(self, node: &NodeDecision) -> Self {
        Self {
            stopped: node.stopped.clone(),
            effective_limit_kw: node.limit_w.kw(),
            load_kw: node.load_w.kw(),
            controlled_kw: node.controlled_w.kw(),
            uncontrolled_kw: node.uncontrolled_w.kw(),
            reserved_kw: node.reserved_w.kw(),
            headroom_kw: node.headroom_w.kw(),
            allocated_kw: node.allocated_w.kw(),
            water_level: node.water_level_w.map(|level| Watts(level).kw()),
            device_count: node.device_count,
            fresh_count: node.fresh_count,
            stale_count: node.stale_count,
            by_type: node
                .by_type
                .iter()
                .map(|total| TypeTotal {
                    kind: total.device_type.into(),
                    count: total.count,
                    power_kw: total.power_w.kw(),
                })
                .collect(),
            ..self
        }
    }

    /// Known from the registry alone: no load is known, its devices are not heard by control yet.
    fn undecided(self, present: &Present<'_>, import_limit: Watts) -> Self {
        let global = present.view.registry().settings.global_limit_w;
        let limit = global.map_or(import_limit, |global| global.min(import_limit));
        let mut by_type: Vec<TypeTotal> = Vec::new();
        for device in present.view.registered_under(&self.feeder_id) {
            let kind = device.device_type.into();
            match by_type.iter_mut().find(|total| total.kind == kind) {
                Some(total) => total.count += 1,
                None => by_type.push(TypeTotal { kind, count: 1, power_kw: 0.0 }),
            }
        }
        let count = by_type.iter().map(|total| total.count).sum();
        Self {
            effective_limit_kw: limit.kw(),
            headroom_kw: limit.kw(),
            device_count: count,
            stale_count: count,
            by_type,
            ..self
        }
    }
}

fn silence(present: &Present<'_>, feeder: &FeederView) -> Option<String> {
    let silent_ms = silent_for_ms(present.view, feeder, present.now)?;
    Some(format!("no decision for {} s", silent_ms / 1000))
}

/// The range of a series, checked.
pub(super) fn range(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    resolution: Option<Resolution>,
    max_points: Option<i32>,
) -> Result<Range> {
    let max_points = max_points.unwrap_or(cost::DEFAULT_POINTS);
    if !(1..=POINTS_MAX).contains(&max_points) {
        return Err(bad_input(format!("maxPoints: expected 1 to {POINTS_MAX}, got {max_points}")));
    }
    Ok(Range {
        from: from_datetime(from),
        to: from_datetime(to),
        resolution: resolution.unwrap_or(Resolution::Auto).into(),
        max_points,
    })
}

impl From<history::FeederPoint> for FeederPoint {
    fn from(point: history::FeederPoint) -> Self {
        Self {
            at: to_datetime(Timestamp(point.at_ms)),
            load_kw: to_the_watt(point.load_kw),
            limit_kw: point.limit_kw,
            headroom_kw: to_the_watt(point.headroom_kw),
            curtailed_kw: to_the_watt(point.curtailed_kw),
            allocated_kw: to_the_watt(point.allocated_kw),
            reserved_kw: point.reserved_kw.map(to_the_watt),
        }
    }
}

#[ComplexObject]
impl Feeder {
    /// The feeders directly below.
    #[graphql(complexity = "cost::feeders(child_complexity)")]
    async fn children(&self, ctx: &Context<'_>) -> Result<Vec<Feeder>> {
        present(ctx, |present| {
            let children = present.view.registry().children(&self.feeder_id);
            Ok(children.filter_map(|id| Feeder::find(present, id)).collect())
        })
    }

    /// Load and limit over time. Where nothing was recorded there is no point.
    #[graphql(complexity = "cost::series(max_points, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        #[graphql(default_with = "Some(Resolution::Auto)")] resolution: Option<Resolution>,
        #[graphql(default_with = "Some(cost::DEFAULT_POINTS)")] max_points: Option<i32>,
    ) -> Result<Vec<FeederPoint>> {
        let range = range(from, to, resolution, max_points)?;
        let points =
            event_reads::one_of_many(ctx, OfFeeder(self.feeder_id.to_string(), range)).await?;
        Ok(points.into_iter().map(FeederPoint::from).collect())
    }
}
