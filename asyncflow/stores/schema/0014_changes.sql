-- What others commit is told to who listens: see `heed` in sqlite.sql.

ALTER TABLE orchestrator ADD COLUMN listens INTEGER NOT NULL DEFAULT 0;

CREATE TABLE change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    maker_id TEXT NOT NULL, -- the orchestrator that did it
    at REAL NOT NULL, -- the same for all of a transaction
    operation TEXT NOT NULL, -- CREATED, UPDATED, DELETED
    entity_id TEXT NOT NULL,
    attributes TEXT NOT NULL -- their names, with commas
);

PRAGMA user_version = 14;
