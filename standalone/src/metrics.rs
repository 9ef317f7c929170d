//! What the supervisor counts. Labels are the names of parts.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGauge};
use service_kit::metrics::{counters, gauge};

static RESTARTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_part_restarts_total", "parts that ended before their time", &["part"])
});
static MISSES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_part_misses_total",
        "questions for work done that were answered badly",
        &["part"],
    )
});
static DISK_FREE: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_disk_free_bytes", "room left on the data folder's disk"));

pub(crate) fn restarted(part: &str) {
    RESTARTS.with_label_values(&[part]).inc();
}

pub(crate) fn missed(part: &str) {
    MISSES.with_label_values(&[part]).inc();
}

pub(crate) fn disk_free(bytes: u64) {
    DISK_FREE.set(i64::try_from(bytes).unwrap_or(i64::MAX));
}
