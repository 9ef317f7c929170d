//! The turns of each service's loops, counted: a loop that stands still does not come by any more, whatever else looks
//! well. Who watches compares two readings; a loop without work turns, too, at least once a second.

use std::sync::LazyLock;

use prometheus::IntCounterVec;

use crate::metrics::counters;

static TURNS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_turns_total", "turns of the loops that work is done in", &["loop"])
});

/// A loop of a service that does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loop {
    /// The bridge's, from MQTT to the log.
    Ingress,
    /// The bridge's, from decisions to MQTT.
    Egress,
    /// The processor's, that decides.
    Control,
    /// The processor's, into ClickHouse.
    Sink,
}

impl Loop {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
            Self::Control => "control",
            Self::Sink => "sink",
        }
    }

    /// Counts a turn.
    pub fn turn(self) {
        TURNS.with_label_values(&[self.as_str()]).inc();
    }

    /// Turns so far.
    #[must_use]
    pub fn turns(self) -> u64 {
        TURNS.with_label_values(&[self.as_str()]).get()
    }
}
