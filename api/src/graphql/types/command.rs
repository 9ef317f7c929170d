//! The ledger of commands: each setpoint with its stages.

use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::{Timestamp, Watts};

use super::paging::connection;
use super::scalars::to_datetime;
use crate::store::history::commands::{CommandRow, Followed};

/// How far a command has come, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum CommandStage {
    /// Decided; nothing more is known.
    Decided,
    /// Given to the broker.
    Sent,
    /// The device has taken it.
    Acked,
    /// The device says that it does it.
    Applied,
    /// The device is seen to do it.
    Observed,
    /// The device has refused it.
    Rejected,
    /// Its time was over before anything was heard of it, or the device says so.
    Expired,
    /// A newer one came first.
    Superseded,
}

/// A setpoint and what became of it.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Command {
    id: ID,
    device_id: ID,
    feeder_id: ID,
    decision_id: ID,
    setpoint_kw: f64,
    valid_until: DateTime<Utc>,
    stage: CommandStage,
    decided_at: DateTime<Utc>,
    /// When it was given to the broker; null of a renewal, which says nothing new.
    sent_at: Option<DateTime<Utc>>,
    /// When the device took it.
    acked_at: Option<DateTime<Utc>>,
    /// When the device said that it does it.
    applied_at: Option<DateTime<Utc>>,
    /// The first sample within 0.5 kW or 5 % of it, while it held.
    observed_at: Option<DateTime<Utc>>,
    /// What the device said.
    reason: Option<String>,
}

impl Command {
    /// A command and what is known of it now.
    pub(crate) fn read(row: CommandRow, followed: Option<&Followed>, now: Timestamp) -> Self {
        let nothing = Followed::default();
        let followed = followed.unwrap_or(&nothing);
        let at = |ms: i64| to_datetime(Timestamp(ms));
        Self {
            id: row.setpoint_id.into(),
            device_id: row.device_id.into(),
            feeder_id: row.feeder_id.into(),
            decision_id: row.decision_id.into(),
            setpoint_kw: Watts(row.setpoint_w).kw(),
            valid_until: at(row.valid_until_ms),
            stage: stage(followed, row.valid_until_ms <= now.0),
            decided_at: at(row.decided_ms),
            sent_at: followed.sent_ms.map(at),
            acked_at: followed.acked_ms.map(at),
            applied_at: followed.applied_ms.map(at),
            observed_at: followed.observed_ms.map(at),
            reason: followed.reason.clone(),
        }
    }
}

/// What the device refused ends it; else the furthest that it came; else, when its time is over, that.
fn stage(followed: &Followed, is_over: bool) -> CommandStage {
    let ended = followed.ended.as_deref();
    match ended {
        Some("REJECTED") => CommandStage::Rejected,
        _ if followed.observed_ms.is_some() => CommandStage::Observed,
        _ if followed.applied_ms.is_some() => CommandStage::Applied,
        Some("SUPERSEDED") => CommandStage::Superseded,
        Some("EXPIRED") => CommandStage::Expired,
        _ if followed.acked_ms.is_some() => CommandStage::Acked,
        _ if is_over => CommandStage::Expired,
        _ if followed.sent_ms.is_some() => CommandStage::Sent,
        _ => CommandStage::Decided,
    }
}

connection!(CommandConnection, CommandEdge, Command, "commands");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stands_at_the_furthest_that_is_known_of_it() {
        let mut followed = Followed::default();
        assert_eq!(stage(&followed, false), CommandStage::Decided);
        assert_eq!(stage(&followed, true), CommandStage::Expired);
        followed.sent_ms = Some(1);
        assert_eq!(stage(&followed, false), CommandStage::Sent);
        assert_eq!(stage(&followed, true), CommandStage::Expired, "nothing was heard of it");
        followed.acked_ms = Some(1);
        assert_eq!(stage(&followed, false), CommandStage::Acked);
        assert_eq!(stage(&followed, true), CommandStage::Acked);
        followed.ended = Some("SUPERSEDED".to_owned());
        assert_eq!(stage(&followed, true), CommandStage::Superseded);
        followed.applied_ms = Some(2);
        assert_eq!(stage(&followed, true), CommandStage::Applied);
        followed.observed_ms = Some(3);
        assert_eq!(stage(&followed, true), CommandStage::Observed);
        followed.ended = Some("REJECTED".to_owned());
        assert_eq!(stage(&followed, true), CommandStage::Rejected);
    }
}
