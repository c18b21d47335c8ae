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

-- name: save_graph
-- As VALUES, of which one statement may have many.
INSERT INTO graph (seq, graph, properties, pickled)
WITH given (graph, properties, pickled, id) AS (VALUES (?, ?, ?, ?))
SELECT submission.seq, given.graph, given.properties, given.pickled
FROM given CROSS JOIN submission USING (id)
WHERE TRUE
ON CONFLICT (seq) DO NOTHING;

-- name: save_first_version
INSERT INTO version (
    node_id, number, is_kept, job_id, editor_id, comment, holder_id, fingerprint, facts,
    path, value
)
WITH given (
    node_id, number, is_kept, job_id, editor_id, comment, holder_id, fingerprint, facts,
    path, value
) AS (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
SELECT * FROM given
WHERE NOT EXISTS (
    SELECT TRUE FROM version WHERE version.node_id = given.node_id AND version.is_kept
)
ON CONFLICT (node_id, number) DO NOTHING;

-- name: registered
-- And whether others listen.
SELECT EXISTS (
    SELECT TRUE FROM orchestrator AS other WHERE other.listens > 0 AND other.id <> :id
)
FROM orchestrator
WHERE id = :id;

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

-- name: listen.old
-- What nobody reads any more.
DELETE FROM change
WHERE NOT EXISTS (SELECT TRUE FROM orchestrator WHERE listens > 0 AND id <> :id);

-- name: data_version
-- Another number after others have committed something.
PRAGMA data_version;

-- name: last_change
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0);

-- name: changes
SELECT number, maker_id, at, operation, entity_id, attributes
FROM change
WHERE number > :since
ORDER BY number
LIMIT 1000;

-- name: trim
-- To the last ones, of the last minutes.
DELETE FROM change
WHERE
    number <= (SELECT max(number) FROM change) - :most
    OR number < (
        SELECT number FROM change
        WHERE at >= (julianday('now') - 2440587.5) * 86400.0 - :seconds
        ORDER BY number
        LIMIT 1
    );

-- name: heed.table
-- While others listen, the connection that writes has triggers, which note what it
-- does: nobody else pays for them.
CREATE TEMP TABLE IF NOT EXISTS heard (maker_id TEXT, at REAL);

-- name: heed.forget
DELETE FROM heard;

-- name: heed.maker
INSERT INTO heard (maker_id, at)
VALUES (:id, (julianday('now') - 2440587.5) * 86400.0);

-- name: heed.scenario_created
CREATE TEMP TRIGGER IF NOT EXISTS scenario_created AFTER INSERT ON main.scenario
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'CREATED', NEW.id, '' FROM heard;
END;

-- name: heed.scenario_updated
CREATE TEMP TRIGGER IF NOT EXISTS scenario_updated AFTER UPDATE ON main.scenario
WHEN
    OLD.name IS NOT NEW.name
    OR OLD.properties IS NOT NEW.properties
    OR OLD.pickled IS NOT NEW.pickled
    OR OLD.tags IS NOT NEW.tags
    OR OLD.sequences IS NOT NEW.sequences
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT
        maker_id, at, 'UPDATED', NEW.id,
        CASE WHEN OLD.name IS NOT NEW.name THEN 'name,' ELSE '' END
        || CASE
            WHEN
                OLD.properties IS NOT NEW.properties
                OR OLD.pickled IS NOT NEW.pickled
                THEN 'properties,'
            ELSE ''
        END
        || CASE WHEN OLD.tags IS NOT NEW.tags THEN 'tags,' ELSE '' END
        || CASE WHEN OLD.sequences IS NOT NEW.sequences THEN 'sequences' ELSE '' END
    FROM heard;
END;

-- name: heed.sequence_changed
-- Of which of its sequences a scenario keeps another thing: where it has kept nothing yet,
-- its config says whether that makes one, or changes one.
CREATE TEMP TRIGGER IF NOT EXISTS sequence_changed AFTER UPDATE ON main.scenario
WHEN OLD.sequences IS NOT NEW.sequences
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT
        maker_id, at,
        CASE
            WHEN after.type IS NULL OR after.type = 'null' THEN 'DELETED'
            WHEN before.type IS NULL OR before.type = 'null' THEN 'CREATED'
            ELSE 'UPDATED'
        END,
        'SEQUENCE_' || part.key || '_' || NEW.id,
        CASE
            WHEN before.type IS NOT 'null' AND after.type = 'object'
                THEN 'tasks,properties'
            ELSE ''
        END
    FROM
        heard
        CROSS JOIN (
            SELECT key FROM json_each(coalesce(nullif(NEW.sequences, ''), '{}'))
            UNION
            SELECT key FROM json_each(coalesce(nullif(OLD.sequences, ''), '{}'))
        ) AS part
        LEFT JOIN json_each(coalesce(nullif(NEW.sequences, ''), '{}')) AS after
            ON after.key = part.key
        LEFT JOIN json_each(coalesce(nullif(OLD.sequences, ''), '{}')) AS before
            ON before.key = part.key
    WHERE
        after.type IS NOT before.type OR after.value IS NOT before.value;
