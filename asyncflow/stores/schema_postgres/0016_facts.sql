-- What who writes by hand says of a value is kept with it.

ALTER TABLE version ADD COLUMN facts TEXT;

UPDATE store SET schema_version = 16;
