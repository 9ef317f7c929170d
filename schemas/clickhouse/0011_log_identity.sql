-- Which log a row comes from: positions of a log that was made anew begin at 0 again. Empty in rows from before logs had
-- identities. The identity is a UUID of version 7 as text, so that a newer log's is greater.
ALTER TABLE telemetry ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

ALTER TABLE acks ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

ALTER TABLE decisions ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

ALTER TABLE decision_devices ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

ALTER TABLE setpoints ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

ALTER TABLE operator_log ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS log_id LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));

-- Devices as registered or approved, as before, with the newest log's word before an older one's.
CREATE OR REPLACE VIEW v_devices AS
SELECT
    entity                                                                                     AS device_id,
    argMaxIf(JSONExtractString(body, 'device_type'), place, kind IN ('DeviceRegistered', 'DeviceWaiting')) AS device_type,
    argMaxIf(JSONExtractString(body, 'origin'), place, kind IN ('DeviceRegistered', 'DeviceWaiting'))      AS origin,
    argMaxIf(JSONExtract(body, 'site_id', 'Nullable(String)'), place, kind IN ('DeviceRegistered', 'DeviceWaiting')) AS site_id,
    argMaxIf(JSONExtractString(body, 'feeder_id'), place, JSONExtractString(body, 'feeder_id') != '') AS feeder_id,
    maxIf(at, kind IN ('DeviceRegistered', 'DeviceApproved', 'Replaces'))                       AS registered_at
FROM
(
    SELECT kind, entity, body, (toString(log_id), log_offset + 1) AS place, at FROM operator_log
    WHERE kind IN ('DeviceRegistered', 'DeviceWaiting', 'DeviceApproved', 'DeviceChange', 'DeviceRetired', 'DeviceReplaced')
    UNION ALL
    -- The one that comes, by the record of the one that goes.
    SELECT 'Replaces' AS kind, JSONExtractString(body, 'by') AS entity, '' AS body, (toString(log_id), log_offset + 1) AS place, at
    FROM operator_log WHERE kind = 'DeviceReplaced'
)
GROUP BY entity
HAVING maxIf(place, kind IN ('DeviceRegistered', 'DeviceApproved', 'Replaces'))
     > maxIf(place, kind IN ('DeviceRetired', 'DeviceReplaced'));
