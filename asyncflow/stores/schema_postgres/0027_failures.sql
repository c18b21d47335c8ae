-- Runs are found by a text in the reasons of their failed jobs.

CREATE INDEX job_by_failure ON job (submission_id) WHERE status = 'FAILED';

UPDATE store SET schema_version = 27;
