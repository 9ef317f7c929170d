//! How long a partition is left to whoever took it over. Pure.

use schemas::records::operator::ControlSettings;

/// A partition that waits for work to stop is looked at at least this often, ms.
const LOOK_EVERY_MAX_MS: i64 = 1_000;

/// When a partition with fixed owners is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Nobody works on it when no decision has come for so long, ms.
    pub silence_ms: i64,
    /// It is looked at this often, ms.
    pub every_ms: i64,
}

impl Patience {
    /// Long enough for every decision that is only late, and short enough for control to be away for less than two
    /// intervals.
    #[must_use]
    pub fn of(settings: &ControlSettings) -> Self {
        let quarter = (settings.interval_ms / 4).max(1);
        Self {
            silence_ms: (quarter * 5).saturating_add(settings.idle_ms.max(0)),
            every_ms: quarter.min(LOOK_EVERY_MAX_MS),
        }
    }
}
