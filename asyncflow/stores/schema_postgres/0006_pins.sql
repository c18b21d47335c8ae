-- The versions that runs are to read, whoever drops them meanwhile.

CREATE TABLE pin (
    node_id TEXT NOT NULL,
    number BIGINT NOT NULL, -- of the version that stays until the submission has ended
    submission_id TEXT NOT NULL,
    PRIMARY KEY (node_id, number, submission_id)
);

CREATE INDEX pin_by_submission ON pin (submission_id);

UPDATE store SET schema_version = 6;
