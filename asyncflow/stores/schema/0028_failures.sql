-- Runs are found by a text in the reasons of their failed jobs.

CREATE INDEX job_by_failure ON job (status, submission_id, reason)
WHERE status = 'FAILED';

PRAGMA user_version = 28;
