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
