-- What was in a place of the user's when a version of it was made.

ALTER TABLE version ADD COLUMN fingerprint TEXT;

UPDATE store SET schema_version = 10;