END;

-- name: heed.scenario_deleted
CREATE TEMP TRIGGER IF NOT EXISTS scenario_deleted AFTER DELETE ON main.scenario
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'DELETED', OLD.id, '' FROM heard;
END;

-- name: heed.cycle_created
CREATE TEMP TRIGGER IF NOT EXISTS cycle_created AFTER INSERT ON main.cycle
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'CREATED', NEW.id, '' FROM heard;
END;

-- name: heed.cycle_updated
CREATE TEMP TRIGGER IF NOT EXISTS cycle_updated AFTER UPDATE ON main.cycle
WHEN OLD.primary_id IS NOT NEW.primary_id
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'UPDATED', NEW.id, 'primary_id' FROM heard;
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'UPDATED', NEW.primary_id, 'is_primary'
    FROM heard
    WHERE NEW.primary_id IS NOT NULL;
END;

-- name: heed.cycle_changed
CREATE TEMP TRIGGER IF NOT EXISTS cycle_changed AFTER UPDATE ON main.cycle
WHEN OLD.attributes IS NOT NEW.attributes OR OLD.name IS NOT NEW.name
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT
        maker_id, at, 'UPDATED', NEW.id,
        CASE
            WHEN OLD.name IS NEW.name THEN 'properties'
            WHEN OLD.attributes IS NEW.attributes THEN 'name'
            ELSE 'name,properties'
        END
    FROM heard;
END;

-- name: heed.cycle_deleted
CREATE TEMP TRIGGER IF NOT EXISTS cycle_deleted AFTER DELETE ON main.cycle
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'DELETED', OLD.id, '' FROM heard;
END;

-- name: heed.data_node_created
CREATE TEMP TRIGGER IF NOT EXISTS data_node_created AFTER INSERT ON main.data_node
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'CREATED', NEW.id, '' FROM heard;
END;

-- name: heed.data_node_locked
CREATE TEMP TRIGGER IF NOT EXISTS data_node_locked AFTER UPDATE ON main.data_node
WHEN
    OLD.editor_id IS NOT NEW.editor_id
    OR OLD.editor_expires IS NOT NEW.editor_expires
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT
        maker_id, at, 'UPDATED', NEW.id,
        'editor_id,editor_expiration_date,edit_in_progress'
    FROM heard;
END;

-- name: heed.data_node_updated
CREATE TEMP TRIGGER IF NOT EXISTS data_node_updated AFTER UPDATE ON main.data_node
WHEN OLD.attributes IS NOT NEW.attributes
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT
        maker_id, at, 'UPDATED', NEW.id,
        (
            SELECT coalesce(group_concat(part.key), '')
            FROM json_each(coalesce(nullif(NEW.attributes, ''), '{}')) AS part
            WHERE
                part.atom IS NOT (
                    SELECT before.atom
                    FROM json_each(coalesce(nullif(OLD.attributes, ''), '{}')) AS before
                    WHERE before.key = part.key
                )
        )
    FROM heard;
END;

-- name: heed.data_node_deleted
CREATE TEMP TRIGGER IF NOT EXISTS data_node_deleted AFTER DELETE ON main.data_node
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'DELETED', OLD.id, '' FROM heard;
END;

-- name: heed.data_node_written
CREATE TEMP TRIGGER IF NOT EXISTS data_node_written AFTER INSERT ON main.version
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'UPDATED', NEW.node_id, 'last_edit_date,edits' FROM heard;
END;

-- name: heed.submission_created
CREATE TEMP TRIGGER IF NOT EXISTS submission_created AFTER INSERT ON main.submission
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'CREATED', NEW.id, '' FROM heard;
END;

-- name: heed.submission_updated
CREATE TEMP TRIGGER IF NOT EXISTS submission_updated AFTER UPDATE ON main.submission
WHEN OLD.status IS NOT NEW.status
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'UPDATED', NEW.id, 'submission_status' FROM heard;
END;

-- name: heed.submission_deleted
CREATE TEMP TRIGGER IF NOT EXISTS submission_deleted AFTER DELETE ON main.submission
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'DELETED', OLD.id, '' FROM heard;
END;

