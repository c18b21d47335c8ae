-- What is changed of scenarios and data nodes after they were made; the tags of scenarios.

ALTER TABLE scenario ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE scenario ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

ALTER TABLE data_node ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
ALTER TABLE data_node ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

CREATE TABLE tag (
    name TEXT NOT NULL,
    creation_date REAL NOT NULL,
    seq INTEGER NOT NULL, -- both of the scenario that has it
    PRIMARY KEY (name, creation_date, seq)
) WITHOUT ROWID;

CREATE INDEX tag_by_scenario ON tag (seq);

PRAGMA user_version = 9;
