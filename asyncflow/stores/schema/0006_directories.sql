-- Where the relative path of a data node begins, seen from the folder of the store.

ALTER TABLE data_node ADD COLUMN directory TEXT;

PRAGMA user_version = 6;
