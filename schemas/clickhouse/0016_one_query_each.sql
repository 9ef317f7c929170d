-- One query for each question, one home for each rule.

-- What a device wanted, whatever the direction, and the part of it that its setpoint covers: the rule of all sums of energy wanted,
-- given and curtailed. A device that is not commanded is given what it wants.
ALTER TABLE decision_devices ADD COLUMN IF NOT EXISTS asked_w Int64 ALIAS greatest(wanted_w, -wanted_w) COMMENT 'what it wanted, in either direction, W';

ALTER TABLE decision_devices ADD COLUMN IF NOT EXISTS given_w Int64 ALIAS if(setpoint_w IS NULL, asked_w, least(asked_w, greatest(toInt64(0), if(wanted_w < 0, -assumeNotNull(setpoint_w), assumeNotNull(setpoint_w))))) COMMENT 'the part of it that its setpoint covers, W';

ALTER TABLE decision_devices ADD COLUMN IF NOT EXISTS curtailed_w Int64 ALIAS asked_w - given_w COMMENT 'the rest of it, W';

-- What it takes beyond its setpoint, where it does not follow.
ALTER TABLE decision_devices ADD COLUMN IF NOT EXISTS beyond_w Int64 ALIAS if(compliant, toInt64(0), greatest(toInt64(0), ifNull(power_w, 0) - ifNull(setpoint_w, 0))) COMMENT 'what it takes beyond its setpoint where it does not follow, W';

ALTER TABLE mv_fairness_1m MODIFY QUERY
SELECT
    feeder_id,
    device_id,
    toDateTime(toStartOfMinute(at), 'UTC') AS minute,
    count()                                AS decisions,
    sum(toInt64(d.width_ms))               AS width_ms,
    sum(d.asked_w * d.width_ms)            AS wanted_wms,
    sum(d.given_w * d.width_ms)            AS given_wms,
    sum(d.curtailed_w * d.width_ms)        AS curtailed_wms
FROM decision_devices AS d
GROUP BY feeder_id, device_id, minute;

ALTER TABLE mv_decision_reasons MODIFY QUERY
SELECT
    feeder_id,
    at,
    root,
    epoch,
    seq,
    reason,
    bound_by,
    max(d.width_ms)     AS width_ms,
    count()             AS devices,
    sum(d.asked_w)      AS wanted_w,
    sum(d.given_w)      AS given_w,
    sum(d.curtailed_w)  AS curtailed_w,
    sum(d.beyond_w)     AS beyond_w
FROM decision_devices AS d
GROUP BY feeder_id, at, root, epoch, seq, reason, bound_by;

