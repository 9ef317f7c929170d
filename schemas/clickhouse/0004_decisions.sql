-- Decisions that count (void records of decisions.v1 are not stored): one row per decision and feeder of its tree.
CREATE TABLE IF NOT EXISTS decisions
(
    decision_id        UUID                             CODEC(ZSTD(1)),
    root               LowCardinality(String)           CODEC(ZSTD(1)),
    epoch              Int64                            CODEC(Delta(8), ZSTD(1)),
    seq                Int64                            CODEC(Delta(8), ZSTD(1)),
    writer             UUID                             CODEC(ZSTD(1)),
    at                 DateTime64(3, 'UTC')             COMMENT 'the clock reading the decision used' CODEC(DoubleDelta, ZSTD(1)),
    trigger            LowCardinality(String)           COMMENT 'WINDOW IDLE OVERLOAD OPERATOR' CODEC(ZSTD(1)),
    window_start       DateTime64(3, 'UTC')             CODEC(DoubleDelta, ZSTD(1)),
    window_end         DateTime64(3, 'UTC')             CODEC(DoubleDelta, ZSTD(1)),
    policy             LowCardinality(String)           CODEC(ZSTD(1)),
    certified          Bool                             CODEC(ZSTD(1)),
    findings           Array(String)                    CODEC(ZSTD(1)),
    feeder_id          LowCardinality(String)           CODEC(ZSTD(1)),
    parent_id          LowCardinality(Nullable(String)) CODEC(ZSTD(1)),
    mode               LowCardinality(String)           COMMENT 'AUTOMATIC MANUAL SHADOW DISABLED' CODEC(ZSTD(1)),
    import_limit_w     Int64                            CODEC(Delta(8), ZSTD(1)),
    export_limit_w     Nullable(Int64)                  CODEC(ZSTD(1)),
    limit_w            Int64                            COMMENT 'import limit in force: the strictest of limit, events, programs, global limit' CODEC(Delta(8), ZSTD(1)),
    margin_w           Int64                            CODEC(Delta(8), ZSTD(1)),
    load_w             Int64                            CODEC(Delta(8), ZSTD(1)),
    controlled_w       Int64                            CODEC(Delta(8), ZSTD(1)),
    uncontrolled_w     Int64                            CODEC(Delta(8), ZSTD(1)),
    reserved_w         Int64                            CODEC(Delta(8), ZSTD(1)),
    headroom_w         Int64                            CODEC(Delta(8), ZSTD(1)),
    allocated_w        Int64                            CODEC(Delta(8), ZSTD(1)),
    unmet_w            Int64                            CODEC(Delta(8), ZSTD(1)),
    curtailed_w        Int64                            COMMENT 'sum under the feeder of what devices wanted and were not given' CODEC(Delta(8), ZSTD(1)),
    water_level_w      Nullable(Int64)                  CODEC(ZSTD(1)),
    binding            LowCardinality(String)           COMMENT 'NONE IMPORT_LIMIT EXPORT_LIMIT EVENT PROGRAM ANCESTOR' CODEC(ZSTD(1)),
    rung               LowCardinality(String)           COMMENT 'NORMAL TRIM PAUSE MINIMUM FALLBACK ALARM' CODEC(ZSTD(1)),
    degraded           Nullable(String)                 CODEC(ZSTD(1)),
    stopped            Nullable(String)                 CODEC(ZSTD(1)),
    device_count       Int32                            CODEC(ZSTD(1)),
    fresh_count        Int32                            CODEC(ZSTD(1)),
    stale_count        Int32                            CODEC(ZSTD(1)),
    position_acks      Int64                            COMMENT 'next offset of acks.v1, same partition' CODEC(Delta(8), ZSTD(1)),
    position_operator  Int64                            COMMENT 'next offset of operator.v1' CODEC(Delta(8), ZSTD(1)),
    position_telemetry Int64                            COMMENT 'next offset of telemetry.v1, same partition' CODEC(Delta(8), ZSTD(1)),
    log_partition      Int32                            CODEC(ZSTD(1)),
    log_offset         Int64                            COMMENT 'of the last record of the decision' CODEC(Delta(8), ZSTD(1)),

    import_limit_kw    Float64           ALIAS import_limit_w / 1000,
    export_limit_kw    Nullable(Float64) ALIAS export_limit_w / 1000,
    limit_kw           Float64           ALIAS limit_w / 1000,
    load_kw            Float64           ALIAS load_w / 1000,
    controlled_kw      Float64           ALIAS controlled_w / 1000,
    uncontrolled_kw    Float64           ALIAS uncontrolled_w / 1000,
    reserved_kw        Float64           ALIAS reserved_w / 1000,
    headroom_kw        Float64           ALIAS headroom_w / 1000,
    allocated_kw       Float64           ALIAS allocated_w / 1000,
    unmet_kw           Float64           ALIAS unmet_w / 1000,
    curtailed_kw       Float64           ALIAS curtailed_w / 1000,
    latency_ms         Int64             ALIAS toUnixTimestamp64Milli(at) - toUnixTimestamp64Milli(window_end),

    INDEX ix_decision decision_id TYPE bloom_filter GRANULARITY 4,
    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (feeder_id, at, epoch, seq)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- One row per decision and device: what it wanted, what it got, and why.
CREATE TABLE IF NOT EXISTS decision_devices
(
    decision_id   UUID                             CODEC(ZSTD(1)),
    root          LowCardinality(String)           CODEC(ZSTD(1)),
    epoch         Int64                            CODEC(Delta(8), ZSTD(1)),
    seq           Int64                            CODEC(Delta(8), ZSTD(1)),
    at            DateTime64(3, 'UTC')             CODEC(DoubleDelta, ZSTD(1)),
    device_id     LowCardinality(String)           CODEC(ZSTD(1)),
    feeder_id     LowCardinality(String)           CODEC(ZSTD(1)),
    device_type   LowCardinality(String)           CODEC(ZSTD(1)),
    power_w       Nullable(Int64)                  COMMENT 'time-weighted mean of the window; NULL when not heard' CODEC(ZSTD(1)),
    soc_bp        Nullable(Int32)                  CODEC(ZSTD(1)),
    freshness     LowCardinality(String)           COMMENT 'FRESH STALE MISSING OFFLINE' CODEC(ZSTD(1)),
    sample_age_ms Nullable(Int64)                  CODEC(ZSTD(1)),
    wanted_w      Int64                            CODEC(Delta(8), ZSTD(1)),
    share_w       Int64                            CODEC(Delta(8), ZSTD(1)),
    setpoint_w    Nullable(Int64)                  COMMENT 'in force from this decision on; NULL where there is none' CODEC(ZSTD(1)),
    emit          LowCardinality(String)           COMMENT 'NONE CHANGE RENEW' CODEC(ZSTD(1)),
    ttl_ms        Int64                            CODEC(Delta(8), ZSTD(1)),
    fallback_w    Int64                            CODEC(Delta(8), ZSTD(1)),
    weight_milli  Int64                            CODEC(Delta(8), ZSTD(1)),
    deficit_wh    Int64                            CODEC(Delta(8), ZSTD(1)),
    reason        LowCardinality(String)           CODEC(ZSTD(1)),
    bound_by      LowCardinality(Nullable(String)) COMMENT 'the feeder whose limit binds it' CODEC(ZSTD(1)),
    marginal_w    Int64                            COMMENT 'what one more kW of limit would give it' CODEC(Delta(8), ZSTD(1)),
    compliant     Bool                             CODEC(ZSTD(1)),
    typed_layout  Bool                             CODEC(ZSTD(1)),
    log_partition Int32                            CODEC(ZSTD(1)),
    log_offset    Int64                            CODEC(Delta(8), ZSTD(1)),

    power_kw      Nullable(Float64) ALIAS power_w / 1000,
    soc           Nullable(Float64) ALIAS soc_bp / 10000,
    wanted_kw     Float64           ALIAS wanted_w / 1000,
    share_kw      Float64           ALIAS share_w / 1000,
    setpoint_kw   Nullable(Float64) ALIAS setpoint_w / 1000,
    fallback_kw   Float64           ALIAS fallback_w / 1000,
    weight        Float64           ALIAS weight_milli / 1000,
    deficit_kwh   Float64           ALIAS deficit_wh / 1000,
    marginal      Float64           ALIAS marginal_w / 1000,

    INDEX ix_at at TYPE minmax GRANULARITY 1,
    INDEX ix_decision decision_id TYPE bloom_filter GRANULARITY 4,
    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (feeder_id, device_id, at)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
