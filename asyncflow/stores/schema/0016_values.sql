-- Scenarios are found by small values of their data nodes: those of the configs that somebody
-- has searched. Who never does so pays nothing: the triggers are made by the first search.

CREATE TABLE searched (
    config_id TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE findable (
    node_id TEXT NOT NULL PRIMARY KEY,
    config_id TEXT NOT NULL,
    head BLOB NOT NULL, -- of the value: its first bytes
    creation_date REAL NOT NULL,
    seq INTEGER NOT NULL, -- both of the scenario that has it; less than 0 where many do
    owner_id TEXT,
    version INTEGER NOT NULL -- its seq
);

CREATE INDEX findable_by_value ON findable (config_id, head, creation_date, seq);

CREATE INDEX scenario_by_tags ON scenario (rtrim(tags, ']'), creation_date);

PRAGMA user_version = 16;
