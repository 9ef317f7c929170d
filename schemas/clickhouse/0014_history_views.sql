-- Views for people on what happened. docs/analytics.md defines every column, with worked questions.

-- Alarms as periods: decisions at which an alarm stood, joined over gaps of up to 30 s.
CREATE OR REPLACE VIEW v_alarms AS
SELECT
    p.feeder_id                                          AS feeder_id,
    p.code                                               AS code,
    p.device_id                                          AS device_id,
    p.root                                               AS root,
    p.severity                                           AS severity,
    p.from_at                                            AS from_at,
    if(p.last_at >= n.newest_at, NULL, p.last_at)        AS to_at,
    p.last_at                                            AS last_at,
    p.decisions                                          AS decisions,
    p.message                                            AS message
FROM
(
    SELECT
        feeder_id,
        code,
        device_id,
        root,
        min(slice_severity)                AS severity,
        min(slice_first)                   AS from_at,
        max(slice_last)                    AS last_at,
        sum(slice_decisions)               AS decisions,
        argMax(slice_message, slice_last)  AS message
    FROM
    (
        SELECT
            *,
            sum(begins) OVER (PARTITION BY feeder_id, code, device_id, root ORDER BY slice ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS period
        FROM
        (
            SELECT
                *,
                toUnixTimestamp64Milli(slice_first) - toUnixTimestamp64Milli(lagInFrame(slice_last, 1, slice_first) OVER (PARTITION BY feeder_id, code, device_id, root ORDER BY slice ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) > 30000 AS begins
            FROM
            (
                SELECT
                    feeder_id,
                    code,
                    device_id,
                    root,
                    slice,
                    min(a.first_at)         AS slice_first,
                    max(a.last_at)          AS slice_last,
                    sum(a.decisions)        AS slice_decisions,
                    min(a.severity)         AS slice_severity,
                    argMaxMerge(a.message)  AS slice_message
                FROM alarm_30s AS a
                GROUP BY feeder_id, code, device_id, root, slice
            )
        )
    )
    GROUP BY feeder_id, code, device_id, root, period
) AS p
LEFT JOIN
(
    SELECT root, max(newest_at) AS newest_at
    FROM newest_decisions
    GROUP BY root
) AS n ON n.root = p.root
COMMENT 'One row per period in which an alarm stood. to_at is NULL while it stands in the newest decision of its root.';

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
    SELECT root, epoch, seq, feeder_id, sum(beyond_w) AS beyond_w
    FROM
    (
        SELECT root, epoch, seq, root AS feeder_id, beyond_w FROM decision_reasons WHERE beyond_w > 0
        UNION ALL
        SELECT root, epoch, seq, feeder_id, beyond_w FROM decision_reasons WHERE beyond_w > 0 AND feeder_id != root
    )
    GROUP BY root, epoch, seq, feeder_id
) AS e ON e.root = s.root AND e.epoch = s.worst_epoch AND e.seq = s.worst_seq AND e.feeder_id = s.feeder_id
COMMENT 'One row per stretch of time over the import limit: worst excess in kW, energy over the limit in kWh, and its cause.';

-- The life of each setpoint. The right sides are keyed by the hour of the decision, so that a filter on hour (and feeder_id,
-- device_id) reaches every table.
CREATE OR REPLACE VIEW v_command_ledger AS
SELECT
    s.setpoint_id                              AS setpoint_id,
    s.decision_id                              AS decision_id,
    s.feeder_id                                AS feeder_id,
    s.device_id                                AS device_id,
    s.hour                                     AS hour,
    s.setpoint_w / 1000                        AS setpoint_kw,
    s.fallback_w / 1000                        AS fallback_kw,
    s.emit                                     AS emit,
    s.reason                                   AS reason,
    s.decided_at                               AS decided_at,
    s.valid_until                              AS valid_until,
    CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS sent_at,
    a.acked_at                                 AS acked_at,
    a.applied_at                               AS applied_at,
    a.rejected_at                              AS rejected_at,
    a.expired_at                               AS expired_at,
    a.superseded_at                            AS superseded_at,
    o.observed_at                              AS observed_at,
    a.ack_reason                               AS ack_reason,
    multiIf(
        a.rejected_at IS NOT NULL, 'REJECTED',
        o.observed_at IS NOT NULL, 'OBSERVED',
        a.applied_at IS NOT NULL, 'APPLIED',
        a.expired_at IS NOT NULL, 'EXPIRED',
        a.superseded_at IS NOT NULL, 'SUPERSEDED',
        a.acked_at IS NOT NULL, 'ACKED',
        'DECIDED')                             AS stage
FROM
(
    SELECT *, toStartOfHour(decided_at) AS hour FROM setpoints
) AS s
LEFT JOIN
(
    SELECT
        feeder_id,
        device_id,
        hour,
        sp                                           AS setpoint_id,
        minOrNullIf(arrival, status = 'ACCEPTED')    AS acked_at,
        minOrNullIf(arrival, status = 'APPLIED')     AS applied_at,
        minOrNullIf(arrival, status = 'REJECTED')    AS rejected_at,
        minOrNullIf(arrival, status = 'EXPIRED')     AS expired_at,
        minOrNullIf(arrival, status = 'SUPERSEDED')  AS superseded_at,
        anyIf(reason, reason != '')                  AS ack_reason
    FROM
    (
        SELECT feeder_id, device_id, toStartOfHour(arrival) AS hour, assumeNotNull(setpoint_id) AS sp, arrival, status, reason
        FROM acks WHERE setpoint_id IS NOT NULL
        UNION ALL
        SELECT feeder_id, device_id, toStartOfHour(arrival - INTERVAL 1 HOUR) AS hour, assumeNotNull(setpoint_id) AS sp, arrival, status, reason
        FROM acks WHERE setpoint_id IS NOT NULL
    )
    GROUP BY feeder_id, device_id, hour, setpoint_id
) AS a ON a.feeder_id = s.feeder_id AND a.device_id = s.device_id AND a.hour = s.hour AND a.setpoint_id = s.setpoint_id
LEFT JOIN
(
    SELECT
        c.feeder_id            AS feeder_id,
        c.device_id            AS device_id,
        c.hour                 AS hour,
        c.setpoint_id          AS setpoint_id,
        minOrNull(t.ts)        AS observed_at
    FROM
    (
        SELECT
            feeder_id,
            device_id,
            toStartOfHour(decided_at)                                                AS hour,
            setpoint_id,
            setpoint_w,
            decided_at,
            valid_until,
            arrayJoin(range(intDiv(toUnixTimestamp64Milli(decided_at), 30000), least(intDiv(toUnixTimestamp64Milli(decided_at), 30000) + 21, 1 + intDiv(toUnixTimestamp64Milli(valid_until), 30000)))) AS slice
        FROM setpoints
    ) AS c
    INNER JOIN
    (
        SELECT feeder_id, device_id, toStartOfHour(ts) AS hour, intDiv(toUnixTimestamp64Milli(ts), 30000) AS slice, ts, power_w
        FROM telemetry
        UNION ALL
        SELECT feeder_id, device_id, toStartOfHour(ts) - INTERVAL 1 HOUR AS hour, intDiv(toUnixTimestamp64Milli(ts), 30000) AS slice, ts, power_w
        FROM telemetry WHERE ts < toStartOfHour(ts) + INTERVAL 10 MINUTE
    ) AS t ON t.feeder_id = c.feeder_id AND t.device_id = c.device_id AND t.hour = c.hour AND t.slice = c.slice
    WHERE t.ts > c.decided_at AND t.ts <= c.valid_until
      AND abs(t.power_w - c.setpoint_w) <= greatest(500, abs(c.setpoint_w) / 20)
    GROUP BY feeder_id, device_id, hour, setpoint_id
) AS o ON o.feeder_id = s.feeder_id AND o.device_id = s.device_id AND o.hour = s.hour AND o.setpoint_id = s.setpoint_id
COMMENT 'One row per setpoint: when it was decided, acknowledged, applied and seen in telemetry. Times in UTC, power in kW. Filter by hour too: only those hours are read.';

-- Wanted, served and curtailed energy of each device by the minute.
CREATE OR REPLACE VIEW v_fairness_1m AS
SELECT
    feeder_id,
    device_id,
    minute,
    wanted_wms / 3600000000     AS wanted_kwh,
    given_wms / 3600000000      AS served_kwh,
    curtailed_wms / 3600000000  AS curtailed_kwh,
    toUInt64(decisions)         AS decisions
FROM fairness_1m
COMMENT 'Device and minute: wanted, served and curtailed energy in kWh; wanted = served + curtailed. A minute may stand in several rows that add up.';

-- How evenly a feeder was served, by hour. A device's share is served / wanted; devices that wanted nothing do not count.
CREATE OR REPLACE VIEW v_fairness AS
SELECT
    feeder_id,
    hour,
    sum(wanted) / 3600000000                                                  AS wanted_kwh,
    sum(served) / 3600000000                                                  AS served_kwh,
    sum(curtailed) / 3600000000                                               AS curtailed_kwh,
    countIf(wanted > 0)                                                       AS devices,
    if(devices = 0 OR sum(served) = 0, 1, pow(sumIf(served / wanted, wanted > 0), 2) / (devices * sumIf(pow(served / wanted, 2), wanted > 0))) AS jain,
    if(devices = 0, 1, arrayAvg(arraySlice(arraySort(groupArrayIf(served / wanted, wanted > 0)), 1, toUInt32(ceil(devices / 10))))) AS worst_decile
FROM
(
    SELECT
        feeder_id,
        device_id,
        hour,
        sum(wanted_wms)        AS wanted,
        sum(given_wms)         AS served,
        sum(curtailed_wms)     AS curtailed
    FROM fairness_1h
    GROUP BY feeder_id, device_id, hour
)
GROUP BY feeder_id, hour
COMMENT 'One row per feeder and hour: energy wanted, served and curtailed in kWh, Jain\'s index of served/wanted (1 = even), and the mean share of the worst-served tenth.';

-- The same for any span of whole minutes: v_fairness_between(from_at = ..., to_at = ...).
CREATE OR REPLACE VIEW v_fairness_between AS
SELECT
    feeder_id,
    sum(wanted) / 3600000000                                                  AS wanted_kwh,
    sum(served) / 3600000000                                                  AS served_kwh,
    sum(curtailed) / 3600000000                                               AS curtailed_kwh,
    countIf(wanted > 0)                                                       AS devices,
    if(devices = 0 OR sum(served) = 0, 1, pow(sumIf(served / wanted, wanted > 0), 2) / (devices * sumIf(pow(served / wanted, 2), wanted > 0))) AS jain,
    if(devices = 0, 1, arrayAvg(arraySlice(arraySort(groupArrayIf(served / wanted, wanted > 0)), 1, toUInt32(ceil(devices / 10))))) AS worst_decile
FROM
(
    SELECT
        feeder_id,
        device_id,
        sum(wanted_wms)        AS wanted,
        sum(given_wms)         AS served,
        sum(curtailed_wms)     AS curtailed
    FROM fairness_1m
    WHERE minute >= {from_at:DateTime('UTC')} AND minute < {to_at:DateTime('UTC')}
    GROUP BY feeder_id, device_id
)
GROUP BY feeder_id
COMMENT 'Parameters from_at, to_at. One row per feeder: energy wanted, served and curtailed in kWh, Jain\'s index of served/wanted, and the mean share of the worst-served tenth.';

-- One row per device and day (UTC).
CREATE OR REPLACE VIEW v_device_day AS
SELECT
    t.feeder_id                        AS feeder_id,
    t.device_id                        AS device_id,
    t.day                              AS day,
    t.samples                          AS samples,
    t.minutes                          AS minutes,
    t.import_kwh                       AS import_kwh,
    t.export_kwh                       AS export_kwh,
    t.mean_kw                          AS mean_kw,
    t.min_kw                           AS min_kw,
    t.max_kw                           AS max_kw,
    t.soc                              AS soc,
    f.wanted_kwh                       AS wanted_kwh,
    f.served_kwh                       AS served_kwh,
    f.curtailed_kwh                    AS curtailed_kwh
FROM
(
    SELECT
        feeder_id,
        device_id,
        toDate(minute)                         AS day,
        sum(m.samples)                         AS samples,
        count()                                AS minutes,
        sum(greatest(m.power_kw, 0)) / 60      AS import_kwh,
        sum(greatest(-m.power_kw, 0)) / 60     AS export_kwh,
        avg(m.power_kw)                        AS mean_kw,
        min(m.min_kw)                          AS min_kw,
        max(m.max_kw)                          AS max_kw,
        argMaxIf(m.soc, minute, m.soc IS NOT NULL) AS soc
    FROM v_telemetry_1m AS m
    GROUP BY feeder_id, device_id, day
) AS t
LEFT JOIN
(
    SELECT
        feeder_id,
        device_id,
        toDate(hour)                        AS day,
        sum(wanted_wms) / 3600000000        AS wanted_kwh,
        sum(given_wms) / 3600000000         AS served_kwh,
        sum(curtailed_wms) / 3600000000     AS curtailed_kwh
    FROM fairness_1h
    GROUP BY feeder_id, device_id, day
) AS f ON f.feeder_id = t.feeder_id AND f.device_id = t.device_id AND f.day = t.day
COMMENT 'One row per device and day (UTC): energy taken and given in kWh, power in kW, last state of charge (0 to 1), and energy wanted, served and curtailed in kWh.';

-- One row per feeder and day (UTC), from its minutes.
CREATE OR REPLACE VIEW v_feeder_day AS
SELECT
    feeder_id,
    toDate(minute)                                  AS day,
    count()                                         AS minutes,
    sum(m.decisions)                                AS decisions,
    sum(greatest(m.load_kw, 0)) / 60                AS import_kwh,
    sum(greatest(-m.load_kw, 0)) / 60               AS export_kwh,
    avg(m.load_kw)                                  AS mean_kw,
    max(m.load_max_kw)                              AS peak_kw,
    argMax(minute, (m.load_max_kw, -toInt64(toUnixTimestamp(minute)))) AS peak_minute,
    min(m.limit_kw)                                 AS lowest_limit_kw,
    min(m.headroom_min_kw)                          AS least_headroom_kw,
    countIf(m.load_max_kw > m.limit_kw)             AS minutes_over,
    sum(m.curtailed_kw) / 60                        AS curtailed_kwh,
    max(m.unmet_kw)                                 AS unmet_kw
FROM v_feeder_1m AS m
GROUP BY feeder_id, day
COMMENT 'One row per feeder and day (UTC): energy in kWh, power in kW, minutes in which the highest load passed the lowest limit, and curtailed energy in kWh with everything below the feeder.';

-- What was wanted and not given, by the constraint that bound and the reason; one row per decision and group.
CREATE OR REPLACE VIEW v_curtailment AS
SELECT
    r.feeder_id                                          AS feeder_id,
    r.root                                               AS root,
    r.at                                                 AS at,
    r.epoch                                              AS epoch,
    r.seq                                                AS seq,
    if(r.bound_by IS NULL, 'NONE', toString(d.binding))  AS binding,
    r.bound_by                                           AS bound_by,
    r.reason                                             AS reason,
    r.devices                                            AS devices,
    r.width_ms / 1000                                    AS seconds,
    r.wanted_w / 1000                                    AS wanted_kw,
    r.given_w / 1000                                     AS given_kw,
    r.curtailed_w / 1000                                 AS curtailed_kw,
    r.wanted_w * r.width_ms / 3600000000                 AS wanted_kwh,
    r.given_w * r.width_ms / 3600000000                  AS given_kwh,
    r.curtailed_w * r.width_ms / 3600000000              AS curtailed_kwh
FROM
(
    SELECT
        feeder_id,
        at,
        root,
        epoch,
        seq,
        reason,
        bound_by,
        ifNull(toString(bound_by), toString(feeder_id)) AS node,
        max(x.width_ms)                                 AS width_ms,
        sum(x.devices)                                  AS devices,
        sum(x.wanted_w)                                 AS wanted_w,
        sum(x.given_w)                                  AS given_w,
        sum(x.curtailed_w)                              AS curtailed_w
    FROM decision_reasons AS x
    GROUP BY feeder_id, at, root, epoch, seq, reason, bound_by
) AS r
LEFT JOIN
(
    SELECT
        toString(feeder_id) AS node,
        at,
        root,
        epoch,
        seq,
        binding
    FROM decisions
) AS d ON d.node = r.node AND d.at = r.at AND d.root = r.root AND d.epoch = r.epoch AND d.seq = r.seq
COMMENT 'One row per decision, feeder of devices, binding constraint and reason: power in kW, energy in kWh over the window of the decision. wanted = given + curtailed.';

-- What events and programs saved. Method: the mean load of the 15 minutes before is what would have been.
CREATE OR REPLACE VIEW v_event_effect AS
WITH
    programs AS
    (
        SELECT
            toUUIDOrZero(entity)                                                              AS program_id,
            argMaxIf(body, (toString(log_id), log_offset), kind = 'ProgramSet')               AS last,
            JSONExtractString(last, 'name')                                                   AS name,
            JSONExtract(last, 'feeder_ids', 'Array(String)')                                  AS named,
            if(empty(named), (SELECT groupUniqArray(toString(root)) FROM newest_decisions), named) AS feeders,
            fromUnixTimestamp64Milli(JSONExtractInt(last, 'start'), 'UTC')                    AS start,
            fromUnixTimestamp64Milli(JSONExtractInt(last, 'end'), 'UTC')                      AS ordered_end,
            least(ordered_end, ifNull(minOrNullIf(at, kind = 'ProgramDeleted'), ordered_end)) AS end
        FROM operator_log
        WHERE kind IN ('ProgramSet', 'ProgramDeleted')
        GROUP BY entity
        HAVING JSONExtractBool(last, 'active')
    ),
    spans AS
    (
        SELECT 'event' AS source, event_id AS id, type AS label, feeder_id, start, least(end, ifNull(cancelled_at, end)) AS end, toNullable(limit_kw) AS limit_kw
        FROM events
        UNION ALL
        SELECT 'program', program_id, name, arrayJoin(feeders), start, end, CAST(NULL, 'Nullable(Float64)')
        FROM programs
    ),
    steps AS
    (
        SELECT
            source,
            id,
            label,
            feeder_id,
            start,
            end,
            limit_kw,
            toDateTime(toStartOfMinute(start), 'UTC')                                         AS first,
            -- At most a week of it.
            least(toInt64(10080), intDiv(toUnixTimestamp64Milli(end) - toUnixTimestamp(first) * 1000 + 59999, 60000)) AS length,
            arrayJoin(range(-15, toInt32(length + 15)))                                       AS step,
            first + 60 * step                                                                 AS minute
        FROM spans
        WHERE end > start
    )
SELECT
    s.source                                                              AS source,
    s.id                                                                  AS id,
    s.label                                                               AS label,
    s.feeder_id                                                           AS feeder_id,
    s.start                                                               AS start,
    s.end                                                                 AS end,
    any(s.limit_kw)                                                       AS ordered_limit_kw,
    avgOrNullIf(m.load_kw, step < 0)                                      AS before_kw,
    avgOrNullIf(m.load_kw, step >= 0 AND step < length)                   AS during_kw,
    maxOrNullIf(m.load_max_kw, step >= 0 AND step < length)               AS peak_during_kw,
    avgOrNullIf(m.load_kw, step >= length)                                AS after_kw,
    countIf(step >= 0 AND step < length)                                  AS minutes,
    (before_kw - during_kw) * minutes / 60                                AS saved_kwh,
    (after_kw - before_kw) * countIf(step >= length) / 60                 AS rebound_kwh,
    sumIf(m.curtailed_kw, step >= 0 AND step < length) / 60               AS curtailed_kwh
FROM steps AS s
INNER JOIN
(
    SELECT toString(feeder_id) AS feeder_id, minute, load_kw, load_max_kw, curtailed_kw
    FROM v_feeder_1m
    WHERE (feeder_id, minute) IN (SELECT feeder_id, minute FROM steps)
) AS m ON m.feeder_id = s.feeder_id AND m.minute = s.minute
GROUP BY source, id, label, feeder_id, start, end
COMMENT 'One row per event or program and feeder. saved_kwh: mean load of the 15 minutes before less the mean load during, times the duration; rebound_kwh: mean load of the 15 minutes after less that before, times their length. kW and kWh.';

-- How far each device is from its setpoint, over the last 10 minutes. A decision's power is the mean of the window before
-- it, so it is compared with the setpoint of the decision before.
CREATE OR REPLACE VIEW v_tracking_error AS
SELECT
    feeder_id,
    device_id,
    device_type,
    count()                                                             AS samples,
    avg(error_w) / 1000                                                 AS mean_error_kw,
    avg(abs(error_w)) / 1000                                            AS mean_abs_error_kw,
    argMax(in_force_w, at) / 1000                                       AS last_setpoint_kw,
    argMax(power_w, at) / 1000                                          AS last_actual_kw,
    quantile(0.95)(abs(error_w)) / 1000                                 AS p95_abs_error_kw,
    avg(abs(error_w) <= greatest(500, abs(in_force_w) / 20))            AS within_share,
    min(at)                                                             AS from_at,
    max(at)                                                             AS to_at
FROM
(
    SELECT
        feeder_id,
        device_id,
        device_type,
        at,
        power_w,
        lagInFrame(setpoint_w) OVER (PARTITION BY feeder_id, device_id ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS in_force_w,
        power_w - in_force_w AS error_w
    FROM decision_devices
    WHERE at >= now64(3) - INTERVAL 10 MINUTE AND freshness = 'FRESH'
)
WHERE error_w IS NOT NULL
GROUP BY feeder_id, device_id, device_type
COMMENT 'One row per device, last 10 minutes: actual less setpoint in kW; within_share is the part of the decisions within 0.5 kW or 5 %.';

-- The same for any span: v_tracking_error_between(from_at = ..., to_at = ...).
CREATE OR REPLACE VIEW v_tracking_error_between AS
SELECT
    feeder_id,
    device_id,
    device_type,
    count()                                                             AS samples,
    avg(error_w) / 1000                                                 AS mean_error_kw,
    avg(abs(error_w)) / 1000                                            AS mean_abs_error_kw,
    argMax(in_force_w, at) / 1000                                       AS last_setpoint_kw,
    argMax(power_w, at) / 1000                                          AS last_actual_kw,
    quantile(0.95)(abs(error_w)) / 1000                                 AS p95_abs_error_kw,
    avg(abs(error_w) <= greatest(500, abs(in_force_w) / 20))            AS within_share,
    min(at)                                                             AS from_at,
    max(at)                                                             AS to_at
FROM
(
    SELECT
        feeder_id,
        device_id,
        device_type,
        at,
        power_w,
        lagInFrame(setpoint_w) OVER (PARTITION BY feeder_id, device_id ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS in_force_w,
        power_w - in_force_w AS error_w
    FROM decision_devices
    WHERE at >= {from_at:DateTime64(3, 'UTC')} AND at < {to_at:DateTime64(3, 'UTC')} AND freshness = 'FRESH'
)
WHERE error_w IS NOT NULL
GROUP BY feeder_id, device_id, device_type
COMMENT 'Parameters from_at, to_at. One row per device: actual less setpoint in kW; within_share is the part of the decisions within 0.5 kW or 5 %.';

-- Changes by operators and by the system, with what stood before.
CREATE OR REPLACE VIEW v_operator_changes AS
SELECT
    at,
    actor,
    kind,
    entity,
    lagInFrame(toNullable(body)) OVER (PARTITION BY kind, entity ORDER BY log_id, log_offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
    body AS after
FROM operator_log
COMMENT 'One row per change: when, by whom, of what; before is the last change of that kind of the same entity, both as JSON.';

-- Time-weighted power and energy from the raw samples: v_device_power(device = ..., from_at = ..., to_at = ..., seconds = 60).
-- Right for late samples and for repeated ones: samples of one moment count once, the last to come. A sample holds until the next
-- one, for 2 minutes at most.
CREATE OR REPLACE VIEW v_device_power AS
SELECT
    feeder_id,
    device_id,
    toDateTime(slice * {seconds:UInt32}, 'UTC')                                        AS bucket,
    countIf(from_ms >= slice_ms)                                                       AS samples,
    sum(held_ms) / 1000                                                                AS covered_s,
    sum(held_ms * power_w) / sum(held_ms) / 1000                                       AS power_kw,
    min(power_w) / 1000                                                                AS min_kw,
    max(power_w) / 1000                                                                AS max_kw,
    sum(held_ms * greatest(power_w, 0)) / 3600000000                                   AS import_kwh,
    sum(held_ms * greatest(-power_w, 0)) / 3600000000                                  AS export_kwh
FROM
(
    SELECT
        feeder_id,
        device_id,
        power_w,
        toUnixTimestamp64Milli({from_at:DateTime64(3, 'UTC')})                         AS begin_ms,
        toUnixTimestamp64Milli({to_at:DateTime64(3, 'UTC')})                           AS end_ms,
        toUnixTimestamp64Milli(ts)                                                     AS from_ms,
        toUnixTimestamp64Milli(leadInFrame(ts, 1, ts + INTERVAL 2 MINUTE) OVER (PARTITION BY feeder_id, device_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)) AS next_ms,
        least(next_ms, from_ms + 120000, end_ms)                                       AS until_ms,
        arrayJoin(range(intDiv(greatest(from_ms, begin_ms), {seconds:UInt32} * 1000), intDiv(until_ms - 1, {seconds:UInt32} * 1000) + 1)) AS slice,
        greatest(slice * {seconds:UInt32} * 1000, begin_ms)                            AS slice_ms,
        toInt64(least(until_ms, (slice + 1) * {seconds:UInt32} * 1000) - greatest(from_ms, slice_ms)) AS held_ms
    FROM
    (
        SELECT feeder_id, device_id, ts, argMax(t.power_w, (t.arrival, t.log_offset)) AS power_w
        FROM telemetry AS t
        WHERE device_id = {device:String} AND ts >= {from_at:DateTime64(3, 'UTC')} - INTERVAL 2 MINUTE AND ts < {to_at:DateTime64(3, 'UTC')}
          AND t.arrival >= {from_at:DateTime64(3, 'UTC')} - INTERVAL 1 DAY
        GROUP BY feeder_id, device_id, ts
    )
)
WHERE held_ms > 0
GROUP BY feeder_id, device_id, slice
COMMENT 'Parameters device, from_at, to_at, seconds. One row per so many seconds: time-weighted mean power, least and greatest in kW, energy taken and given in kWh, and the seconds that samples cover.';
