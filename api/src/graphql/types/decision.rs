//! Decisions, their devices, and why a device got what it got.

use async_graphql::{ComplexObject, Context, Error, ID, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::operator::FeederMode;
use schemas::records::state::FeederState;
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;

use super::enums::{FeederMode as ModeWord, word};
use super::paging::{Cursor, connection, size};
use super::present;
use super::scalars::to_datetime;
use crate::caps::HISTORY_BASE_COST;
use crate::graphql::errors::bad_input;
use crate::graphql::series::{OfDecision, TreeOf};
use crate::graphql::{cost, event_reads};
use crate::store::history::decisions::{
    BoundRow, DecisionDeviceRow, DecisionDevices, DecisionRow, DevicesAsked,
};

/// Devices of a page where no number is asked for.
const DEVICES_PAGE: i32 = 100;

/// A decision as it is about one feeder.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Decision {
    #[graphql(skip)]
    decision_id: Uuid,
    #[graphql(skip)]
    made: Timestamp,
    /// The decision's UUID; for a feeder that is not the root, `:` and the feeder's id after it.
    id: ID,
    root_id: ID,
    feeder_id: ID,
    /// The feeder that it hung on then.
    parent_id: Option<ID>,
    /// WINDOW, IDLE, OVERLOAD or OPERATOR.
    trigger: String,
    at: DateTime<Utc>,
    window_start: DateTime<Utc>,
    window_end: DateTime<Utc>,
    policy: String,
    mode: ModeWord,
    /// Decided, but not sent.
    shadow: bool,
    degraded: Option<String>,
    stopped: Option<String>,
    limit_kw: f64,
    load_kw: f64,
    uncontrolled_kw: f64,
    reserved_kw: f64,
    headroom_kw: f64,
    allocated_kw: f64,
    unmet_kw: f64,
    /// NONE, `IMPORT_LIMIT`, `EXPORT_LIMIT`, EVENT, PROGRAM or ANCESTOR.
    binding_constraint: String,
    /// NORMAL, TRIM, PAUSE, MINIMUM, FALLBACK or ALARM.
    rung: String,
    /// Whether the independent check passed.
    certified: bool,
    /// From the end of the window to the decision.
    latency_ms: f64,
}

/// A device in a decision.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DecisionDevice {
    device_id: ID,
    wanted_kw: f64,
    share_kw: f64,
    /// Its share where it has no setpoint of its own.
    setpoint_kw: f64,
    weight: f64,
    deficit_kwh: f64,
    /// Why, as a stable code.
    reason: String,
    /// The feeder whose limit binds it; NONE where nothing does.
    binding_constraint: String,
    /// kW that one more kW of limit would give it.
    marginal: f64,
    sample_age_ms: Option<i32>,
}

/// Why a device got what it got.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Explanation {
    device_id: ID,
    at: DateTime<Utc>,
    /// For people.
    sentence: String,
    decision: Decision,
    device: DecisionDevice,
    /// The feeder whose limit binds it.
    bound_feeder_id: Option<ID>,
    bound_limit_kw: Option<f64>,
    /// Other devices that the same feeder binds.
    shared_with: i32,
}

connection!(DecisionConnection, DecisionEdge, Decision, "decisions");
connection!(DecisionDeviceConnection, DecisionDeviceEdge, DecisionDevice, "a decision's devices");

/// The id of a decision as it is about a feeder.
fn id_of(decision_id: Uuid, root: &str, feeder_id: &str) -> ID {
    if root == feeder_id {
        return decision_id.into();
    }
    format!("{decision_id}:{feeder_id}").into()
}

/// The decision that an id names, and the feeder; none is the root.
pub(crate) fn parse_id(id: &ID) -> Result<(Uuid, Option<FeederId>)> {
    let bad =
        || bad_input("id: expected the id of a decision: a UUID, or a UUID, \":\" and a feeder");
    let (decision, feeder) = match id.split_once(':') {
        Some((decision, feeder)) => (decision, Some(FeederId::new(feeder).map_err(|_| bad())?)),
        None => (id.as_str(), None),
    };
    Ok((decision.parse().map_err(|_| bad())?, feeder))
}

#[expect(clippy::cast_precision_loss, reason = "a latency in ms is far below 2^52")]
fn latency(at: i64, window_end: i64) -> f64 {
    at.saturating_sub(window_end) as f64
}

/// The mode that a row names; rows are written from the same enum.
fn mode_of(word_of_row: &str) -> FeederMode {
    [FeederMode::Manual, FeederMode::Shadow, FeederMode::Disabled]
        .into_iter()
        .find(|mode| word(mode) == word_of_row)
        .unwrap_or(FeederMode::Automatic)
}

