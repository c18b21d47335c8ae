-- Cycles have properties of the user's.

ALTER TABLE cycle ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
ALTER TABLE cycle ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 24;
