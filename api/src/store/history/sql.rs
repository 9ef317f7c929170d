//! The texts of the queries. Parameters: from, to, grid (where a bucket begins), width (ms), most (rows of each id), and the
//! ids. A bucket that begins before `from` is shown at it: nothing of it is older.

use super::plan::Plan;

pub(super) fn feeders(plan: Plan) -> &'static str {
    match plan {
        Plan::Rows => FEEDER_ROWS,
        Plan::RowBuckets(_) => FEEDER_ROW_BUCKETS,
        Plan::Minutes(_) | Plan::Hours(_) => FEEDER_MINUTES,
    }
}

pub(super) fn devices(plan: Plan) -> &'static str {
    match plan {
        Plan::Rows => DEVICE_ROWS,
        Plan::RowBuckets(_) => DEVICE_ROW_BUCKETS,
        Plan::Minutes(_) => DEVICE_MINUTES,
        Plan::Hours(_) => DEVICE_HOURS,
    }
}

/// How far the sink has come: when a feeder's newest stored decision was made, and whether there is one.
pub(super) const NEWEST_DECISION: &str = "
SELECT toUnixTimestamp64Milli(max(at)) AS at_ms, count() AS found
FROM decisions
WHERE feeder_id = {feeder:String} AND at >= fromUnixTimestamp64Milli({from:Int64})";

/// Which logs there are rows of.
pub(super) const LOGS: &str = "SELECT toString(log_id) FROM operator_log GROUP BY log_id";

const FEEDER_ROWS: &str = "
SELECT
    toString(feeder_id) AS id,
    toUnixTimestamp64Milli(at) AS at_ms,
    load_w / 1000              AS load_kw,
    limit_w / 1000             AS limit_kw,
    headroom_w / 1000          AS headroom_kw,
    curtailed_w / 1000         AS curtailed_kw,
    allocated_w / 1000         AS allocated_kw,
    toNullable(reserved_w / 1000) AS reserved_kw
FROM decisions
WHERE feeder_id IN {ids:Array(String)}
  AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})
ORDER BY id, at
LIMIT {most:UInt32} BY id";

const FEEDER_ROW_BUCKETS: &str = "
WITH toUInt64(greatest(1, toUnixTimestamp64Milli(window_end) - toUnixTimestamp64Milli(window_start))) AS weight
SELECT
    toString(feeder_id) AS id,
    greatest({from:Int64}, intDiv(toUnixTimestamp64Milli(at) - {grid:Int64}, {width:Int64}) * {width:Int64} + {grid:Int64}) AS at_ms,
    avgWeighted(load_w, weight) / 1000      AS load_kw,
    min(limit_w) / 1000                     AS limit_kw,
    avgWeighted(headroom_w, weight) / 1000  AS headroom_kw,
    avgWeighted(curtailed_w, weight) / 1000 AS curtailed_kw,
    avgWeighted(allocated_w, weight) / 1000 AS allocated_kw,
    toNullable(avgWeighted(reserved_w, weight) / 1000) AS reserved_kw
FROM decisions
WHERE feeder_id IN {ids:Array(String)}
  AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY id, at_ms
ORDER BY id, at_ms
LIMIT {most:UInt32} BY id";

const FEEDER_MINUTES: &str = "
SELECT
    toString(feeder_id) AS id,
    greatest({from:Int64}, intDiv(toInt64(toUnixTimestamp(minute)) * 1000 - {grid:Int64}, {width:Int64}) * {width:Int64} + {grid:Int64}) AS at_ms,
    avgWeightedMerge(load_avg) / 1000      AS load_kw,
    min(limit_min) / 1000                  AS limit_kw,
    avgWeightedMerge(headroom_avg) / 1000  AS headroom_kw,
    avgWeightedMerge(curtailed_avg) / 1000 AS curtailed_kw,
    avgWeightedMerge(allocated_avg) / 1000 AS allocated_kw,
    ifNotFinite(avgWeightedMerge(reserved_avg) / 1000, NULL) AS reserved_kw
FROM feeder_1m
WHERE feeder_id IN {ids:Array(String)}
  AND minute >= toDateTime(intDiv({from:Int64}, 1000), 'UTC') AND minute < toDateTime(intDiv({to:Int64}, 1000), 'UTC')
GROUP BY id, at_ms
ORDER BY id, at_ms
LIMIT {most:UInt32} BY id";

// A setpoint is in force from its decision on; one that is a minute old without a newer decision is not shown.
const DEVICE_ROWS: &str = "
SELECT
    toString(s.device_id)                  AS id,
    s.at_ms                                AS at_ms,
    s.power_w / 1000                       AS power_kw,
    CAST(NULL, 'Nullable(Float64)')        AS min_kw,
    CAST(NULL, 'Nullable(Float64)')        AS max_kw,
    if(d.decided_ms > s.at_ms - 60000, d.setpoint_w, NULL) / 1000 AS setpoint_kw,
    s.soc_bp / 10000                       AS soc
FROM
(
    SELECT device_id, toUnixTimestamp64Milli(ts) AS at_ms, power_w, soc_bp
    FROM telemetry
    WHERE device_id IN {ids:Array(String)}
      AND arrival >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL 1 DAY
      AND ts >= fromUnixTimestamp64Milli({from:Int64}) AND ts < fromUnixTimestamp64Milli({to:Int64})
    ORDER BY device_id, at_ms
    LIMIT {most:UInt32} BY device_id
) AS s
ASOF LEFT JOIN
(
    SELECT device_id, toUnixTimestamp64Milli(at) AS decided_ms, setpoint_w
    FROM decision_devices
    WHERE device_id IN {ids:Array(String)}
      AND at >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL 1 MINUTE AND at < fromUnixTimestamp64Milli({to:Int64})
) AS d ON s.device_id = d.device_id AND s.at_ms >= d.decided_ms
ORDER BY id, at_ms";

