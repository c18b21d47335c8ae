-- The values that submissions were given.

CREATE TABLE input (
    submission_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    path TEXT, -- the name of the file of a large value,
    value BYTEA, -- or a small one itself
    PRIMARY KEY (submission_id, node_id)
);

CREATE INDEX input_by_path ON input (path) WHERE path IS NOT NULL;

UPDATE store SET schema_version = 9;
