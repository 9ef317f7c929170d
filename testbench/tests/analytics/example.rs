//! The example of docs/analytics.md: yesterday from 10:00 to 11:00, seven devices on three feeders, a decision every 5 s,
//! an event and some mishaps. Formulas only, so that `truth` can tell what must come out.

use std::collections::BTreeMap;

use schemas::Timestamp;
use serde_json::{Value, json};
use service_kit::clock::{Clock, SystemClock};
use uuid::Uuid;

/// Decisions of each tree.
pub(crate) const STEPS: i64 = 720;
pub(crate) const STEP_MS: i64 = 5_000;
const DAY_MS: i64 = 86_400_000;
const LOG: &str = "019abc00-0000-7000-8000-000000000000";

pub(crate) struct Device {
    pub(crate) id: &'static str,
    pub(crate) feeder: &'static str,
    pub(crate) kind: &'static str,
}

const fn device(id: &'static str, feeder: &'static str, kind: &'static str) -> Device {
    Device { id, feeder, kind }
}

pub(crate) const EV_1: usize = 0;
pub(crate) const EV_2: usize = 1;
pub(crate) const PV_1: usize = 2;
pub(crate) const EV_3: usize = 3;
pub(crate) const EV_4: usize = 4;
pub(crate) const BAT_1: usize = 5;
pub(crate) const EV_5: usize = 6;
pub(crate) const DEVICES: [Device; 7] = [
    device("ev-1", "feeder-1", "EV"),
    device("ev-2", "feeder-1", "EV"),
    device("pv-1", "feeder-1", "PV"),
    device("ev-3", "feeder-1a", "EV"),
    device("ev-4", "feeder-1a", "EV"),
    device("bat-1", "feeder-2", "BATTERY"),
    device("ev-5", "feeder-2", "EV"),
];
/// Feeders with the roots of their trees.
pub(crate) const FEEDERS: [(&str, &str); 3] =
    [("feeder-1", "feeder-1"), ("feeder-1a", "feeder-1"), ("feeder-2", "feeder-2")];

pub(crate) fn root(feeder: &str) -> &'static str {
    FEEDERS.iter().find(|(id, _)| *id == feeder).expect("a feeder").1
}

/// The start of yesterday.
pub(crate) fn day() -> Timestamp {
    SystemClock.now().plus_ms(-DAY_MS).window_start(DAY_MS)
}

/// The start of the example.
pub(crate) fn start() -> i64 {
    day().0 + 36_000_000
}

/// One decision of a tree.
pub(crate) struct Decision {
    pub(crate) root: &'static str,
    pub(crate) step: i64,
    pub(crate) at: i64,
    pub(crate) window: (i64, i64),
    pub(crate) trigger: &'static str,
    pub(crate) seq: i64,
}

impl Decision {
    /// For how long it counts.
    pub(crate) fn width_ms(&self) -> i64 {
        if self.trigger == "WINDOW" { self.window.1 - self.window.0 } else { 0 }
    }

    fn id(&self) -> String {
        uuid(1, self.seq * 2 + i64::from(self.root == "feeder-2"))
    }
}

pub(crate) fn decisions() -> Vec<Decision> {
    let start = start();
    let mut all = Vec::new();
    for root in ["feeder-1", "feeder-2"] {
        for step in 0..STEPS {
            let begin = start + STEP_MS * step;
            let window = (begin, begin + STEP_MS);
            let at = window.1 + 2_100;
            all.push(Decision { root, step, at, window, trigger: "WINDOW", seq: step * 2 });
            if root == "feeder-1" && step == 100 {
                let (at, window) = (at + 1_000, (window.1, at + 1_000));
                all.push(Decision {
                    root,
                    step,
                    at,
                    window,
                    trigger: "OVERLOAD",
                    seq: step * 2 + 1,
                });
            }
        }
    }
    all
}

pub(crate) fn wanted(device: usize, step: i64) -> i64 {
    match device {
        PV_1 => -3_000 - 10 * (step % 60),
        BAT_1 if step < 360 => 5_000,
        BAT_1 => -2_000,
        _ => 7_000,
    }
}

/// Setpoint, reason and binding feeder.
pub(crate) fn given(device: usize, step: i64) -> (Option<i64>, &'static str, Option<&'static str>) {
    let event = (240..480).contains(&step);
    let shared = |watts| (Some(watts), "FAIR_SHARE", Some("feeder-1"));
    match device {
        EV_5 => (None, "NOT_COMMANDED", None),
        EV_2 if step >= 603 => (Some(0), "NON_COMPLIANT", None),
        EV_1 if event => shared(3_000),
        EV_2 if event => shared(4_000),
        EV_3 if event => shared(2_500),
        EV_4 if event => shared(3_500),
        EV_3 | EV_4 if step >= 480 => (Some(5_000), "FAIR_SHARE", Some("feeder-1a")),
        PV_1 if step >= 480 => (Some(-2_000), "CURTAILED", Some("feeder-1")),
        _ => (Some(wanted(device, step)), "SATISFIED", None),
    }
}

