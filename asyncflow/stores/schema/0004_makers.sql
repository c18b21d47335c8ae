-- What tells a store from others; which orchestrators may have left files of values.

CREATE TABLE store (
    id TEXT NOT NULL
);

INSERT INTO store VALUES (lower(hex(randomblob(16))));

CREATE TABLE maker (
    id TEXT NOT NULL PRIMARY KEY -- of an orchestrator, with which names of files begin
);

INSERT OR IGNORE INTO maker
SELECT substr(path, 1, instr(path, '-') - 1) FROM version WHERE instr(path, '-') > 0;

INSERT OR IGNORE INTO maker SELECT id FROM orchestrator;

PRAGMA user_version = 4;
