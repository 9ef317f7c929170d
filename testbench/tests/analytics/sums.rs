//! Sums that agree whatever the rows are: by decision, by constraint, by minute, by day, by cause; and rollups with what the raw rows
//! give when they are rolled up again.

use crate::store::Store;

/// One decision in many ways. Gives how many decisions there are.
pub(crate) fn agree(store: &Store) -> usize {
    let by_decision = "
        SELECT count(), countIf(c.curtailed != d.curtailed_w), countIf(c.wanted - c.given != c.curtailed)
        FROM
        (
            SELECT root, epoch, seq, toInt64(round(sum(wanted_kw) * 1000)) AS wanted,
                   toInt64(round(sum(given_kw) * 1000)) AS given,
                   toInt64(round(sum(curtailed_kw) * 1000)) AS curtailed
            FROM v_curtailment GROUP BY root, epoch, seq
        ) AS c
        JOIN (SELECT root, epoch, seq, curtailed_w FROM decisions WHERE feeder_id = root) AS d
          ON d.root = c.root AND d.epoch = c.epoch AND d.seq = c.seq";
    let rows = store.rows(by_decision);
    assert_eq!(rows[0][1..], ["0", "0"], "curtailed that differ, sums that differ");

    // The same energy by constraint, by minute, by hour and by day.
    let by_constraint = store.number("SELECT sum(curtailed_kwh) FROM v_curtailment");
    for other in ["v_fairness_1m", "v_fairness", "v_device_day"] {
        let sum = store.number(&format!("SELECT sum(curtailed_kwh) FROM {other}"));
        assert!(near(sum, by_constraint), "{other}: {sum}, not {by_constraint}");
    }
    let wanted = store
        .number("SELECT sum(wanted_wms) - sum(given_wms) - sum(curtailed_wms) FROM fairness_1m");
    assert!(near(wanted, 0.0), "wanted is given and curtailed");

    let by_cause = store.number(
        "SELECT sum(kwh) FROM (SELECT cause, sum(kwh) AS kwh FROM v_violations GROUP BY cause)",
    );
    let of_windows = store.number(
        "SELECT sum((load_w - limit_w) * dateDiff('millisecond', window_start, window_end)) / 3600000000
         FROM decisions WHERE load_w > limit_w AND trigger IN ('WINDOW', 'IDLE')",
    );
    assert!(near(by_cause, of_windows), "{by_cause}, not {of_windows}");
    rows[0][0].parse().expect("a number")
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

/// A rollup: its table, its key, its numbers merged, and the same numbers from raw rows.
struct Rollup {
    table: &'static str,
    key: &'static str,
    merged: &'static str,
    raw: &'static str,
}

const TELEMETRY: &str = "count(), avg(power_w), min(power_w), max(power_w), argMax(soc_bp, ts)";
const MERGED: &str =
    "sum(samples), avgMerge(power_avg), min(power_min), max(power_max), argMaxMerge(soc_last)";
const ENERGY: &str =
    "sum(x.decisions), sum(x.width_ms), sum(x.wanted_wms), sum(x.given_wms), sum(x.curtailed_wms)";

const ROLLUPS: &[Rollup] = &[
    Rollup {
        table: "telemetry_1m",
        key: "feeder_id, device_id, minute",
        merged: MERGED,
        raw: "SELECT feeder_id, device_id, toDateTime(toStartOfMinute(ts), 'UTC') AS minute, {} FROM telemetry",
    },
    Rollup {
        table: "telemetry_1h",
        key: "feeder_id, device_id, hour",
        merged: MERGED,
        raw: "SELECT feeder_id, device_id, toDateTime(toStartOfHour(ts), 'UTC') AS hour, {} FROM telemetry",
    },
    Rollup {
        table: "setpoint_1m",
        key: "feeder_id, device_id, minute",
        merged: "sum(x.decisions), avgMerge(setpoint_avg), avgMerge(wanted_avg), avgMerge(share_avg)",
        raw: "SELECT feeder_id, device_id, toDateTime(toStartOfMinute(at), 'UTC') AS minute,
                     (count(), avg(setpoint_w), avg(wanted_w), avg(share_w)) AS numbers FROM decision_devices",
    },
    Rollup {
        table: "feeder_1m",
        key: "feeder_id, minute",
        merged: "sum(x.decisions), avgWeightedMerge(load_avg), min(load_min), max(load_max), min(limit_min),
                 avgWeightedMerge(curtailed_avg), max(unmet_max), avgWeightedMerge(reserved_avg)",
        raw: "SELECT feeder_id, toDateTime(toStartOfMinute(at), 'UTC') AS minute,
                     (count(), avgWeighted(load_w, toUInt64(dateDiff('ms', window_start, window_end))), min(load_w), max(load_w),
                      min(limit_w), avgWeighted(curtailed_w, toUInt64(dateDiff('ms', window_start, window_end))), max(unmet_w),
                      avgWeighted(reserved_w, toUInt64(dateDiff('ms', window_start, window_end)))) AS numbers
              FROM decisions",
    },
    Rollup {
        table: "fairness_1m",
        key: "feeder_id, device_id, minute",
        merged: ENERGY,
        raw: "SELECT feeder_id, device_id, toDateTime(toStartOfMinute(at), 'UTC') AS minute, {energy} FROM decision_devices",
    },
    Rollup {
        table: "fairness_1h",
        key: "feeder_id, device_id, hour",
        merged: ENERGY,
        raw: "SELECT feeder_id, device_id, toDateTime(toStartOfHour(at), 'UTC') AS hour, {energy} FROM decision_devices",
    },
    Rollup {
        table: "decision_loads",
        key: "feeder_id, at, epoch, seq",
        merged: "any(load_w), any(limit_w), any(unmet_w), any(uncontrolled_w), any(stale_count), count()",
        raw: "SELECT feeder_id, at, epoch, seq, (any(load_w), any(limit_w), any(unmet_w), any(uncontrolled_w), any(stale_count), count()) AS numbers
              FROM decisions",
    },
    Rollup {
        table: "alarm_30s",
        key: "feeder_id, code, device_id, root, slice",
        merged: "sum(x.decisions), min(x.first_at), max(x.last_at)",
        raw: "SELECT feeder_id, code, device_id, root, toDateTime(toStartOfInterval(at, INTERVAL 30 SECOND), 'UTC') AS slice,
                     (count(), min(at), max(at)) AS numbers FROM decision_alarms",
    },
];

/// What a want and a setpoint come to: written again here, so that the rule of the tables is checked and not repeated.
const ENERGY_AGAIN: &str = "
    (count(), sum(width_ms), sum(abs(wanted_w) * width_ms),
     sum(multiIf(setpoint_w IS NULL, abs(wanted_w), wanted_w >= 0, least(wanted_w, greatest(0, ifNull(setpoint_w, 0))),
                 least(-wanted_w, greatest(0, -ifNull(setpoint_w, 0)))) * width_ms),
     sum(multiIf(setpoint_w IS NULL, 0, wanted_w >= 0, greatest(0, wanted_w - greatest(0, ifNull(setpoint_w, 0))),
                 greatest(0, -wanted_w - greatest(0, -ifNull(setpoint_w, 0)))) * width_ms)) AS numbers";

/// Every rollup is what its raw rows give, to the last digit.
pub(crate) fn rollups_equal_what_raw_rows_give(store: &Store) {
    for Rollup { table, key, merged, raw } in ROLLUPS {
        let raw = raw
            .replace("{energy}", ENERGY_AGAIN)
            .replace("{}", &format!("({TELEMETRY}) AS numbers"));
        let sql = format!(
            "SELECT count(), countIf(shown != again), sum(sides != 2) FROM
             (
                 SELECT {key}, anyIf(numbers, side = 'shown') AS shown, anyIf(numbers, side = 'again') AS again, count() AS sides FROM
                 (
                     SELECT 'shown' AS side, {key}, toString(numbers) AS numbers FROM
                         (SELECT {key}, ({merged}) AS numbers FROM {table} AS x GROUP BY {key})
                     UNION ALL
                     SELECT 'again' AS side, {key}, toString(numbers) AS numbers FROM ({raw} GROUP BY {key})
                 )
                 GROUP BY {key}
             )"
        );
        let rows = store.rows(&sql);
        assert_ne!(rows[0][0], "0", "{table} is empty");
        assert_eq!(
            rows[0][1..],
            ["0", "0"],
            "{table}: of {} rows, those that differ, and those without a pair",
            rows[0][0]
        );
    }
}
