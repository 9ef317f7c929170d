//! The rows of each table, from the records of the log: the one definition that everybody who writes history uses. Column names and order are those of schemas/clickhouse.

use clickhouse::Row;
use schemas::Watts;
use schemas::clickhouse::{counts_for_ms, curtailed_by_node, operator_body};
use schemas::records::ack::{Ack, AckStatus};
use schemas::records::dead_letter::DeadLetter;
use schemas::records::decision::{Decision, Emit};
use schemas::records::operator::OperatorRecord;
use schemas::records::sent::Sent;
use schemas::records::telemetry::Telemetry;
use serde::Serialize;
use uuid::Uuid;

use super::word::word;

/// Where a row stands, and in which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The identity of the log.
    pub log: Uuid,
    /// Partition of the topic.
    pub partition: i32,
    /// Place in the partition.
    pub offset: i64,
}

/// A row of `telemetry`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct TelemetryRow {
    #[serde(with = "clickhouse::serde::uuid")]
    message_id: Uuid,
    pub device_id: String,
    device_type: &'static str,
    origin: &'static str,
    pub feeder_id: String,
    site_id: Option<String>,
    pub ts: i64,
    sent_at: Option<i64>,
    pub arrival: i64,
    power_w: i64,
    soc_bp: Option<i32>,
    energy_wh: Option<i64>,
    voltage_mv: Option<i64>,
    current_ma: Option<i64>,
    online: bool,
    fault_code: Option<String>,
    max_charge_w: Option<i64>,
    max_discharge_w: Option<i64>,
    max_export_w: Option<i64>,
    max_import_w: Option<i64>,
    min_power_w: Option<i64>,
    ramp_w_per_s: Option<i64>,
    storage_wh: Option<i64>,
    fallback_w: Option<i64>,
    priority: Option<i32>,
    target_soc_bp: Option<i32>,
    departure: Option<i64>,
    source: String,
    correlation_id: Option<String>,
    layout: &'static str,
    unknown_fields: i32,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

impl TelemetryRow {
    /// The device and its time, as one text.
    #[must_use]
    pub fn moment(&self) -> String {
        moment(&self.device_id, self.ts)
    }
}

/// A device and its time, as one text.
#[must_use]
pub fn moment(device_id: &str, ts: i64) -> String {
    format!("{device_id}@{ts}")
}

/// The row of a sample.
#[must_use]
pub fn telemetry(sample: Telemetry, place: Place) -> TelemetryRow {
    let watts = |watts: Option<Watts>| watts.map(|watts| watts.0);
    let capabilities = sample.capabilities;
    TelemetryRow {
        message_id: sample.message_id,
        device_id: sample.device_id.to_string(),
        device_type: word(&sample.device_type),
        origin: word(&sample.origin),
        feeder_id: sample.feeder_id.to_string(),
        site_id: sample.site_id,
        ts: sample.ts.0,
        sent_at: sample.sent_at.map(|at| at.0),
        arrival: sample.arrival.0,
        power_w: sample.power_w.0,
        soc_bp: sample.soc.map(|soc| soc.0),
        energy_wh: sample.energy_wh.map(|energy| energy.0),
        voltage_mv: sample.voltage_mv,
        current_ma: sample.current_ma,
        online: sample.online,
        fault_code: sample.fault_code,
        max_charge_w: watts(capabilities.max_charge_w),
        max_discharge_w: watts(capabilities.max_discharge_w),
        max_export_w: watts(capabilities.max_export_w),
        max_import_w: watts(capabilities.max_import_w),
        min_power_w: watts(capabilities.min_power_w),
        ramp_w_per_s: watts(capabilities.ramp_w_per_s),
        storage_wh: capabilities.energy_wh.map(|energy| energy.0),
        fallback_w: watts(capabilities.fallback_w),
        priority: sample.preferences.priority,
        target_soc_bp: sample.preferences.target_soc.map(|soc| soc.0),
        departure: sample.preferences.departure.map(|at| at.0),
        source: sample.source,
        correlation_id: sample.correlation_id,
        layout: word(&sample.layout),
        unknown_fields: sample.unknown_fields,
        log_id: place.log.to_string(),
        log_partition: place.partition,
        log_offset: place.offset,
    }
}