pub(crate) fn power(device: usize, step: i64) -> i64 {
    if device == EV_2 && step >= 600 {
        return 9_000;
    }
    let steered = given(device, (step - 1).max(0)).0.unwrap_or(6_000);
    let number = i64::try_from(device).expect("a few");
    steered + ((step * 7 + number * 13) % 11 - 5) * 10
}

/// What it wanted and was not given, W.
pub(crate) fn curtailed(device: usize, step: i64) -> i64 {
    let wanted = wanted(device, step);
    let Some(setpoint) = given(device, step).0 else { return 0 };
    let given = if wanted < 0 { -setpoint } else { setpoint };
    (wanted.abs() - given.max(0)).max(0)
}

/// One feeder at one decision.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub(crate) limit: i64,
    pub(crate) load: i64,
    uncontrolled: i64,
    stale: i64,
    unmet: i64,
    pub(crate) binding: &'static str,
}

pub(crate) fn node(feeder: &str, step: i64) -> Node {
    let phase = |first, event, last| match step {
        ..240 => first,
        240..480 => event,
        _ => last,
    };
    if feeder == "feeder-1a" {
        let binding = phase("NONE", "ANCESTOR", "IMPORT_LIMIT");
        return Node {
            limit: 12_000,
            load: 9_000,
            uncontrolled: 1_000,
            stale: 0,
            unmet: 0,
            binding,
        };
    }
    if feeder == "feeder-2" {
        let saved = if (360..480).contains(&step) { 500 } else { 0 };
        let over = [300, 301, 304, 400, 401].contains(&step);
        let load = if over { 15_300 } else { 8_000 + step % 10 * 100 - saved };
        return Node {
            limit: 15_000,
            load,
            uncontrolled: 2_000,
            stale: 0,
            unmet: 0,
            binding: "NONE",
        };
    }
    let limit = if (240..480).contains(&step) { 20_000 } else { 50_000 };
    let binding = phase("NONE", "EVENT", "EXPORT_LIMIT");
    let quiet = Node { limit, load: 18_000, uncontrolled: 10_000, stale: 0, unmet: 0, binding };
    match step {
        100..106 => {
            Node { load: limit + 2_000 + 100 * (step - 100), uncontrolled: 44_000, ..quiet }
        }
        240..244 => Node { load: 24_000 - 500 * (step - 240), ..quiet },
        550..553 => Node { load: limit + 800, stale: 3, ..quiet },
        603..608 => Node { load: limit + 1_500, ..quiet },
        680..690 => Node { load: limit + 1_000, unmet: 1_000, ..quiet },
        _ => quiet,
    }
}

pub(crate) fn emit(device: usize, step: i64) -> &'static str {
    match given(device, step).0 {
        None => "NONE",
        now if step == 0 || now != given(device, step - 1).0 => "CHANGE",
        _ if step % 3 == 0 => "RENEW",
        _ => "NONE",
    }
}

/// When a sample is taken.
pub(crate) fn sampled(device: usize, step: i64) -> i64 {
    start() + STEP_MS * step + 100 * i64::try_from(device).expect("a few")
}

fn uuid(kind: u128, number: i64) -> String {
    let number = u128::try_from(number).expect("not negative");
    Uuid::from_u128((0x4000 << 64) | ((0x8000 | kind) << 48) | number).to_string()
}