impl From<DecisionRow> for Decision {
    fn from(row: DecisionRow) -> Self {
        let time = |ms: i64| to_datetime(Timestamp(ms));
        let kw = |watts: i64| Watts(watts).kw();
        let mode = mode_of(&row.mode);
        Self {
            decision_id: row.decision_id,
            made: Timestamp(row.at_ms),
            id: id_of(row.decision_id, &row.root, &row.feeder_id),
            root_id: row.root.into(),
            feeder_id: row.feeder_id.into(),
            parent_id: row.parent_id.map(ID::from),
            trigger: row.trigger,
            at: time(row.at_ms),
            window_start: time(row.window_start_ms),
            window_end: time(row.window_end_ms),
            policy: row.policy,
            mode: mode.into(),
            shadow: mode == FeederMode::Shadow,
            degraded: row.degraded,
            stopped: row.stopped,
            limit_kw: kw(row.limit_w),
            load_kw: kw(row.load_w),
            uncontrolled_kw: kw(row.uncontrolled_w),
            reserved_kw: kw(row.reserved_w),
            headroom_kw: kw(row.headroom_w),
            allocated_kw: kw(row.allocated_w),
            unmet_kw: kw(row.unmet_w),
            binding_constraint: row.binding,
            rung: row.rung,
            certified: row.certified,
            latency_ms: latency(row.at_ms, row.window_end_ms),
        }
    }
}

impl Decision {
    /// The decision that a feeder's newest state comes from; none where the state does not say how it was made.
    pub(crate) fn newest(state: &FeederState) -> Option<Self> {
        let made = state.made?;
        let node = &state.node;
        let decision_id = state.version.decision_id(&state.root);
        let (root, feeder) = (state.root.as_str(), node.feeder_id.as_str());
        Some(Self {
            decision_id,
            made: state.at,
            id: id_of(decision_id, root, feeder),
            root_id: root.into(),
            feeder_id: feeder.into(),
            parent_id: node.parent_id.as_ref().map(|id| id.as_str().into()),
            trigger: word(&made.trigger),
            at: to_datetime(state.at),
            window_start: to_datetime(made.window_start),
            window_end: to_datetime(made.window_end),
            policy: state.policy.clone(),
            mode: node.mode.into(),
            shadow: node.mode == FeederMode::Shadow,
            degraded: node.degraded.clone(),
            stopped: node.stopped.clone(),
            limit_kw: node.limit_w.kw(),
            load_kw: node.load_w.kw(),
            uncontrolled_kw: node.uncontrolled_w.kw(),
            reserved_kw: node.reserved_w.kw(),
            headroom_kw: node.headroom_w.kw(),
            allocated_kw: node.allocated_w.kw(),
            unmet_kw: node.unmet_w.kw(),
            binding_constraint: word(&node.binding),
            rung: word(&node.rung),
            certified: made.certified,
            latency_ms: latency(state.at.0, made.window_end.0),
        })
    }

    /// The feeders whose devices the decision is about: empty for a root, which has them all.
    fn below(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        if self.root_id == self.feeder_id {
            return Ok(Vec::new());
        }
        let id = FeederId::new(&self.feeder_id).map_err(|error| Error::new(error.to_string()))?;
        present(ctx, |present| {
            Ok(present.view.subtree(&id).iter().map(ToString::to_string).collect())
        })
    }
}

#[ComplexObject]
impl Decision {
    /// The same decision about every feeder of its tree, by id, as the tree hung then. It can be read a moment after it was
    /// made.
    #[graphql(complexity = "cost::feeders(child_complexity) + HISTORY_BASE_COST")]
    async fn tree(&self, ctx: &Context<'_>) -> Result<Vec<Decision>> {
        let rows = event_reads::one_of_many(ctx, TreeOf(self.decision_id, self.made)).await?;
        Ok(rows.into_iter().map(Decision::from).collect())
    }

