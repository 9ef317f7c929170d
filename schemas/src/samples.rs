//! Records of every kind for tests, and what becomes of them when numbers in them are set to what they could be at
//! worst. As JSON, so that one function reaches every number of every record.

use serde_json::{Value, json};

use crate::codec::Record;
use crate::log::Outgoing;
use crate::records::operator::{Change, ControlSettings};
use crate::records::record_of;
use crate::topics::Topic;

const ID: &str = "0193a5f0-0000-7000-8000-000000000001";
/// When all of it happens, ms.
pub const AT: i64 = 1_760_000_000_000;
/// The root feeder of all of it.
pub const ROOT: &str = "north";

/// What a number may be at worst.
pub const EXTREMES: [i64; 17] = [
    i64::MIN,
    i64::MIN + 1,
    -253_402_300_800_000,
    -2_208_988_800_001,
    -2_147_483_648,
    -1,
    0,
    1,
    2_147_483_647,
    4_294_967_296,
    4_102_444_800_000,
    10_413_792_000_000,
    253_402_300_799_999,
    1 << 53,
    1 << 60,
    i64::MAX - 1,
    i64::MAX,
];

fn capabilities() -> Value {
    json!({"max_charge_w": 7_000, "max_discharge_w": null, "max_export_w": null, "max_import_w": 7_000,
        "min_power_w": 1_400, "ramp_w_per_s": 500, "energy_wh": 50_000, "fallback_w": 0})
}

fn preferences() -> Value {
    json!({"priority": 3, "target_soc": 8_000, "departure": AT + 3_600_000})
}

fn telemetry() -> Value {
    json!({"message_id": ID, "device_id": "ev-1", "device_type": "EV", "origin": "SIMULATED",
        "feeder_id": ROOT, "site_id": "s1", "ts": AT, "sent_at": AT, "arrival": AT + 20,
        "power_w": 3_000, "soc": 5_000, "energy_wh": 100, "voltage_mv": 230_000, "current_ma": 13_000,
        "online": true, "fault_code": null, "capabilities": capabilities(),
        "preferences": preferences(), "source": "simulator", "correlation_id": null, "layout": "FLAT",
        "unknown_fields": 0})
}

fn ack() -> Value {
    json!({"message_id": ID, "device_id": "ev-1", "feeder_id": ROOT, "ts": AT, "arrival": AT + 20,
        "status": "APPLIED", "setpoint_id": ID, "applied_w": 3_000, "reason": null})
}

fn changes() -> Vec<Value> {
    let settings = serde_json::to_value(Change::ControlSettings(ControlSettings::default()));
    vec![
        settings.expect("settings are plain"),
        json!({"FeederChange": {"feeder_id": ROOT, "parent_id": null, "import_limit_w": 20_000,
            "export_limit_w": 5_000, "mode": "AUTOMATIC", "policy": "optimizer"}}),
        json!({"DeviceRegistered": {"device_id": "ev-1", "device_type": "EV", "origin": "SIMULATED",
            "feeder_id": ROOT, "site_id": null}}),
        json!({"DeviceChange": {"device_id": "ev-1", "feeder_id": null, "priority": 3,
            "target_soc": 8_000, "fallback_w": 0, "opted_out": false}}),
        json!({"EventCreated": {"event_id": ID, "feeder_id": ROOT, "start": AT, "end": AT + 600_000,
            "limit_w": 5_000, "kind": "dr", "ramp_s": 30, "randomize_s": 60}}),
        json!({"EventChanged": {"event_id": ID, "start": AT, "end": AT + 300_000, "limit_w": 6_000,
            "kind": "dr", "ramp_s": 0}}),
        json!({"EventCancelled": {"event_id": ID}}),
        json!({"ProgramSet": {"program_id": ID, "name": "p", "mode": "PRICE_ELASTIC",
            "feeder_ids": [ROOT], "start": AT, "end": AT + 600_000, "target_shed_w": 1_000,
            "incentive_milli_per_kwh": 100, "penalty_milli_per_kwh": 100, "active": true, "ramp_s": 30,
            "randomize_s": 60}}),
        json!({"ProgramDeleted": {"program_id": ID}}),
        json!({"OverrideSet": {"device_id": "ev-1", "power_w": 2_000, "until": AT + 600_000}}),
        json!({"OverrideCleared": {"device_id": "ev-1"}}),
        json!({"ControlResumed": {"feeder_id": ROOT}}),
        json!({"SimulationSet": {"mode": "NIGHT"}}),
        json!({"DeviceWaiting": {"device_id": "ev-2", "device_type": "EV", "origin": "PHYSICAL",
            "feeder_id": ROOT, "site_id": null, "why": "UNPROVEN"}}),
        json!({"DeviceApproved": {"device_id": "ev-2", "feeder_id": null}}),
        json!({"DeviceReplaced": {"device_id": "ev-2", "by": "ev-1"}}),
        json!({"DeviceNoted": {"device_id": "ev-1", "notice": "SPEAKS_PERCENT", "detail": "57"}}),
        json!({"DeviceRetired": {"device_id": "ev-2"}}),
        json!({"LogMade": {"log_id": ID, "adopted": false, "restored_from": null,
            "ends": [{"topic": "telemetry.v1", "partition": 0, "next": 7}]}}),
        json!({"SessionEnded": {"session_id": ID, "until": AT + 600_000}}),
        json!({"FeederCleared": {"feeder_id": ROOT, "fields": ["EXPORT_LIMIT", "POLICY"]}}),
        json!({"FeederRemoved": {"feeder_id": "south"}}),
    ]
}

