-- What a new SQLite file gets at once: the same as by all migrations, which a test holds.
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
    properties NOT NULL, -- JSON, or '' and pickled
    pickled BLOB,
    tags TEXT NOT NULL DEFAULT '[]', -- JSON
    revision INTEGER NOT NULL DEFAULT 0, -- another one with each change
    cycle_id TEXT,
    sequences TEXT NOT NULL DEFAULT '', -- JSON: what was changed of them
    version TEXT -- of the application
);

CREATE INDEX scenario_by_date ON scenario (creation_date);
CREATE INDEX scenario_by_config ON scenario (config_id, creation_date);
CREATE INDEX scenario_by_name ON scenario (name, creation_date) WHERE name IS NOT NULL;
CREATE INDEX scenario_by_order_of_names
ON scenario (substr(coalesce(name, ''), 1, 200), creation_date);
CREATE INDEX scenario_by_tags ON scenario (rtrim(tags, ']'), creation_date);
CREATE INDEX scenario_by_version ON scenario (version, creation_date)
WHERE version IS NOT NULL;
CREATE INDEX scenario_by_cycle ON scenario (cycle_id, creation_date)
WHERE cycle_id IS NOT NULL;

CREATE TABLE versions (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_production INTEGER NOT NULL,
    config TEXT NOT NULL, -- JSON: what was declared, where that is compared
    creation_date REAL NOT NULL
);

CREATE TABLE cycle (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    frequency TEXT NOT NULL,
    start_date REAL NOT NULL,
    end_date REAL NOT NULL, -- the first instant that is not in it
    creation_date REAL NOT NULL,
    primary_id TEXT,
    primary_date REAL, -- the creation date of its primary scenario
    attributes TEXT NOT NULL DEFAULT '', -- JSON: properties of the user's; '' for none
    revision INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX cycle_by_start ON cycle (start_date);
CREATE INDEX cycle_by_primary ON cycle (primary_id);
CREATE INDEX cycle_by_primary_date ON cycle (primary_date);

-- What goes with a scenario when that is deleted.
CREATE VIEW last_scenario AS
SELECT id, cycle_id
FROM scenario
WHERE
    cycle_id IS NOT NULL
    AND NOT EXISTS (
        SELECT TRUE FROM scenario AS other
        WHERE other.cycle_id = scenario.cycle_id AND other.id <> scenario.id
    );

CREATE TABLE tag (
    name TEXT NOT NULL,
    creation_date REAL NOT NULL,
    seq INTEGER NOT NULL, -- both of the scenario that has it
    PRIMARY KEY (name, creation_date, seq)
) WITHOUT ROWID;

CREATE INDEX tag_by_scenario ON tag (seq);

CREATE TABLE property (
    name TEXT NOT NULL,
    value TEXT NOT NULL, -- a text after a quotation mark, a number, true, false, null
    creation_date REAL NOT NULL,
    seq INTEGER NOT NULL, -- both of the scenario that has it
    PRIMARY KEY (name, value, creation_date, seq)
) WITHOUT ROWID;

CREATE INDEX property_by_scenario ON property (seq);

CREATE TABLE searched (
    config_id TEXT NOT NULL PRIMARY KEY,
    filled INTEGER -- the last data node whose value is in the index; NULL when all are
);

CREATE TABLE findable (
    node_id TEXT NOT NULL PRIMARY KEY,
    config_id TEXT NOT NULL,
    head BLOB NOT NULL, -- of the value: its first bytes
    creation_date REAL NOT NULL,
    seq INTEGER NOT NULL, -- both of the scenario that has it; less than 0 where many do
    owner_id TEXT,
    version INTEGER NOT NULL -- its seq
);

CREATE INDEX findable_by_value ON findable (config_id, head, creation_date, seq);

CREATE TABLE data_node (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    owner_id TEXT,
    editor_id TEXT,
    editor_expires REAL,
    directory TEXT, -- where a relative path begins, seen from the folder of the store
    attributes TEXT NOT NULL DEFAULT '', -- JSON: what was changed; '' for nothing
    revision INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX data_node_by_owner ON data_node (owner_id) WHERE owner_id IS NOT NULL;
-- Whose owner is a cycle, or nobody: by what comes before all dates.
CREATE INDEX data_node_shared ON data_node ((CAST(seq AS DOUBLE PRECISION) - 9e15))
WHERE coalesce(owner_id, '') < 'S';

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
    value BLOB, -- or a small one itself; neither: the driver knows
    fingerprint TEXT, -- of what is in a place of the user's
    facts TEXT -- JSON: what else was said of it
);

CREATE UNIQUE INDEX version_by_node ON version (node_id, number);
CREATE INDEX version_by_holder ON version (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX version_by_path ON version (path) WHERE path IS NOT NULL;

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
    on_failure TEXT NOT NULL,
    priority REAL NOT NULL DEFAULT 0.0,
    run_timeout REAL,
    crashes INTEGER NOT NULL DEFAULT 0, -- of orchestrators, since a job last ended,
    ended_jobs INTEGER NOT NULL DEFAULT 0, -- and how many had ended then
    waits INTEGER NOT NULL DEFAULT 0, -- until all that it reads was written
    paused INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX submission_by_entity ON submission (entity_id);
CREATE INDEX submission_by_scenario ON submission (scenario_id);
CREATE INDEX submission_by_status ON submission (status);
CREATE INDEX submission_by_reason ON submission (seq, reason) WHERE reason <> '';
CREATE INDEX submission_unfinished ON submission (orchestrator_id)
WHERE finished_at IS NULL;

CREATE TABLE graph (
    seq INTEGER PRIMARY KEY, -- that of the submission
    graph TEXT NOT NULL,
    properties TEXT NOT NULL,
    pickled BLOB
);

CREATE TABLE job (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    submission_id TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    run_at REAL,
    finished_at REAL,
    traceback TEXT NOT NULL,
    attempts TEXT NOT NULL DEFAULT '', -- JSON; '' for none
    cpu_seconds REAL,
    peak_rss INTEGER,
    worker TEXT
);

CREATE INDEX job_by_submission ON job (submission_id);
CREATE INDEX job_by_task ON job (task_id);
CREATE INDEX job_by_status ON job (status);
CREATE INDEX job_by_failure ON job (status, submission_id, reason)
WHERE status = 'FAILED';

CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    left_out INTEGER NOT NULL
);

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
    lease REAL NOT NULL,
    listens INTEGER NOT NULL DEFAULT 0 -- to what others do
);

