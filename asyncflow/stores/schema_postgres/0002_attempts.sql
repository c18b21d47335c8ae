-- The attempts of a job, what it used, and what it printed; the priority of a submission.

ALTER TABLE submission ADD COLUMN priority DOUBLE PRECISION NOT NULL DEFAULT 0.0;
ALTER TABLE submission ADD COLUMN run_timeout DOUBLE PRECISION;

ALTER TABLE job ADD COLUMN attempts TEXT NOT NULL DEFAULT ''; -- JSON; '' for none
ALTER TABLE job ADD COLUMN cpu_seconds DOUBLE PRECISION;
ALTER TABLE job ADD COLUMN peak_rss BIGINT;

CREATE TABLE log (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    left_out BIGINT NOT NULL
);

UPDATE store SET schema_version = 2;