-- What devices that do not follow take beyond their setpoints, by decision and feeder; a root has all devices of its tree. There are
-- few such rows: v_violations looked for them among all of decision_reasons.
CREATE TABLE IF NOT EXISTS beyond_setpoints
(
    feeder_id LowCardinality(String) COMMENT 'the feeder of the devices, or the root of their tree' CODEC(ZSTD(1)),
    at        DateTime64(3, 'UTC')   COMMENT 'the clock reading the decision used' CODEC(DoubleDelta, ZSTD(1)),
    root      LowCardinality(String) COMMENT 'the root of the tree' CODEC(ZSTD(1)),
    epoch     Int64                  CODEC(Delta(8), ZSTD(1)),
    seq       Int64                  CODEC(Delta(8), ZSTD(1)),
    beyond_w  Int64                  COMMENT 'W beyond their setpoints' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (feeder_id, at, root, epoch, seq)
TTL toDateTime(at) + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'One row per decision and feeder with devices that do not follow: what they take beyond their setpoints, W.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_beyond_setpoints TO beyond_setpoints AS
SELECT
    arrayJoin(arrayDistinct([toString(d.feeder_id), toString(d.root)])) AS feeder_id,
    at,
    root,
    epoch,
    seq,
    sum(d.beyond_w)                                                     AS beyond_w
FROM decision_devices AS d
WHERE d.beyond_w > 0
GROUP BY feeder_id, at, root, epoch, seq;

-- How far each device is from its setpoint, over the last 10 minutes: the view for any span, asked for these.
CREATE OR REPLACE VIEW v_tracking_error AS
SELECT *
FROM v_tracking_error_between(from_at = now64(3) - INTERVAL 10 MINUTE, to_at = toDateTime64('2200-01-01 00:00:00', 3, 'UTC'))
COMMENT 'One row per device, last 10 minutes: actual less setpoint in kW; within_share is the part of the decisions within 0.5 kW or 5 %.';

-- Times over the import limit, as stretches of decisions, with what caused each.
CREATE OR REPLACE VIEW v_violations AS
SELECT
    s.feeder_id                                                                       AS feeder_id,
    s.from_at                                                                         AS from_at,
    s.to_at                                                                           AS to_at,
    s.worst_w / 1000                                                                  AS worst_kw,
    s.energy_wms / 3600000000                                                         AS kwh,
    multiIf(
        s.unmet_w > 0, 'infeasible',
        s.limit_before_w > s.first_limit_w AND s.first_load_w <= s.limit_before_w, 'ramp',
        e.beyond_w >= s.worst_w, 'non-compliant device',
        s.worst_stale > s.stale_before, 'late telemetry',
        s.worst_uncontrolled_w > s.uncontrolled_before_w, 'uncontrolled load rose',
        'policy')                                                                     AS cause,
    s.root                                                                            AS root,
    s.decisions                                                                       AS decisions,
    s.worst_at                                                                        AS worst_at
FROM
(
    SELECT
        feeder_id,
        stretch,
        any(root)                              AS root,
        min(window_start)                      AS from_at,
        max(window_end)                        AS to_at,
        count()                                AS decisions,
        max(over_w)                            AS worst_w,
        argMax(at, (over_w, at))               AS worst_at,
        argMax(epoch, (over_w, at))            AS worst_epoch,
        argMax(seq, (over_w, at))              AS worst_seq,
        argMax(stale_count, (over_w, at))      AS worst_stale,
        argMax(uncontrolled_w, (over_w, at))   AS worst_uncontrolled_w,
        sum(over_w * width_ms)                 AS energy_wms,
        max(unmet_w)                           AS unmet_w,
        argMin(limit_w, (at, epoch, seq))      AS first_limit_w,
        argMin(load_w, (at, epoch, seq))       AS first_load_w,
        argMin(before.1, (at, epoch, seq))     AS limit_before_w,
        argMin(before.2, (at, epoch, seq))     AS uncontrolled_before_w,
        argMin(before.3, (at, epoch, seq))     AS stale_before
    FROM
    (
        SELECT
            *,
            sum(begins) OVER (PARTITION BY feeder_id ORDER BY at, epoch, seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
        FROM
        (
            SELECT
                *,
                toUnixTimestamp64Milli(window_start) - toUnixTimestamp64Milli(lagInFrame(window_end, 1, window_start) OVER (PARTITION BY feeder_id ORDER BY at, epoch, seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) > 15000 AS begins
            FROM
            (
                SELECT
                    feeder_id,
                    root,
                    at,
                    epoch,
                    seq,
                    window_start,
                    window_end,
                    load_w,
                    limit_w,
                    unmet_w,
                    uncontrolled_w,
                    stale_count,
                    load_w - limit_w AS over_w,
                    width_ms,
                    lagInFrame((limit_w, uncontrolled_w, stale_count), 1, (limit_w, uncontrolled_w, toInt32(0))) OVER (PARTITION BY feeder_id ORDER BY at, epoch, seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
                FROM decision_loads
                WHERE (feeder_id, toDateTime(toStartOfInterval(at, INTERVAL 30 SECOND), 'UTC')) IN (SELECT feeder_id, slice FROM violation_slices)
            )
            WHERE over_w > 0
        )
    )
    GROUP BY feeder_id, stretch
) AS s
LEFT JOIN
(
    SELECT root, epoch, seq, feeder_id, max(b.beyond_w) AS beyond_w
    FROM beyond_setpoints AS b
    GROUP BY root, epoch, seq, feeder_id
    UNION ALL
    -- From before there was that table.
    SELECT root, epoch, seq, feeder_id, sum(r.beyond_w) AS beyond_w
    FROM
    (
        SELECT root, epoch, seq, beyond_w, arrayJoin(arrayDistinct([toString(feeder_id), toString(root)])) AS feeder_id
        FROM decision_reasons
        WHERE beyond_w > 0 AND at < ifNull((SELECT minOrNull(at) FROM beyond_setpoints), now64(3))
    ) AS r
    GROUP BY root, epoch, seq, feeder_id
) AS e ON e.root = s.root AND e.epoch = s.worst_epoch AND e.seq = s.worst_seq AND e.feeder_id = s.feeder_id
COMMENT 'One row per stretch of time over the import limit: worst excess in kW, energy over the limit in kWh, and its cause.';
