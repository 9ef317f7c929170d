//! What the fleet has done so far, for whoever runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one fleet; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Stats(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    telemetry_sent: AtomicU64,
    telemetry_acked: AtomicU64,
    telemetry_lost: AtomicU64,
    setpoints: AtomicU64,
}

impl Stats {
    /// Samples queued for the broker.
    #[must_use]
    pub fn telemetry_sent(&self) -> u64 {
        self.0.telemetry_sent.load(Ordering::Relaxed)
    }

    /// Samples that the broker acknowledged.
    #[must_use]
    pub fn telemetry_acked(&self) -> u64 {
        self.0.telemetry_acked.load(Ordering::Relaxed)
    }

    /// Samples that were refused, or discarded because too many waited.
    #[must_use]
    pub fn telemetry_lost(&self) -> u64 {
        self.0.telemetry_lost.load(Ordering::Relaxed)
    }

    /// Setpoints that reached a device.
    #[must_use]
    pub fn setpoints(&self) -> u64 {
        self.0.setpoints.load(Ordering::Relaxed)
    }

    pub(crate) fn count_sent(&self) {
        self.0.telemetry_sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_acked(&self) {
        self.0.telemetry_acked.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_lost(&self) {
        self.0.telemetry_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a setpoint; says whether it was the first.
    pub(crate) fn count_setpoint(&self) -> bool {
        self.0.setpoints.fetch_add(1, Ordering::Relaxed) == 0
    }
}