fn node() -> Value {
    json!({"feeder_id": ROOT, "parent_id": null, "mode": "AUTOMATIC", "import_limit_w": 20_000,
        "export_limit_w": 5_000, "limit_w": 20_000, "margin_w": 500, "load_w": 3_000,
        "controlled_w": 3_000, "uncontrolled_w": 0, "reserved_w": 0, "headroom_w": 17_000,
        "allocated_w": 7_000, "unmet_w": 0, "water_level_w": 100, "binding": "NONE", "rung": "NORMAL",
        "degraded": null, "stopped": null, "device_count": 1, "fresh_count": 1, "stale_count": 0,
        "by_type": [{"device_type": "EV", "count": 1, "power_w": 3_000}]})
}

fn decision() -> Value {
    json!({"DecisionPart": {"epoch": 1, "writer": ID, "root": ROOT, "seq": 1, "part": 0, "parts": 1,
        "header": {"at": AT + 5_000, "trigger": "WINDOW", "window_start": AT - 5_000, "window_end": AT,
            "positions": {"acks": 0, "operator": 2, "telemetry": 1}, "policy": "water-fill",
            "certified": true, "findings": [], "nodes": [node()], "alarms": []},
        "devices": [{"device_id": "ev-1", "feeder_id": ROOT, "device_type": "EV", "power_w": 3_000,
            "soc": 5_000, "freshness": "FRESH", "sample_age_ms": 100, "wanted_w": 7_000,
            "share_w": 7_000, "setpoint_w": 7_000, "emit": "CHANGE", "ttl_ms": 30_000, "fallback_w": 0,
            "weight_milli": 1_000, "deficit_wh": 0, "reason": "SATISFIED", "bound_by": null,
            "marginal_w": 0, "compliant": true, "typed_layout": true}]}})
}

fn tree_snapshot() -> Value {
    json!({"nodes": [{"feeder_id": ROOT, "failures": 0, "good": 1, "stopped": null, "released_at": AT,
            "restricted": true, "restricted_by": ID, "resumes": 0, "unexplained_w": 10,
            "held_base_w": 10}],
        "window_end": AT, "latest": AT, "decided_at": AT + 5_000, "late_samples": 0, "restarted_at": AT})
}

fn device_snapshot() -> Value {
    let mut device = json!({"device_id": "ev-1", "device_type": "EV", "origin": "SIMULATED",
        "feeder_id": ROOT, "site_id": null, "typed_layout": false, "last_event": AT,
        "last_arrival": AT + 20, "last_steering": AT, "power_w": 3_000, "soc": 5_000, "offline": false,
        "skewed": false, "mean_w": 3_000, "setpoint_w": 7_000, "setpoint_since": AT,
        "reason": "SATISFIED", "hold_since": AT, "deficit_wms": 5, "carried_w": 5, "wants_since": AT,
        "direction": 1, "direction_since": AT, "running": true, "running_since": AT});
    let more = json!({"strikes": 1, "good": 1, "non_compliant": false, "peak_w": 3_000,
        "acknowledges": true, "idle_windows": 1, "need_w": 3_000, "allowed_w": 7_000,
        "allowed_before_w": 7_000, "capabilities": capabilities(), "preferences": preferences(),
        "readings": [{"at": AT, "power_w": 3_000}],
        "live": [{"epoch": 1, "seq": 1, "setpoint_w": 7_000, "decided": AT + 5_000,
            "until": AT + 65_000, "fallback_w": 0, "applied": false, "from_w": 3_000}],
        "tracking": [{"start": AT - 60_000, "samples": 3, "sum_w": 30, "sum_abs_w": 30}]});
    if let (Value::Object(device), Value::Object(more)) = (&mut device, more) {
        device.extend(more);
    }
    device
}

