-- One table for each kind of record. `seq` is the order of the first save. No foreign
-- keys: a record may be saved before what it refers to, and another process may have
-- deleted that; neither may stop the writer.

-- Tells our files from other programs' ("asfl").
PRAGMA application_id = 1634952812;

CREATE TABLE scenario (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    name TEXT,
    creation_date REAL NOT NULL, -- seconds since the epoch, as all times here
    properties NOT NULL -- JSON as text, or a pickle as blob
);

CREATE INDEX scenario_by_date ON scenario (creation_date);
CREATE INDEX scenario_by_config ON scenario (config_id, creation_date);
CREATE INDEX scenario_by_name ON scenario (name, creation_date) WHERE name IS NOT NULL;

CREATE TABLE data_node (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    owner_id TEXT,
    version INTEGER,
    edited_at REAL,
    job_id TEXT,
    value BLOB, -- a small value itself,
    path TEXT -- or the file of a large one; neither: the driver knows
);

CREATE INDEX data_node_by_owner ON data_node (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE submission (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    entity_id TEXT NOT NULL,
    status TEXT NOT NULL,
    submitted_at REAL NOT NULL,
    finished_at REAL,
    properties NOT NULL -- as a scenario's
);

CREATE INDEX submission_by_entity ON submission (entity_id);
CREATE INDEX submission_by_status ON submission (status);

CREATE TABLE job (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    submission_id TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    run_at REAL,
    finished_at REAL,
    traceback TEXT NOT NULL
);

CREATE INDEX job_by_submission ON job (submission_id);
CREATE INDEX job_by_task ON job (task_id);
CREATE INDEX job_by_status ON job (status);

PRAGMA user_version = 1;
