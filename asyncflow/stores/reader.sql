-- What a reader of an SQLite store asks; see records.sql. Names of columns that begin with
-- by_ say what a list is sorted by.

-- name: identify
SELECT
    (SELECT application_id FROM pragma_application_id),
    (SELECT user_version FROM pragma_user_version),
    (SELECT count(*) FROM sqlite_master);

-- name: query_only
PRAGMA query_only = ON;

-- name: quick_check
PRAGMA quick_check(20);

-- name: store_id
SELECT id FROM store;

-- name: kept_names
SELECT path FROM version WHERE path IS NOT NULL
UNION
SELECT path FROM input WHERE path IS NOT NULL;

-- name: makers
SELECT id FROM maker;

-- name: orchestrators
SELECT id FROM orchestrator;

-- name: sizes
SELECT
    (SELECT count(*) FROM scenario) AS scenarios,
    (SELECT count(*) FROM submission) AS submissions,
    (SELECT count(*) FROM job) AS jobs,
    (SELECT count(*) FROM data_node) AS data_nodes,
    (SELECT count(*) FROM version WHERE is_kept) AS versions,
    (SELECT count(*) FROM log) AS logs;

-- name: starting_scenario
SELECT id FROM scenario WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: starting_submission
SELECT id FROM submission WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: starting_job
SELECT id FROM job WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: starting_cycle
SELECT id FROM cycle WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: starting_data_node
SELECT id FROM data_node WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: job_counts
SELECT submission_id, status, count(*)
FROM job
WHERE submission_id IN (SELECT key FROM json_each(:ids))
GROUP BY submission_id, status;

-- name: last_submissions
SELECT scenario_id, id, status
FROM submission
WHERE seq IN (
    SELECT max(seq) FROM submission
    WHERE scenario_id IN (SELECT key FROM json_each(:ids))
    GROUP BY scenario_id
);

-- name: scenarios_of
SELECT id, config_id, name
FROM scenario
WHERE id IN (SELECT key FROM json_each(:ids));

-- name: durations
SELECT run_at, finished_at
FROM job
WHERE
    id >= :prefix AND id < :beyond
    AND status = 'COMPLETED' AND run_at IS NOT NULL
    AND length(id) = :length
ORDER BY id DESC
LIMIT 1;

-- name: list_scenario
SELECT
    id, config_id, name, creation_date, properties, pickled, tags, revision, cycle_id,
    sequences, version
FROM scenario
WHERE TRUE
    AND config_id = :config                                     -- if config
    AND name GLOB :name                                         -- if name
    AND cycle_id = :cycle                                       -- if cycle
    AND seq IN (SELECT seq FROM tag WHERE tag.name = :tag)      -- if tag
    AND creation_date >= :since                                 -- if since
    AND creation_date < :until                                  -- if until
    AND (                                                       -- if statuses
        SELECT status FROM submission                           -- if statuses
        WHERE scenario_id = scenario.id                         -- if statuses
        ORDER BY submission.seq DESC LIMIT 1                    -- if statuses
    ) IN (SELECT key FROM json_each(:statuses))                 -- if statuses
ORDER BY
    creation_date                                               -- if by_date
    coalesce(name, '')                                          -- if by_name
    config_id                                                   -- if by_config
    id                                                          -- if by_id
    DESC                                                        -- if newest_first
    , seq
    DESC                                                        -- if newest_first
LIMIT :limit OFFSET :offset;

-- name: list_submission
SELECT
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, finished_at,
    reason, force, on_failure, priority, run_timeout, waits, paused, graph, properties,
    pickled
FROM submission JOIN graph USING (seq)
WHERE TRUE
    AND status IN (SELECT key FROM json_each(:statuses))        -- if statuses
    AND scenario_id = :scenario                                 -- if scenario
    AND submitted_at >= :since                                  -- if since
    AND submitted_at < :until                                   -- if until
    AND scenario_id IN (                                        -- if of_scenario
        SELECT scenario.id FROM scenario WHERE TRUE             -- if of_scenario
            AND config_id = :config                             -- if config
            AND name GLOB :name                                 -- if name
            AND cycle_id = :cycle                               -- if cycle
            AND scenario.seq IN (                               -- if tag
                SELECT tag.seq FROM tag WHERE tag.name = :tag   -- if tag
            )                                                   -- if tag
    )                                                           -- if of_scenario
ORDER BY
    submission.seq                                              -- if by_date
    coalesce(finished_at, 9e99) - submitted_at                  -- if by_duration
    status                                                      -- if by_status
    scenario_id                                                 -- if by_config
    id                                                          -- if by_id
    DESC                                                        -- if newest_first
    , submission.seq
    DESC                                                        -- if newest_first
LIMIT :limit OFFSET :offset;

-- name: list_job
SELECT
    id, task_id, submission_id, status, reason, run_at, finished_at, traceback,
    attempts, cpu_seconds, peak_rss, worker
FROM job
WHERE TRUE
    AND status IN (SELECT key FROM json_each(:statuses))        -- if statuses
    AND submission_id = :submission                             -- if submission
    AND substr(id, 5, length(id) - 37) = :config                -- if config
    AND substr(id, 5, length(id) - 37) GLOB :name               -- if name
    AND coalesce(run_at, finished_at) >= :since                 -- if since
    AND coalesce(run_at, finished_at) < :until                  -- if until
    AND submission_id IN (                                      -- if of_scenario
        SELECT submission.id                                    -- if of_scenario
        FROM submission                                         -- if of_scenario
        JOIN scenario ON scenario.id = submission.scenario_id   -- if of_scenario
        WHERE TRUE                                              -- if of_scenario
            AND scenario.id = :scenario                         -- if scenario
            AND cycle_id = :cycle                               -- if cycle
            AND scenario.seq IN (                               -- if tag
                SELECT tag.seq FROM tag WHERE tag.name = :tag   -- if tag
            )                                                   -- if tag
    )                                                           -- if of_scenario
ORDER BY
    seq                                                         -- if by_date
    coalesce(finished_at - run_at, 0)                           -- if by_duration
    status                                                      -- if by_status
    task_id                                                     -- if by_config
    id                                                          -- if by_id
    DESC                                                        -- if newest_first
    , seq
    DESC                                                        -- if newest_first
LIMIT :limit OFFSET :offset;
