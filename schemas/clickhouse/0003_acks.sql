-- One row per ack of a setpoint and per online/offline status of a device (acks.v1).
CREATE TABLE IF NOT EXISTS acks
(
    message_id    UUID                             CODEC(ZSTD(1)),
    device_id     LowCardinality(String)           CODEC(ZSTD(1)),
    feeder_id     LowCardinality(String)           CODEC(ZSTD(1)),
    ts            DateTime64(3, 'UTC')             COMMENT 'by the clock of the device' CODEC(DoubleDelta, ZSTD(1)),
    arrival       DateTime64(3, 'UTC')             COMMENT 'when the bridge received it' CODEC(DoubleDelta, ZSTD(1)),
    status        LowCardinality(String)           COMMENT 'ACCEPTED APPLIED REJECTED EXPIRED SUPERSEDED ONLINE OFFLINE' CODEC(ZSTD(1)),
    setpoint_id   Nullable(UUID)                   COMMENT 'joins setpoints.setpoint_id' CODEC(ZSTD(1)),
    applied_w     Nullable(Int64)                  CODEC(ZSTD(1)),
    reason        Nullable(String)                 CODEC(ZSTD(1)),
    log_partition Int32                            CODEC(ZSTD(1)),
    log_offset    Int64                            CODEC(Delta(8), ZSTD(1)),

    applied_kw    Nullable(Float64) ALIAS applied_w / 1000,

    INDEX ix_setpoint setpoint_id TYPE bloom_filter GRANULARITY 4,
    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(arrival)
ORDER BY (feeder_id, device_id, arrival)
TTL toDateTime(arrival) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
