-- Rollups, fed by materialized views at each insert. Inserts carry a deduplication token and
-- deduplicate_blocks_in_dependent_materialized_views = 1, so a repeated block counts once here too.
-- Samples whose clock is further off than the bounds below stay in telemetry but are not rolled up: they would
-- open partitions for years that never were.
CREATE TABLE IF NOT EXISTS telemetry_1m
(
    feeder_id LowCardinality(String)                                             CODEC(ZSTD(1)),
    device_id LowCardinality(String)                                             CODEC(ZSTD(1)),
    minute    DateTime('UTC')                                                    CODEC(DoubleDelta, ZSTD(1)),
    samples   SimpleAggregateFunction(sum, UInt64)                               CODEC(ZSTD(1)),
    power_avg AggregateFunction(avg, Int64)                                      CODEC(ZSTD(1)),
    power_min SimpleAggregateFunction(min, Int64)                                CODEC(ZSTD(1)),
    power_max SimpleAggregateFunction(max, Int64)                                CODEC(ZSTD(1)),
    soc_last  AggregateFunction(argMax, Nullable(Int32), DateTime64(3, 'UTC'))   CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (feeder_id, device_id, minute)
TTL minute + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_telemetry_1m TO telemetry_1m AS
SELECT
    feeder_id,
    device_id,
    toDateTime(toStartOfMinute(ts), 'UTC') AS minute,
    count()                                AS samples,
    avgState(power_w)                      AS power_avg,
    min(power_w)                           AS power_min,
    max(power_w)                           AS power_max,
    argMaxState(soc_bp, ts)                AS soc_last
FROM telemetry
WHERE ts BETWEEN arrival - INTERVAL 31 DAY AND arrival + INTERVAL 1 DAY
GROUP BY feeder_id, device_id, minute;

CREATE TABLE IF NOT EXISTS telemetry_1h
(
    feeder_id LowCardinality(String)                                             CODEC(ZSTD(1)),
    device_id LowCardinality(String)                                             CODEC(ZSTD(1)),
    hour      DateTime('UTC')                                                    CODEC(DoubleDelta, ZSTD(1)),
    samples   SimpleAggregateFunction(sum, UInt64)                               CODEC(ZSTD(1)),
    power_avg AggregateFunction(avg, Int64)                                      CODEC(ZSTD(1)),
    power_min SimpleAggregateFunction(min, Int64)                                CODEC(ZSTD(1)),
    power_max SimpleAggregateFunction(max, Int64)                                CODEC(ZSTD(1)),
    soc_last  AggregateFunction(argMax, Nullable(Int32), DateTime64(3, 'UTC'))   CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (feeder_id, device_id, hour)
TTL hour + INTERVAL 5 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_telemetry_1h TO telemetry_1h AS
SELECT
    feeder_id,
    device_id,
    toDateTime(toStartOfHour(ts), 'UTC') AS hour,
    count()                              AS samples,
    avgState(power_w)                    AS power_avg,
    min(power_w)                         AS power_min,
    max(power_w)                         AS power_max,
    argMaxState(soc_bp, ts)              AS soc_last
FROM telemetry
WHERE ts BETWEEN arrival - INTERVAL 31 DAY AND arrival + INTERVAL 1 DAY
GROUP BY feeder_id, device_id, hour;

-- Setpoints and wants of each device, from its decisions.
CREATE TABLE IF NOT EXISTS setpoint_1m
(
    feeder_id    LowCardinality(String)                   CODEC(ZSTD(1)),
    device_id    LowCardinality(String)                   CODEC(ZSTD(1)),
    minute       DateTime('UTC')                          CODEC(DoubleDelta, ZSTD(1)),
    decisions    SimpleAggregateFunction(sum, UInt64)     CODEC(ZSTD(1)),
    setpoint_avg AggregateFunction(avg, Nullable(Int64))  CODEC(ZSTD(1)),
    wanted_avg   AggregateFunction(avg, Int64)            CODEC(ZSTD(1)),
    share_avg    AggregateFunction(avg, Int64)            CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (feeder_id, device_id, minute)
TTL minute + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_setpoint_1m TO setpoint_1m AS
SELECT
    feeder_id,
    device_id,
    toDateTime(toStartOfMinute(at), 'UTC') AS minute,
    count()                                AS decisions,
    avgState(setpoint_w)                   AS setpoint_avg,
    avgState(wanted_w)                     AS wanted_avg,
    avgState(share_w)                      AS share_avg
FROM decision_devices
GROUP BY feeder_id, device_id, minute;

-- Each feeder by the minute; means are weighted with the length of the decision's window.
CREATE TABLE IF NOT EXISTS feeder_1m
(
    feeder_id        LowCardinality(String)                      CODEC(ZSTD(1)),
    minute           DateTime('UTC')                             CODEC(DoubleDelta, ZSTD(1)),
    decisions        SimpleAggregateFunction(sum, UInt64)        CODEC(ZSTD(1)),
    load_avg         AggregateFunction(avgWeighted, Int64, UInt64) CODEC(ZSTD(1)),
    load_min         SimpleAggregateFunction(min, Int64)         CODEC(ZSTD(1)),
    load_max         SimpleAggregateFunction(max, Int64)         CODEC(ZSTD(1)),
    limit_min        SimpleAggregateFunction(min, Int64)         CODEC(ZSTD(1)),
    headroom_avg     AggregateFunction(avgWeighted, Int64, UInt64) CODEC(ZSTD(1)),
    headroom_min     SimpleAggregateFunction(min, Int64)         CODEC(ZSTD(1)),
    uncontrolled_avg AggregateFunction(avgWeighted, Int64, UInt64) CODEC(ZSTD(1)),
    allocated_avg    AggregateFunction(avgWeighted, Int64, UInt64) CODEC(ZSTD(1)),
    curtailed_avg    AggregateFunction(avgWeighted, Int64, UInt64) CODEC(ZSTD(1)),
    unmet_max        SimpleAggregateFunction(max, Int64)         CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (feeder_id, minute)
TTL minute + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_feeder_1m TO feeder_1m AS
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
    max(unmet_w)                             AS unmet_max
FROM decisions
GROUP BY feeder_id, minute;
