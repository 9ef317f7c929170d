//! Feeders: limits, mode, policy and parent; resumed; removed.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Result};
use schemas::records::operator::{
    Change, ControlResumed, FeederChange, FeederCleared, FeederField, FeederRemoved, POLICIES,
};
use schemas::{FeederId, Watts};

use super::{check_feeder, write};
use crate::graphql::errors::{Code, bad_input};
use crate::graphql::types::enums::FeederMode;
use crate::graphql::types::feeder::Feeder;
use crate::graphql::types::present;
use crate::graphql::types::scalars::{feeder_id, power_at_least_zero};

/// What is to be set of a feeder. What is absent stays as it was; what is null is taken back: the parent (a root again), the
/// import limit and the policy (the defaults hold), the export limit (there is none).
#[derive(Debug, Clone, InputObject)]
pub(crate) struct FeederInput {
    id: ID,
    parent_id: MaybeUndefined<ID>,
    import_limit_kw: MaybeUndefined<f64>,
    export_limit_kw: MaybeUndefined<f64>,
    mode: Option<FeederMode>,
    policy: MaybeUndefined<String>,
}

/// What an input says: what is set, and what is taken back.
struct Wanted {
    change: FeederChange,
    cleared: Vec<FeederField>,
}

impl FeederInput {
    fn check(&self) -> Result<Wanted> {
        let limit = |argument: &str, limit: &MaybeUndefined<f64>| -> Result<Option<Watts>> {
            limit.value().map(|kw| power_at_least_zero(argument, *kw)).transpose()
        };
        let policy = self.policy.value().map(|name| {
            if POLICIES.contains(&name.as_str()) {
                return Ok(name.clone());
            }
            Err(bad_input(format!("policy: expected one of {}, got {name:?}", POLICIES.join(", "))))
        });
        let parent_id = self.parent_id.value().map(|id| feeder_id("parentId", id)).transpose()?;
        let change = FeederChange {
            feeder_id: feeder_id("id", &self.id)?,
            parent_id,
            import_limit_w: limit("importLimitKw", &self.import_limit_kw)?,
            export_limit_w: limit("exportLimitKw", &self.export_limit_kw)?,
            mode: self.mode.map(Into::into),
            policy: policy.transpose()?,
        };
        let cleared = [
            (self.parent_id.is_null(), FeederField::Parent),
            (self.import_limit_kw.is_null(), FeederField::ImportLimit),
            (self.export_limit_kw.is_null(), FeederField::ExportLimit),
            (self.policy.is_null(), FeederField::Policy),
        ];
        let cleared = cleared.into_iter().filter(|(is_null, _)| *is_null).map(|(_, field)| field);
        Ok(Wanted { change, cleared: cleared.collect() })
    }
}

/// Whether a change sets nothing.
fn is_empty(change: &FeederChange) -> bool {
    let FeederChange { feeder_id: _, parent_id, import_limit_w, export_limit_w, mode, policy } =
        change;
    parent_id.is_none()
        && import_limit_w.is_none()
        && export_limit_w.is_none()
        && mode.is_none()
        && policy.is_none()
}

/// Sets what is named of a feeder; one that is not there yet is made.
pub(in crate::graphql) async fn set(ctx: &Context<'_>, input: FeederInput) -> Result<Feeder> {
    let Wanted { change, cleared } = input.check()?;
    let feeder_id = change.feeder_id.clone();
    let is_new = present(ctx, |present| {
        if let Some(parent) = &change.parent_id {
            check_feeder(present, "parentId", parent)?;
        }
        let is_new = !present.view.registry().feeders.contains_key(&feeder_id);
        if is_new && !cleared.is_empty() {
            check_feeder(present, "id", &feeder_id)?;
        }
        if !is_new && cleared.is_empty() && is_empty(&change) {
            return Err(bad_input(
                "input: nothing to set: name parentId, importLimitKw, exportLimitKw, mode or policy",
            ));
        }
        Ok(is_new)
    })?;
    // Two records where both are asked for; what is taken back first, so that a parent can be changed for none and a limit.
    if !cleared.is_empty() {
        let cleared = FeederCleared { feeder_id: feeder_id.clone(), fields: cleared };
        write(ctx, Change::FeederCleared(cleared)).await?;
    }
    if is_new || !is_empty(&change) {
        write(ctx, Change::FeederChange(change)).await?;
    }
    read_back(ctx, &feeder_id)
}

/// Lets a stopped feeder be controlled again.
pub(in crate::graphql) async fn resume(ctx: &Context<'_>, id: &ID) -> Result<Feeder> {
    let feeder_id = feeder_id("feederId", id)?;
    present(ctx, |present| check_feeder(present, "feederId", &feeder_id))?;
    write(ctx, Change::ControlResumed(ControlResumed { feeder_id: feeder_id.clone() })).await?;
    read_back(ctx, &feeder_id)
}

/// Takes an empty feeder out.
pub(in crate::graphql) async fn remove(ctx: &Context<'_>, id: &ID) -> Result<ID> {
    let feeder_id = feeder_id("id", id)?;
    present(ctx, |present| check_feeder(present, "id", &feeder_id))?;
    write(ctx, Change::FeederRemoved(FeederRemoved { feeder_id: feeder_id.clone() })).await?;
    Ok(feeder_id.as_str().into())
}

fn read_back(ctx: &Context<'_>, id: &FeederId) -> Result<Feeder> {
    present(ctx, |present| {
        Feeder::find(present, id)
            .ok_or_else(|| Code::Unavailable.error("the feeder was written but cannot be read yet"))
    })
}
