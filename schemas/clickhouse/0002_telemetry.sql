-- One row per validated sample of telemetry.v1, in load convention: + takes power from the feeder, - gives to it.
-- Stored in integer watts, watt-hours and basis points (1/10 000); the ALIAS columns give kW, kWh and fractions.
-- Partitioned by arrival: blocks are cut in log order and each must fall into one partition.
CREATE TABLE IF NOT EXISTS telemetry
(
    message_id      UUID                                    CODEC(ZSTD(1)),
    device_id       LowCardinality(String)                  CODEC(ZSTD(1)),
    device_type     LowCardinality(String)                  COMMENT 'PV BATTERY EV METER OTHER' CODEC(ZSTD(1)),
    origin          LowCardinality(String)                  COMMENT 'PHYSICAL SIMULATED' CODEC(ZSTD(1)),
    feeder_id       LowCardinality(String)                  CODEC(ZSTD(1)),
    site_id         LowCardinality(Nullable(String))        CODEC(ZSTD(1)),
    ts              DateTime64(3, 'UTC')                    COMMENT 'when it was taken, by the clock of the device' CODEC(DoubleDelta, ZSTD(1)),
    sent_at         Nullable(DateTime64(3, 'UTC'))          CODEC(ZSTD(1)),
    arrival         DateTime64(3, 'UTC')                    COMMENT 'when the bridge received it' CODEC(DoubleDelta, ZSTD(1)),
    power_w         Int64                                   CODEC(Delta(8), ZSTD(1)),
    soc_bp          Nullable(Int32)                         COMMENT 'state of charge, 1/10 000' CODEC(ZSTD(1)),
    energy_wh       Nullable(Int64)                         CODEC(ZSTD(1)),
    voltage_mv      Nullable(Int64)                         CODEC(ZSTD(1)),
    current_ma      Nullable(Int64)                         CODEC(ZSTD(1)),
    online          Bool                                    CODEC(ZSTD(1)),
    fault_code      LowCardinality(Nullable(String))        CODEC(ZSTD(1)),
    max_charge_w    Nullable(Int64)                         CODEC(ZSTD(1)),
    max_discharge_w Nullable(Int64)                         CODEC(ZSTD(1)),
    max_export_w    Nullable(Int64)                         CODEC(ZSTD(1)),
    max_import_w    Nullable(Int64)                         CODEC(ZSTD(1)),
    min_power_w     Nullable(Int64)                         CODEC(ZSTD(1)),
    ramp_w_per_s    Nullable(Int64)                         CODEC(ZSTD(1)),
    storage_wh      Nullable(Int64)                         COMMENT 'capabilities.energyKwh' CODEC(ZSTD(1)),
    fallback_w      Nullable(Int64)                         CODEC(ZSTD(1)),
    priority        Nullable(Int32)                         CODEC(ZSTD(1)),
    target_soc_bp   Nullable(Int32)                         CODEC(ZSTD(1)),
    departure       Nullable(DateTime64(3, 'UTC'))          CODEC(ZSTD(1)),
    source          LowCardinality(String)                  CODEC(ZSTD(1)),
    correlation_id  Nullable(String)                        CODEC(ZSTD(1)),
    layout          LowCardinality(String)                  COMMENT 'FLAT TYPED' CODEC(ZSTD(1)),
    unknown_fields  Int32                                   CODEC(ZSTD(1)),
    log_partition   Int32                                   CODEC(ZSTD(1)),
    log_offset      Int64                                   CODEC(Delta(8), ZSTD(1)),

    power_kw        Float64           ALIAS power_w / 1000,
    soc             Nullable(Float64) ALIAS soc_bp / 10000,
    energy_kwh      Nullable(Float64) ALIAS energy_wh / 1000,
    age_ms          Int64             ALIAS toUnixTimestamp64Milli(arrival) - toUnixTimestamp64Milli(ts),

    INDEX ix_arrival arrival TYPE minmax GRANULARITY 1,
    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(arrival)
ORDER BY (feeder_id, device_id, ts)
TTL toDateTime(arrival) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