const DEVICE_ROW_BUCKETS: &str = "
SELECT
    toString(s.device_id)                  AS id,
    s.bucket_ms                            AS at_ms,
    s.mean_w / 1000                        AS power_kw,
    toNullable(s.least_w / 1000)           AS min_kw,
    toNullable(s.most_w / 1000)            AS max_kw,
    if(d.decided_ms > s.last_ms - 60000, d.setpoint_w, NULL) / 1000 AS setpoint_kw,
    s.last_soc / 10000                     AS soc
FROM
(
    SELECT
        device_id,
        greatest({from:Int64}, intDiv(toUnixTimestamp64Milli(ts) - {grid:Int64}, {width:Int64}) * {width:Int64} + {grid:Int64}) AS bucket_ms,
        max(toUnixTimestamp64Milli(ts)) AS last_ms,
        avg(power_w)                    AS mean_w,
        min(power_w)                    AS least_w,
        max(power_w)                    AS most_w,
        argMax(soc_bp, ts)              AS last_soc
    FROM telemetry
    WHERE device_id IN {ids:Array(String)}
      AND arrival >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL 1 DAY
      AND ts >= fromUnixTimestamp64Milli({from:Int64}) AND ts < fromUnixTimestamp64Milli({to:Int64})
    GROUP BY device_id, bucket_ms
    ORDER BY device_id, bucket_ms
    LIMIT {most:UInt32} BY device_id
) AS s
ASOF LEFT JOIN
(
    SELECT device_id, toUnixTimestamp64Milli(at) AS decided_ms, setpoint_w
    FROM decision_devices
    WHERE device_id IN {ids:Array(String)}
      AND at >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL 1 MINUTE AND at < fromUnixTimestamp64Milli({to:Int64})
) AS d ON s.device_id = d.device_id AND s.last_ms >= d.decided_ms
ORDER BY id, at_ms";

macro_rules! device_rollup {
    ($table:literal, $time:literal) => {
        concat!(
            "
SELECT
    toString(s.device_id)        AS id,
    s.at_ms                      AS at_ms,
    s.mean_w / 1000              AS power_kw,
    toNullable(s.least_w / 1000) AS min_kw,
    toNullable(s.most_w / 1000)  AS max_kw,
    p.setpoint_w / 1000          AS setpoint_kw,
    s.last_soc / 10000           AS soc
FROM
(
    SELECT
        device_id,
        greatest({from:Int64}, intDiv(toInt64(toUnixTimestamp(",
            $time,
            ")) * 1000 - {grid:Int64}, {width:Int64}) * {width:Int64} + {grid:Int64}) AS at_ms,
        avgMerge(power_avg)   AS mean_w,
        min(power_min)        AS least_w,
        max(power_max)        AS most_w,
        argMaxMerge(soc_last) AS last_soc
    FROM ",
            $table,
            "
    WHERE device_id IN {ids:Array(String)}
      AND ",
            $time,
            " >= toDateTime(intDiv({from:Int64}, 1000), 'UTC') AND ",
            $time,
            " < toDateTime(intDiv({to:Int64}, 1000), 'UTC')
    GROUP BY device_id, at_ms
    ORDER BY device_id, at_ms
    LIMIT {most:UInt32} BY device_id
) AS s
LEFT JOIN
(
    SELECT
        device_id,
        greatest({from:Int64}, intDiv(toInt64(toUnixTimestamp(minute)) * 1000 - {grid:Int64}, {width:Int64}) * {width:Int64} + {grid:Int64}) AS at_ms,
        avgMerge(setpoint_avg) AS setpoint_w
    FROM setpoint_1m
    WHERE device_id IN {ids:Array(String)}
      AND minute >= toDateTime(intDiv({from:Int64}, 1000), 'UTC') AND minute < toDateTime(intDiv({to:Int64}, 1000), 'UTC')
    GROUP BY device_id, at_ms
) AS p ON p.device_id = s.device_id AND p.at_ms = s.at_ms
ORDER BY id, at_ms"
        )
    };
}

const DEVICE_MINUTES: &str = device_rollup!("telemetry_1m", "minute");
const DEVICE_HOURS: &str = device_rollup!("telemetry_1h", "hour");

// A decision's power is the mean of the window before it: it is compared with the setpoint of the decision before.
pub(super) const TRACKING: &str = "
SELECT
    device_id,
    count()                  AS samples,
    avg(error_w) / 1000      AS mean_kw,
    avg(abs(error_w)) / 1000 AS mean_abs_kw
FROM
(
    SELECT
        toString(device_id) AS device_id,
        assumeNotNull(power_w - in_force_w) AS error_w
    FROM
    (
        SELECT
            device_id,
            power_w,
            lagInFrame(setpoint_w) OVER (PARTITION BY device_id ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS in_force_w
        FROM decision_devices
        WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND freshness = 'FRESH'
    )
    WHERE power_w IS NOT NULL AND in_force_w IS NOT NULL
)
GROUP BY device_id
ORDER BY device_id";