/// A row of `acks`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct AckRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub message_id: Uuid,
    pub device_id: String,
    pub feeder_id: String,
    ts: i64,
    arrival: i64,
    status: &'static str,
    #[serde(with = "clickhouse::serde::uuid::option")]
    setpoint_id: Option<Uuid>,
    applied_w: Option<i64>,
    reason: Option<String>,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The row of an ack.
#[must_use]
pub fn ack(ack: Ack, place: Place) -> AckRow {
    let status: AckStatus = ack.status;
    AckRow {
        message_id: ack.message_id,
        device_id: ack.device_id.to_string(),
        feeder_id: ack.feeder_id.to_string(),
        ts: ack.ts.0,
        arrival: ack.arrival.0,
        status: word(&status),
        setpoint_id: ack.setpoint_id,
        applied_w: ack.applied_w.map(|watts| watts.0),
        reason: ack.reason,
        log_id: place.log.to_string(),
        log_partition: place.partition,
        log_offset: place.offset,
    }
}

/// A row of `decisions`: one per feeder of the tree.
#[derive(Debug, Clone, Row, Serialize)]
pub struct DecisionRow {
    #[serde(with = "clickhouse::serde::uuid")]
    decision_id: Uuid,
    root: String,
    epoch: i64,
    seq: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    writer: Uuid,
    at: i64,
    trigger: &'static str,
    window_start: i64,
    window_end: i64,
    policy: String,
    certified: bool,
    findings: Vec<String>,
    feeder_id: String,
    parent_id: Option<String>,
    mode: &'static str,
    import_limit_w: i64,
    export_limit_w: Option<i64>,
    limit_w: i64,
    margin_w: i64,
    load_w: i64,
    controlled_w: i64,
    uncontrolled_w: i64,
    reserved_w: i64,
    headroom_w: i64,
    allocated_w: i64,
    unmet_w: i64,
    curtailed_w: i64,
    water_level_w: Option<i64>,
    binding: &'static str,
    rung: &'static str,
    degraded: Option<String>,
    stopped: Option<String>,
    device_count: i32,
    fresh_count: i32,
    stale_count: i32,
    position_acks: i64,
    position_operator: i64,
    position_telemetry: i64,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The rows of a decision: one per feeder of its tree.
#[must_use]
pub fn decision(decision: &Decision, place: Place) -> Vec<DecisionRow> {
    let header = &decision.header;
    let curtailed = curtailed_by_node(decision);
    header
        .nodes
        .iter()
        .map(|node| DecisionRow {
            decision_id: decision.id(),
            root: decision.root.to_string(),
            epoch: decision.no.epoch,
            seq: decision.no.seq,
            writer: decision.writer,
            at: header.at.0,
            trigger: word(&header.trigger),
            window_start: header.window_start.0,
            window_end: header.window_end.0,
            policy: header.policy.clone(),
            certified: header.certified,
            findings: header.findings.clone(),
            feeder_id: node.feeder_id.to_string(),
            parent_id: node.parent_id.as_ref().map(ToString::to_string),
            mode: word(&node.mode),
            import_limit_w: node.import_limit_w.0,
            export_limit_w: node.export_limit_w.map(|watts| watts.0),
            limit_w: node.limit_w.0,
            margin_w: node.margin_w.0,
            load_w: node.load_w.0,
            controlled_w: node.controlled_w.0,
            uncontrolled_w: node.uncontrolled_w.0,
            reserved_w: node.reserved_w.0,
            headroom_w: node.headroom_w.0,
            allocated_w: node.allocated_w.0,
            unmet_w: node.unmet_w.0,
            curtailed_w: curtailed.get(&node.feeder_id).map_or(0, |watts| watts.0),
            water_level_w: node.water_level_w,
            binding: word(&node.binding),
            rung: word(&node.rung),
            degraded: node.degraded.clone(),
            stopped: node.stopped.clone(),
            device_count: node.device_count,
            fresh_count: node.fresh_count,
            stale_count: node.stale_count,
            position_acks: header.positions.acks,
            position_operator: header.positions.operator,
            position_telemetry: header.positions.telemetry,
            log_id: place.log.to_string(),
            log_partition: place.partition,
            log_offset: place.offset,
        })
        .collect()
}

/// A row of `decision_devices`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct DecisionDeviceRow {
    #[serde(with = "clickhouse::serde::uuid")]
    decision_id: Uuid,
    root: String,
    epoch: i64,
    seq: i64,
    at: i64,
    device_id: String,
    feeder_id: String,
    device_type: &'static str,
    power_w: Option<i64>,
    soc_bp: Option<i32>,
    freshness: &'static str,
    sample_age_ms: Option<i64>,
    wanted_w: i64,
    share_w: i64,
    setpoint_w: Option<i64>,
    emit: &'static str,
    ttl_ms: i64,
    fallback_w: i64,
    weight_milli: i64,
    deficit_wh: i64,
    reason: &'static str,
    bound_by: Option<String>,
    marginal_w: i64,
    compliant: bool,
    typed_layout: bool,
    width_ms: i32,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The rows of the devices of a decision.
#[must_use]
pub fn decision_devices(decision: &Decision, place: Place) -> Vec<DecisionDeviceRow> {
    let width_ms = i32::try_from(counts_for_ms(&decision.header)).unwrap_or(i32::MAX);
    decision
        .devices
        .iter()
        .map(|device| DecisionDeviceRow {
            decision_id: decision.id(),
            root: decision.root.to_string(),
            epoch: decision.no.epoch,
            seq: decision.no.seq,
            at: decision.header.at.0,
            device_id: device.device_id.to_string(),
            feeder_id: device.feeder_id.to_string(),
            device_type: word(&device.device_type),
            power_w: device.power_w.map(|watts| watts.0),
            soc_bp: device.soc.map(|soc| soc.0),
            freshness: word(&device.freshness),
            sample_age_ms: device.sample_age_ms,
            wanted_w: device.wanted_w.0,
            share_w: device.share_w.0,
            setpoint_w: device.setpoint_w.map(|watts| watts.0),
            emit: word(&device.emit),
            ttl_ms: device.ttl_ms,
            fallback_w: device.fallback_w.0,
            weight_milli: device.weight_milli,
            deficit_wh: device.deficit_wh.0,
            reason: word(&device.reason),
            bound_by: device.bound_by.as_ref().map(ToString::to_string),
            marginal_w: device.marginal_w.0,
            compliant: device.compliant,
            typed_layout: device.typed_layout,
            width_ms,
            log_id: place.log.to_string(),
            log_partition: place.partition,
            log_offset: place.offset,
        })
        .collect()
}

/// A row of `setpoints`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct SetpointRow {
    #[serde(with = "clickhouse::serde::uuid")]
    setpoint_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    decision_id: Uuid,
    device_id: String,
    feeder_id: String,
    setpoint_w: i64,
    fallback_w: i64,
    emit: &'static str,
    decided_at: i64,
    valid_until: i64,
    epoch: i64,
    seq: i64,
    reason: &'static str,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The rows of the setpoints that a decision sends.
#[must_use]
pub fn setpoints(decision: &Decision, place: Place) -> Vec<SetpointRow> {
    let sent = decision.devices.iter().filter(|device| device.emit != Emit::None);
    sent.filter_map(|device| {
        Some(SetpointRow {
            setpoint_id: decision.setpoint_id(&device.device_id),
            decision_id: decision.id(),
            device_id: device.device_id.to_string(),
            feeder_id: device.feeder_id.to_string(),
            setpoint_w: device.setpoint_w?.0,
            fallback_w: device.fallback_w.0,
            emit: word(&device.emit),
            decided_at: decision.header.at.0,
            valid_until: decision.header.at.plus_ms(device.ttl_ms).0,
            epoch: decision.no.epoch,
            seq: decision.no.seq,
            reason: word(&device.reason),
            log_id: place.log.to_string(),
            log_partition: place.partition,
            log_offset: place.offset,
        })
    })
    .collect()
}

/// A row of `decision_alarms`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct AlarmRow {
    #[serde(with = "clickhouse::serde::uuid")]
    decision_id: Uuid,
    root: String,
    at: i64,
    code: String,
    severity: &'static str,
    feeder_id: Option<String>,
    device_id: Option<String>,
    message: String,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The rows of the alarms that stand at a decision.
#[must_use]
pub fn alarms(decision: &Decision, place: Place) -> Vec<AlarmRow> {
    let alarms = decision.header.alarms.iter();
    alarms
        .map(|alarm| AlarmRow {
            decision_id: decision.id(),
            root: decision.root.to_string(),
            at: decision.header.at.0,
            code: alarm.code.clone(),
            severity: word(&alarm.severity),
            feeder_id: alarm.feeder_id.as_ref().map(ToString::to_string),
            device_id: alarm.device_id.as_ref().map(ToString::to_string),
            message: alarm.message.clone(),
            log_id: place.log.to_string(),
            log_partition: place.partition,
            log_offset: place.offset,
        })
        .collect()
}

/// A row of `operator_log`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct OperatorRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    actor: String,
    kind: String,
    entity: String,
    body: String,
    source: Option<String>,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The row of a change.
#[must_use]
pub fn operator(record: OperatorRecord, place: Place) -> OperatorRow {
    let (kind, body) = operator_body(&record.change);
    OperatorRow {
        id: record.id,
        at: record.at.0,
        actor: record.actor,
        kind,
        entity: record.change.entity(),
        body,
        source: record.source,
        log_id: place.log.to_string(),
        log_partition: place.partition,
        log_offset: place.offset,
    }
}

/// A row of `dead_letters`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct DeadLetterRow {
    at: i64,
    source: String,
    reason: String,
    detail: String,
    device_id: Option<String>,
    #[serde(serialize_with = "as_bytes")]
    raw: Vec<u8>,
    raw_len: i64,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// A `String` column holds any bytes; serde would write a vector as an array.
fn as_bytes<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// The row of a refused message.
#[must_use]
pub fn dead_letter(letter: DeadLetter, place: Place) -> DeadLetterRow {
    DeadLetterRow {
        at: letter.at.0,
        source: letter.source.to_string(),
        reason: letter.reason,
        detail: letter.detail,
        device_id: letter.device_id.map(|device_id| device_id.to_string()),
        raw: letter.raw,
        raw_len: letter.raw_len,
        log_id: place.log.to_string(),
        log_partition: place.partition,
        log_offset: place.offset,
    }
}

/// A row of `sent`.
#[derive(Debug, Clone, Row, Serialize)]
pub struct SentRow {
    #[serde(with = "clickhouse::serde::uuid")]
    setpoint_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    decision_id: Uuid,
    root: String,
    epoch: i64,
    seq: i64,
    device_id: String,
    feeder_id: String,
    decided_at: i64,
    sent_at: i64,
    broker_acked_at: i64,
    log_id: String,
    log_partition: i32,
    log_offset: i64,
}

/// The row of a setpoint that the broker has.
#[must_use]
pub fn sent(sent: Sent, place: Place) -> SentRow {
    SentRow {
        setpoint_id: sent.setpoint_id,
        decision_id: sent.no().decision_id(&sent.root),
        root: sent.root.to_string(),
        epoch: sent.epoch,
        seq: sent.seq,
        device_id: sent.device_id.to_string(),
        feeder_id: sent.feeder_id.to_string(),
        decided_at: sent.decided_at.0,
        sent_at: sent.sent_at.0,
        broker_acked_at: sent.broker_acked_at.0,
        log_id: place.log.to_string(),
        log_partition: place.partition,
        log_offset: place.offset,
    }
}
