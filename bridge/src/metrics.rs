//! The bridge's metrics, and the only file here that knows they are Prometheus'. Labels are enums, never devices.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bridge_inbound::Kind;
use bridge_inbound::admission::Barrier;
use bridge_outbound::SetpointResult;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};
use schemas::ledger::Void;
use schemas::mqtt::{RejectReason, Rejection};
use schemas::records::lifecycle::DeviceNotice;
use schemas::records::telemetry::DeviceType;
use service_kit::metrics::{counter, counters, gauge, histogram};
use service_kit::mqtt::backoff::{CALM_AFTER, Ended, PERHAPS_TAKEN, TAKEN};
use service_kit::notices::{self, Area};

const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiptResult {
    /// The broker has it.
    Published,
    /// It could not be published.
    Failed,
    /// There was no room for it.
    Dropped,
}

impl ReceiptResult {
    const ALL: [Self; 3] = [Self::Published, Self::Failed, Self::Dropped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Published => "success",
            Self::Failed => "failure",
            Self::Dropped => "dropped",
        }
    }
}

/// What became of the record of a setpoint that has gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordResult {
    /// The log has it.
    Appended,
    /// The log did not take it.
    Failed,
    /// There was no room for it.
    Dropped,
}

impl RecordResult {
    const ALL: [Self; 3] = [Self::Appended, Self::Failed, Self::Dropped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Appended => "success",
            Self::Failed => "failure",
            Self::Dropped => "dropped",
        }
    }
}

struct Metrics {
    received: IntCounterVec,
    appended: IntCounterVec,
    acknowledged: IntCounter,
    rejected: IntCounterVec,
    contract_fail: IntCounterVec,
    version_reject: IntCounterVec,
    dropped: IntCounterVec,
    unknown_fields: IntCounter,
    claim_differs: IntCounter,
    registered: IntCounter,
    devices: prometheus::IntGaugeVec,
    barriers: IntCounterVec,
    notices: IntCounterVec,
    held_statuses: IntGauge,
    queue_full: IntCounter,
    delivery_failed: IntCounter,
    delivery_seconds: Histogram,
    unacknowledged: IntGauge,
    waiting: IntGauge,
    receipts: IntCounterVec,
    sent_records: IntCounterVec,
    poison: IntCounterVec,
    connected: prometheus::IntGaugeVec,
    subscribed: IntGauge,
    disconnects: IntCounterVec,
    sessions_taken: IntCounterVec,
    session_contested: IntGauge,
    decisions: IntCounter,
    void: IntCounterVec,
    uncommanded: IntCounter,
    setpoints: IntCounterVec,
    publish_fail: IntCounterVec,
    publish_seconds: Histogram,
    decision_to_broker: Histogram,
    outbox: IntGauge,
    partitions: IntGauge,
    watchdog_trips: IntCounter,
    watchdog_setpoints: IntCounterVec,
    silent_trees: IntGauge,
}

