-- One row per refused message, with its reason and its first bytes.
CREATE TABLE IF NOT EXISTS dead_letters
(
    at            DateTime64(3, 'UTC')             CODEC(DoubleDelta, ZSTD(1)),
    source        String                           COMMENT 'MQTT topic, or log topic/partition/offset' CODEC(ZSTD(1)),
    reason        LowCardinality(String)           COMMENT 'stable code, the label of the metric' CODEC(ZSTD(1)),
    detail        String                           CODEC(ZSTD(1)),
    device_id     LowCardinality(Nullable(String)) CODEC(ZSTD(1)),
    raw           String                           COMMENT 'bytes as they came, cut at 16 KiB' CODEC(ZSTD(3)),
    raw_len       Int64                            COMMENT 'how many bytes the message had' CODEC(ZSTD(1)),
    log_partition Int32                            CODEC(ZSTD(1)),
    log_offset    Int64                            CODEC(Delta(8), ZSTD(1)),

    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (reason, at)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
