//! The embedded broker's metrics. Labels are words of the code, never clients.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, IntGauge};
use service_kit::metrics::{counter, counters, gauge};

static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_mqtt_broker_refused_total",
        "what the embedded broker refused: connections, logins, messages, subscriptions",
        &["reason"],
    )
});
static DISPLACED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "derms_mqtt_broker_sessions_displaced_total",
        "sessions that ended for another client's while theirs was away",
    )
});
static CONNECTIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_mqtt_broker_connections", "connections at the embedded broker"));
static SESSIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_mqtt_broker_sessions", "sessions at the embedded broker"));
static RETAINED: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge("derms_mqtt_broker_retained", "retained messages at the embedded broker")
});
static MESSAGE_BYTES: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge("derms_mqtt_broker_message_bytes", "bytes of all messages that the embedded broker holds")
});

/// Counts a refusal.
pub(super) fn refused(reason: &'static str) {
    REFUSED.with_label_values(&[reason]).inc();
}

/// Counts a session that ended for another.
pub(super) fn displaced() {
    DISPLACED.inc();
}

/// What the broker holds now.
pub(super) struct Holdings {
    pub(super) connections: usize,
    pub(super) sessions: isize,
    pub(super) retained: usize,
    pub(super) message_bytes: usize,
}

impl Holdings {
    pub(super) fn show(&self) {
        let number = |held: usize| i64::try_from(held).unwrap_or(i64::MAX);
        CONNECTIONS.set(number(self.connections));
        SESSIONS.set(i64::try_from(self.sessions).unwrap_or(i64::MAX));
        RETAINED.set(number(self.retained));
        MESSAGE_BYTES.set(number(self.message_bytes));
    }
}
