-- Runs are found by a text in their reasons: most have none.

CREATE INDEX submission_by_reason ON submission (seq, reason) WHERE reason <> '';

PRAGMA user_version = 22;