fn snapshot() -> Value {
    json!({"root": ROOT, "version": {"epoch": 1, "seq": 1}, "writer": ID, "number": 1, "part": 0,
        "parts": 1, "positions": {"acks": 0, "operator": 2, "telemetry": 1}, "decisions_next": 2,
        "log": null, "tree": tree_snapshot(), "devices": [device_snapshot()]})
}

fn device_state() -> Value {
    json!({"device_id": "ev-1", "version": {"epoch": 1, "seq": 1}, "at": AT, "root": ROOT,
        "feeder_id": ROOT, "site_id": null, "device_type": "EV", "origin": "SIMULATED",
        "rated_w": 7_000, "min_power_w": 1_400, "priority": 3, "target_soc": 8_000, "opted_out": false,
        "overridden": false, "freshness": "FRESH", "last_seen": AT, "power_w": 3_000,
        "setpoint_w": 7_000, "soc": 5_000, "tracking_samples": 3, "tracking_mean_w": 10,
        "tracking_mean_abs_w": 10, "compliant": true})
}

fn sent() -> Value {
    json!({"setpoint_id": ID, "root": ROOT, "epoch": 1, "seq": 1, "device_id": "ev-1",
        "feeder_id": ROOT, "decided_at": AT + 5_000, "sent_at": AT + 5_010,
        "broker_acked_at": AT + 5_012})
}

/// Good records of a topic, one of each kind.
#[must_use]
pub fn samples(topic: Topic) -> Vec<Value> {
    match topic {
        Topic::Telemetry => vec![telemetry()],
        Topic::Acks => vec![ack()],
        Topic::Operator => {
            let record = |change| json!({"id": ID, "at": AT, "actor": "op", "change": change, "source": "192.0.2.7"});
            changes().into_iter().map(record).collect()
        }
        Topic::Decisions => vec![
            json!({"Claim": {"epoch": 1, "writer": ID, "at": AT, "name": "host/1", "log": null}}),
            decision(),
        ],
        Topic::Snapshots => vec![snapshot()],
        Topic::DeviceState => vec![device_state()],
        Topic::FeederState => vec![
            json!({"version": {"epoch": 1, "seq": 1}, "at": AT, "root": ROOT, "policy": "water-fill",
                "node": node(),
                "made": {"trigger": "WINDOW", "window_start": AT - 5_000, "window_end": AT,
                    "certified": true},
                "alarms": [{"code": "CTL-001", "severity": "CRITICAL", "feeder_id": ROOT,
                    "device_id": null, "message": "over"}]}),
        ],
        Topic::DeadLetters => {
            vec![json!({"at": AT, "source": "der/telemetry/x", "reason": "not_json", "detail": "d",
                "device_id": null, "raw": [1, 2], "raw_len": 2})]
        }
        Topic::Sent => vec![sent()],
    }
}

/// The bytes of a record; none where the JSON is none of this topic, for example for a number that its field cannot hold.
#[must_use]
pub fn encode(topic: Topic, record: &Value) -> Option<Vec<u8>> {
    fn bytes<R: Record>(record: &Value) -> Option<Vec<u8>> {
        serde_json::from_value::<R>(record.clone()).ok().map(|record| record.encode())
    }
    record_of!(topic, Kind => bytes::<Kind>(record))
}

/// A record to append as no writer of ours makes it: any bytes, anywhere.
#[must_use]
pub fn raw(topic: Topic, partition: i32, key: &str, value: Vec<u8>) -> Outgoing {
    Outgoing { topic, partition, key: key.to_owned(), value }
}

/// The bytes of a record with one of its numbers set to an extreme; to the nearest that its field can hold. `which` counts
/// the numbers of the record from the beginning, and over again.
#[must_use]
pub fn spoil(topic: Topic, record: &mut Value, which: usize, extreme: i64) -> Option<Vec<u8>> {
    let count = numbers(record).len();
    let nearest = extreme.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    for value in [extreme, nearest] {
        let place = which.checked_rem(count)?;
        let mut spoiled = record.clone();
        if let Some(number) = numbers(&mut spoiled).into_iter().nth(place) {
            *number = json!(value);
        }
        if let Some(bytes) = encode(topic, &spoiled) {
            *record = spoiled;
            return Some(bytes);
        }
    }
    None
}

/// Every number of a record, in its order.
fn numbers(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Number(_) => vec![value],
        Value::Array(all) => all.iter_mut().flat_map(numbers).collect(),
        Value::Object(all) => all.values_mut().flat_map(numbers).collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => Vec::new(),
    }
}