/// A time as ClickHouse reads it.
fn time(ms: i64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

type Rows = BTreeMap<&'static str, Vec<Value>>;

fn add(rows: &mut Rows, table: &'static str, place: i64, mut row: Value) {
    row["log_id"] = json!(LOG);
    row["log_partition"] = json!(0);
    row["log_offset"] = json!(place);
    rows.entry(table).or_default().push(row);
}

/// The rows of every table.
pub(crate) fn rows() -> Rows {
    let mut rows = Rows::new();
    for (place, decision) in (1..).zip(decisions()) {
        nodes(&mut rows, place, &decision);
        alarms(&mut rows, place, &decision);
        for (index, device) in DEVICES.iter().enumerate() {
            if root(device.feeder) == decision.root {
                decided(&mut rows, place, &decision, index);
            }
        }
    }
    samples(&mut rows);
    operators(&mut rows);
    for (place, reason) in (0..).zip(["BAD_JSON", "BAD_JSON", "WRONG_DEVICE"]) {
        let row = json!({
            "at": time(start() + place * 1_000), "source": "der/telemetry/ev-9", "reason": reason, "detail": "",
            "device_id": "ev-9", "raw": "{}", "raw_len": 2,
        });
        add(&mut rows, "dead_letters", place, row);
    }
    rows
}

/// Devices under a feeder.
pub(crate) fn under(feeder: &str) -> Vec<usize> {
    let within = |device: &Device| {
        device.feeder == feeder || (root(feeder) == feeder && root(device.feeder) == feeder)
    };
    (0..DEVICES.len()).filter(|index| within(&DEVICES[*index])).collect()
}

fn nodes(rows: &mut Rows, place: i64, decision: &Decision) {
    for (feeder, root) in FEEDERS {
        if root != decision.root {
            continue;
        }
        let node = node(feeder, decision.step);
        let devices = under(feeder);
        let sum: i64 = devices.iter().map(|device| curtailed(*device, decision.step)).sum();
        let row = json!({
            "decision_id": decision.id(), "root": root, "epoch": 1, "seq": decision.seq, "writer": uuid(2, 1),
            "at": time(decision.at), "trigger": decision.trigger, "window_start": time(decision.window.0),
            "window_end": time(decision.window.1), "policy": "water-fill", "certified": true, "findings": [],
            "feeder_id": feeder, "parent_id": (feeder != root).then_some(root), "mode": "AUTOMATIC",
            "import_limit_w": node.limit, "limit_w": node.limit, "margin_w": 500, "load_w": node.load,
            "controlled_w": node.load - node.uncontrolled, "uncontrolled_w": node.uncontrolled, "reserved_w": 0,
            "headroom_w": node.limit - node.load, "allocated_w": 0, "unmet_w": node.unmet, "curtailed_w": sum,
            "binding": node.binding, "rung": "NORMAL", "device_count": devices.len(),
            "fresh_count": devices.len(), "stale_count": node.stale,
            "position_acks": 0, "position_operator": 0, "position_telemetry": 0,
        });
        add(rows, "decisions", place, row);
    }
}

fn alarms(rows: &mut Rows, place: i64, decision: &Decision) {
    let (step, root) = (decision.step, decision.root);
    let alarm = |code: &str, severity: &str, feeder: Option<&str>, device: Option<&str>| {
        json!({
            "decision_id": decision.id(), "root": root, "at": time(decision.at), "code": code,
            "severity": severity, "feeder_id": feeder, "device_id": device, "message": code,
        })
    };
    let node = node(root, step);
    if root == "feeder-1" && node.load > node.limit {
        add(rows, "decision_alarms", place, alarm("CTL-001", "CRITICAL", Some(root), None));
    }
    if root == "feeder-1" && step >= 603 {
        add(rows, "decision_alarms", place, alarm("CTL-003", "WARNING", Some(root), Some("ev-2")));
    }
    // A gap of 30 s, and one of 35 s.
    let stands = matches!(step, 10..=20 | 26..=30 | 37..=40);
    if root == "feeder-2" && stands {
        add(rows, "decision_alarms", place, alarm("CTL-004", "WARNING", None, None));
    }
}

fn decided(rows: &mut Rows, place: i64, decision: &Decision, index: usize) {
    let (step, device) = (decision.step, &DEVICES[index]);
    let (setpoint, reason, bound_by) = given(index, step);
    let emit = if decision.trigger == "WINDOW" { emit(index, step) } else { "NONE" };
    let row = json!({
        "decision_id": decision.id(), "root": decision.root, "epoch": 1, "seq": decision.seq,
        "at": time(decision.at), "device_id": device.id, "feeder_id": device.feeder, "device_type": device.kind,
        "power_w": power(index, step), "freshness": "FRESH", "sample_age_ms": 2_100 + 100 * index,
        "wanted_w": wanted(index, step), "share_w": setpoint.unwrap_or(0), "setpoint_w": setpoint, "emit": emit,
        "ttl_ms": 30_000, "fallback_w": 0, "weight_milli": 1_000, "deficit_wh": 0, "reason": reason,
        "bound_by": bound_by, "marginal_w": 0, "compliant": !(index == EV_2 && step >= 603),
        "typed_layout": false, "width_ms": decision.width_ms(),
    });
    add(rows, "decision_devices", place, row);
    let Some(setpoint) = setpoint.filter(|_| emit != "NONE") else { return };
    let number = step * 8 + i64::try_from(index).expect("a few");
    let row = json!({
        "setpoint_id": uuid(3, number), "decision_id": decision.id(), "device_id": device.id,
        "feeder_id": device.feeder, "setpoint_w": setpoint, "fallback_w": 0, "emit": emit,
        "decided_at": time(decision.at), "valid_until": time(decision.at + 30_000), "epoch": 1,
        "seq": decision.seq, "reason": reason,
    });
    add(rows, "setpoints", place, row);
    for (nth, (given_after, acked_after)) in (0..).zip(sent(index, step)) {
        let row = json!({
            "setpoint_id": uuid(3, number), "decision_id": decision.id(), "root": decision.root, "epoch": 1,
            "seq": decision.seq, "device_id": device.id, "feeder_id": device.feeder,
            "decided_at": time(decision.at), "sent_at": time(decision.at + given_after),
            "broker_acked_at": time(decision.at + acked_after),
        });
        add(rows, "sent", number * 2 + nth, row);
    }
    for (nth, (status, after)) in (0..).zip(acks(index, step)) {
        let row = json!({
            "message_id": uuid(4, number * 4 + nth), "device_id": device.id, "feeder_id": device.feeder,
            "ts": time(decision.at + after - 20), "arrival": time(decision.at + after), "status": status,
            "setpoint_id": uuid(3, number), "applied_w": (status == "APPLIED").then_some(setpoint),
            "reason": (status == "REJECTED").then_some("busy"),
        });
        add(rows, "acks", place, row);
    }
}

/// After how many ms a setpoint is given to the broker, and after how many the broker acknowledges it; some are sent again.
pub(crate) fn sent(device: usize, step: i64) -> Vec<(i64, i64)> {
    if emit(device, step) != "CHANGE" {
        return Vec::new();
    }
    let number = i64::try_from(device).expect("a few");
    let given = 6 + 2 * number + step % 5;
    let mut all = vec![(given, given + 2 + number % 3)];
    if step % 7 == 0 {
        all.push((given + 9_000, given + 9_004));
    }
    all
}

/// What a device answers to a setpoint, and after how many ms.
pub(crate) fn acks(device: usize, step: i64) -> Vec<(&'static str, i64)> {
    if device == EV_4 && (240..480).contains(&step) {
        return vec![("REJECTED", 150)];
    }
    let number = i64::try_from(device).expect("a few");
    let mut answers = vec![("ACCEPTED", 100 + 10 * number)];
    if !(device == EV_1 && step % 30 == 0) {
        answers.push(("APPLIED", 400 + 20 * number));
    }
    answers
}

fn samples(rows: &mut Rows) {
    let moments = (0..STEPS).flat_map(|step| (0..DEVICES.len()).map(move |device| (step, device)));
    for (number, (step, index)) in (1..).zip(moments) {
        let (device, at) = (&DEVICES[index], sampled(index, step));
        // One of twenty comes late.
        let delay = if number % 20 == 0 { 90_000 } else { 200 };
        let row = json!({
            "message_id": uuid(5, number), "device_id": device.id, "device_type": device.kind,
            "origin": "SIMULATED", "feeder_id": device.feeder, "ts": time(at), "arrival": time(at + delay),
            "power_w": power(index, step), "soc_bp": (device.kind != "PV").then_some(5_000 + step),
            "online": true, "max_import_w": rated_w(index), "source": "device", "layout": "FLAT",
            "unknown_fields": 0,
        });
        add(rows, "telemetry", number, row);
    }
}

/// The largest power of a device.
pub(crate) fn rated_w(device: usize) -> i64 {
    if DEVICES[device].kind == "EV" { 11_000 } else { 5_000 }
}

fn operators(rows: &mut Rows) {
    let start = start();
    let mut change = |number: i64,
                      ago_ms: i64,
                      actor: &str,
                      kind: &str,
                      entity: &str,
                      body: Value| {
        let row = json!({
            "id": uuid(6, number), "at": time(start - ago_ms), "actor": actor, "kind": kind, "entity": entity,
            "body": body.to_string(),
        });
        add(rows, "operator_log", number, row);
    };
    let limit = |watts: i64| json!({"feeder_id": "feeder-1", "import_limit_w": watts});
    change(0, 7_200_000, "olga", "FeederChange", "feeder-1", limit(60_000));
    change(1, 3_600_000, "paul", "FeederChange", "feeder-1", limit(50_000));
    let (event, program) = (uuid(7, 1), uuid(7, 2));
    let body = json!({
        "event_id": event, "feeder_id": "feeder-1", "start": start + 1_200_000, "end": start + 2_400_000,
        "limit_w": 20_000, "kind": "dr", "ramp_s": 0, "randomize_s": 0,
    });
    change(2, 3_600_000, "olga", "EventCreated", &event, body);
    let body = json!({
        "program_id": program, "name": "evening", "mode": "FIXED_CAP", "feeder_ids": ["feeder-2"],
        "start": start + 1_800_000, "end": start + 2_400_000, "target_shed_w": 1_000, "active": true,
    });
    change(3, 3_600_000, "olga", "ProgramSet", &program, body);
    for (number, device) in (10..).zip(&DEVICES) {
        let body = json!({
            "device_id": device.id, "device_type": device.kind, "origin": "SIMULATED",
            "feeder_id": device.feeder, "site_id": null,
        });
        change(number, 18_000_000, "system", "DeviceRegistered", device.id, body);
    }
}
