-- Versions of an application: labels of scenarios, and what they were declared as.

ALTER TABLE scenario ADD COLUMN version TEXT;

CREATE INDEX scenario_by_version ON scenario (version, creation_date)
WHERE version IS NOT NULL;

CREATE TABLE versions (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_production INTEGER NOT NULL,
    config TEXT NOT NULL, -- JSON: what was declared, where that is compared
    creation_date REAL NOT NULL
);

PRAGMA user_version = 15;
