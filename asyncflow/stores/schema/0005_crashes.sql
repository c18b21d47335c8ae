-- How often a run was taken over from an orchestrator that died, without any progress.

ALTER TABLE submission ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE submission ADD COLUMN ended_jobs INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 5;
