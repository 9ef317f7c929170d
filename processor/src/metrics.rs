//! The processor's metrics: the only place that names them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use schemas::FeederId;
use schemas::ledger::Void;
use schemas::records::decision::{Decision, Freshness};
use schemas::topics::Topic;
use service_kit::metrics::{counter, counters, gauge, gauges, histogram};

static DECISIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_processor_decisions_total", "decisions appended, by trigger", &["trigger"])
});
static UNCERTIFIED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_processor_uncertified_total", "plans that failed their independent check")
});
static REPLAYED: LazyLock<IntCounter> =
    LazyLock::new(|| counter("derms_processor_replayed_total", "decisions replayed at recovery"));
static DIFFERENCES: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "derms_processor_replay_differences_total",
        "replayed decisions that differ from the log",
    )
});
static POISON: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_processor_poison_total", "records that cannot be read, by topic", &["topic"])
});
static VOID: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_processor_void_total", "records of decisions that do not count", &["reason"])
});
static APPEND_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "derms_processor_append_seconds",
        "time from a decision to its place in the log",
        &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0],
    )
});
static WATERMARK_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "derms_processor_watermark_lag_seconds",
        "time from the end of a window to its decision",
        &[0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0],
    )
});
static RECOVERY_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "derms_processor_recovery_seconds",
        "time to take a partition over: snapshots, claim, replay",
        &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0],
    )
});
static CYCLE_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "derms_control_cycle_duration_seconds",
        "time to make the decisions of one turn",
        &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0],
    )
});
static PARTITIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_processor_partitions", "partitions held by this instance"));
static DEVICES: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    gauges("derms_processor_devices", "devices in the last decisions, by freshness", &["freshness"])
});
static SINK_ROWS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_sink_rows_total", "rows written to ClickHouse, by table", &["table"])
});
static SINK_DUPLICATES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_duplicate_message_total",
        "messages recognised as duplicates, by kind",
        &["messageType"],
    )
});
static SINK_ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_sink_errors_total", "failed writes to ClickHouse, by kind", &["kind"])
});

// The names that dashboards and alerts of the system before this one ask for.
static STALE: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_stale_telemetry_total", "devices that a decision saw with a sample too old")
});
static MISSING: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("derms_missing_telemetry_total", "devices that a decision saw without any sample")
});
static DB_ERRORS: LazyLock<IntCounter> =
    LazyLock::new(|| counter("derms_db_error_total", "failed writes to ClickHouse"));
static DEGRADED: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge("derms_control_degraded", "feeders that run degraded in the newest decisions")
});
static STOPPED: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    gauges(
        "derms_control_stopped",
        "feeders that control has stopped in the newest decisions, by reason",
        &["reason"],
    )
});

/// What is wrong in the newest decision of a tree.
struct Troubles {
    /// Feeders that run degraded.
    degraded: i64,
    /// Why others are stopped, as labels.
    stopped: Vec<String>,
}

static TROUBLED: LazyLock<Mutex<BTreeMap<FeederId, Troubles>>> = LazyLock::new(Mutex::default);

/// A reason as a label: its first words, since the rest may name numbers and devices.
fn label(reason: &str) -> String {
    let end = reason.find([':', '(', ',']).unwrap_or(reason.len());
    reason[..end].trim().chars().take(REASON_LEN_MAX).collect()
}

/// Characters of a reason's label.
const REASON_LEN_MAX: usize = 48;

fn observe_troubles(decision: &Decision) {
    let nodes = &decision.header.nodes;
    let degraded = nodes.iter().filter(|node| node.degraded.is_some()).count();
    let stopped = nodes.iter().filter_map(|node| node.stopped.as_deref()).map(label).collect();
    let mut troubled = TROUBLED.lock().unwrap_or_else(PoisonError::into_inner);
    let degraded = i64::try_from(degraded).unwrap_or(i64::MAX);
    troubled.insert(decision.root.clone(), Troubles { degraded, stopped });
    DEGRADED.set(troubled.values().map(|troubles| troubles.degraded).sum());
    STOPPED.reset();
    for reason in troubled.values().flat_map(|troubles| &troubles.stopped) {
        STOPPED.with_label_values(&[reason.as_str()]).inc();
    }
}

