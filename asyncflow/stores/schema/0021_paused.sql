-- Runs of which no job is to start.

ALTER TABLE submission ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 21;
