-- What is changed of scenarios and data nodes after they were made; the tags of scenarios.

ALTER TABLE scenario ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE scenario ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

ALTER TABLE data_node ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
ALTER TABLE data_node ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

CREATE TABLE tag (
    name TEXT NOT NULL,
    creation_date DOUBLE PRECISION NOT NULL,
    seq BIGINT NOT NULL, -- both of the scenario that has it
    PRIMARY KEY (name, creation_date, seq)
);

CREATE INDEX tag_by_scenario ON tag (seq);

UPDATE store SET schema_version = 8;
