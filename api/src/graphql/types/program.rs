//! Demand-response programs.

use async_graphql::{Enum, ID, InputObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::operator::{self, ProgramSet};
use schemas::records::state::FeederState;
use schemas::{FeederId, Timestamp, Watts};
use uuid::Uuid;

use super::Present;
use super::scalars::{feeder_id, from_datetime, power_at_least_zero, to_datetime};
use crate::caps::{PRICE_MAX, PROGRAM_FEEDERS_MAX, PROGRAM_NAME_LEN_MAX};
use crate::graphql::errors::bad_input;

/// How a program sheds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "operator::ProgramMode")]
pub(crate) enum ProgramMode {
    /// A fixed number of kW less, split over the feeders it names.
    FixedCap,
    /// One per cent of the limit less for each unit of penalty less incentive per kWh, at most four fifths.
    PriceElastic,
}

/// A demand-response program.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DrProgram {
    id: ID,
    name: String,
    mode: ProgramMode,
    /// The feeders it names; none = all controlled roots.
    feeder_ids: Vec<ID>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    target_shed_kw: f64,
    incentive_per_kwh: f64,
    penalty_per_kwh: f64,
    active: bool,
    /// What it takes from the limits of its feeders now; null while it does not act.
    impact: Option<DrImpact>,
}

/// What a program does at the newest decision of its feeders.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DrImpact {
    /// The oldest of the decisions that this is read from.
    at: DateTime<Utc>,
    /// What the limits of its feeders would leave to devices under control without it.
    available_before_kw: f64,
    /// What the limits in force leave to them.
    available_after_kw: f64,
    shed_kw: f64,
}

impl DrProgram {
    /// A program as it is now.
    pub(crate) fn read(present: &Present<'_>, program: &ProgramSet) -> Self {
        Self {
            id: program.program_id.into(),
            name: program.name.clone(),
            mode: program.mode.into(),
            feeder_ids: program.feeder_ids.iter().map(|id| id.as_str().into()).collect(),
            start: to_datetime(program.start),
            end: to_datetime(program.end),
            target_shed_kw: program.target_shed_w.kw(),
            incentive_per_kwh: price(program.incentive_milli_per_kwh),
            penalty_per_kwh: price(program.penalty_milli_per_kwh),
            active: program.active,
            impact: impact(present, program),
        }
    }

    /// Every program, by start, then id.
    pub(crate) fn all(present: &Present<'_>) -> Vec<Self> {
        let mut programs: Vec<&ProgramSet> = present.view.registry().programs.values().collect();
        programs.sort_by_key(|program| (program.start, program.program_id));
        programs.into_iter().map(|program| Self::read(present, program)).collect()
    }
}

/// What a program does now. Several programs on one feeder act together: what they take is then told of each.
fn impact(present: &Present<'_>, program: &ProgramSet) -> Option<DrImpact> {
    let acts = program.active && (program.start..program.end).contains(&present.now);
    if !acts {
        return None;
    }
    let registry = present.view.registry();
    let named: Vec<FeederId> = if program.feeder_ids.is_empty() {
        registry.controlled_roots().cloned().collect()
    } else {
        program.feeder_ids.clone()
    };
    let (mut at, mut before, mut after) = (None::<Timestamp>, Watts::ZERO, Watts::ZERO);
    for feeder in named.iter().filter_map(|id| present.view.feeder(id)) {
        let Some(state) = &feeder.state else { continue };
        at = Some(at.map_or(state.at, |oldest| oldest.min(state.at)));
        let taken = state.node.uncontrolled_w + state.node.reserved_w;
        before += (without_programs(present, &feeder.id, state) - taken).import_part();
        after += (state.node.limit_w - taken).import_part();
    }
    Some(DrImpact {
        at: to_datetime(at?),
        available_before_kw: before.kw(),
        available_after_kw: after.kw(),
        shed_kw: (before - after).import_part().kw(),
    })
}

/// A feeder's limit as it would be without programs: its own, or that of an event that is on.
fn without_programs(present: &Present<'_>, feeder_id: &FeederId, state: &FeederState) -> Watts {
    let events = present.view.registry().events_after(present.now);
    let on = events
        .filter(|event| event.created.feeder_id == *feeder_id && event.is_active(present.now));
    let limit = on.map(|event| event.created.limit_w).fold(state.node.import_limit_w, Watts::min);
    limit.max(state.node.limit_w)
}

