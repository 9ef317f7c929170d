//! Demand-response events.

use async_graphql::{ID, InputObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::records::operator::EventCreated;
use schemas::registry;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;

use super::Present;
use super::scalars::{feeder_id, from_datetime, power_at_least_zero, to_datetime};
use crate::caps::{EVENT_RAMP_MAX_S, EVENT_TYPE_LEN_MAX};
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
}

impl EventInput {
    /// The event that it asks for.
    ///
    /// # Errors
    /// BAD_USER_INPUT with what is not accepted.
    pub(crate) fn check(&self, event_id: Uuid, now: Timestamp) -> Result<EventCreated> {
        let (start, end) = (from_datetime(self.start), from_datetime(self.end));
        if start >= end {
            return Err(bad_input(format!(
                "start must be before end; got {} and {}",
                self.start, self.end
            )));
        }
        if end <= now {
            return Err(bad_input(format!("end must be in the future; got {}", self.end)));
        }
        let kind = self.kind.as_deref().unwrap_or(DEFAULT_TYPE).trim();
        if kind.is_empty() || kind.chars().count() > EVENT_TYPE_LEN_MAX {
            return Err(bad_input(format!("type: expected 1 to {EVENT_TYPE_LEN_MAX} characters")));
        }
        let ramp_s = self.ramp_seconds.unwrap_or(0);
        if !(0..=EVENT_RAMP_MAX_S).contains(&ramp_s) {
            return Err(bad_input(format!(
                "rampSeconds: expected 0 to {EVENT_RAMP_MAX_S}, got {ramp_s}"
            )));
        }
        Ok(EventCreated {
            event_id,
            feeder_id: feeder_id("feederId", &self.feeder_id)?,
            start,
            end,
            limit_w: power_at_least_zero("limitKw", self.limit_kw)?,
            kind: kind.to_owned(),
            ramp_s,
            randomize_s: 0,
        })
    }
}
