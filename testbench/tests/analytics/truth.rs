//! What must come out of the example, computed from its formulas in plain loops, and compared with the views.

use std::collections::BTreeMap;

use crate::example::{
    BAT_1, DEVICES, EV_1, EV_2, EV_3, EV_4, FEEDERS, PV_1, STEP_MS, STEPS, acks, curtailed,
    decisions, emit, given, node, power, rated_w, sampled, sent as at_broker, start, wanted,
};
use crate::store::Store;

/// Watt-milliseconds in a kWh.
const KWH: f64 = 3_600_000_000.0;
const MINUTE_MS: i64 = 60_000;

#[track_caller]
fn near(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{what}: {found}, not {expected}");
}

#[track_caller]
fn texts<const N: usize>(row: &[String], expected: [&str; N]) {
    assert_eq!(row, expected);
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn float(number: i64) -> f64 {
    number as f64
}

/// Yesterday as arguments of a view.
fn yesterday() -> String {
    let day = (start() - 36_000_000) / 1_000;
    format!("from_at = toDateTime({day}), to_at = toDateTime({})", day + 86_400)
}

pub(crate) fn tracking(store: &Store) {
    for device in [EV_1, EV_2, PV_1] {
        // A decision's power against the setpoint of the decision before.
        let mut errors = Vec::new();
        let mut in_force = None;
        for decision in decisions().iter().filter(|decision| decision.root == "feeder-1") {
            if let Some(setpoint) = in_force {
                errors.push((power(device, decision.step) - setpoint, setpoint));
            }
            in_force = given(device, decision.step).0;
        }
        let count = float(i64::try_from(errors.len()).expect("few"));
        let sum: i64 = errors.iter().map(|(error, _)| error.abs()).sum();
        let within =
            errors.iter().filter(|(error, at)| error.abs() * 20 <= at.abs().max(10_000)).count();
        let sql = format!(
            "SELECT samples, mean_abs_error_kw, within_share FROM v_tracking_error_between({}) WHERE device_id = '{}'",
            yesterday(),
            DEVICES[device].id
        );
        let rows = store.rows(&sql);
        near("decisions", number(&rows[0][0]), count);
        near("mean error", number(&rows[0][1]), float(sum) / count / 1_000.0);
        near("within", number(&rows[0][2]), float(i64::try_from(within).expect("few")) / count);
    }
}

/// Energy wanted and curtailed of a device, W ms.
fn energy(device: usize) -> (i64, i64) {
    let of_step = |step| (wanted(device, step).abs(), curtailed(device, step));
    let sums = (0..STEPS).map(of_step).fold((0, 0), |sum, step| (sum.0 + step.0, sum.1 + step.1));
    (sums.0 * STEP_MS, sums.1 * STEP_MS)
}

pub(crate) fn curtailment(store: &Store) {
    let mut expected: BTreeMap<(String, String), i64> = BTreeMap::new();
    for step in 0..STEPS {
        for device in 0..DEVICES.len() {
            let (_, reason, bound_by) = given(device, step);
            let binding = bound_by.map_or("NONE", |feeder| node(feeder, step).binding);
            *expected.entry((binding.to_owned(), reason.to_owned())).or_default() +=
                curtailed(device, step) * STEP_MS;
        }
    }
    let rows = store.rows(
        "SELECT binding, reason, sum(curtailed_kwh) FROM v_curtailment GROUP BY ALL ORDER BY ALL",
    );
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for (row, ((binding, reason), energy)) in rows.iter().zip(&expected) {
        texts(&row[..2], [binding, reason]);
        near(reason, number(&row[2]), float(*energy) / KWH);
    }
    // Who was curtailed most, per rated kW.
    let per_kw = |device: usize| float(energy(device).1) / KWH / float(rated_w(device)) * 1_000.0;
    let most = (0..DEVICES.len()).max_by(|a, b| per_kw(*a).total_cmp(&per_kw(*b))).expect("one");
    assert_eq!(most, EV_3);
    let rows =
        store.rows("SELECT device_id, curtailed_kwh FROM v_device_day ORDER BY curtailed_kwh DESC");
    assert_eq!(rows[0][0], "ev-3");
    near("most", number(&rows[0][1]), per_kw(EV_3) * 11.0);
}

pub(crate) fn fairness(store: &Store) {
    for (feeder, _) in FEEDERS {
        let devices: Vec<usize> =
            (0..DEVICES.len()).filter(|device| DEVICES[*device].feeder == feeder).collect();
        let shares: Vec<f64> = devices
            .iter()
            .map(|device| energy(*device))
            .map(|(wanted, curtailed)| float(wanted - curtailed) / float(wanted))
            .collect();
        let count = float(i64::try_from(shares.len()).expect("few"));
        let squares: f64 = shares.iter().map(|share| share * share).sum();
        let jain = shares.iter().sum::<f64>().powi(2) / (count * squares);
        let worst = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let curtailed: i64 = devices.iter().map(|device| energy(*device).1).sum();
        let sql = format!(
            "SELECT curtailed_kwh, jain, worst_decile FROM v_fairness_between({}) WHERE feeder_id = '{feeder}'",
            yesterday()
        );
        let rows = store.rows(&sql);
        near("curtailed", number(&rows[0][0]), float(curtailed) / KWH);
        near("Jain", number(&rows[0][1]), jain);
        near("worst", number(&rows[0][2]), worst);
    }
}

/// The mean load of a feeder in each minute, weighted with the windows of its decisions.
fn minutes(feeder: &str) -> BTreeMap<i64, f64> {
    let mut sums: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for decision in
        decisions().iter().filter(|decision| decision.root == crate::example::root(feeder))
    {
        let width = decision.window.1 - decision.window.0;
        let sum = sums.entry(decision.at.div_euclid(MINUTE_MS)).or_default();
        sum.0 += node(feeder, decision.step).load * width;
        sum.1 += width;
    }
    sums.into_iter().map(|(minute, sum)| (minute, float(sum.0) / float(sum.1))).collect()
}

fn mean(minutes: &BTreeMap<i64, f64>, from: i64, to: i64) -> f64 {
    let begin = start().div_euclid(MINUTE_MS);
    let values: Vec<f64> = minutes.range(begin + from..begin + to).map(|(_, load)| *load).collect();
    values.iter().sum::<f64>() / float(i64::try_from(values.len()).expect("few")) / 1_000.0
}

pub(crate) fn events(store: &Store) {
    for (source, feeder, from, to) in
        [("event", "feeder-1", 20, 40), ("program", "feeder-2", 30, 40)]
    {
        let minutes = minutes(feeder);
        let (before, during) = (mean(&minutes, from - 15, from), mean(&minutes, from, to));
        let after = mean(&minutes, to, to + 15);
        let sql = format!(
            "SELECT before_kw, during_kw, saved_kwh, rebound_kwh FROM v_event_effect WHERE source = '{source}'"
        );
        let rows = store.rows(&sql);
        assert_eq!(rows.len(), 1);
        near("before", number(&rows[0][0]), before);
        near("during", number(&rows[0][1]), during);
        near("saved", number(&rows[0][2]), (before - during) * float(to - from) / 60.0);
        near("rebound", number(&rows[0][3]), (after - before) / 4.0);
    }
}

pub(crate) fn violations(store: &Store) {
    // Each mishap was made with its cause: first step, last step but one.
    let made = [
        ("feeder-1", 100, 106, "uncontrolled load rose"),
        ("feeder-1", 240, 244, "ramp"),
        ("feeder-2", 300, 305, "policy"),
        ("feeder-2", 400, 402, "policy"),
        ("feeder-1", 550, 553, "late telemetry"),
        ("feeder-1", 603, 608, "non-compliant device"),
        ("feeder-1", 680, 690, "infeasible"),
    ];
    let rows = store.rows(
        "SELECT feeder_id, cause, toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(to_at), worst_kw, kwh
         FROM v_violations ORDER BY from_at",
    );
    assert_eq!(rows.len(), made.len(), "{rows:?}");
    for (row, (feeder, first, end, cause)) in rows.iter().zip(made) {
        let over = |step| (node(feeder, step).load - node(feeder, step).limit).max(0);
        let energy: i64 = (first..end).map(|step| over(step) * STEP_MS).sum();
        texts(&row[..2], [feeder, cause]);
        near("from", number(&row[2]), float(start() + first * STEP_MS));
        let worst = (first..end).map(over).max().expect("one");
        near("worst", number(&row[4]), float(worst) / 1_000.0);
        near("energy", number(&row[5]), float(energy) / KWH);
        // The decision between windows comes within the stretch.
        near("to", number(&row[3]), float(start() + end * STEP_MS));
    }
}

pub(crate) fn alarms(store: &Store) {
    let at = |step: i64| start() + STEP_MS * step + 7_100;
    let expected = [
        ("CTL-004", at(10), Some(at(30))),
        ("CTL-004", at(37), Some(at(40))),
        ("CTL-001", at(100), Some(at(105))),
        ("CTL-001", at(240), Some(at(243))),
        ("CTL-001", at(550), Some(at(552))),
        ("CTL-001", at(603), Some(at(607))),
        ("CTL-003", at(603), None),
        ("CTL-001", at(680), Some(at(689))),
    ];
    let rows = store.rows(
        "SELECT code, toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(to_at) FROM v_alarms ORDER BY from_at, code",
    );
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for (row, (code, from, to)) in rows.iter().zip(expected) {
        let to = to.map_or_else(|| "\\N".to_owned(), |to: i64| to.to_string());
        texts(row, [code, &from.to_string(), &to]);
    }
}

/// Setpoints that are sent within the hour of the example, with their devices and steps.
fn sent() -> impl Iterator<Item = (usize, i64)> {
    let steps = (0..STEPS).filter(|step| STEP_MS * step + 7_100 < 3_600_000);
    steps
        .flat_map(|step| (0..DEVICES.len()).map(move |device| (device, step)))
        .filter(|(device, step)| emit(*device, *step) != "NONE")
}

fn of_hour() -> String {
    format!("hour = toDateTime({})", start() / 1_000)
}

pub(crate) fn commands(store: &Store) {
    for device in [EV_1, EV_4, BAT_1] {
        let mut answers: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        let own = sent().filter(|(sent, _)| *sent == device);
        for (status, after) in own.flat_map(|(device, step)| acks(device, step)) {
            let answer = answers.entry(status).or_default();
            *answer = (answer.0 + 1, answer.1 + after);
        }
        let sql = format!(
            "SELECT countIf(acked_at IS NOT NULL), countIf(applied_at IS NOT NULL), countIf(rejected_at IS NOT NULL),
                    sum(dateDiff('millisecond', decided_at, applied_at)), countIf(stage = 'REJECTED')
             FROM v_command_ledger WHERE {} AND device_id = '{}'",
            of_hour(),
            DEVICES[device].id
        );
        let rows = store.rows(&sql);
        let of = |status| answers.get(status).copied().unwrap_or_default();
        near("accepted", number(&rows[0][0]), float(of("ACCEPTED").0));
        near("applied", number(&rows[0][1]), float(of("APPLIED").0));
        near("rejected", number(&rows[0][2]), float(of("REJECTED").0));
        near("time to applied", number(&rows[0][3]), float(of("APPLIED").1));
        near("stage", number(&rows[0][4]), float(of("REJECTED").0));
    }
}

/// When changed setpoints were given to the broker, the first time.
pub(crate) fn sent_to_the_broker(store: &Store) {
    for device in [EV_1, EV_3, PV_1] {
        let own = sent().filter(|(sent, _)| *sent == device);
        let first: Vec<(i64, i64)> =
            own.filter_map(|(device, step)| at_broker(device, step).first().copied()).collect();
        let sum = |of: fn(&(i64, i64)) -> i64| float(first.iter().map(of).sum());
        let sql = format!(
            "SELECT countIf(sent_at IS NOT NULL), countIf(broker_acked_at IS NOT NULL), countIf(emit = 'RENEW' AND sent_at IS NOT NULL),
                    sum(dateDiff('millisecond', decided_at, sent_at)), sum(dateDiff('millisecond', decided_at, broker_acked_at))
             FROM v_command_ledger WHERE {} AND device_id = '{}'",
            of_hour(),
            DEVICES[device].id
        );
        let rows = store.rows(&sql);
        let count = float(i64::try_from(first.len()).expect("few"));
        near("sent", number(&rows[0][0]), count);
        near("acknowledged by the broker", number(&rows[0][1]), count);
        near("renewals", number(&rows[0][2]), 0.0);
        near("time to sent", number(&rows[0][3]), sum(|(given, _)| *given));
        near("time to the broker's answer", number(&rows[0][4]), sum(|(_, acked)| *acked));
    }
}

/// When a setpoint is seen in the samples of its device.
fn seen(device: usize, step: i64) -> Option<i64> {
    let decided = start() + STEP_MS * step + 7_100;
    let setpoint = given(device, step).0?;
    let samples = (0..STEPS).map(|step| (sampled(device, step), power(device, step)));
    let mut lease = samples.filter(|(at, _)| *at > decided && *at <= decided + 30_000);
    let within = |power: i64| (power - setpoint).abs() * 20 <= setpoint.abs().max(10_000);
    lease.find(|(_, power)| within(*power)).map(|(at, _)| at - decided)
}

pub(crate) fn observed(store: &Store) {
    let found: Vec<i64> = sent().filter_map(|(device, step)| seen(device, step)).collect();
    let sql = format!(
        "SELECT count(), countIf(observed_at IS NOT NULL), sum(dateDiff('millisecond', decided_at, observed_at))
         FROM v_command_ledger WHERE {}",
        of_hour()
    );
    let rows = store.rows(&sql);
    near("sent", number(&rows[0][0]), float(i64::try_from(sent().count()).expect("few")));
    near("observed", number(&rows[0][1]), float(i64::try_from(found.len()).expect("few")));
    near("time to observed", number(&rows[0][2]), float(found.iter().sum()));
}

pub(crate) fn days(store: &Store) {
    for (feeder, _) in FEEDERS {
        let minutes = minutes(feeder);
        let rows = store.rows(&format!(
            "SELECT minutes, import_kwh, peak_kw FROM v_feeder_day WHERE feeder_id = '{feeder}'"
        ));
        near("minutes", number(&rows[0][0]), float(i64::try_from(minutes.len()).expect("few")));
        near("import", number(&rows[0][1]), minutes.values().sum::<f64>() / 60_000.0);
        let peak = (0..STEPS).map(|step| node(feeder, step).load).max().expect("one");
        near("peak", number(&rows[0][2]), float(peak) / 1_000.0);
    }
    // Twelve samples in each minute.
    let minute = |from: i64| (from..from + 12).map(|step| power(BAT_1, step)).sum::<i64>();
    let means = (0..STEPS).step_by(12).map(|step| float(minute(step)) / 12.0);
    let (taken, given_back) = means.fold((0.0, 0.0), |(taken, given_back), mean| {
        (taken + mean.max(0.0), given_back + (-mean).max(0.0))
    });
    let rows = store
        .rows("SELECT samples, import_kwh, export_kwh FROM v_device_day WHERE device_id = 'bat-1'");
    near("samples", number(&rows[0][0]), float(STEPS));
    near("taken", number(&rows[0][1]), taken / 60_000.0);
    near("given back", number(&rows[0][2]), given_back / 60_000.0);
}

/// Energy of a device by ten minutes: each sample holds until the next.
pub(crate) fn power_by_time(store: &Store) {
    let (begin, width) = (start(), 600_000);
    let mut energy = BTreeMap::new();
    for ms in (0..3_600_000).step_by(100) {
        // Samples fall on tenths of a second.
        let moment = begin + ms;
        let held = (moment - sampled(BAT_1, 0)).div_euclid(STEP_MS);
        if held >= 0 {
            let bucket = (begin + ms).div_euclid(width) * width / 1_000;
            *energy.entry(bucket).or_insert(0) += power(BAT_1, held) * 100;
        }
    }
    let sql = format!(
        "SELECT toUnixTimestamp(bucket), import_kwh - export_kwh FROM v_device_power(device = 'bat-1',
         from_at = toDateTime({}), to_at = toDateTime({}), seconds = 600) ORDER BY bucket",
        begin / 1_000,
        begin / 1_000 + 3_600
    );
    let rows = store.rows(&sql);
    assert_eq!(rows.len(), 6);
    for (row, (bucket, energy)) in rows.iter().zip(energy) {
        near("bucket", number(&row[0]), float(bucket));
        near("energy", number(&row[1]), float(energy) / KWH);
    }
}

pub(crate) fn records(store: &Store) {
    let samples = float(STEPS) * 7.0;
    near("samples", store.number("SELECT count() FROM telemetry"), samples);
    near("messages", store.number("SELECT uniqExact(device_id, ts) FROM telemetry"), samples);
    near("late", store.number("SELECT countIf(age_ms > 60000) FROM telemetry"), samples / 20.0);
    near("oldest", store.number("SELECT max(sample_age_ms) FROM decision_devices"), 2_700.0);
    let between = "SELECT count() FROM decisions WHERE trigger = 'OVERLOAD' AND feeder_id = root";
    near("between windows", store.number(between), 1.0);
    let refused = "SELECT count() FROM dead_letters WHERE reason = 'BAD_JSON'";
    near("refused", store.number(refused), 2.0);
    let before =
        "SELECT JSONExtractInt(assumeNotNull(before), 'import_limit_w') FROM v_operator_changes
         WHERE kind = 'FeederChange' AND actor = 'paul'";
    near("limit before", store.number(before), 60_000.0);
}
