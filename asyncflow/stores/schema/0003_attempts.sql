-- The attempts of a job, what it used, and what it printed; the priority of a submission.

ALTER TABLE submission ADD COLUMN priority REAL NOT NULL DEFAULT 0.0;
ALTER TABLE submission ADD COLUMN run_timeout REAL;

ALTER TABLE job ADD COLUMN attempts TEXT NOT NULL DEFAULT ''; -- JSON; '' for none
ALTER TABLE job ADD COLUMN cpu_seconds REAL;
ALTER TABLE job ADD COLUMN peak_rss INTEGER;

CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    left_out INTEGER NOT NULL
);

PRAGMA user_version = 3;
