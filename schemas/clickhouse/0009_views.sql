-- Views for people: rollups with their states merged, in kW.
CREATE VIEW IF NOT EXISTS v_telemetry_1m AS
SELECT
    feeder_id,
    device_id,
    minute,
    sum(samples)                     AS samples,
    avgMerge(power_avg) / 1000       AS power_kw,
    min(power_min) / 1000            AS min_kw,
    max(power_max) / 1000            AS max_kw,
    argMaxMerge(soc_last) / 10000    AS soc
FROM telemetry_1m
GROUP BY feeder_id, device_id, minute;

CREATE VIEW IF NOT EXISTS v_telemetry_1h AS
SELECT
    feeder_id,
    device_id,
    hour,
    sum(samples)                     AS samples,
    avgMerge(power_avg) / 1000       AS power_kw,
    min(power_min) / 1000            AS min_kw,
    max(power_max) / 1000            AS max_kw,
    argMaxMerge(soc_last) / 10000    AS soc
FROM telemetry_1h
GROUP BY feeder_id, device_id, hour;

CREATE VIEW IF NOT EXISTS v_feeder_1m AS
SELECT
    feeder_id,
    minute,
    sum(decisions)                              AS decisions,
    avgWeightedMerge(load_avg) / 1000           AS load_kw,
    min(load_min) / 1000                        AS load_min_kw,
    max(load_max) / 1000                        AS load_max_kw,
    min(limit_min) / 1000                       AS limit_kw,
    avgWeightedMerge(headroom_avg) / 1000       AS headroom_kw,
    min(headroom_min) / 1000                    AS headroom_min_kw,
    avgWeightedMerge(uncontrolled_avg) / 1000   AS uncontrolled_kw,
    avgWeightedMerge(allocated_avg) / 1000      AS allocated_kw,
    avgWeightedMerge(curtailed_avg) / 1000      AS curtailed_kw,
    max(unmet_max) / 1000                       AS unmet_kw
FROM feeder_1m
GROUP BY feeder_id, minute;

-- How far each device is from its setpoint, over the last 10 minutes. A decision's power is the mean of the window before
-- it, so it is compared with the setpoint of the decision before.
CREATE VIEW IF NOT EXISTS v_tracking_error AS
SELECT
    feeder_id,
    device_id,
    device_type,
    count()                             AS samples,
    avg(error_w) / 1000                 AS mean_error_kw,
    avg(abs(error_w)) / 1000            AS mean_abs_error_kw,
    argMax(in_force_w, at) / 1000       AS last_setpoint_kw,
    argMax(power_w, at) / 1000          AS last_actual_kw
FROM
(
    SELECT
        feeder_id,
        device_id,
        device_type,
        at,
        power_w,
        lagInFrame(setpoint_w) OVER (PARTITION BY device_id ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS in_force_w,
        power_w - in_force_w AS error_w
    FROM decision_devices
    WHERE at >= now64(3) - INTERVAL 10 MINUTE AND freshness = 'FRESH'
)
WHERE error_w IS NOT NULL
GROUP BY feeder_id, device_id, device_type;