CREATE TABLE change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    maker_id TEXT NOT NULL, -- the orchestrator that did it
    at REAL NOT NULL, -- the same for all of a transaction
    operation TEXT NOT NULL, -- CREATED, UPDATED, DELETED
    entity_id TEXT NOT NULL,
    attributes TEXT NOT NULL -- their names, with commas
);

CREATE TABLE store (
    id TEXT NOT NULL, -- tells it from others, for its folder of values
    time_zone TEXT -- of its cycles
);

INSERT INTO store VALUES (lower(hex(randomblob(16))), NULL);

CREATE TABLE maker (
    id TEXT NOT NULL PRIMARY KEY -- of an orchestrator, with which names of files begin
);

CREATE TABLE pin (
    node_id TEXT NOT NULL,
    number INTEGER NOT NULL, -- of the version that stays until the submission has ended
    submission_id TEXT NOT NULL,
    PRIMARY KEY (node_id, number, submission_id)
);

CREATE INDEX pin_by_submission ON pin (submission_id);

-- What goes when a submission is unpinned: it is not kept, and pinned for no other.
CREATE VIEW last_pin AS
SELECT pin.submission_id, version.seq, version.path
FROM pin JOIN version USING (node_id, number)
WHERE
    NOT version.is_kept
    AND NOT EXISTS (
        SELECT TRUE FROM pin AS other
        WHERE
            other.node_id = pin.node_id
            AND other.number = pin.number
            AND other.submission_id <> pin.submission_id
    );

CREATE TABLE input (
    submission_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    path TEXT, -- the name of the file of a large value,
    value BLOB, -- or a small one itself
    PRIMARY KEY (submission_id, node_id)
);

CREATE INDEX input_by_path ON input (path) WHERE path IS NOT NULL;

PRAGMA user_version = 28;
