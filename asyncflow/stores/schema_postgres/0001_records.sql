-- One table for each kind of record, in a schema of our own. `seq` is the order of the
-- first save. No foreign keys: a record may be saved before what it refers to, and another
-- process may have deleted that; neither may stop the writer. Texts that PostgreSQL cannot
-- keep are escaped. Times are in seconds since the epoch.

CREATE TABLE store (
    schema_version INTEGER NOT NULL,
    id TEXT NOT NULL -- tells its values from other stores'
);

INSERT INTO store VALUES (0, replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE scenario (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    name TEXT,
    creation_date DOUBLE PRECISION NOT NULL,
    properties TEXT NOT NULL, -- JSON, or '' and pickled
    pickled BYTEA
);

CREATE INDEX scenario_by_date ON scenario (creation_date, seq);
CREATE INDEX scenario_by_config ON scenario (config_id, creation_date, seq);
CREATE INDEX scenario_by_name ON scenario USING hash (name); -- of any length

CREATE TABLE data_node (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    owner_id TEXT,
    editor_id TEXT,
    editor_expires DOUBLE PRECISION
);

CREATE INDEX data_node_by_owner ON data_node (owner_id, seq)
WHERE owner_id IS NOT NULL;

CREATE TABLE version (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    is_kept BOOLEAN NOT NULL,
    job_id TEXT,
    editor_id TEXT,
    comment TEXT NOT NULL,
    holder_id TEXT,
    path TEXT, -- the name of the file of a large value,
    value BYTEA, -- or a small one itself; neither: the driver knows
    UNIQUE (node_id, number)
);

CREATE INDEX version_by_holder ON version (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX version_with_path ON version (seq) WHERE path IS NOT NULL;

CREATE TABLE submission (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    entity_id TEXT NOT NULL,
    scenario_id TEXT NOT NULL,
    orchestrator_id TEXT NOT NULL,
    status TEXT NOT NULL,
    submitted_at DOUBLE PRECISION NOT NULL,
    finished_at DOUBLE PRECISION,
    reason TEXT NOT NULL,
    force BOOLEAN NOT NULL,
    on_failure TEXT NOT NULL
);

CREATE INDEX submission_by_entity ON submission (entity_id, seq);
CREATE INDEX submission_by_scenario ON submission (scenario_id, seq);
CREATE INDEX submission_by_status ON submission (status, seq);
CREATE INDEX submission_unfinished ON submission (orchestrator_id, seq)
WHERE finished_at IS NULL;

CREATE TABLE graph (
    seq BIGINT PRIMARY KEY, -- that of the submission
    graph TEXT NOT NULL,
    properties TEXT NOT NULL, -- as a scenario's
    pickled BYTEA
);

CREATE TABLE job (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    submission_id TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    run_at DOUBLE PRECISION,
    finished_at DOUBLE PRECISION,
    traceback TEXT NOT NULL
);

CREATE INDEX job_by_submission ON job (submission_id, seq);
CREATE INDEX job_by_task ON job (task_id, seq);
CREATE INDEX job_by_status ON job (status, seq);

CREATE TABLE basis (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    scenario_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    inputs TEXT NOT NULL, -- JSON: for each config id the number of a version
    outputs TEXT NOT NULL -- likewise
);

CREATE INDEX basis_by_scenario ON basis (scenario_id);

CREATE TABLE orchestrator (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    started TEXT NOT NULL,
    address TEXT NOT NULL,
    lease DOUBLE PRECISION NOT NULL
);

UPDATE store SET schema_version = 1;
