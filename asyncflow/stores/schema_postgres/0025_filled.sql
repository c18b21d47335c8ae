-- The index of values grows by parts: up to this data node; NULL when it is whole.

ALTER TABLE searched ADD COLUMN filled BIGINT;

UPDATE store SET schema_version = 25;
