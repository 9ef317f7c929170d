-- One row per record of operator.v1: who changed what, when. Kept for ever, like the topic; it is the audit trail.
-- kind is the name of the change (EventCreated, FeederChange ...), body the change itself as JSON.
CREATE TABLE IF NOT EXISTS operator_log
(
    id            UUID                   CODEC(ZSTD(1)),
    at            DateTime64(3, 'UTC')   CODEC(DoubleDelta, ZSTD(1)),
    actor         LowCardinality(String) CODEC(ZSTD(1)),
    kind          LowCardinality(String) CODEC(ZSTD(1)),
    entity        String                 COMMENT 'the id of what was changed' CODEC(ZSTD(1)),
    body          String                 CODEC(ZSTD(3)),
    log_partition Int32                  CODEC(ZSTD(1)),
    log_offset    Int64                  CODEC(Delta(8), ZSTD(1)),

    PROJECTION p_position (SELECT log_partition, max(log_offset) GROUP BY log_partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (kind, entity, log_offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- Demand-response events, also past and cancelled ones.
CREATE VIEW IF NOT EXISTS events AS
SELECT
    toUUID(c.entity)                                                                 AS event_id,
    JSONExtractString(c.body, 'feeder_id')                                           AS feeder_id,
    fromUnixTimestamp64Milli(JSONExtractInt(c.body, 'start'), 'UTC')                 AS start,
    fromUnixTimestamp64Milli(JSONExtractInt(c.body, 'end'), 'UTC')                   AS end,
    JSONExtractInt(c.body, 'limit_w') / 1000                                         AS limit_kw,
    JSONExtractString(c.body, 'kind')                                                AS type,
    JSONExtractInt(c.body, 'ramp_s')                                                 AS ramp_s,
    c.actor                                                                          AS created_by,
    c.at                                                                             AS created_at,
    if(x.entity = '', NULL, x.cancelled_at)                                          AS cancelled_at
FROM (SELECT * FROM operator_log WHERE kind = 'EventCreated') AS c
LEFT JOIN
(
    SELECT entity, min(at) AS cancelled_at FROM operator_log WHERE kind = 'EventCancelled' GROUP BY entity
) AS x ON x.entity = c.entity;

-- Devices as registered, with the feeder that they belong to now.
CREATE VIEW IF NOT EXISTS v_devices AS
SELECT
    entity                                                                           AS device_id,
    argMinIf(JSONExtractString(body, 'device_type'), log_offset, kind = 'DeviceRegistered') AS device_type,
    argMinIf(JSONExtractString(body, 'origin'), log_offset, kind = 'DeviceRegistered')      AS origin,
    argMinIf(JSONExtract(body, 'site_id', 'Nullable(String)'), log_offset, kind = 'DeviceRegistered') AS site_id,
    argMaxIf(JSONExtractString(body, 'feeder_id'), log_offset, JSONExtractString(body, 'feeder_id') != '') AS feeder_id,
    minIf(at, kind = 'DeviceRegistered')                                             AS registered_at
FROM operator_log
WHERE kind IN ('DeviceRegistered', 'DeviceChange')
GROUP BY entity
HAVING countIf(kind = 'DeviceRegistered') > 0;