#[rustfmt::skip]
static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    received: counters("derms_bridge_received_total", "Messages from devices", &["kind"]),
    appended: counters("derms_bridge_appended_total", "Records that the log has taken", &["topic"]),
    acknowledged: counter("derms_bridge_acknowledged_total", "Messages acknowledged to the broker"),
    rejected: counters("derms_bridge_rejected_total", "Messages refused to the dead letters", &["reason"]),
    contract_fail: counters("derms_contract_validation_fail_total", "Messages that break the contract", &["messageType", "reason"]),
    version_reject: counters("derms_contract_version_reject_total", "Messages of a version that is not spoken here", &["messageType"]),
    dropped: counters("derms_telemetry_dropped_total", "Telemetry that was not taken", &["reason"]),
    unknown_fields: counter("derms_bridge_unknown_fields_total", "Unknown fields in accepted messages"),
    claim_differs: counter("derms_bridge_feeder_claim_differs_total", "Samples that name another feeder than the one their device belongs to"),
    registered: counter("derms_bridge_registered_total", "Devices registered on first hearing"),
    devices: service_kit::metrics::gauges("derms_bridge_devices", "Devices in the registry", &["standing"]),
    barriers: counters("derms_bridge_kept_out_total", "Samples of unknown devices that were refused, by what kept them out", &["barrier"]),
    notices: counters("derms_bridge_notices_total", "Things noticed about devices, each once", &["notice"]),
    held_statuses: gauge("derms_bridge_held_statuses", "Statuses of devices that have not sent telemetry yet"),
    queue_full: counter("derms_bridge_queue_full_total", "Times that the producer had no room and intake waited"),
    delivery_failed: counter("derms_bridge_delivery_failed_total", "Records that the log did not take; they are handed over again"),
    delivery_seconds: histogram("derms_bridge_delivery_seconds", "From receipt to the log's delivery report", SECONDS),
    unacknowledged: gauge("derms_bridge_unacknowledged", "Messages received and not yet acknowledged"),
    waiting: gauge("derms_bridge_waiting", "Records that wait for room in the producer"),
    receipts: counters("derms_bridge_receipts_total", "Receipts to devices that asked for them", &["result"]),
    sent_records: counters("derms_bridge_sent_records_total", "Records of changed setpoints that the broker has", &["result"]),
    poison: counters("derms_bridge_poison_records_total", "Log records that could not be read", &["topic"]),
    connected: service_kit::metrics::gauges("derms_bridge_mqtt_connected", "Whether a connection to the broker stands", &["connection"]),
    subscribed: gauge(SUBSCRIBED, "Whether the broker gives the bridge what devices publish"),
    disconnects: counters("derms_bridge_mqtt_disconnects_total", "Connections to the broker that ended", &["connection"]),
    sessions_taken: counters("derms_bridge_mqtt_sessions_taken_total", "Times that another client of the same name took a session", &["connection"]),
    session_contested: gauge("derms_bridge_mqtt_session_contested", "1 while another client of the same name takes this bridge's sessions, or seems to: give each bridge its own DERMS_MQTT_CLIENT_ID, or a DERMS_MQTT_SHARE_GROUP"),
    decisions: counter("derms_bridge_decisions_total", "Decisions acted on"),
    void: counters("derms_bridge_void_records_total", "Records of decisions that do not count", &["reason"]),
    uncommanded: counter("derms_bridge_uncommanded_total", "Setpoints of decisions on feeders that may not be commanded; never sent"),
    setpoints: counters("derms_setpoint_publish_total", "Setpoints by what became of them", &["result", "deviceType"]),
    publish_fail: counters("derms_mqtt_publish_fail_total", "Tries to publish that failed", &["reason"]),
    publish_seconds: histogram("derms_setpoint_publish_latency_seconds", "From handing a setpoint over to its PUBACK", SECONDS),
    decision_to_broker: histogram("derms_bridge_decision_to_broker_seconds", "From a decision's clock reading to the PUBACK of its setpoint", SECONDS),
    outbox: gauge("derms_bridge_outbox", "Setpoints that wait or are on their way"),
    partitions: gauge("derms_bridge_partitions", "Partitions of decisions this bridge acts on"),
    watchdog_trips: counter("derms_bridge_watchdog_trips_total", "Times that a feeder tree was found without decisions"),
    watchdog_setpoints: counters("derms_bridge_watchdog_setpoints_total", "Setpoints sent in the absence of decisions", &["action"]),
    silent_trees: gauge("derms_bridge_silent_trees", "Feeder trees without decisions now"),
});

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Makes every metric, so that a scrape shows zeros from the start.
pub(crate) fn init() {
    for reason in RejectReason::ALL {
        METRICS.rejected.with_label_values(&[reason.as_str()]);
    }
    for result in ReceiptResult::ALL {
        METRICS.receipts.with_label_values(&[result.as_str()]);
    }
    for result in RecordResult::ALL {
        METRICS.sent_records.with_label_values(&[result.as_str()]);
    }
    for barrier in Barrier::ALL {
        METRICS.barriers.with_label_values(&[barrier.as_str()]);
    }
    for notice in DeviceNotice::ALL {
        METRICS.notices.with_label_values(&[notice.as_str()]);
    }
    for connection in [INBOUND, OUTBOUND] {
        METRICS.connected.with_label_values(&[connection]).set(0);
        METRICS.sessions_taken.with_label_values(&[connection]);
    }
    METRICS.session_contested.set(0);
}

/// 1 while what a device publishes reaches the bridge.
pub const SUBSCRIBED: &str = "derms_bridge_mqtt_subscribed";
/// The connection that messages of devices come in by.
pub(crate) const INBOUND: &str = "in";
/// The connection that setpoints go out by.
pub(crate) const OUTBOUND: &str = "out";

pub(crate) fn received(kind: Kind) {
    METRICS.received.with_label_values(&[kind.as_str()]).inc();
}

pub(crate) fn appended(topic: &str, since_receipt: Duration) {
    METRICS.appended.with_label_values(&[topic]).inc();
    METRICS.delivery_seconds.observe(since_receipt.as_secs_f64());
}

pub(crate) fn acknowledged() {
    METRICS.acknowledged.inc();
}

pub(crate) fn rejected(kind: Kind, rejection: &Rejection) {
    let reason = rejection.reason.as_str();
    METRICS.rejected.with_label_values(&[reason]).inc();
    match rejection.reason {
        RejectReason::UnsupportedVersion => {
            METRICS.version_reject.with_label_values(&[kind.as_str()]).inc()
        }
        RejectReason::NotJson
        | RejectReason::ContractViolation
        | RejectReason::DeviceMismatch
        | RejectReason::DeviceTypeMismatch
        | RejectReason::DeviceConflict
        | RejectReason::Retained => {
            METRICS.contract_fail.with_label_values(&[kind.as_str(), reason]).inc()
        }
        RejectReason::BadTopic
        | RejectReason::PayloadTooLarge
        | RejectReason::RateLimited
        | RejectReason::TooManyDevices
        | RejectReason::TooManyNewDevices
        | RejectReason::RegistrationClosed
        | RejectReason::UnknownDevice => {}
    }
    if kind == Kind::Telemetry {
        METRICS.dropped.with_label_values(&[reason]).inc();
    }
}