-- name: heed.job_created
-- It is saved when it has ended, or has been running for a while.
CREATE TEMP TRIGGER IF NOT EXISTS job_created AFTER INSERT ON main.job
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'CREATED', NEW.id, '' FROM heard;
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'UPDATED', NEW.id, 'status' FROM heard;
END;

-- name: heed.job_updated
CREATE TEMP TRIGGER IF NOT EXISTS job_updated AFTER UPDATE ON main.job
WHEN OLD.status IS NOT NEW.status
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'UPDATED', NEW.id, 'status' FROM heard;
END;

-- name: heed.job_deleted
CREATE TEMP TRIGGER IF NOT EXISTS job_deleted AFTER DELETE ON main.job
BEGIN
    INSERT INTO change (maker_id, at, operation, entity_id, attributes)
    SELECT maker_id, at, 'DELETED', OLD.id, '' FROM heard;
END;

-- name: unheed.scenario_created
DROP TRIGGER IF EXISTS temp.scenario_created;

-- name: unheed.scenario_updated
DROP TRIGGER IF EXISTS temp.scenario_updated;

-- name: unheed.sequence_changed
DROP TRIGGER IF EXISTS temp.sequence_changed;

-- name: unheed.scenario_deleted
DROP TRIGGER IF EXISTS temp.scenario_deleted;

-- name: unheed.cycle_created
DROP TRIGGER IF EXISTS temp.cycle_created;

-- name: unheed.cycle_updated
DROP TRIGGER IF EXISTS temp.cycle_updated;

-- name: unheed.cycle_changed
DROP TRIGGER IF EXISTS temp.cycle_changed;

-- name: unheed.cycle_deleted
DROP TRIGGER IF EXISTS temp.cycle_deleted;

-- name: unheed.data_node_created
DROP TRIGGER IF EXISTS temp.data_node_created;

-- name: unheed.data_node_locked
DROP TRIGGER IF EXISTS temp.data_node_locked;

-- name: unheed.data_node_updated
DROP TRIGGER IF EXISTS temp.data_node_updated;

-- name: unheed.data_node_deleted
DROP TRIGGER IF EXISTS temp.data_node_deleted;

-- name: unheed.data_node_written
DROP TRIGGER IF EXISTS temp.data_node_written;

-- name: unheed.submission_created
DROP TRIGGER IF EXISTS temp.submission_created;

-- name: unheed.submission_updated
DROP TRIGGER IF EXISTS temp.submission_updated;

-- name: unheed.submission_deleted
DROP TRIGGER IF EXISTS temp.submission_deleted;

-- name: unheed.job_created
DROP TRIGGER IF EXISTS temp.job_created;

-- name: unheed.job_updated
DROP TRIGGER IF EXISTS temp.job_updated;

-- name: unheed.job_deleted
DROP TRIGGER IF EXISTS temp.job_deleted;

-- name: find_values.written
-- From the first search on, what is written of such data nodes is found by its value.
CREATE TRIGGER IF NOT EXISTS value_written AFTER INSERT ON version
WHEN NEW.is_kept
BEGIN
    DELETE FROM findable WHERE node_id = NEW.node_id;
    INSERT INTO findable (
        node_id, config_id, head, creation_date, seq, owner_id, version
    )
    SELECT
        data_node.id, data_node.config_id, substr(NEW.value, 1, 256),
        coalesce(scenario.creation_date, 0.0), coalesce(scenario.seq, -data_node.seq),
        data_node.owner_id, NEW.seq
    FROM
        data_node
        JOIN searched ON searched.config_id = data_node.config_id
        LEFT JOIN scenario ON scenario.id = data_node.owner_id
    WHERE data_node.id = NEW.node_id AND NEW.value IS NOT NULL;
END;

-- name: find_values.dropped
CREATE TRIGGER IF NOT EXISTS value_dropped AFTER UPDATE ON version
WHEN OLD.is_kept AND NOT NEW.is_kept
BEGIN
    DELETE FROM findable WHERE node_id = OLD.node_id AND version = OLD.seq;
END;

-- name: find_values.deleted
CREATE TRIGGER IF NOT EXISTS value_deleted AFTER DELETE ON data_node
BEGIN
    DELETE FROM findable WHERE node_id = OLD.id;
END;

-- name: sizes
-- What was printed, by the last thousand logs: to read all of them may take minutes.
SELECT 'database', page_count * page_size FROM pragma_page_count, pragma_page_size
UNION ALL
SELECT 'logs', coalesce(avg(length(CAST(text AS BLOB))), 0) * (SELECT count(*) FROM log)
FROM (SELECT text FROM log ORDER BY seq DESC LIMIT 1000)
UNION ALL
SELECT 'values', coalesce(sum(length(value)), 0) FROM version WHERE value IS NOT NULL;