#[expect(clippy::cast_precision_loss, reason = "prices are far below 2^52 thousandths")]
fn price(milli: i64) -> f64 {
    milli as f64 / 1_000.0
}

/// A program to make.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct DrProgramInput {
    name: String,
    mode: ProgramMode,
    feeder_ids: Option<Vec<ID>>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    #[graphql(default_with = "Some(0.0)")]
    target_shed_kw: Option<f64>,
    #[graphql(default_with = "Some(0.0)")]
    incentive_per_kwh: Option<f64>,
    #[graphql(default_with = "Some(0.0)")]
    penalty_per_kwh: Option<f64>,
    #[graphql(default_with = "Some(false)")]
    active: Option<bool>,
    /// A key of the client's: a repeated request with the same one makes no second program.
    pub(crate) client_mutation_id: Option<String>,
}

impl DrProgramInput {
    /// The program that it asks for.
    ///
    /// # Errors
    /// BAD_USER_INPUT with what is not accepted.
    pub(crate) fn check(&self, program_id: Uuid) -> Result<ProgramSet> {
        Ok(ProgramSet {
            program_id,
            name: name(&self.name)?,
            mode: self.mode.into(),
            feeder_ids: feeder_ids(self.feeder_ids.as_deref().unwrap_or_default())?,
            start: from_datetime(self.start),
            end: from_datetime(self.end),
            target_shed_w: power_at_least_zero("targetShedKw", self.target_shed_kw.unwrap_or(0.0))?,
            incentive_milli_per_kwh: milli(
                "incentivePerKwh",
                self.incentive_per_kwh.unwrap_or(0.0),
            )?,
            penalty_milli_per_kwh: milli("penaltyPerKwh", self.penalty_per_kwh.unwrap_or(0.0))?,
            active: self.active.unwrap_or(false),
            ramp_s: 0,
            randomize_s: 0,
        })
    }
}

/// What is to be changed of a program; what is absent stays as it was.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct DrProgramPatch {
    name: Option<String>,
    mode: Option<ProgramMode>,
    feeder_ids: Option<Vec<ID>>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    target_shed_kw: Option<f64>,
    incentive_per_kwh: Option<f64>,
    penalty_per_kwh: Option<f64>,
}

impl DrProgramPatch {
    /// The program after it.
    ///
    /// # Errors
    /// BAD_USER_INPUT with what is not accepted.
    pub(crate) fn apply(&self, before: &ProgramSet) -> Result<ProgramSet> {
        let mut program = before.clone();
        if let Some(text) = &self.name {
            program.name = name(text)?;
        }
        if let Some(ids) = &self.feeder_ids {
            program.feeder_ids = feeder_ids(ids)?;
        }
        if let Some(kw) = self.target_shed_kw {
            program.target_shed_w = power_at_least_zero("targetShedKw", kw)?;
        }
        if let Some(price) = self.incentive_per_kwh {
            program.incentive_milli_per_kwh = milli("incentivePerKwh", price)?;
        }
        if let Some(price) = self.penalty_per_kwh {
            program.penalty_milli_per_kwh = milli("penaltyPerKwh", price)?;
        }
        program.mode = self.mode.map_or(program.mode, Into::into);
        program.start = self.start.map_or(program.start, from_datetime);
        program.end = self.end.map_or(program.end, from_datetime);
        Ok(program)
    }
}

fn name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > PROGRAM_NAME_LEN_MAX {
        return Err(bad_input(format!("name: expected 1 to {PROGRAM_NAME_LEN_MAX} characters")));
    }
    Ok(name.to_owned())
}

fn feeder_ids(ids: &[ID]) -> Result<Vec<FeederId>> {
    if ids.len() > PROGRAM_FEEDERS_MAX {
        return Err(bad_input(format!(
            "feederIds: at most {PROGRAM_FEEDERS_MAX}; an empty list names all"
        )));
    }
    let named = ids.iter().enumerate();
    let mut checked: Vec<FeederId> = Vec::new();
    for (index, id) in named {
        let id = feeder_id(&format!("feederIds[{index}]"), id)?;
        if checked.contains(&id) {
            return Err(bad_input(format!("feederIds[{index}]: feeder {id} is named twice")));
        }
        checked.push(id);
    }
    Ok(checked)
}

fn milli(argument: &str, price: f64) -> Result<i64> {
    if !(0.0..=PRICE_MAX).contains(&price) {
        return Err(bad_input(format!("{argument}: expected 0 to {PRICE_MAX}, got {price}")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    Ok((price * 1_000.0).round() as i64)
}
