-- One row per changed setpoint that the broker has (sent.v1); one that was sent again after a crash has another. By the day of
-- its decision, as setpoints are: who asks for a decision's setpoints asks for these too.
CREATE TABLE IF NOT EXISTS sent
(
    setpoint_id     UUID                   COMMENT 'joins setpoints.setpoint_id' CODEC(ZSTD(1)),
    decision_id     UUID                   CODEC(ZSTD(1)),
    root            LowCardinality(String) COMMENT 'the root of the tree; with epoch and seq it names the decision' CODEC(ZSTD(1)),
    epoch           Int64                  CODEC(Delta(8), ZSTD(1)),
    seq             Int64                  CODEC(Delta(8), ZSTD(1)),
    device_id       LowCardinality(String) CODEC(ZSTD(1)),
    feeder_id       LowCardinality(String) CODEC(ZSTD(1)),
    decided_at      DateTime64(3, 'UTC')   CODEC(DoubleDelta, ZSTD(1)),
    sent_at         DateTime64(3, 'UTC')   COMMENT 'when it was given to the broker, by the clock of the bridge' CODEC(DoubleDelta, ZSTD(1)),
    broker_acked_at DateTime64(3, 'UTC')   COMMENT 'when the broker acknowledged it, by the clock of the bridge' CODEC(DoubleDelta, ZSTD(1)),
    log_id          LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    log_partition   Int32                  CODEC(ZSTD(1)),
    log_offset      Int64                  CODEC(Delta(8), ZSTD(1)),

    INDEX ix_setpoint setpoint_id TYPE bloom_filter GRANULARITY 4,
    PROJECTION p_position (SELECT log_id, log_partition, max(log_offset) GROUP BY log_id, log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(decided_at)
ORDER BY (feeder_id, device_id, decided_at)
TTL toDateTime(decided_at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'One row per changed setpoint that the broker has, and once more for each time that it was sent again: when it was given to the broker, and when the broker acknowledged it.';

-- The life of each setpoint, as before, with when the broker had it. The right sides are keyed by the hour of the decision, so that a filter on hour (and feeder_id,
-- device_id) reaches every table.
CREATE OR REPLACE VIEW v_command_ledger AS
SELECT
    s.setpoint_id                              AS setpoint_id,
    s.decision_id                              AS decision_id,
    s.feeder_id                                AS feeder_id,
    s.device_id                                AS device_id,
    s.hour                                     AS hour,
    s.setpoint_w / 1000                        AS setpoint_kw,
    s.fallback_w / 1000                        AS fallback_kw,
    s.emit                                     AS emit,
    s.reason                                   AS reason,
    s.decided_at                               AS decided_at,
    s.valid_until                              AS valid_until,
    b.sent_at                                  AS sent_at,
    b.broker_acked_at                          AS broker_acked_at,
    a.acked_at                                 AS acked_at,
    a.applied_at                               AS applied_at,
    a.rejected_at                              AS rejected_at,
    a.expired_at                               AS expired_at,
    a.superseded_at                            AS superseded_at,
    o.observed_at                              AS observed_at,
    a.ack_reason                               AS ack_reason,
    multiIf(
        a.rejected_at IS NOT NULL, 'REJECTED',
        o.observed_at IS NOT NULL, 'OBSERVED',
        a.applied_at IS NOT NULL, 'APPLIED',
        a.expired_at IS NOT NULL, 'EXPIRED',
        a.superseded_at IS NOT NULL, 'SUPERSEDED',
        a.acked_at IS NOT NULL, 'ACKED',
        b.sent_at IS NOT NULL, 'SENT',
        'DECIDED')                             AS stage
FROM
(
    SELECT *, toStartOfHour(decided_at) AS hour FROM setpoints
) AS s
LEFT JOIN
(
    SELECT
        feeder_id,
        device_id,
        toStartOfHour(decided_at)                    AS hour,
        setpoint_id,
        minOrNull(g.sent_at)                         AS sent_at,
        minOrNull(g.broker_acked_at)                 AS broker_acked_at
    FROM sent AS g
    GROUP BY feeder_id, device_id, hour, setpoint_id
) AS b ON b.feeder_id = s.feeder_id AND b.device_id = s.device_id AND b.hour = s.hour AND b.setpoint_id = s.setpoint_id
LEFT JOIN
(
    SELECT
        feeder_id,
        device_id,
        hour,
        sp                                           AS setpoint_id,
        minOrNullIf(arrival, status = 'ACCEPTED')    AS acked_at,
        minOrNullIf(arrival, status = 'APPLIED')     AS applied_at,
        minOrNullIf(arrival, status = 'REJECTED')    AS rejected_at,
        minOrNullIf(arrival, status = 'EXPIRED')     AS expired_at,
        minOrNullIf(arrival, status = 'SUPERSEDED')  AS superseded_at,
        anyIf(reason, reason != '')                  AS ack_reason
    FROM
    (
        SELECT feeder_id, device_id, toStartOfHour(arrival) AS hour, assumeNotNull(setpoint_id) AS sp, arrival, status, reason
        FROM acks WHERE setpoint_id IS NOT NULL
        UNION ALL
        SELECT feeder_id, device_id, toStartOfHour(arrival - INTERVAL 1 HOUR) AS hour, assumeNotNull(setpoint_id) AS sp, arrival, status, reason
        FROM acks WHERE setpoint_id IS NOT NULL
    )
    GROUP BY feeder_id, device_id, hour, setpoint_id
) AS a ON a.feeder_id = s.feeder_id AND a.device_id = s.device_id AND a.hour = s.hour AND a.setpoint_id = s.setpoint_id
LEFT JOIN
(
    SELECT
        c.feeder_id            AS feeder_id,
        c.device_id            AS device_id,
        c.hour                 AS hour,
        c.setpoint_id          AS setpoint_id,
        minOrNull(t.ts)        AS observed_at
    FROM
    (
        SELECT
            feeder_id,
            device_id,
            toStartOfHour(decided_at)                                                AS hour,
            setpoint_id,
            setpoint_w,
            decided_at,
            valid_until,
            arrayJoin(range(intDiv(toUnixTimestamp64Milli(decided_at), 30000), least(intDiv(toUnixTimestamp64Milli(decided_at), 30000) + 21, 1 + intDiv(toUnixTimestamp64Milli(valid_until), 30000)))) AS slice
        FROM setpoints
    ) AS c
    INNER JOIN
    (
        SELECT feeder_id, device_id, toStartOfHour(ts) AS hour, intDiv(toUnixTimestamp64Milli(ts), 30000) AS slice, ts, power_w
        FROM telemetry
        UNION ALL
        SELECT feeder_id, device_id, toStartOfHour(ts) - INTERVAL 1 HOUR AS hour, intDiv(toUnixTimestamp64Milli(ts), 30000) AS slice, ts, power_w
        FROM telemetry WHERE ts < toStartOfHour(ts) + INTERVAL 10 MINUTE
    ) AS t ON t.feeder_id = c.feeder_id AND t.device_id = c.device_id AND t.hour = c.hour AND t.slice = c.slice
    WHERE t.ts > c.decided_at AND t.ts <= c.valid_until
      AND abs(t.power_w - c.setpoint_w) <= greatest(500, abs(c.setpoint_w) / 20)
    GROUP BY feeder_id, device_id, hour, setpoint_id
) AS o ON o.feeder_id = s.feeder_id AND o.device_id = s.device_id AND o.hour = s.hour AND o.setpoint_id = s.setpoint_id
COMMENT 'One row per setpoint: when it was decided, given to the broker, acknowledged by the broker and by the device, applied and seen in telemetry. sent_at and broker_acked_at are of changed setpoints. Times in UTC, power in kW. Filter by hour too: only those hours are read.';
