-- What the SQLite store asks, under names. A line that ends in `-- if x` is left out
-- where the parameter x is None or false; `-- unless x` is the opposite.

-- name: identify
SELECT
    (SELECT application_id FROM pragma_application_id),
    (SELECT user_version FROM pragma_user_version),
    (SELECT count(*) FROM sqlite_master);

-- name: journal_mode
PRAGMA journal_mode = WAL;

-- name: synchronous
PRAGMA synchronous = NORMAL;

-- name: cache_size
PRAGMA cache_size = -32000;

-- name: journal_size_limit
PRAGMA journal_size_limit = 67108864;

-- name: query_only
PRAGMA query_only = ON;

-- name: begin
BEGIN IMMEDIATE;

-- name: save_scenario
INSERT INTO scenario (id, config_id, name, creation_date, properties)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    config_id = excluded.config_id,
    name = excluded.name,
    creation_date = excluded.creation_date,
    properties = excluded.properties;

-- name: save_data_node
INSERT INTO data_node
    (id, config_id, owner_id, version, edited_at, job_id, value, path)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    config_id = excluded.config_id,
    owner_id = excluded.owner_id,
    version = excluded.version,
    edited_at = excluded.edited_at,
    job_id = excluded.job_id,
    value = excluded.value,
    path = excluded.path;

-- name: save_submission
INSERT INTO submission
    (id, entity_id, status, submitted_at, finished_at, properties)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    entity_id = excluded.entity_id,
    status = excluded.status,
    submitted_at = excluded.submitted_at,
    finished_at = excluded.finished_at,
    properties = excluded.properties;

-- name: save_job
INSERT INTO job
    (id, task_id, submission_id, status, reason, run_at, finished_at, traceback)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    task_id = excluded.task_id,
    submission_id = excluded.submission_id,
    status = excluded.status,
    reason = excluded.reason,
    run_at = excluded.run_at,
    finished_at = excluded.finished_at,
    traceback = excluded.traceback;

-- name: delete_scenario
DELETE FROM scenario WHERE id = ?;

-- name: delete_data_node
DELETE FROM data_node WHERE id = ?;

-- name: delete_submission
DELETE FROM submission WHERE id = ?;

-- name: delete_job
DELETE FROM job WHERE id = ?;

-- name: scenario
SELECT id, config_id, name, creation_date, properties
FROM scenario
WHERE TRUE
    AND id = :id                              -- if id
    AND config_id = :config_id                -- if config_id
    AND name = :name                          -- if name
    AND creation_date >= :created_from        -- if created_from
    AND creation_date < :created_to           -- if created_to
ORDER BY
    creation_date DESC, seq DESC              -- if newest_first
    creation_date, seq                        -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: data_node
SELECT id, config_id, owner_id, version, edited_at, job_id, value, path
FROM data_node
WHERE TRUE
    AND id = :id                              -- if id
    AND owner_id = :owner_id                  -- if owner_id
ORDER BY
    seq DESC                                  -- if newest_first
    seq                                       -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: submission
SELECT id, entity_id, status, submitted_at, finished_at, properties
FROM submission
WHERE TRUE
    AND id = :id                              -- if id
    AND entity_id = :entity_id                -- if entity_id
    AND status = :status                      -- if status
ORDER BY
    seq DESC                                  -- if newest_first
    seq                                       -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: job
SELECT id, task_id, submission_id, status, reason, run_at, finished_at, traceback
FROM job
WHERE TRUE
    AND id = :id                              -- if id
    AND submission_id = :submission_id        -- if submission_id
    AND task_id = :task_id                    -- if task_id
    AND status = :status                      -- if status
ORDER BY
    seq DESC                                  -- if newest_first
    seq                                       -- unless newest_first
LIMIT :limit OFFSET :offset;
