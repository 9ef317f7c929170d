//! The log's metrics.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, IntGauge};
use service_kit::metrics::{counter, counters, gauge};

/// Size of the log.
pub(crate) static BYTES: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_embedded_log_bytes", "bytes of the embedded log's segments"));
/// Its bound.
pub(crate) static BYTES_MAX: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge(
        "derms_embedded_log_bytes_max",
        "bytes above which the embedded log deletes its oldest segments",
    )
});
/// Open connections.
pub(crate) static CONNECTIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_embedded_log_connections", "clients of the embedded log"));
/// What was turned away.
pub(crate) static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_embedded_log_refused_total",
        "connections and requests that the embedded log turned away",
        &["why"],
    )
});
/// Batches that the disk did not take.
pub(crate) static DISK_FAILED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_embedded_log_disk_failed_total", "writes that the disk did not take")
});
/// Damaged places that a reader met.
pub(crate) static DAMAGED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_embedded_log_damaged_total", "reads that met a damaged place of the log")
});
/// Steps of the upkeep that failed.
pub(crate) static UPKEEP_FAILED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_embedded_log_upkeep_failed_total", "steps of the log's upkeep that failed")
});
