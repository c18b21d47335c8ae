-- What only the PostgreSQL store asks; see records.sql. Others write at the same time: what
-- a transaction has checked is locked until its end.

-- name: session
SELECT
    set_config('search_path', 'asyncflow', FALSE),
    -- What a list is led by is joined row by row: pages are in memory, or on a fast disk.
    set_config('random_page_cost', '1.1', FALSE),
    -- A statement takes less time than it takes to be compiled.
    set_config('jit', 'off', FALSE),
    set_config('lock_timeout', '60s', FALSE),
    -- Who stands still in a transaction holds up those who would adopt its runs.
    set_config('idle_in_transaction_session_timeout', '60s', FALSE);

-- name: read_only
SELECT set_config('default_transaction_read_only', 'on', FALSE);

-- name: identify
SELECT
    current_setting('server_encoding'),
    to_regclass('asyncflow.store') IS NOT NULL,
    (
        SELECT count(*)
        FROM pg_catalog.pg_class
        WHERE relnamespace = to_regnamespace('asyncflow')
    ),
    to_regnamespace('asyncflow') IS NOT NULL;

-- name: schema_version
SELECT schema_version, id FROM asyncflow.store;

-- name: one_migrates
SELECT pg_advisory_xact_lock(1634952812);

-- name: make_schema
CREATE SCHEMA asyncflow;

-- name: registered
-- And whether others listen.
SELECT EXISTS (
    SELECT TRUE FROM orchestrator AS other WHERE other.listens > 0 AND other.id <> :id
)
FROM orchestrator
WHERE id = :id
FOR KEY SHARE;

-- name: take_turn
-- Until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended(:id, 1634952812)) IS NOT NULL;

-- name: adopt.lock
SELECT TRUE FROM orchestrator WHERE id = :dead_id FOR UPDATE;

-- name: claim.scenario
SELECT TRUE FROM scenario WHERE id = :scenario_id FOR KEY SHARE;

-- name: absent.lock
SELECT TRUE FROM data_node WHERE id = :id FOR KEY SHARE;

-- name: unread.lock
SELECT TRUE FROM data_node WHERE id = :id FOR KEY SHARE;

-- name: unread.scenario
-- So that no submission of it comes in between.
SELECT TRUE FROM scenario
WHERE id = (SELECT owner_id FROM data_node WHERE id = :id)
FOR UPDATE;

-- name: delete.lock
-- Before their versions go: others may be writing one.
SELECT TRUE FROM data_node
WHERE id IN (
    SELECT id FROM data_node WHERE id = :id
    UNION ALL
    SELECT id FROM data_node WHERE owner_id = :id
    UNION ALL
    SELECT data_node.id
    FROM data_node JOIN last_scenario ON data_node.owner_id = last_scenario.cycle_id
    WHERE last_scenario.id = :id
)
ORDER BY id
FOR UPDATE;

-- name: unfinished.scenario
SELECT TRUE FROM scenario WHERE id = :id FOR UPDATE;

-- name: unfinished.cycle
-- Before it is asked whether it has others, which may be made just now.
SELECT TRUE FROM cycle
WHERE id = (SELECT cycle_id FROM scenario WHERE id = :id)
FOR UPDATE;

-- name: promote.lock
SELECT TRUE FROM cycle
WHERE id = (SELECT cycle_id FROM scenario WHERE id = :id)
FOR UPDATE;

-- name: now
SELECT CAST(extract(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION);

-- name: register.lease
UPDATE orchestrator
SET lease = coalesce(CAST(extract(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION) + CAST(:lease AS DOUBLE PRECISION), lease)
WHERE id = :id;

-- name: renew
-- One without a lease is about to go.
UPDATE orchestrator
SET lease = CAST(extract(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION) + CAST(:lease AS DOUBLE PRECISION)
WHERE id = :id AND lease > 0;

-- name: new_store_id
UPDATE store SET id = replace(gen_random_uuid()::text, '-', '') RETURNING id;

-- name: server
SELECT system_identifier::text FROM pg_control_system();

-- name: database
SELECT oid::text FROM pg_database WHERE datname = current_database();

-- name: heed.maker
-- Until the end of the transaction: the triggers tell what it does.
SELECT set_config('asyncflow.heard', :id, TRUE);

-- name: hear
LISTEN asyncflow_change;

-- name: find_values.lock
-- Nobody writes a value that is neither found here nor by the triggers.
LOCK TABLE version IN SHARE ROW EXCLUSIVE MODE;

-- name: find_values.triggers
SELECT watch_values();

-- name: save_graph
INSERT INTO graph (seq, graph, properties, pickled)
SELECT seq, ?, ?, ? FROM submission WHERE id = ?
ON CONFLICT (seq) DO NOTHING;

-- name: save_first_version
INSERT INTO version (
    node_id, number, is_kept, job_id, editor_id, comment, holder_id, fingerprint, facts,
    path, value
)
SELECT *
FROM (
    VALUES (
        CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BOOLEAN), CAST(? AS TEXT),
        CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
        CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BYTEA)
    )
) AS given (
    node_id, number, is_kept, job_id, editor_id, comment, holder_id, fingerprint, facts,
    path, value
)
WHERE NOT EXISTS (
    SELECT TRUE FROM version WHERE version.node_id = given.node_id AND version.is_kept
)
ON CONFLICT (node_id, number) DO NOTHING;

-- name: sizes
WITH sized (name, size) AS (
    SELECT relname::text, pg_total_relation_size(oid)::bigint
    FROM pg_catalog.pg_class
    WHERE relnamespace = to_regnamespace('asyncflow') AND relkind = 'r'
)
SELECT 'database', coalesce(sum(size), 0)::bigint FROM sized
UNION ALL
SELECT 'logs', coalesce(sum(size), 0)::bigint FROM sized WHERE name = 'log'
UNION ALL
SELECT 'values', coalesce(sum(size), 0)::bigint FROM sized WHERE name = 'version'
UNION ALL
(SELECT name, size FROM sized ORDER BY size DESC, name);
