-- One row per setpoint that a decision sends (emit is CHANGE or RENEW).
CREATE TABLE IF NOT EXISTS setpoints
(
    setpoint_id   UUID                   COMMENT 'the message id; acks name it' CODEC(ZSTD(1)),
    decision_id   UUID                   CODEC(ZSTD(1)),
    device_id     LowCardinality(String) CODEC(ZSTD(1)),
    feeder_id     LowCardinality(String) CODEC(ZSTD(1)),
    setpoint_w    Int64                  CODEC(Delta(8), ZSTD(1)),
    fallback_w    Int64                  CODEC(Delta(8), ZSTD(1)),
    emit          LowCardinality(String) COMMENT 'CHANGE RENEW' CODEC(ZSTD(1)),
    decided_at    DateTime64(3, 'UTC')   CODEC(DoubleDelta, ZSTD(1)),
    valid_until   DateTime64(3, 'UTC')   CODEC(DoubleDelta, ZSTD(1)),
    epoch         Int64                  CODEC(Delta(8), ZSTD(1)),
    seq           Int64                  CODEC(Delta(8), ZSTD(1)),
    reason        LowCardinality(String) CODEC(ZSTD(1)),
    log_partition Int32                  CODEC(ZSTD(1)),
    log_offset    Int64                  CODEC(Delta(8), ZSTD(1)),

    setpoint_kw   Float64 ALIAS setpoint_w / 1000,
    fallback_kw   Float64 ALIAS fallback_w / 1000,

    INDEX ix_setpoint setpoint_id TYPE bloom_filter GRANULARITY 4,
    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(decided_at)
ORDER BY (feeder_id, device_id, decided_at)
TTL toDateTime(decided_at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
