//! Demand-response events.

use async_graphql::{ID, InputObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::operator::{EventChanged, EventCreated};
use schemas::registry;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::Present;
use super::scalars::{feeder_id, from_datetime, power_at_least_zero, to_datetime};
use crate::caps::{EVENT_RAMP_MAX_S, EVENT_TYPE_LEN_MAX};
use crate::graphql::change::check_span;
use crate::graphql::errors::bad_input;

const DEFAULT_TYPE: &str = "dr";

/// A lower limit of a feeder for a time.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Event {
    id: ID,
    feeder_id: ID,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    limit_kw: f64,
    #[graphql(name = "type")]
    kind: String,
    ramp_seconds: i32,
    cancelled: bool,
    cancelled_at: Option<DateTime<Utc>>,
    created_by: String,
}

impl From<&registry::Event> for Event {
    fn from(event: &registry::Event) -> Self {
        let created = &event.created;
        Self {
            id: created.event_id.into(),
            feeder_id: created.feeder_id.as_str().into(),
            start: to_datetime(created.start),
            end: to_datetime(created.end),
            limit_kw: created.limit_w.kw(),
            kind: created.kind.clone(),
            ramp_seconds: created.ramp_s,
            cancelled: event.cancelled_at.is_some(),
            cancelled_at: event.cancelled_at.map(to_datetime),
            created_by: event.created_by.clone(),
        }
    }
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFilter {
    pub(crate) feeder_id: Option<FeederId>,
    pub(crate) active_at: Option<Timestamp>,
    pub(crate) include_past: bool,
}

impl EventFilter {
    /// Those that fit, by start, then id.
    pub(crate) fn select(&self, present: &Present<'_>) -> Vec<Event> {
        let mut found: Vec<&registry::Event> = present
            .view
            .registry()
            .events
            .values()
            .filter(|event| self.fits(event, present.now))
            .collect();
        found.sort_by_key(|event| (event.created.start, event.created.event_id));
        found.into_iter().map(Event::from).collect()
    }

    fn fits(&self, event: &registry::Event, now: Timestamp) -> bool {
        let is_here = self.feeder_id.as_ref().is_none_or(|id| *id == event.created.feeder_id);
        let is_then = match self.active_at {
            Some(time) => event.is_active(time),
            None => {
                let is_past = event.cancelled_at.is_some() || event.created.end <= now;
                self.include_past || !is_past
            }
        };
        is_here && is_then
    }
}

/// An event to create.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct EventInput {
    feeder_id: ID,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    limit_kw: f64,
    #[graphql(name = "type", default_with = "Some(DEFAULT_TYPE.to_owned())")]
    kind: Option<String>,
    #[graphql(default_with = "Some(0)")]
    ramp_seconds: Option<i32>,
    /// A key of the client's: a repeated request with the same one makes no second event.
    pub(crate) client_mutation_id: Option<String>,
}

impl EventInput {
    /// The event that it asks for.
    ///
    /// # Errors
    /// BAD_USER_INPUT with what is not accepted.
    pub(crate) fn check(&self, event_id: Uuid) -> Result<EventCreated> {
        let (start, end) = (from_datetime(self.start), from_datetime(self.end));
        check_span(start, end)?;
        Ok(EventCreated {
            event_id,
            feeder_id: feeder_id("feederId", &self.feeder_id)?,
            start,
            end,
            limit_w: power_at_least_zero("limitKw", self.limit_kw)?,
            kind: kind(self.kind.as_deref().unwrap_or(DEFAULT_TYPE))?,
            ramp_s: ramp(self.ramp_seconds.unwrap_or(0))?,
            randomize_s: 0,
        })
    }
}

/// What is to be changed of an event; what is absent stays as it was.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct EventPatch {
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    limit_kw: Option<f64>,
    #[graphql(name = "type")]
    kind: Option<String>,
    ramp_seconds: Option<i32>,
}

impl EventPatch {
    /// The event after it.
    ///
    /// # Errors
    /// BAD_USER_INPUT with what is not accepted.
    pub(crate) fn apply(&self, before: &EventCreated) -> Result<EventChanged> {
        let limit = self.limit_kw.map(|kw| power_at_least_zero("limitKw", kw)).transpose()?;
        let named = self.kind.as_deref().map(kind).transpose()?;
        Ok(EventChanged {
            event_id: before.event_id,
            start: self.start.map_or(before.start, from_datetime),
            end: self.end.map_or(before.end, from_datetime),
            limit_w: limit.unwrap_or(before.limit_w),
            kind: named.unwrap_or_else(|| before.kind.clone()),
            ramp_s: self.ramp_seconds.map(ramp).transpose()?.unwrap_or(before.ramp_s),
        })
    }
}

fn kind(text: &str) -> Result<String> {
    let kind = text.trim();
    if kind.is_empty() || kind.chars().count() > EVENT_TYPE_LEN_MAX {
        return Err(bad_input(format!("type: expected 1 to {EVENT_TYPE_LEN_MAX} characters")));
    }
    Ok(kind.to_owned())
}

fn ramp(seconds: i32) -> Result<i32> {
    if (0..=EVENT_RAMP_MAX_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(bad_input(format!("rampSeconds: expected 0 to {EVENT_RAMP_MAX_S}, got {seconds}")))
}
