-- Versions in a table of their own, locks, bases, orchestrators. The graph and the
-- properties of a submission are apart from what changes: SQLite writes a row as a whole.

CREATE TABLE version (
    seq INTEGER PRIMARY KEY,
    node_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    is_kept INTEGER NOT NULL,
    job_id TEXT,
    editor_id TEXT,
    comment TEXT NOT NULL,
    holder_id TEXT,
    path TEXT, -- the name of the file of a large value,
    value BLOB -- or a small one itself; neither: the driver knows
);

-- A file of version 1 was in a temporary folder, and ended with that.
INSERT INTO version
    (node_id, number, is_kept, job_id, editor_id, comment, holder_id, path, value)
SELECT
    id,
    coalesce(CAST(edited_at * 1e9 AS INTEGER), version),
    path IS NULL,
    job_id,
    NULL,
    '',
    NULL,
    NULL,
    value
FROM data_node
WHERE version IS NOT NULL
ORDER BY seq;

CREATE UNIQUE INDEX version_by_node ON version (node_id, number);
CREATE INDEX version_by_holder ON version (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX version_by_path ON version (path) WHERE path IS NOT NULL;

ALTER TABLE data_node DROP COLUMN version;
ALTER TABLE data_node DROP COLUMN edited_at;
ALTER TABLE data_node DROP COLUMN job_id;
ALTER TABLE data_node DROP COLUMN value;
ALTER TABLE data_node DROP COLUMN path;
ALTER TABLE data_node ADD COLUMN editor_id TEXT;
ALTER TABLE data_node ADD COLUMN editor_expires REAL;

-- Properties are JSON, or '' and pickled.
ALTER TABLE scenario ADD COLUMN pickled BLOB;

UPDATE scenario
SET properties = '', pickled = properties
WHERE typeof(properties) = 'blob';

ALTER TABLE submission RENAME TO old_submission;

CREATE TABLE submission (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    entity_id TEXT NOT NULL,
    scenario_id TEXT NOT NULL,
    orchestrator_id TEXT NOT NULL,
    status TEXT NOT NULL,
    submitted_at REAL NOT NULL,
    finished_at REAL,
    reason TEXT NOT NULL,
    force INTEGER NOT NULL,
    on_failure TEXT NOT NULL
);

CREATE TABLE graph (
    seq INTEGER PRIMARY KEY, -- that of the submission
    graph TEXT NOT NULL,
    properties TEXT NOT NULL,
    pickled BLOB
);

-- In version 1 a run ended with its process, and its graph was not kept.
INSERT INTO submission
SELECT
    seq,
    id,
    entity_id,
    CASE
        WHEN entity_id LIKE 'SEQUENCE!_%' ESCAPE '!' THEN
            substr(entity_id, instr(entity_id, '_SCENARIO_') + 1)
        WHEN entity_id LIKE 'TASK!_%' ESCAPE '!' THEN
            coalesce(
                (
                    SELECT scenario.id
                    FROM scenario
                    WHERE substr(scenario.id, -32) = substr(entity_id, -32)
                ),
                entity_id
            )
        ELSE entity_id
    END,
    '',
    CASE WHEN finished_at IS NULL THEN 'CANCELED' ELSE status END,
    submitted_at,
    coalesce(finished_at, submitted_at),
    CASE WHEN finished_at IS NULL THEN 'its process ended' ELSE '' END,
    FALSE,
    'continue'
FROM old_submission;

INSERT INTO graph
SELECT
    seq,
    '[]',
    iif(typeof(properties) = 'blob', '', properties),
    iif(typeof(properties) = 'blob', properties, NULL)
FROM old_submission;

DROP TABLE old_submission;

CREATE INDEX submission_by_entity ON submission (entity_id);
CREATE INDEX submission_by_scenario ON submission (scenario_id);
CREATE INDEX submission_by_status ON submission (status);
CREATE INDEX submission_unfinished ON submission (orchestrator_id)
WHERE finished_at IS NULL;

CREATE TABLE basis (
    seq INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    scenario_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    inputs TEXT NOT NULL, -- JSON: for each config id the number of a version
    outputs TEXT NOT NULL -- likewise
);

CREATE INDEX basis_by_scenario ON basis (scenario_id);

CREATE TABLE orchestrator (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    address TEXT NOT NULL,
    lease REAL NOT NULL
);

PRAGMA user_version = 2;
