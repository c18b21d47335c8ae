-- How often a run was taken over from an orchestrator that died, without any progress.

ALTER TABLE submission ADD COLUMN crashes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE submission ADD COLUMN ended_jobs BIGINT NOT NULL DEFAULT 0;

UPDATE store SET schema_version = 4;
