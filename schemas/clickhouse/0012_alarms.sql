-- One row per decision and alarm that stood at it. v_alarms of a later migration joins them to periods.
CREATE TABLE IF NOT EXISTS decision_alarms
(
    decision_id   UUID                             CODEC(ZSTD(1)),
    root          LowCardinality(String)           COMMENT 'the root of the tree that the decision was about' CODEC(ZSTD(1)),
    at            DateTime64(3, 'UTC')             COMMENT 'the clock reading the decision used' CODEC(DoubleDelta, ZSTD(1)),
    code          LowCardinality(String)           COMMENT 'CTL-001 ...: a page in docs/runbook' CODEC(ZSTD(1)),
    severity      LowCardinality(String)           COMMENT 'WARNING CRITICAL' CODEC(ZSTD(1)),
    feeder_id     LowCardinality(Nullable(String)) COMMENT 'NULL where the alarm is about the tree' CODEC(ZSTD(1)),
    device_id     LowCardinality(Nullable(String)) COMMENT 'NULL where the alarm is about no single device' CODEC(ZSTD(1)),
    message       String                           CODEC(ZSTD(3)),
    log_id        LowCardinality(String)           CODEC(ZSTD(1)),
    log_partition Int32                            CODEC(ZSTD(1)),
    log_offset    Int64                            COMMENT 'of the last record of the decision' CODEC(Delta(8), ZSTD(1)),

    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (root, code, at)
TTL toDateTime(at) + INTERVAL 1 YEAR
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- Where a change came from: the address of the request; NULL for what services write, and from before it was kept.
ALTER TABLE operator_log ADD COLUMN IF NOT EXISTS source Nullable(String) CODEC(ZSTD(1));

-- Demand-response events as they stand after their last change, also past and cancelled ones.
CREATE OR REPLACE VIEW events AS
SELECT
    toUUIDOrZero(c.entity)                                                           AS event_id,
    JSONExtractString(c.body, 'feeder_id')                                           AS feeder_id,
    fromUnixTimestamp64Milli(JSONExtractInt(l.body, 'start'), 'UTC')                 AS start,
    fromUnixTimestamp64Milli(JSONExtractInt(l.body, 'end'), 'UTC')                   AS end,
    JSONExtractInt(l.body, 'limit_w') / 1000                                         AS limit_kw,
    JSONExtractString(l.body, 'kind')                                                AS type,
    JSONExtractInt(l.body, 'ramp_s')                                                 AS ramp_s,
    c.actor                                                                          AS created_by,
    c.at                                                                             AS created_at,
    if(x.entity = '', NULL, x.cancelled_at)                                          AS cancelled_at
FROM (SELECT * FROM operator_log WHERE kind = 'EventCreated') AS c
INNER JOIN
(
    SELECT entity, argMax(body, (toString(log_id), log_offset)) AS body
    FROM operator_log WHERE kind IN ('EventCreated', 'EventChanged') GROUP BY entity
) AS l ON l.entity = c.entity
LEFT JOIN
(
    SELECT entity, min(at) AS cancelled_at FROM operator_log WHERE kind = 'EventCancelled' GROUP BY entity
) AS x ON x.entity = c.entity;