/// Counts an appended decision and how long it took.
pub fn observe_append(decision: &Decision, seconds: f64) {
    DECISIONS.with_label_values(&[trigger(decision)]).inc();
    APPEND_SECONDS.observe(seconds);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a lag")]
    let lag_ms = decision.header.at.since(decision.header.window_end) as f64;
    WATERMARK_SECONDS.observe(lag_ms.max(0.0) / 1_000.0);
    if !decision.header.certified {
        UNCERTIFIED.inc();
    }
    let mut counts = [0_i64; 4];
    for device in &decision.devices {
        counts[match device.freshness {
            Freshness::Fresh => 0,
            Freshness::Stale => 1,
            Freshness::Missing => 2,
            Freshness::Offline => 3,
        }] += 1;
    }
    for (label, count) in ["fresh", "stale", "missing", "offline"].iter().zip(counts) {
        DEVICES.with_label_values(&[*label]).set(count);
    }
    STALE.inc_by(counts[1].unsigned_abs());
    MISSING.inc_by(counts[2].unsigned_abs());
    observe_troubles(decision);
}

fn trigger(decision: &Decision) -> &'static str {
    use schemas::records::decision::Trigger;
    match decision.header.trigger {
        Trigger::Window => "window",
        Trigger::Idle => "idle",
        Trigger::Overload => "overload",
        Trigger::Operator => "operator",
    }
}

/// Observes how long a turn of decisions took.
pub fn observe_cycle(seconds: f64) {
    CYCLE_SECONDS.observe(seconds);
}

/// Counts decisions replayed.
pub fn count_replayed(decisions: u64) {
    REPLAYED.inc_by(decisions);
}

/// Observes how long a partition took to be taken over.
pub fn observe_recovery(took_ms: i64) {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a takeover")]
    RECOVERY_SECONDS.observe(took_ms as f64 / 1_000.0);
}

/// Counts a replayed decision that differs.
pub fn count_difference() {
    DIFFERENCES.inc();
}

/// Counts and logs a record that cannot be read.
pub fn count_poison((topic, partition, offset): (Topic, i32, i64), why: &dyn Display) {
    let topic = topic.suffix();
    POISON.with_label_values(&[topic]).inc();
    tracing::warn!(topic, partition, offset, %why, "a record cannot be read and is passed over");
}

/// Counts a record of decisions that does not count; logs one that nobody should have written.
pub fn count_void(void: Void, partition: i32, offset: i64) {
    let reason = void.as_str();
    VOID.with_label_values(&[reason]).inc();
    if void.is_foul() {
        tracing::warn!(partition, offset, reason, "a record continues nothing and does not count");
    }
}

/// Sets the number of partitions held.
pub fn set_partitions(held: usize) {
    PARTITIONS.set(i64::try_from(held).unwrap_or(i64::MAX));
    // Trees may have gone to another instance; those that are still here say so with their next decision.
    TROUBLED.lock().unwrap_or_else(PoisonError::into_inner).clear();
    DEGRADED.set(0);
    STOPPED.reset();
}

/// Counts rows written.
pub fn count_rows(table: &str, rows: usize) {
    SINK_ROWS.with_label_values(&[table]).inc_by(rows as u64);
}

/// Counts a message seen before.
pub fn count_duplicate(topic: Topic) {
    let kind = match topic {
        Topic::Telemetry => "telemetry",
        Topic::Acks => "ack",
        other => other.suffix(),
    };
    SINK_DUPLICATES.with_label_values(&[kind]).inc();
}

/// Counts a failed write.
pub fn count_sink_error(kind: &str) {
    SINK_ERRORS.with_label_values(&[kind]).inc();
    DB_ERRORS.inc();
}
