-- What only the SQLite store asks; see records.sql.

-- name: identify
SELECT
    (SELECT application_id FROM pragma_application_id),
    (SELECT user_version FROM pragma_user_version),
    (SELECT count(*) FROM sqlite_master);

-- name: page_size
-- Of a new file. With the usual 4096 each of many jobs costs 1/8 more, a lone one 1/6 less.
PRAGMA page_size = 8192;

-- name: journal_mode
PRAGMA journal_mode = WAL;

-- name: synchronous
PRAGMA synchronous = NORMAL;

-- name: temp_store
PRAGMA temp_store = MEMORY; -- no file of a killed process stays

-- name: cache_size
PRAGMA cache_size = -32000;

-- name: wal_autocheckpoint
-- Of pages. Those that change all the time are copied less often than with the usual 1000.
PRAGMA wal_autocheckpoint = 2000;

-- name: journal_size_limit
PRAGMA journal_size_limit = 67108864;

-- name: query_only
PRAGMA query_only = ON;

-- name: begin
BEGIN IMMEDIATE;

-- name: registered
SELECT TRUE FROM orchestrator WHERE id = :id;

-- name: claim.scenario
SELECT TRUE FROM scenario WHERE id = :scenario_id;

-- name: now
SELECT (julianday('now') - 2440587.5) * 86400.0;

-- name: register.lease
UPDATE orchestrator
SET lease = coalesce((julianday('now') - 2440587.5) * 86400.0 + CAST(:lease AS DOUBLE PRECISION), lease)
WHERE id = :id;

-- name: renew
-- One without a lease is about to go.
UPDATE orchestrator
SET lease = (julianday('now') - 2440587.5) * 86400.0 + CAST(:lease AS DOUBLE PRECISION)
WHERE id = :id AND lease > 0;

-- name: store_id
SELECT id FROM store;

-- name: new_store_id
UPDATE store SET id = lower(hex(randomblob(16))) RETURNING id;

-- name: pages
SELECT
    (SELECT page_count FROM pragma_page_count),
    (SELECT freelist_count FROM pragma_freelist_count),
    (SELECT page_size FROM pragma_page_size);

-- name: vacuum
VACUUM;

-- name: checkpoint
PRAGMA wal_checkpoint(TRUNCATE);
