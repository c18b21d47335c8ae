-- Runs are found by a text in their reasons: most have none.

CREATE INDEX submission_by_reason ON submission (seq) WHERE reason <> '';

UPDATE store SET schema_version = 21;
