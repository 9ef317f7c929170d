//! What is said or refused beyond certain bounds, for whoever shows it: so that no client repeats them.

use async_graphql::SimpleObject;
use schemas::records::operator::PRICE_SHED_MAX_PERMILLE;

use super::Present;
use crate::caps::{EVENT_RAMP_MAX_S, NEAR_LIMIT_SHARE, OVERRIDE_MAX_S, PROGRAM_NAME_LEN_MAX};
use crate::store::health::silence_max_ms;

/// Bounds that a client needs to know.
#[derive(Debug, Clone, Copy, PartialEq, SimpleObject)]
pub(crate) struct Thresholds {
    /// A feeder without a decision for longer is silent: its figures may be old.
    silence_seconds: f64,
    /// A feeder with a smaller share of its limit left is near it.
    near_limit_share: f64,
    /// Longest ramp of an event.
    event_ramp_seconds_max: i32,
    /// Longest setpoint of an operator's.
    override_seconds_max: i32,
    /// Characters of a program's name.
    program_name_length_max: i32,
    /// The most that a program by price takes of a feeder's limit, as a share of it.
    price_shed_share_max: f64,
}

impl Thresholds {
    /// As they are with the settings in force.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a silence in ms and a permille are far below 2^52"
    )]
    pub(crate) fn read(present: &Present<'_>) -> Self {
        Self {
            silence_seconds: silence_max_ms(present.view) as f64 / 1_000.0,
            near_limit_share: NEAR_LIMIT_SHARE,
            event_ramp_seconds_max: EVENT_RAMP_MAX_S,
            override_seconds_max: OVERRIDE_MAX_S,
            program_name_length_max: i32::try_from(PROGRAM_NAME_LEN_MAX).unwrap_or(i32::MAX),
            price_shed_share_max: PRICE_SHED_MAX_PERMILLE as f64 / 1_000.0,
        }
    }
}
