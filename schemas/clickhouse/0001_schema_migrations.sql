-- Which migrations this database has seen. For people and for later migrations that must run once; every statement
-- of every file is safe to run again all the same.
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number     UInt32,
    name       String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY number;
