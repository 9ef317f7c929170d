-- The reserve of each feeder by the minute, which so far only the decisions themselves kept. Minutes from before have none: their state
-- is empty, and the mean of nothing is NaN.
ALTER TABLE feeder_1m ADD COLUMN IF NOT EXISTS reserved_avg AggregateFunction(avgWeighted, Int64, UInt64) COMMENT 'W held back for devices that are not steered' CODEC(ZSTD(1));

ALTER TABLE mv_feeder_1m MODIFY QUERY
WITH toUInt64(greatest(1, toUnixTimestamp64Milli(window_end) - toUnixTimestamp64Milli(window_start))) AS width
SELECT
    feeder_id,
    toDateTime(toStartOfMinute(at), 'UTC')   AS minute,
    count()                                  AS decisions,
    avgWeightedState(load_w, width)          AS load_avg,
    min(load_w)                              AS load_min,
    max(load_w)                              AS load_max,
    min(limit_w)                             AS limit_min,
    avgWeightedState(headroom_w, width)      AS headroom_avg,
    min(headroom_w)                          AS headroom_min,
    avgWeightedState(uncontrolled_w, width)  AS uncontrolled_avg,
    avgWeightedState(allocated_w, width)     AS allocated_avg,
    avgWeightedState(curtailed_w, width)     AS curtailed_avg,
    max(unmet_w)                             AS unmet_max,
    avgWeightedState(reserved_w, width)      AS reserved_avg
FROM decisions
GROUP BY feeder_id, minute;

CREATE OR REPLACE VIEW v_feeder_1m AS
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
    max(unmet_max) / 1000                       AS unmet_kw,
    ifNotFinite(avgWeightedMerge(reserved_avg) / 1000, NULL) AS reserved_kw
FROM feeder_1m
GROUP BY feeder_id, minute
COMMENT 'One row per feeder and minute: load, limit in force, headroom and what was allotted, curtailed and reserved, kW. reserved_kw is NULL in minutes from before it was kept.';
