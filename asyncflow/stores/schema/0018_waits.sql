-- Runs that begin only when all that they read was written.

ALTER TABLE submission ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 18;
