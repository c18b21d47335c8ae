-- Cycles, which have a primary scenario; the time zone that their first instants are of.

ALTER TABLE scenario ADD COLUMN cycle_id TEXT;

CREATE INDEX scenario_by_cycle ON scenario (cycle_id, creation_date)
WHERE cycle_id IS NOT NULL;

CREATE TABLE cycle (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    frequency TEXT NOT NULL,
    start_date REAL NOT NULL,
    end_date REAL NOT NULL, -- the first instant that is not in it
    creation_date REAL NOT NULL,
    primary_id TEXT,
    primary_date REAL -- the creation date of its primary scenario
);

CREATE INDEX cycle_by_start ON cycle (start_date);
CREATE INDEX cycle_by_primary ON cycle (primary_id);
CREATE INDEX cycle_by_primary_date ON cycle (primary_date);

-- What goes with a scenario when that is deleted.
CREATE VIEW last_scenario AS
SELECT id, cycle_id
FROM scenario
WHERE
    cycle_id IS NOT NULL
    AND NOT EXISTS (
        SELECT TRUE FROM scenario AS other
        WHERE other.cycle_id = scenario.cycle_id AND other.id <> scenario.id
    );

ALTER TABLE store ADD COLUMN time_zone TEXT;

PRAGMA user_version = 12;