/// A QoS 0 message found no room.
pub(crate) fn dropped_for_backpressure() {
    METRICS.dropped.with_label_values(&["backpressure"]).inc();
}

pub(crate) fn unknown_fields(number: i32) {
    METRICS.unknown_fields.inc_by(u64::try_from(number).unwrap_or(0));
}

pub(crate) fn claim_differs() {
    METRICS.claim_differs.inc();
}

pub(crate) fn registered() {
    METRICS.registered.inc();
}

pub(crate) fn devices(registered: usize, waiting: usize) {
    METRICS.devices.with_label_values(&["registered"]).set(count(registered));
    METRICS.devices.with_label_values(&["waiting"]).set(count(waiting));
}

pub(crate) fn kept_out(barrier: Barrier) {
    METRICS.barriers.with_label_values(&[barrier.as_str()]).inc();
}

pub(crate) fn noticed(notice: DeviceNotice) {
    METRICS.notices.with_label_values(&[notice.as_str()]).inc();
}

pub(crate) fn held_statuses(number: usize) {
    METRICS.held_statuses.set(count(number));
}

pub(crate) fn queue_full() {
    METRICS.queue_full.inc();
}

pub(crate) fn delivery_failed() {
    METRICS.delivery_failed.inc();
}

pub(crate) fn intake(unacknowledged: usize, waiting: usize) {
    METRICS.unacknowledged.set(count(unacknowledged));
    METRICS.waiting.set(count(waiting));
}

pub(crate) fn receipts(result: ReceiptResult, number: usize) {
    METRICS.receipts.with_label_values(&[result.as_str()]).inc_by(number as u64);
}

pub(crate) fn sent_record(result: RecordResult) {
    METRICS.sent_records.with_label_values(&[result.as_str()]).inc();
}

pub(crate) fn poison(topic: &str) {
    METRICS.poison.with_label_values(&[topic]).inc();
}

pub(crate) fn connected(connection: &str) {
    METRICS.connected.with_label_values(&[connection]).set(1);
}

pub(crate) fn subscribed() {
    METRICS.subscribed.set(1);
}

/// `suspicious`: another client of the same name may be why, though no broker has said so.
pub(crate) fn disconnected(connection: &str, ended: Ended, suspicious: bool) {
    METRICS.connected.with_label_values(&[connection]).set(0);
    METRICS.disconnects.with_label_values(&[connection]).inc();
    if connection == INBOUND {
        METRICS.subscribed.set(0);
    }
    if ended == Ended::Taken {
        METRICS.sessions_taken.with_label_values(&[connection]).inc();
    }
    let words = match ended {
        Ended::Taken => TAKEN,
        Ended::Lost if suspicious => {
            tracing::error!(connection, "{PERHAPS_TAKEN}");
            PERHAPS_TAKEN
        }
        Ended::Lost | Ended::Left => return,
    };
    METRICS.session_contested.set(1);
    notices::post(CONTESTED, Area::Mqtt, words.to_owned());
    *LAST_TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// What health calls it.
const CONTESTED: &str = "the bridge's MQTT session";
/// When a session was last taken, or seemed to be.
static LAST_TAKEN: Mutex<Option<Instant>> = Mutex::new(None);

/// Ends the contest when no session has been taken for a while.
pub(crate) fn look_for_calm() {
    let mut last = LAST_TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| last.elapsed() >= CALM_AFTER) {
        *last = None;
        METRICS.session_contested.set(0);
        notices::clear(CONTESTED);
    }
}

pub(crate) fn decided() {
    METRICS.decisions.inc();
}

pub(crate) fn void(void: Void, partition: i32, offset: i64) {
    let reason = void.as_str();
    METRICS.void.with_label_values(&[reason]).inc();
    if void.is_foul() {
        tracing::warn!(partition, offset, reason, "a record continues nothing and does not count");
    }
}

pub(crate) fn uncommanded(number: usize) {
    METRICS.uncommanded.inc_by(number as u64);
}

pub(crate) fn setpoint(result: SetpointResult, device_type: DeviceType) {
    METRICS.setpoints.with_label_values(&[result.as_str(), device_type.as_str()]).inc();
}

pub(crate) fn publish_failed(reason: &str) {
    METRICS.publish_fail.with_label_values(&[reason]).inc();
}

pub(crate) fn published(took: Duration, since_decision_ms: i64) {
    METRICS.publish_seconds.observe(took.as_secs_f64());
    let since = Duration::from_millis(u64::try_from(since_decision_ms).unwrap_or(0));
    METRICS.decision_to_broker.observe(since.as_secs_f64());
}

pub(crate) fn outbox(number: usize) {
    METRICS.outbox.set(count(number));
}

pub(crate) fn partitions(number: usize) {
    METRICS.partitions.set(count(number));
}

pub(crate) fn watchdog_tripped() {
    METRICS.watchdog_trips.inc();
}

pub(crate) fn watchdog_setpoint(action: &str) {
    METRICS.watchdog_setpoints.with_label_values(&[action]).inc();
}

pub(crate) fn silent_trees(number: usize) {
    METRICS.silent_trees.set(count(number));
}
