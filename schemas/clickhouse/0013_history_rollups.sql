-- What the views of 0014 read besides the raw rows; fed at each insert, like the rollups of 0008. They begin with the first
-- insert after this migration; docs/analytics.md tells how to fill them from older raw rows.

-- For how long a decision counts: its window, or nothing where it was made between windows. So the times of all decisions of a
-- tree add up to the time that passed, and energy can be summed over rows. Rows from before have the default interval.
ALTER TABLE decision_devices ADD COLUMN IF NOT EXISTS width_ms Int32 DEFAULT 5000 COMMENT 'ms that the decision counts for: its window; 0 for one between windows' CODEC(ZSTD(1));

-- When each tree was decided last.
CREATE TABLE IF NOT EXISTS newest_decisions
(
    root      LowCardinality(String)                            COMMENT 'the root of the tree' CODEC(ZSTD(1)),
    newest_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'time of its newest stored decision' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY root
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per tree: when it was decided last.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_newest_decisions TO newest_decisions AS
SELECT root, max(at) AS newest_at
FROM decisions
GROUP BY root;

-- Standing alarms in slices of 30 s. Two decisions of one slice are less than 30 s apart, so a gap of more than 30 s is always
-- between slices: v_alarms loses nothing by reading these.
CREATE TABLE IF NOT EXISTS alarm_30s
(
    feeder_id LowCardinality(Nullable(String))                   COMMENT 'NULL where the alarm is about the tree' CODEC(ZSTD(1)),
    code      LowCardinality(String)                             COMMENT 'CTL-001 ...' CODEC(ZSTD(1)),
    device_id LowCardinality(Nullable(String))                   COMMENT 'NULL where the alarm is about no single device' CODEC(ZSTD(1)),
    root      LowCardinality(String)                             COMMENT 'the root of the tree' CODEC(ZSTD(1)),
    slice     DateTime('UTC')                                    COMMENT 'start of the 30 s' CODEC(DoubleDelta, ZSTD(1)),
    decisions SimpleAggregateFunction(sum, UInt64)               COMMENT 'decisions at which it stood' CODEC(ZSTD(1)),
    first_at  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'the first of them' CODEC(DoubleDelta, ZSTD(1)),
    last_at   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'the last of them' CODEC(DoubleDelta, ZSTD(1)),
    severity  SimpleAggregateFunction(min, String)               COMMENT 'the worst: CRITICAL is before WARNING' CODEC(ZSTD(1)),
    message   AggregateFunction(argMax, String, DateTime64(3, 'UTC')) COMMENT 'the last one' CODEC(ZSTD(3))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(slice)
ORDER BY (feeder_id, code, device_id, root, slice)
TTL slice + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, allow_nullable_key = 1
COMMENT 'One row per alarm and 30 s in which it stood.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_alarm_30s TO alarm_30s AS
SELECT
    feeder_id,
    code,
    device_id,
    root,
    toDateTime(toStartOfInterval(at, INTERVAL 30 SECOND), 'UTC') AS slice,
    count()                                                      AS decisions,
    min(at)                                                      AS first_at,
    max(at)                                                      AS last_at,
    min(toString(severity))                                      AS severity,
    argMaxState(message, at)                                     AS message
FROM decision_alarms
GROUP BY feeder_id, code, device_id, root, slice;

-- Load and limit of every decision, narrow and kept for a year, in small granules: v_violations looks for single decisions.
CREATE TABLE IF NOT EXISTS decision_loads
(
    feeder_id      LowCardinality(String) CODEC(ZSTD(1)),
    root           LowCardinality(String) CODEC(ZSTD(1)),
    at             DateTime64(3, 'UTC')   COMMENT 'the clock reading the decision used' CODEC(DoubleDelta, ZSTD(1)),
    epoch          Int64                  CODEC(Delta(8), ZSTD(1)),
    seq            Int64                  CODEC(Delta(8), ZSTD(1)),
    window_start   DateTime64(3, 'UTC')   CODEC(DoubleDelta, ZSTD(1)),
    window_end     DateTime64(3, 'UTC')   CODEC(DoubleDelta, ZSTD(1)),
    width_ms       Int32                  COMMENT 'ms that the decision counts for: its window; 0 for one between windows' CODEC(ZSTD(1)),
    load_w         Int64                  CODEC(Delta(8), ZSTD(1)),
    limit_w        Int64                  COMMENT 'import limit in force' CODEC(Delta(8), ZSTD(1)),
    unmet_w        Int64                  CODEC(Delta(8), ZSTD(1)),
    uncontrolled_w Int64                  CODEC(Delta(8), ZSTD(1)),
    stale_count    Int32                  COMMENT 'stale, missing and offline devices' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (feeder_id, at, epoch, seq)
TTL toDateTime(at) + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity = 512
COMMENT 'One row per decision and feeder: load and limit, W.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_decision_loads TO decision_loads AS
SELECT
    feeder_id,
    root,
    at,
    epoch,
    seq,
    window_start,
    window_end,
    if(trigger IN ('WINDOW', 'IDLE'), toInt32(toUnixTimestamp64Milli(window_end) - toUnixTimestamp64Milli(window_start)), toInt32(0)) AS width_ms,
    load_w,
    limit_w,
    unmet_w,
    uncontrolled_w,
    stale_count
FROM decisions;

-- Where feeders were over their limits: the slices of 30 s with such a decision, and the slices before them. v_violations reads no
-- others.
CREATE TABLE IF NOT EXISTS violation_slices
(
    feeder_id LowCardinality(String) CODEC(ZSTD(1)),
    slice     DateTime('UTC')        COMMENT 'start of the 30 s' CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(slice)
ORDER BY (feeder_id, slice)
TTL slice + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'One row per feeder and 30 s in which, or right after which, its load was over its limit.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_violation_slices TO violation_slices AS
SELECT DISTINCT
    feeder_id,
    arrayJoin([toDateTime(toStartOfInterval(at, INTERVAL 30 SECOND), 'UTC'), toDateTime(toStartOfInterval(at, INTERVAL 30 SECOND), 'UTC') - 30]) AS slice
FROM decisions
WHERE load_w > limit_w;

-- What each device wanted, was given and was not given. Given is the part of the want that its setpoint covers, in either
-- direction; a device that is not commanded is given what it wants. So wanted = given + curtailed, to the watt-millisecond.
-- Rows add up: one minute may stand in several until they are merged.
CREATE TABLE IF NOT EXISTS fairness_1m
(
    feeder_id     LowCardinality(String)               COMMENT 'the feeder of the device' CODEC(ZSTD(1)),
    device_id     LowCardinality(String)               CODEC(ZSTD(1)),
    minute        DateTime('UTC')                      CODEC(DoubleDelta, ZSTD(1)),
    decisions     SimpleAggregateFunction(sum, UInt64) COMMENT 'decisions in the minute' CODEC(ZSTD(1)),
    width_ms      SimpleAggregateFunction(sum, Int64)  COMMENT 'ms that they count for' CODEC(ZSTD(1)),
    wanted_wms    SimpleAggregateFunction(sum, Int64)  COMMENT 'W ms; 3 600 000 000 are a kWh' CODEC(ZSTD(1)),
    given_wms     SimpleAggregateFunction(sum, Int64)  COMMENT 'W ms' CODEC(ZSTD(1)),
    curtailed_wms SimpleAggregateFunction(sum, Int64)  COMMENT 'W ms' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (feeder_id, device_id, minute)
TTL minute + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'One row per device and minute: energy wanted, given and curtailed, W ms.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_fairness_1m TO fairness_1m AS
WITH
    greatest(d.wanted_w, -d.wanted_w)                                              AS want,
    greatest(toInt64(0), if(d.wanted_w < 0, -d.setpoint_w, d.setpoint_w))          AS offered,
    if(d.setpoint_w IS NULL, want, least(want, assumeNotNull(offered)))            AS covered
SELECT
    feeder_id,
    device_id,
    toDateTime(toStartOfMinute(at), 'UTC') AS minute,
    count()                                AS decisions,
    sum(toInt64(d.width_ms))               AS width_ms,
    sum(want * d.width_ms)                 AS wanted_wms,
    sum(covered * d.width_ms)              AS given_wms,
    sum((want - covered) * d.width_ms)     AS curtailed_wms
FROM decision_devices AS d
GROUP BY feeder_id, device_id, minute;

-- The same by the hour, fed by the minutes.
CREATE TABLE IF NOT EXISTS fairness_1h
(
    feeder_id     LowCardinality(String)               COMMENT 'the feeder of the device' CODEC(ZSTD(1)),
    device_id     LowCardinality(String)               CODEC(ZSTD(1)),
    hour          DateTime('UTC')                      CODEC(DoubleDelta, ZSTD(1)),
    decisions     SimpleAggregateFunction(sum, UInt64) COMMENT 'decisions in the hour' CODEC(ZSTD(1)),
    width_ms      SimpleAggregateFunction(sum, Int64)  COMMENT 'ms that they count for' CODEC(ZSTD(1)),
    wanted_wms    SimpleAggregateFunction(sum, Int64)  COMMENT 'W ms; 3 600 000 000 are a kWh' CODEC(ZSTD(1)),
    given_wms     SimpleAggregateFunction(sum, Int64)  COMMENT 'W ms' CODEC(ZSTD(1)),
    curtailed_wms SimpleAggregateFunction(sum, Int64)  COMMENT 'W ms' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (feeder_id, device_id, hour)
TTL hour + INTERVAL 5 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'One row per device and hour: energy wanted, given and curtailed, W ms.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_fairness_1h TO fairness_1h AS
SELECT
    feeder_id,
    device_id,
    toDateTime(toStartOfHour(minute), 'UTC') AS hour,
    sum(m.decisions)                         AS decisions,
    sum(m.width_ms)                          AS width_ms,
    sum(m.wanted_wms)                        AS wanted_wms,
    sum(m.given_wms)                         AS given_wms,
    sum(m.curtailed_wms)                     AS curtailed_wms
FROM fairness_1m AS m
GROUP BY feeder_id, device_id, hour;

-- The same by decision, reason and binding feeder, in W. Also what devices that do not follow take beyond their setpoints.
CREATE TABLE IF NOT EXISTS decision_reasons
(
    feeder_id   LowCardinality(String)               COMMENT 'the feeder of the devices' CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC')                 COMMENT 'the clock reading the decision used' CODEC(DoubleDelta, ZSTD(1)),
    root        LowCardinality(String)               CODEC(ZSTD(1)),
    epoch       Int64                                CODEC(Delta(8), ZSTD(1)),
    seq         Int64                                CODEC(Delta(8), ZSTD(1)),
    reason      LowCardinality(String)               COMMENT 'as in decision_devices' CODEC(ZSTD(1)),
    bound_by    LowCardinality(Nullable(String))     COMMENT 'the feeder whose limit binds the devices' CODEC(ZSTD(1)),
    width_ms    SimpleAggregateFunction(max, Int32)  COMMENT 'ms that the decision counts for' CODEC(ZSTD(1)),
    devices     SimpleAggregateFunction(sum, UInt64) COMMENT 'how many' CODEC(ZSTD(1)),
    wanted_w    SimpleAggregateFunction(sum, Int64)  COMMENT 'W, either direction' CODEC(ZSTD(1)),
    given_w     SimpleAggregateFunction(sum, Int64)  COMMENT 'W' CODEC(ZSTD(1)),
    curtailed_w SimpleAggregateFunction(sum, Int64)  COMMENT 'W; wanted_w = given_w + curtailed_w' CODEC(ZSTD(1)),
    beyond_w    SimpleAggregateFunction(sum, Int64)  COMMENT 'W that devices which do not follow take beyond their setpoints' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (feeder_id, at, root, epoch, seq, reason, bound_by)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, allow_nullable_key = 1
COMMENT 'One row per decision, feeder of devices, reason and binding feeder.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_decision_reasons TO decision_reasons AS
WITH
    greatest(d.wanted_w, -d.wanted_w)                                              AS want,
    greatest(toInt64(0), if(d.wanted_w < 0, -d.setpoint_w, d.setpoint_w))          AS offered,
    if(d.setpoint_w IS NULL, want, least(want, assumeNotNull(offered)))            AS covered
SELECT
    feeder_id,
    at,
    root,
    epoch,
    seq,
    reason,
    bound_by,
    max(d.width_ms)                                                                AS width_ms,
    count()                                                                        AS devices,
    sum(want)                                                                      AS wanted_w,
    sum(covered)                                                                   AS given_w,
    sum(want - covered)                                                            AS curtailed_w,
    sum(if(compliant, toInt64(0), greatest(toInt64(0), ifNull(d.power_w, 0) - ifNull(d.setpoint_w, 0)))) AS beyond_w
FROM decision_devices AS d
GROUP BY feeder_id, at, root, epoch, seq, reason, bound_by;
