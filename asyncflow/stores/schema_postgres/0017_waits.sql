-- Runs that begin only when all that they read was written.

ALTER TABLE submission ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;

UPDATE store SET schema_version = 17;
