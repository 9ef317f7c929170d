-- Devices as registered or approved, with the feeder that they belong to now; those that operators have retired are gone
-- from here, and back when they are registered again. The feeder is the one of the last record that names one for the
-- device itself: one that has replaced another stands here under the feeder that it claimed.
CREATE OR REPLACE VIEW v_devices AS
SELECT
    entity                                                                                     AS device_id,
    argMaxIf(JSONExtractString(body, 'device_type'), log_offset, kind IN ('DeviceRegistered', 'DeviceWaiting')) AS device_type,
    argMaxIf(JSONExtractString(body, 'origin'), log_offset, kind IN ('DeviceRegistered', 'DeviceWaiting'))      AS origin,
    argMaxIf(JSONExtract(body, 'site_id', 'Nullable(String)'), log_offset, kind IN ('DeviceRegistered', 'DeviceWaiting')) AS site_id,
    argMaxIf(JSONExtractString(body, 'feeder_id'), log_offset, JSONExtractString(body, 'feeder_id') != '') AS feeder_id,
    maxIf(at, kind IN ('DeviceRegistered', 'DeviceApproved', 'Replaces'))                       AS registered_at
FROM
(
    SELECT kind, entity, body, log_offset, at FROM operator_log
    WHERE kind IN ('DeviceRegistered', 'DeviceWaiting', 'DeviceApproved', 'DeviceChange', 'DeviceRetired', 'DeviceReplaced')
    UNION ALL
    -- The one that comes, by the record of the one that goes.
    SELECT 'Replaces' AS kind, JSONExtractString(body, 'by') AS entity, '' AS body, log_offset, at
    FROM operator_log WHERE kind = 'DeviceReplaced'
)
GROUP BY entity
HAVING maxIf(log_offset + 1, kind IN ('DeviceRegistered', 'DeviceApproved', 'Replaces'))
     > maxIf(log_offset + 1, kind IN ('DeviceRetired', 'DeviceReplaced'));
