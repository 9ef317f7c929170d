//! Stands in for the bridge's metrics: the one type that its pure sources name.

/// What became of a setpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetpointResult {
    /// The broker has it.
    Published,
    /// Given up after all tries.
    Failed,
    /// Its lease was over before it was sent.
    Expired,
    /// A newer one was there before it was sent.
    Superseded,
}
