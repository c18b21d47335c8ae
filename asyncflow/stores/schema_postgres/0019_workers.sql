-- Where jobs ran: the host and the id of the process.

ALTER TABLE job ADD COLUMN worker TEXT;

UPDATE store SET schema_version = 19;
