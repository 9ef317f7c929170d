//! The simulator's metrics.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, IntGauge};
use service_kit::metrics::{counter, counters, gauge};

static SENT: LazyLock<IntCounter> =
    LazyLock::new(|| counter("derms_sim_telemetry_sent_total", "samples queued for the broker"));
static ACKED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_sim_telemetry_acked_total", "samples that the broker acknowledged")
});
static LOST: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_sim_telemetry_lost_total",
        "samples that never reached the broker's care",
        &["reason"],
    )
});
static SETPOINTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_sim_setpoints_total",
        "setpoints that reached a device, by what it said first",
        &["answer"],
    )
});
static CONNECTIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_sim_connections", "connections to the broker that stand"));
static DEVICES: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_sim_devices", "devices of the fleet"));

pub(crate) fn count_sent() {
    SENT.inc();
}

pub(crate) fn count_acked() {
    ACKED.inc();
}

/// `refused` by the broker, or `discarded` because too many waited.
pub(crate) fn count_lost(reason: &'static str) {
    LOST.with_label_values(&[reason]).inc();
}

pub(crate) fn count_setpoint(answer: &'static str) {
    SETPOINTS.with_label_values(&[answer]).inc();
}

pub(crate) fn connected() {
    CONNECTIONS.inc();
}

pub(crate) fn disconnected() {
    CONNECTIONS.dec();
}

pub(crate) fn set_devices(count: usize) {
    DEVICES.set(i64::try_from(count).unwrap_or(i64::MAX));
}
