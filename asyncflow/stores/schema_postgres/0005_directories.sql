-- Where the relative path of a data node begins.

ALTER TABLE data_node ADD COLUMN directory TEXT;

UPDATE store SET schema_version = 5;