    /// The devices under the feeder, by id, as the decision saw them. They can be read a moment after it was made.
    #[graphql(complexity = "cost::series(first, child_complexity)")]
    async fn devices(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(DEVICES_PAGE)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<DecisionDeviceConnection> {
        let most = size(first.unwrap_or(DEVICES_PAGE))?;
        let list = ["decision devices", &self.id];
        let cursor = Cursor::of(&list);
        let after = after.map(|text| cursor.decode::<1>(&text)).transpose()?;
        let [after] = after.unwrap_or_default();
        let tree = self.below(ctx)?;
        let asked = DevicesAsked { tree, after, most: most + 1 };
        let key = OfDecision(self.decision_id, self.made, asked);
        let DecisionDevices { rows, total } = event_reads::one_of_many(ctx, key).await?;
        let has_next_page = rows.len() > most;
        let entries = rows
            .into_iter()
            .take(most)
            .map(|row| (cursor.encode(&[&row.device_id]), DecisionDevice::from(&row)));
        Ok(DecisionDeviceConnection::of(entries, has_next_page, total))
    }
}

impl From<&DecisionDeviceRow> for DecisionDevice {
    fn from(row: &DecisionDeviceRow) -> Self {
        let age = row.sample_age_ms.map(|age| i32::try_from(age).unwrap_or(i32::MAX));
        Self {
            device_id: row.device_id.as_str().into(),
            wanted_kw: Watts(row.wanted_w).kw(),
            share_kw: Watts(row.share_w).kw(),
            setpoint_kw: Watts(row.setpoint_w.unwrap_or(row.share_w)).kw(),
            weight: Watts(row.weight_milli).kw(),
            deficit_kwh: Watts(row.deficit_wh).kw(),
            reason: row.reason.clone(),
            binding_constraint: row.bound_by.clone().unwrap_or_else(|| "NONE".to_owned()),
            marginal: Watts(row.marginal_w).kw(),
            sample_age_ms: age,
        }
    }
}

impl Explanation {
    /// From a device's row, its feeder's, and what the feeder that binds it was.
    pub(crate) fn of(
        row: &DecisionDeviceRow,
        decision: DecisionRow,
        bound: Option<&BoundRow>,
    ) -> Self {
        let shared_with = bound.map_or(0, |bound| bound.shared_by.saturating_sub(1));
        Self {
            device_id: row.device_id.as_str().into(),
            at: to_datetime(Timestamp(row.at_ms)),
            sentence: sentence(row, &decision, bound),
            device: DecisionDevice::from(row),
            bound_feeder_id: row.bound_by.as_deref().map(Into::into),
            bound_limit_kw: bound.map(|bound| Watts(bound.limit_w).kw()),
            shared_with: i32::try_from(shared_with).unwrap_or(i32::MAX),
            decision: decision.into(),
        }
    }
}

/// kW for people: two decimals at most.
fn kw(watts: i64) -> String {
    let text = format!("{:.2}", Watts(watts).kw().abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} kW")
}

/// What a device is told.
fn told(row: &DecisionDeviceRow, decision: &DecisionRow) -> String {
    let would =
        if decision.mode == word(&FeederMode::Shadow) { "would be told" } else { "is told" };
    match row.setpoint_w {
        None => "has no setpoint".to_owned(),
        Some(0) => format!("{would} to take nothing"),
        Some(watts) if watts < 0 => format!("{would} to give {}", kw(watts)),
        Some(watts) => format!("{would} to take {}", kw(watts)),
    }
}

/// What binds it, and with whom.
fn bound_words(
    row: &DecisionDeviceRow,
    decision: &DecisionRow,
    bound: Option<&BoundRow>,
) -> String {
    let Some(feeder) = &row.bound_by else {
        return "nothing binds it".to_owned();
    };
    let Some(bound) = bound else { return format!("{feeder} binds it") };
    let limit = kw(bound.limit_w);
    let what = match bound.binding.as_str() {
        "EVENT" => format!("an event holds {feeder} to {limit}"),
        "PROGRAM" => format!("a program holds {feeder} to {limit}"),
        "EXPORT_LIMIT" => format!("the export limit of {feeder} binds"),
        _ => format!("the limit of {feeder}, {limit}, binds"),
    };
    let shared = match bound.shared_by.saturating_sub(1) {
        0 => String::new(),
        1 => format!(" and is shared with 1 other device by {}", decision.policy),
        others => format!(" and is shared with {others} other devices by {}", decision.policy),
    };
    let more = if row.marginal_w == 0 {
        String::new()
    } else {
        format!("; one more kW of it would give this one {}", kw(row.marginal_w))
    };
    format!("{what}{shared}{more}")
}

/// One sentence that says what a device was told and why.
fn sentence(row: &DecisionDeviceRow, decision: &DecisionRow, bound: Option<&BoundRow>) -> String {
    let device = &row.device_id;
    let told = told(row, decision);
    let wanted = kw(row.wanted_w);
    let age = row.sample_age_ms.map_or_else(
        || "it has not been heard".to_owned(),
        |age| format!("it was heard {} s ago", age / 1_000),
    );
    let why = match row.reason.as_str() {
        "SATISFIED" => "that is all that it wants".to_owned(),
        "FAIR_SHARE" => {
            format!("it wants {wanted}, but {}", bound_words(row, decision, bound))
        }
        "RAMP" => format!("it is on its way up to {} and rises by its ramp", kw(row.share_w)),
        "DEADBAND" => "the change to its share would be too small to send".to_owned(),
        "DWELL" => "it waits for the least time between changes of direction".to_owned(),
        "ROTATION" => format!(
            "its share is below what it needs to run, and it waits for its turn: {}",
            bound_words(row, decision, bound)
        ),
        "TARGET_REACHED" => "it is at its target state of charge".to_owned(),
        "RESERVE" => "it is at its reserve and is not discharged further".to_owned(),
        "DISCHARGE" => format!("it is discharged because {}", bound_words(row, decision, bound)),
        "CURTAILED" => format!("it could give {wanted}, but {}", bound_words(row, decision, bound)),
        "STALE" => format!("its last sample is too old to steer by: {age}"),
        "MISSING" => "it is registered and was never heard".to_owned(),
        "HOLD_LAST" => format!("its last setpoint is held while it is silent: {age}"),
        "NON_COMPLIANT" => {
            "it does not follow its setpoints, so it counts at what it takes".to_owned()
        }
        "OVERRIDE" if row.bound_by.is_none() => "an operator has set it".to_owned(),
        "OVERRIDE" => format!(
            "an operator has set its power, within what limits leave: {}",
            bound_words(row, decision, bound)
        ),
        "OPTED_OUT" => "it is opted out: counted, not commanded".to_owned(),
        "NOT_COMMANDED" => {
            format!("it is not commanded: its type, or the mode {} of its feeder", decision.mode)
        }
        "RELEASE" => "it comes back after an event, at a moment of its own".to_owned(),
        "RESTART" => "control has started anew and has not heard it since".to_owned(),
        "UNCERTIFIED" => {
            "the plan did not pass its check, so it is held to what is safe".to_owned()
        }
        "AWAITS_HEADROOM" => {
            "it may take more once the others are seen to have taken less".to_owned()
        }
        other => other.to_owned(),
    };
    format!("{device} {told}: {why}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(reason: &str) -> DecisionDeviceRow {
        DecisionDeviceRow {
            decision_id: Uuid::nil(),
            at_ms: 0,
            device_id: "ev-1".to_owned(),
            feeder_id: "f1".to_owned(),
            power_w: Some(3_000),
            wanted_w: 7_400,
            share_w: 3_250,
            setpoint_w: Some(3_250),
            weight_milli: 1_000,
            deficit_wh: 0,
            reason: reason.to_owned(),
            bound_by: Some("f1".to_owned()),
            marginal_w: 50,
            sample_age_ms: Some(45_000),
        }
    }

    fn decision() -> DecisionRow {
        DecisionRow {
            decision_id: Uuid::nil(),
            root: "f1".to_owned(),
            feeder_id: "f1".to_owned(),
            parent_id: None,
            epoch: 1,
            seq: 1,
            at_ms: 600,
            trigger: "WINDOW".to_owned(),
            window_start_ms: -5_000,
            window_end_ms: 0,
            policy: "water-fill".to_owned(),
            certified: true,
            mode: "AUTOMATIC".to_owned(),
            limit_w: 60_000,
            load_w: 59_000,
            uncontrolled_w: 0,
            reserved_w: 0,
            headroom_w: 0,
            allocated_w: 60_000,
            unmet_w: 0,
            binding: "EVENT".to_owned(),
            rung: "TRIM".to_owned(),
            degraded: None,
            stopped: None,
        }
    }

    #[test]
    fn a_share_is_explained_by_what_binds_and_with_whom() {
        let bound = BoundRow { limit_w: 60_000, binding: "EVENT".to_owned(), shared_by: 20 };
        let explanation = Explanation::of(&row("FAIR_SHARE"), decision(), Some(&bound));
        assert_eq!(
            explanation.sentence,
            "ev-1 is told to take 3.25 kW: it wants 7.4 kW, but an event holds f1 to 60 kW and is shared with 19 other \
             devices by water-fill; one more kW of it would give this one 0.05 kW."
        );
        assert_eq!(explanation.shared_with, 19);
    }

    #[test]
    fn a_silent_device_and_a_shadow_feeder_are_explained() {
        let mut stale = row("STALE");
        stale.setpoint_w = Some(0);
        let mut shadow = decision();
        shadow.mode = "SHADOW".to_owned();
        assert_eq!(
            sentence(&stale, &shadow, None),
            "ev-1 would be told to take nothing: its last sample is too old to steer by: it was heard 45 s ago."
        );
    }

    #[test]
    fn an_id_names_a_decision_and_its_feeder() {
        let decision = Uuid::from_u128(5);
        let feeder = FeederId::new("f2").expect("an id");
        assert_eq!(parse_id(&id_of(decision, "f1", "f1")), Ok((decision, None)));
        assert_eq!(parse_id(&id_of(decision, "f1", "f2")), Ok((decision, Some(feeder))));
        assert!(parse_id(&"nonsense".into()).is_err());
    }
}
