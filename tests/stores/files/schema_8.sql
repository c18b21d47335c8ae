PRAGMA application_id = 1634952812;
BEGIN TRANSACTION;
CREATE TABLE basis (
    seq INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    scenario_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    inputs TEXT NOT NULL, -- JSON: for each config id the number of a version
    outputs TEXT NOT NULL -- likewise
);
INSERT INTO "basis" VALUES(1,'TASK_double_SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','4-cpython-311:525c3555bc5253db283d3a208ee5240f:f7e92701','{"number": [1795804694580011440, "18c752d355c029fd461a68a9178f76b7"]}','{"doubled": 1795804694748102152}');
CREATE TABLE data_node (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    owner_id TEXT,
    editor_id TEXT,
    editor_expires REAL,
    directory TEXT -- where a relative path begins, seen from the folder of the store
);
INSERT INTO "data_node" VALUES(1,'DATANODE_number_01a21e4d08330684191ff1f2863aef99','number','SCENARIO_sales_01a21e4d08330684191ff1f2863aef99',NULL,NULL,NULL);
INSERT INTO "data_node" VALUES(2,'DATANODE_doubled_01a21e4d08330684191ff1f2863aef99','doubled','SCENARIO_sales_01a21e4d08330684191ff1f2863aef99',NULL,NULL,NULL);
INSERT INTO "data_node" VALUES(3,'DATANODE_rate_GLOBAL','rate',NULL,'ann',NULL,NULL);
INSERT INTO "data_node" VALUES(4,'DATANODE_total_01a21e4d08330684191ff1f2863aef99','total','SCENARIO_sales_01a21e4d08330684191ff1f2863aef99',NULL,NULL,NULL);
INSERT INTO "data_node" VALUES(5,'DATANODE_shared_CYCLE','shared',NULL,NULL,NULL,NULL);
INSERT INTO "data_node" VALUES(6,'DATANODE_number_01a21e4d08e0542cc5099310842655ee','number','SCENARIO_sales_01a21e4d08e0542cc5099310842655ee',NULL,NULL,NULL);
INSERT INTO "data_node" VALUES(7,'DATANODE_doubled_01a21e4d08e0542cc5099310842655ee','doubled','SCENARIO_sales_01a21e4d08e0542cc5099310842655ee',NULL,NULL,NULL);
INSERT INTO "data_node" VALUES(8,'DATANODE_total_01a21e4d08e0542cc5099310842655ee','total','SCENARIO_sales_01a21e4d08e0542cc5099310842655ee',NULL,NULL,NULL);
CREATE TABLE graph (
    seq INTEGER PRIMARY KEY, -- that of the submission
    graph TEXT NOT NULL,
    properties TEXT NOT NULL,
    pickled BLOB
);
INSERT INTO "graph" VALUES(1,'[["double",["number"],["doubled"]],["add",["doubled","rate"],["total"]]]','{}',NULL);
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
    peak_rss INTEGER
);
INSERT INTO "job" VALUES(1,'JOB_double_01a21e4d08356722f5c42ee66dd8eee3','TASK_double_SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','SUBMISSION_01a21e4d08356722f5c42ee66dd8eee3','COMPLETED','it has not run yet',1.79580469474788284294e+09,1.79580469474813032154e+09,'','',NULL,NULL);
INSERT INTO "job" VALUES(2,'JOB_add_01a21e4d08356722f5c42ee66dd8eee3','TASK_add_SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','SUBMISSION_01a21e4d08356722f5c42ee66dd8eee3','COMPLETED','',1.79580469474844765668e+09,1.79580469474851632115e+09,'','',NULL,NULL);
CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    left_out INTEGER NOT NULL
);
CREATE TABLE maker (
    id TEXT NOT NULL PRIMARY KEY -- of an orchestrator, with which names of files begin
);
CREATE TABLE orchestrator (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    address TEXT NOT NULL,
    lease REAL NOT NULL
);
CREATE TABLE pin (
    node_id TEXT NOT NULL,
    number INTEGER NOT NULL, -- of the version that stays until the submission has ended
    submission_id TEXT NOT NULL,
    PRIMARY KEY (node_id, number, submission_id)
);
CREATE TABLE scenario (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config_id TEXT NOT NULL,
    name TEXT,
    creation_date REAL NOT NULL, -- seconds since the epoch, as all times here
    properties NOT NULL, -- JSON, or '' and pickled
    pickled BLOB
);
INSERT INTO "scenario" VALUES(1,'SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','sales','one',1767312000.0,'{"unit": "kg", "region": "EU"}',NULL);
INSERT INTO "scenario" VALUES(2,'SCENARIO_sales_01a21e4d08e0542cc5099310842655ee','sales','two',1769990400.0,'',X'8005951E000000000000007D94288C04756E6974948C026B67948C047768656E944B014B028694752E');
CREATE TABLE store (
    id TEXT NOT NULL -- tells it from others, for its folder of values
);
INSERT INTO "store" VALUES('de9c904c6da17cb5dcac79947dfa41b8');
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
    ended_jobs INTEGER NOT NULL DEFAULT 0 -- and how many had ended then
);
INSERT INTO "submission" VALUES(1,'SUBMISSION_01a21e4d08356722f5c42ee66dd8eee3','SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','SCENARIO_sales_01a21e4d08330684191ff1f2863aef99','ORCHESTRATOR_bfe10f11a58d','COMPLETED',1.79580469458101701736e+09,1.79580469474854421615e+09,'',0,'continue',0.0,NULL,0,0);
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
INSERT INTO "version" VALUES(1,'DATANODE_number_01a21e4d08330684191ff1f2863aef99',1795804694580011440,1,NULL,NULL,'default data',NULL,NULL,X'80054B152E');
INSERT INTO "version" VALUES(2,'DATANODE_rate_GLOBAL',1795804694580019603,1,NULL,NULL,'default data',NULL,NULL,X'80054B0A2E');
INSERT INTO "version" VALUES(3,'DATANODE_shared_CYCLE',1795804694580021575,1,NULL,NULL,'default data',NULL,NULL,X'8005950D000000000000008C096F66206265666F7265942E');
INSERT INTO "version" VALUES(4,'DATANODE_doubled_01a21e4d08330684191ff1f2863aef99',1795804694748102152,1,'JOB_double_01a21e4d08356722f5c42ee66dd8eee3',NULL,'',NULL,NULL,X'80054B2A2E');
INSERT INTO "version" VALUES(5,'DATANODE_total_01a21e4d08330684191ff1f2863aef99',1795804694748508436,1,'JOB_add_01a21e4d08356722f5c42ee66dd8eee3',NULL,'',NULL,NULL,X'80054B342E');
INSERT INTO "version" VALUES(6,'DATANODE_number_01a21e4d08e0542cc5099310842655ee',1795804694753191957,1,NULL,NULL,'default data',NULL,NULL,X'80054B152E');
INSERT INTO "version" VALUES(7,'DATANODE_number_01a21e4d08e0542cc5099310842655ee',1795804694754012969,1,NULL,NULL,'by hand',NULL,NULL,X'80054B052E');
CREATE INDEX scenario_by_date ON scenario (creation_date);
CREATE INDEX scenario_by_config ON scenario (config_id, creation_date);
CREATE INDEX scenario_by_name ON scenario (name, creation_date) WHERE name IS NOT NULL;
CREATE INDEX data_node_by_owner ON data_node (owner_id) WHERE owner_id IS NOT NULL;
CREATE UNIQUE INDEX version_by_node ON version (node_id, number);
CREATE INDEX version_by_holder ON version (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX version_by_path ON version (path) WHERE path IS NOT NULL;
CREATE INDEX submission_by_entity ON submission (entity_id);
CREATE INDEX submission_by_scenario ON submission (scenario_id);
CREATE INDEX submission_by_status ON submission (status);
CREATE INDEX submission_unfinished ON submission (orchestrator_id)
WHERE finished_at IS NULL;
CREATE INDEX job_by_submission ON job (submission_id);
CREATE INDEX job_by_task ON job (task_id);
CREATE INDEX job_by_status ON job (status);
CREATE INDEX basis_by_scenario ON basis (scenario_id);
CREATE INDEX pin_by_submission ON pin (submission_id);
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
PRAGMA user_version = 8;
COMMIT;
