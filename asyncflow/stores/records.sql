-- What the stores ask, under names; each has some queries of its own. A line that ends in
-- `-- if x` is left out where the parameter x is None or false; `-- unless x` is the
-- opposite. Queries named `verb.part` are run in their order, by the writer.
--
-- PostgreSQL has to be told the type of a parameter that it sees in `IS NULL` alone.

-- name: save_scenario
INSERT INTO scenario
    (
        id, config_id, name, creation_date, properties, pickled, tags, revision, cycle_id,
        sequences, version
    )
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    config_id = excluded.config_id,
    name = excluded.name,
    creation_date = excluded.creation_date,
    properties = excluded.properties,
    pickled = excluded.pickled,
    tags = excluded.tags,
    revision = excluded.revision,
    cycle_id = excluded.cycle_id,
    sequences = excluded.sequences,
    version = excluded.version;

-- name: save_cycle
-- Who comes first is primary.
INSERT INTO cycle
    (
        id, name, frequency, start_date, end_date, creation_date, primary_id,
        primary_date, attributes, revision
    )
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    primary_id = coalesce(cycle.primary_id, excluded.primary_id),
    primary_date = coalesce(cycle.primary_date, excluded.primary_date);

-- name: promote.cycle
UPDATE cycle
SET
    primary_id = :id,
    primary_date = (SELECT creation_date FROM scenario WHERE id = :id)
WHERE id = (SELECT cycle_id FROM scenario WHERE id = :id);

-- name: promote.found
SELECT
    id, name, frequency, start_date, end_date, creation_date, primary_id, primary_date,
    attributes, revision
FROM cycle
WHERE id = (SELECT cycle_id FROM scenario WHERE id = :id);

-- name: time_zone.first
UPDATE store SET time_zone = :name WHERE time_zone IS NULL;

-- name: time_zone.found
SELECT time_zone FROM store;

-- name: save_tag
INSERT INTO tag (name, creation_date, seq)
SELECT CAST(? AS TEXT), creation_date, seq FROM scenario WHERE id = ?
ON CONFLICT (name, creation_date, seq) DO NOTHING;

-- name: save_property
INSERT INTO property (name, value, creation_date, seq)
SELECT CAST(? AS TEXT), CAST(? AS TEXT), creation_date, seq FROM scenario WHERE id = ?
ON CONFLICT (name, value, creation_date, seq) DO NOTHING;

-- name: update_scenario.row
UPDATE scenario
SET
    name = :name,
    properties = :properties,
    pickled = :pickled,
    tags = :tags,
    sequences = :sequences,
    version = CAST(:version AS TEXT),
    revision = :revision
WHERE id = :id AND revision = :before;

-- name: update_scenario.found
SELECT TRUE FROM scenario WHERE id = :id AND revision = :revision;

-- name: update_scenario.gone_tags
DELETE FROM tag
WHERE seq = (SELECT seq FROM scenario WHERE id = :id AND revision = :revision);

-- name: update_scenario.tags
INSERT INTO tag (name, creation_date, seq)
SELECT key, creation_date, seq
FROM scenario, json_each(:tag_names)
WHERE scenario.id = :id AND scenario.revision = :revision;

-- name: update_scenario.gone_properties
-- Those that nobody has unpickled are what they were.
DELETE FROM property
WHERE
    CAST(:is_read AS BOOLEAN)
    AND seq = (SELECT seq FROM scenario WHERE id = :id AND revision = :revision);

-- name: update_property.row
INSERT INTO property (name, value, creation_date, seq)
SELECT CAST(:name AS TEXT), CAST(:value AS TEXT), creation_date, seq
FROM scenario
WHERE id = :id AND revision = :revision
ON CONFLICT (name, value, creation_date, seq) DO NOTHING;

-- name: update_data_node.row
UPDATE data_node
SET attributes = :attributes, revision = :revision
WHERE id = :id AND revision = :before;

-- name: update_data_node.found
SELECT TRUE FROM data_node WHERE id = :id AND revision = :revision;

-- name: update_cycle.row
UPDATE cycle
SET name = :name, attributes = :attributes, revision = :revision
WHERE id = :id AND revision = :before;

-- name: update_cycle.found
SELECT TRUE FROM cycle WHERE id = :id AND revision = :revision;

-- name: save_data_node
INSERT INTO data_node
    (
        id, config_id, owner_id, editor_id, editor_expires, directory, attributes,
        revision
    )
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    config_id = excluded.config_id,
    owner_id = excluded.owner_id,
    directory = coalesce(data_node.directory, excluded.directory);

-- name: save_version
INSERT INTO version (
    node_id, number, is_kept, job_id, editor_id, comment, holder_id, fingerprint, facts,
    path, value
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (node_id, number) DO UPDATE SET
    is_kept = excluded.is_kept,
    holder_id = excluded.holder_id,
    fingerprint = coalesce(excluded.fingerprint, version.fingerprint),
    path = CASE
        WHEN NOT excluded.is_kept AND NOT EXISTS (
            SELECT TRUE FROM pin
            WHERE pin.node_id = version.node_id AND pin.number = version.number
        ) THEN NULL
        WHEN version.is_kept OR NOT excluded.is_kept THEN version.path
        ELSE excluded.path
    END,
    value = CASE
        WHEN NOT excluded.is_kept AND NOT EXISTS (
            SELECT TRUE FROM pin
            WHERE pin.node_id = version.node_id AND pin.number = version.number
        ) THEN NULL
        WHEN version.is_kept OR NOT excluded.is_kept THEN version.value
        ELSE excluded.value
    END;

-- name: save_submission
INSERT INTO submission (
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, finished_at,
    reason, force, on_failure, priority, run_timeout, waits, paused
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    entity_id = excluded.entity_id,
    scenario_id = excluded.scenario_id,
    orchestrator_id = excluded.orchestrator_id,
    status = excluded.status,
    submitted_at = excluded.submitted_at,
    finished_at = excluded.finished_at,
    reason = excluded.reason,
    force = excluded.force,
    on_failure = excluded.on_failure,
    priority = excluded.priority,
    run_timeout = excluded.run_timeout,
    paused = excluded.paused;

-- name: save_input
INSERT INTO input (submission_id, node_id, number, path, value)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (submission_id, node_id) DO NOTHING;

-- name: give.inputs
-- To the submission that the same call has saved, if it has.
INSERT INTO input (submission_id, node_id, number, path, value)
SELECT id, :node_id, :number, CAST(:path AS TEXT), :value
FROM submission
WHERE
    id = :submission_id
    AND orchestrator_id = :orchestrator_id
    AND submitted_at = :submitted
ON CONFLICT (submission_id, node_id) DO NOTHING;

-- name: save_job
INSERT INTO job (
    id, task_id, submission_id, status, reason, run_at, finished_at, traceback,
    attempts, cpu_seconds, peak_rss, worker
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    task_id = excluded.task_id,
    submission_id = excluded.submission_id,
    status = excluded.status,
    reason = excluded.reason,
    run_at = excluded.run_at,
    finished_at = excluded.finished_at,
    traceback = excluded.traceback,
    attempts = excluded.attempts,
    cpu_seconds = excluded.cpu_seconds,
    peak_rss = excluded.peak_rss,
    worker = excluded.worker;

-- name: save_log
INSERT INTO log (job_id, text, left_out)
VALUES (?, ?, ?)
ON CONFLICT (job_id) DO UPDATE SET
    text = excluded.text,
    left_out = excluded.left_out;

-- name: save_basis
INSERT INTO basis (task_id, scenario_id, fingerprint, inputs, outputs)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (task_id) DO UPDATE SET
    scenario_id = excluded.scenario_id,
    fingerprint = excluded.fingerprint,
    inputs = excluded.inputs,
    outputs = excluded.outputs;

-- name: save_orchestrator
INSERT INTO orchestrator (id, host, pid, started, address, lease)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    host = excluded.host,
    pid = excluded.pid,
    started = excluded.started,
    address = excluded.address,
    lease = excluded.lease;

-- name: listen.orchestrator
UPDATE orchestrator SET listens = CAST(:listens AS INTEGER) WHERE id = :id;

-- name: register.maker
INSERT INTO maker (id) VALUES (:id) ON CONFLICT (id) DO NOTHING;

-- name: adopt.submissions
UPDATE submission
SET
    orchestrator_id = :heir_id,
    crashes = CASE
        WHEN NOT CAST(:is_crash AS BOOLEAN) THEN crashes
        WHEN ended_jobs < (
            SELECT count(*) FROM job
            WHERE job.submission_id = submission.id AND job.finished_at IS NOT NULL
        ) THEN 1
        ELSE crashes + 1
    END,
    ended_jobs = (
        SELECT count(*) FROM job
        WHERE job.submission_id = submission.id AND job.finished_at IS NOT NULL
    )
WHERE
    orchestrator_id = :dead_id
    AND id = coalesce(CAST(:run_id AS TEXT), id)
    AND finished_at IS NULL
    AND EXISTS (
        SELECT TRUE FROM orchestrator
        WHERE
            id = :dead_id
            AND lease <= coalesce(CAST(:lease_until AS DOUBLE PRECISION), lease)
    );

-- name: adopt.versions
UPDATE version
SET holder_id = :heir_id
WHERE
    holder_id = :dead_id
    AND EXISTS (
        SELECT TRUE FROM orchestrator
        WHERE
            id = :dead_id
            AND lease <= coalesce(CAST(:lease_until AS DOUBLE PRECISION), lease)
    );

-- name: adopt.orchestrator
DELETE FROM orchestrator
WHERE
    id = :dead_id
    AND lease <= coalesce(CAST(:lease_until AS DOUBLE PRECISION), lease)
    AND NOT EXISTS (
        SELECT TRUE FROM submission
        WHERE orchestrator_id = :dead_id AND finished_at IS NULL
    );

-- name: adopt.found
SELECT id, crashes FROM submission
WHERE orchestrator_id = :heir_id AND finished_at IS NULL;

-- name: claim.submission
INSERT INTO submission (
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, finished_at,
    reason, force, on_failure, priority, run_timeout, waits, paused
)
SELECT
    :id, :entity_id, :scenario_id, :orchestrator_id, :status, :submitted,
    CAST(:finished AS DOUBLE PRECISION), :reason, :force, :on_failure, :priority,
    CAST(:run_timeout AS DOUBLE PRECISION), CAST(:waits AS INTEGER), 0
FROM scenario
WHERE id = :scenario_id
ON CONFLICT (id) DO NOTHING
RETURNING TRUE;

-- name: claim.graph
INSERT INTO graph (seq, graph, properties, pickled)
SELECT seq, :graph, :properties, :pickled FROM submission WHERE id = :id
ON CONFLICT (seq) DO NOTHING;

-- name: claim.found
SELECT
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, finished_at,
    reason, force, on_failure, priority, run_timeout, waits, paused, graph, properties,
    pickled
FROM submission JOIN graph USING (seq)
WHERE id = :id;

-- name: named.scenario
SELECT id FROM scenario
WHERE
    config_id = :config_id
    AND name = :name
    AND (CAST(:version AS TEXT) IS NULL OR version = CAST(:version AS TEXT))
ORDER BY creation_date, seq
LIMIT 1;

-- name: label.new
INSERT INTO versions (name, is_production, config, creation_date)
VALUES (:name, CAST(:is_production AS BOOLEAN), :config, :created)
ON CONFLICT (name) DO NOTHING;

-- name: label.promoted
UPDATE versions SET is_production = TRUE
WHERE name = :name AND CAST(:is_production AS BOOLEAN);

-- name: label.found
SELECT name, is_production, config, creation_date FROM versions WHERE name = :name;

-- name: relabel.row
UPDATE versions SET config = :config WHERE name = :name AND config = :before
RETURNING TRUE;

-- name: clean.label
DELETE FROM versions WHERE name = :name;

-- name: labels
SELECT name, is_production, config, creation_date
FROM versions
ORDER BY creation_date, seq
LIMIT :limit OFFSET :offset;

-- name: lock.data_node
UPDATE data_node
SET editor_id = :editor_id, editor_expires = :editor_expires
WHERE
    id = :id
    AND (
        CAST(:editor_id AS TEXT) IS NULL
        OR editor_id IS NULL
        OR editor_id = :editor_id
        OR editor_expires < :now
    );

-- name: lock.found
SELECT
    id, config_id, owner_id, editor_id, editor_expires, directory, attributes, revision
FROM data_node
WHERE id = :id;

-- name: unfinished.runs
SELECT id FROM submission
WHERE
    (id = :id OR scenario_id = :id)
    AND finished_at IS NULL
    AND id || ' ' || orchestrator_id NOT IN (SELECT key FROM json_each(:lost));

-- name: unfinished.siblings
SELECT id FROM cycle
WHERE
    primary_id = :id
    AND EXISTS (
        SELECT TRUE FROM scenario
        WHERE scenario.cycle_id = cycle.id AND scenario.id <> :id
    );

-- name: delete.names
SELECT path FROM version
WHERE
    holder_id = :id
    AND path IS NOT NULL
    AND NOT EXISTS (
        SELECT TRUE FROM pin
        WHERE pin.node_id = version.node_id AND pin.number = version.number
    );

-- name: delete.held
UPDATE version
SET
    is_kept = FALSE,
    holder_id = NULL,
    path = CASE WHEN EXISTS (
        SELECT TRUE FROM pin
        WHERE pin.node_id = version.node_id AND pin.number = version.number
    ) THEN path END,
    value = CASE WHEN EXISTS (
        SELECT TRUE FROM pin
        WHERE pin.node_id = version.node_id AND pin.number = version.number
    ) THEN value END
WHERE holder_id = :id;

-- name: absent.node
SELECT TRUE WHERE NOT EXISTS (SELECT TRUE FROM data_node WHERE id = :id);

-- name: unread.node
SELECT TRUE WHERE NOT EXISTS (SELECT TRUE FROM data_node WHERE id = :id);

-- name: unread.runs
SELECT TRUE
FROM submission JOIN data_node ON data_node.owner_id = submission.scenario_id
WHERE
    data_node.id = :id
    AND submission.finished_at IS NULL
    AND submission.id NOT IN (SELECT key FROM json_each(:known))
LIMIT 1;

-- name: delete.versions
DELETE FROM version WHERE node_id = :id RETURNING path;

-- name: delete.owned_versions
DELETE FROM version
WHERE node_id IN (SELECT id FROM data_node WHERE owner_id = :id)
RETURNING path;

-- name: delete.cycle_versions
DELETE FROM version
WHERE node_id IN (
    SELECT data_node.id
    FROM data_node JOIN last_scenario ON data_node.owner_id = last_scenario.cycle_id
    WHERE last_scenario.id = :id
)
RETURNING path;

-- name: delete.cycle_nodes
DELETE FROM data_node
WHERE owner_id IN (SELECT cycle_id FROM last_scenario WHERE id = :id);

-- name: delete.cycle_bases
DELETE FROM basis
WHERE scenario_id IN (SELECT cycle_id FROM last_scenario WHERE id = :id);

-- name: delete.cycle
DELETE FROM cycle WHERE id IN (SELECT cycle_id FROM last_scenario WHERE id = :id);

-- name: delete.primary
UPDATE cycle SET primary_id = NULL, primary_date = NULL WHERE primary_id = :id;

-- name: delete.data_nodes
DELETE FROM data_node WHERE id = :id OR owner_id = :id;

-- name: delete.bases
DELETE FROM basis WHERE task_id = :id OR scenario_id = :id;

-- name: delete.log
DELETE FROM log WHERE job_id = :id;

-- name: delete.logs
DELETE FROM log
WHERE job_id IN (
    SELECT id FROM job
    WHERE submission_id IN (
        SELECT id FROM submission WHERE id = :id OR scenario_id = :id
    )
);

-- name: delete.job
DELETE FROM job WHERE id = :id;

-- name: delete.jobs
DELETE FROM job
WHERE submission_id IN (SELECT id FROM submission WHERE id = :id OR scenario_id = :id);

-- name: delete.graphs
DELETE FROM graph
WHERE seq IN (SELECT seq FROM submission WHERE id = :id OR scenario_id = :id);

-- name: delete.inputs
DELETE FROM input
WHERE
    submission_id = :id
    OR submission_id IN (SELECT id FROM submission WHERE scenario_id = :id)
RETURNING path;

-- name: delete.submissions
DELETE FROM submission WHERE id = :id OR scenario_id = :id;

-- name: delete.tags
DELETE FROM tag WHERE seq = (SELECT seq FROM scenario WHERE id = :id);

-- name: delete.properties
DELETE FROM property WHERE seq = (SELECT seq FROM scenario WHERE id = :id);

-- name: delete.scenario
DELETE FROM scenario WHERE id = :id;

-- name: delete.orchestrator
DELETE FROM orchestrator WHERE id = :id;

-- name: delete.maker
DELETE FROM maker
WHERE
    id = :id
    AND NOT EXISTS (
        SELECT TRUE FROM version
        WHERE
            path IS NOT NULL
            AND substr(path, 1, length(maker.id) + 1) = maker.id || '-'
    )
    AND NOT EXISTS (
        SELECT TRUE FROM input
        WHERE
            path IS NOT NULL
            AND substr(path, 1, length(maker.id) + 1) = maker.id || '-'
    );

-- name: pin.versions
INSERT INTO pin (node_id, number, submission_id)
SELECT node_id, number, CAST(:id AS TEXT)
FROM version
WHERE
    node_id = :node_id
    AND number = coalesce(CAST(:number AS BIGINT), number)
    AND is_kept
    AND EXISTS (SELECT TRUE FROM submission WHERE id = :id AND finished_at IS NULL)
ORDER BY number DESC
LIMIT 1
ON CONFLICT (node_id, number, submission_id) DO NOTHING;

-- name: pin_read.versions
INSERT INTO pin (node_id, number, submission_id)
SELECT node_id, number, CAST(:id AS TEXT)
FROM version
WHERE
    node_id = :node_id
    AND is_kept
    AND EXISTS (SELECT TRUE FROM submission WHERE id = :id AND finished_at IS NULL)
    AND NOT EXISTS (
        SELECT TRUE FROM pin WHERE submission_id = :id AND node_id = :node_id
    )
ORDER BY number DESC
LIMIT 1
ON CONFLICT (node_id, number, submission_id) DO NOTHING;

-- name: unpin.names
SELECT path FROM last_pin WHERE submission_id = :id AND path IS NOT NULL;

-- name: unpin.versions
UPDATE version
SET path = NULL, value = NULL
WHERE seq IN (SELECT seq FROM last_pin WHERE submission_id = :id);

-- name: unpin.pins
DELETE FROM pin WHERE submission_id = :id;

-- name: prune.logs
DELETE FROM log
WHERE job_id IN (SELECT id FROM job WHERE submission_id = :id)
RETURNING TRUE;

-- name: prune.jobs
DELETE FROM job WHERE submission_id = :id RETURNING TRUE;

-- name: prune.graphs
DELETE FROM graph WHERE seq IN (SELECT seq FROM submission WHERE id = :id);

-- name: prune.inputs
DELETE FROM input WHERE submission_id = :id;

-- name: prune.submissions
DELETE FROM submission WHERE id = :id RETURNING TRUE;

-- name: prune_logs.logs
DELETE FROM log
WHERE job_id IN (SELECT id FROM job WHERE submission_id = :id)
RETURNING TRUE;

-- name: prunable
SELECT id
FROM submission
WHERE finished_at IS NOT NULL
    AND finished_at < :finished_before        -- if finished_before
    AND seq <= (                              -- if keep
        SELECT seq FROM submission            -- if keep
        WHERE finished_at IS NOT NULL         -- if keep
        ORDER BY seq DESC                     -- if keep
        LIMIT 1 OFFSET :keep                  -- if keep
    )                                         -- if keep
    AND EXISTS (                              -- if has_log
        SELECT TRUE                           -- if has_log
        FROM job JOIN log ON job_id = job.id  -- if has_log
        WHERE submission_id = submission.id   -- if has_log
    )                                         -- if has_log
ORDER BY seq
LIMIT :limit OFFSET :offset;

-- name: find_values.searched
-- From the first search on, the values of the data nodes of a config are indexed: what is
-- written by the triggers, and what was there before part by part, in the order of the data
-- nodes, so that nobody waits for it. `filled` is the last of these; NULL when all are there.
INSERT INTO searched (config_id, filled) VALUES (:config_id, 0)
ON CONFLICT (config_id) DO NOTHING;

-- name: find_values.fill
INSERT INTO findable (
    node_id, config_id, head, creation_date, seq, owner_id, version
)
SELECT
    node.id, node.config_id, substr(version.value, 1, 256),
    coalesce(scenario.creation_date, 0.0), coalesce(scenario.seq, -node.seq),
    node.owner_id, version.seq
FROM
    (
        SELECT id, seq, config_id, owner_id FROM data_node
        WHERE seq > (SELECT filled FROM searched WHERE config_id = :config_id)
        ORDER BY seq LIMIT :most
    ) AS node
    JOIN version ON version.node_id = node.id
    LEFT JOIN scenario ON scenario.id = node.owner_id
WHERE
    node.config_id = :config_id
    AND version.is_kept
    AND version.value IS NOT NULL
    AND NOT EXISTS (
        SELECT TRUE FROM version AS newer
        WHERE
            newer.node_id = version.node_id
            AND newer.is_kept
            AND newer.seq > version.seq
    )
ON CONFLICT (node_id) DO NOTHING;

-- name: find_values.filled
UPDATE searched SET filled = (
    SELECT max(seq)
    FROM (
        SELECT seq FROM data_node WHERE seq > searched.filled ORDER BY seq LIMIT :most
    ) AS node
)
WHERE config_id = :config_id AND filled IS NOT NULL;

-- name: find_values.left
SELECT filled FROM searched WHERE config_id = :config_id AND filled IS NOT NULL;

-- name: searched
SELECT config_id FROM searched WHERE config_id = :config_id AND filled IS NULL;

-- name: scan_values
-- The versions that are a value, where it is not indexed yet. What is large is compared by
-- its length first, and not read.
SELECT seq
FROM version
WHERE
    length(value) IN (:length, :other_length)
    AND value IN (:kept, :other_kept)
    AND is_kept
    AND substr(node_id, 1, :length_of_node) = :node
LIMIT :limit;

-- name: count_tag
-- Of how many scenarios a part is of what is asked, up to a limit.
SELECT count(*)
FROM (SELECT TRUE FROM tag WHERE name = :tag LIMIT :limit) AS found;

-- name: count_property
SELECT count(*)
FROM (
    SELECT TRUE FROM property
    WHERE name = :property_name AND value = :property_value
    LIMIT :limit
) AS found;

-- name: count_primary
SELECT count(*)
FROM (SELECT TRUE FROM cycle WHERE primary_date IS NOT NULL LIMIT :limit) AS found;

-- name: count_value
SELECT count(*)
FROM (
    SELECT TRUE FROM findable
    WHERE config_id = :node_config_id AND head IN (:head, :other_head)
    LIMIT :limit
) AS found;

-- name: count_cycle_value
SELECT count(*)
FROM (
    SELECT TRUE FROM scenario
    WHERE cycle_id IN (
        SELECT cycle.id FROM cycle
        WHERE (
            SELECT version.value IN (:kept, :other_kept) FROM version
            WHERE version.node_id = :node || cycle.id AND version.is_kept
            ORDER BY version.seq DESC LIMIT 1
        )
    )
    LIMIT :limit
) AS found;

-- name: count_global_value
SELECT count(*)
FROM (
    SELECT value FROM version
    WHERE node_id = :node || 'GLOBAL' AND is_kept
    ORDER BY seq DESC LIMIT 1
) AS newest
WHERE value IN (:kept, :other_kept)
LIMIT :limit;

-- name: count_config_id
SELECT count(*)
FROM (SELECT TRUE FROM scenario WHERE config_id = :config_id LIMIT :limit) AS found;

-- name: count_name
SELECT count(*)
FROM (SELECT TRUE FROM scenario WHERE name = :name LIMIT :limit) AS found;

-- name: count_version
SELECT count(*)
FROM (SELECT TRUE FROM scenario WHERE version = :version LIMIT :limit) AS found;

-- name: count_cycle_id
SELECT count(*)
FROM (SELECT TRUE FROM scenario WHERE cycle_id = :cycle_id LIMIT :limit) AS found;

-- name: scenario
-- It begins with the part that the fewest scenarios have (`by_`), in an index that has these
-- in the order of their dates. What it only looks at of each scenario is written so that no
-- index is used to find it (`other_`, `has_`): PostgreSQL would make joins of EXISTS.
WITH findable AS (                                          -- if scanned
    SELECT                                                  -- if scanned
        version.node_id, data_node.config_id,               -- if scanned
        substr(version.value, 1, 256) AS head,              -- if scanned
        coalesce(scenario.creation_date, 0.0) AS creation_date,-- if scanned
        coalesce(scenario.seq, -data_node.seq) AS seq,      -- if scanned
        data_node.owner_id, version.seq AS version          -- if scanned
    FROM                                                    -- if scanned
        version                                             -- if scanned
        JOIN data_node ON data_node.id = version.node_id    -- if scanned
        LEFT JOIN scenario ON scenario.id = data_node.owner_id-- if scanned
    WHERE                                                   -- if scanned
        version.seq IN (                                    -- if scanned
            SELECT CAST(key AS BIGINT) FROM json_each(:scanned)-- if scanned
        )                                                   -- if scanned
        AND version.is_kept                                 -- if scanned
        AND NOT EXISTS (                                    -- if scanned
            SELECT TRUE FROM version AS newer               -- if scanned
            WHERE                                           -- if scanned
                newer.node_id = version.node_id             -- if scanned
                AND newer.is_kept                           -- if scanned
                AND newer.seq > version.seq                 -- if scanned
        )                                                   -- if scanned
)                                                           -- if scanned
SELECT
    scenario.id, scenario.config_id, scenario.name, scenario.creation_date,
    scenario.properties, scenario.pickled, scenario.tags, scenario.revision,
    scenario.cycle_id, scenario.sequences, scenario.version
FROM
    scenario                                                -- unless is_led
    tag CROSS JOIN scenario                                 -- if by_tag
    property CROSS JOIN scenario                            -- if by_property
    cycle CROSS JOIN scenario                               -- if by_primary
    findable CROSS JOIN scenario                            -- if by_value
WHERE TRUE
    AND scenario.seq = tag.seq AND tag.name = :tag          -- if by_tag
    AND scenario.seq = property.seq                         -- if by_property
    AND property.name = :property_name                      -- if by_property
    AND property.value = :property_value                    -- if by_property
    AND scenario.id = cycle.primary_id                      -- if by_primary
    AND cycle.primary_date IS NOT NULL                      -- if by_primary
    AND scenario.seq = findable.seq                         -- if by_value
    AND findable.config_id = :node_config_id                -- if by_value
    AND findable.head = :head                               -- if one_form
    AND findable.head IN (:head, :other_head)               -- if two_forms
    AND scenario.id = :id                                   -- if id
    AND scenario.config_id = :config_id                     -- if config_id
    AND scenario.name = :name                               -- if name
    AND scenario.creation_date >= :created_from             -- if created_from
    AND scenario.creation_date < :created_to                -- if created_to
    AND scenario.cycle_id = :cycle_id                       -- if cycle_id
    AND scenario.version = :version                         -- if version
    AND scenario.version IN (                               -- if versions
        SELECT key FROM json_each(:versions)                -- if versions
    )                                                       -- if versions
    AND scenario.config_id || '' = :other_config_id         -- if other_config_id
    AND scenario.name || '' = :other_name                   -- if other_name
    AND scenario.cycle_id || '' = :other_cycle_id           -- if other_cycle_id
    AND scenario.version || '' = :other_version             -- if other_version
    AND (                                                   -- if has_tag
        SELECT TRUE FROM tag AS other                       -- if has_tag
        WHERE other.name = :tag                             -- if has_tag
            AND other.creation_date = scenario.creation_date-- if has_tag
            AND other.seq = scenario.seq                    -- if has_tag
    )                                                       -- if has_tag
    AND (                                                   -- if pair_name
        SELECT TRUE FROM property AS other                  -- if pair_name
        WHERE other.name = :pair_name                       -- if pair_name
            AND other.value = :pair_text                    -- if pair_name
            AND other.creation_date = scenario.creation_date-- if pair_name
            AND other.seq = scenario.seq                    -- if pair_name
    )                                                       -- if pair_name
    AND :count = (                                          -- if count
        SELECT count(*) FROM property AS other              -- if count
        WHERE other.seq = scenario.seq AND                  -- if count
            length(other.name) || ' ' || other.name || other.value-- if count
            IN (SELECT key FROM json_each(:pairs))          -- if count
    )                                                       -- if count
    AND (                                                   -- if has_primary
        SELECT TRUE FROM cycle AS other                     -- if has_primary
        WHERE other.primary_id = scenario.id                -- if has_primary
    )                                                       -- if has_primary
    AND NOT EXISTS (                                        -- if is_secondary
        SELECT TRUE FROM cycle AS other                     -- if is_secondary
        WHERE other.primary_id = scenario.id                -- if is_secondary
    )                                                       -- if is_secondary
    AND (                                                   -- if has_value
        SELECT TRUE FROM findable AS other                  -- if has_value
        WHERE other.node_id = :node || substr(scenario.id, length(scenario.config_id) + 11)-- if has_value
            AND other.head IN (:head, :other_head)          -- if has_value
    )                                                       -- if has_value
    AND (                                                   -- if looks
        SELECT version.value IN (:kept, :other_kept)        -- if looks
        FROM version                                        -- if looks
        WHERE version.node_id = :node ||                    -- if looks
                substr(scenario.id, length(scenario.config_id) + 11)-- if has_looked_value
                scenario.cycle_id                           -- if has_cycle_value
            AND version.is_kept                             -- if looks
        ORDER BY version.seq DESC LIMIT 1                   -- if looks
    )                                                       -- if looks
    AND scenario.cycle_id IN (                              -- if by_cycle_value
        SELECT cycle.id FROM cycle                          -- if by_cycle_value
        WHERE (                                             -- if by_cycle_value
            SELECT version.value IN (:kept, :other_kept)    -- if by_cycle_value
            FROM version                                    -- if by_cycle_value
            WHERE version.node_id = :node || cycle.id       -- if by_cycle_value
                AND version.is_kept                         -- if by_cycle_value
            ORDER BY version.seq DESC LIMIT 1               -- if by_cycle_value
        )                                                   -- if by_cycle_value
    )                                                       -- if by_cycle_value
    AND EXISTS (                                            -- if whole
        SELECT TRUE FROM findable AS other                  -- if whole
            JOIN version ON version.seq = other.version     -- if whole
        WHERE other.node_id = :node ||                      -- if whole
                substr(scenario.id, length(scenario.config_id) + 11)-- if whole
            AND version.value IN (:whole, :other_whole)     -- if whole
    )                                                       -- if whole
    AND substr(coalesce(scenario.name, ''), 1, 200) COLLATE "BINARY" >= :after_key-- if name_up
    AND substr(coalesce(scenario.name, ''), 1, 200) COLLATE "BINARY" <= :after_key-- if name_down
    AND scenario.config_id COLLATE "BINARY" >= :after_key   -- if config_id_up
    AND scenario.config_id COLLATE "BINARY" <= :after_key   -- if config_id_down
    AND scenario.id COLLATE "BINARY" >= :after_key          -- if id_up
    AND scenario.id COLLATE "BINARY" <= :after_key          -- if id_down
    AND rtrim(scenario.tags, ']') COLLATE "BINARY" >= :after_key-- if tags_up
    AND rtrim(scenario.tags, ']') COLLATE "BINARY" <= :after_key-- if tags_down
    AND (                                                   -- if after_id
        scenario.creation_date,                             -- if from_date
        tag.creation_date,                                  -- if from_tag
        property.creation_date,                             -- if from_property
        findable.creation_date,                             -- if from_value
        cycle.primary_date,                                 -- if from_primary
        substr(coalesce(scenario.name, ''), 1, 200) COLLATE "BINARY",-- if from_name
        scenario.config_id COLLATE "BINARY",                -- if from_config_id
        scenario.id COLLATE "BINARY",                       -- if from_id
        rtrim(scenario.tags, ']') COLLATE "BINARY",         -- if from_tags
        scenario.creation_date,                             -- if after_key
        scenario.seq                                        -- if from_own_seq
        tag.seq                                             -- if from_tag
        property.seq                                        -- if from_property
        findable.seq                                        -- if from_value
    )                                                       -- if after_id
    >                                                       -- if after_next
    <                                                       -- if after_before
    (                                                       -- if after_id
        :after_key,                                         -- if after_key
        :after_date,                                        -- if after_id
        coalesce(                                           -- if after_id
            (                                               -- if after_id
                SELECT other.seq FROM scenario AS other     -- if after_id
                WHERE other.id = :after_id                  -- if after_id
            ), :edge                                        -- if after_id
        )                                                   -- if after_id
    )                                                       -- if after_id
ORDER BY                                                    -- if order
    scenario.creation_date                                  -- if on_date
    tag.creation_date                                       -- if on_tag
    property.creation_date                                  -- if on_property
    findable.creation_date                                  -- if on_value
    cycle.primary_date                                      -- if on_primary
    substr(coalesce(scenario.name, ''), 1, 200) COLLATE "BINARY"-- if on_name
    scenario.config_id COLLATE "BINARY"                     -- if on_config_id
    scenario.id COLLATE "BINARY"                            -- if on_id
    rtrim(scenario.tags, ']') COLLATE "BINARY"              -- if on_tags
    DESC                                                    -- if newest_first
    , scenario.creation_date                                -- if is_keyed
    DESC                                                    -- if is_keyed_down
    , scenario.seq                                          -- if on_own_seq
    , tag.seq                                               -- if on_tag
    , property.seq                                          -- if on_property
    , findable.seq                                          -- if on_value
    DESC                                                    -- if newest_first
LIMIT :limit OFFSET :offset;

-- name: cycle
SELECT
    id, name, frequency, start_date, end_date, creation_date, primary_id, primary_date,
    attributes, revision
FROM cycle
WHERE TRUE
    AND id = :id                              -- if id
    AND frequency = :frequency                -- if frequency
ORDER BY
    start_date DESC, seq DESC                 -- if newest_first
    start_date, seq                           -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: data_node
SELECT
    id, config_id, owner_id, editor_id, editor_expires, directory, attributes, revision
FROM data_node
WHERE TRUE
    AND id = :id                              -- if id
    AND id IN (                               -- if node_ids
        SELECT key FROM json_each(:node_ids)  -- if node_ids
    )                                         -- if node_ids
    AND owner_id = :owner_id                  -- if owner_id
ORDER BY
    seq DESC                                  -- if newest_first
    seq                                       -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: labelled_data_node
-- What scenarios share, then what scenarios have: each as an index lists them. Of several
-- versions most scenarios are, so that going through all by their dates meets them soon.
SELECT
    id, config_id, owner_id, editor_id, editor_expires, directory, attributes, revision
FROM (
    SELECT
        id, config_id, owner_id, editor_id, editor_expires, directory, attributes,
        revision, CAST(seq AS DOUBLE PRECISION) - 9e15 AS creation_date, 0 AS place, seq
    FROM data_node
    WHERE coalesce(owner_id, '') < 'S'
        AND owner_id = :owner_id              -- if owner_id
        AND id IN (                           -- if node_ids
            SELECT key                        -- if node_ids
            FROM json_each(:node_ids)         -- if node_ids
        )                                     -- if node_ids
    UNION ALL
    SELECT
        data_node.id, data_node.config_id, owner_id, editor_id, editor_expires,
        directory, attributes, data_node.revision, scenario.creation_date, scenario.seq,
        data_node.seq
    FROM scenario CROSS JOIN data_node
    WHERE data_node.owner_id = scenario.id
        AND version = :label                  -- if label
        AND coalesce(version, '') IN (        -- if labels
            SELECT key FROM json_each(:labels)-- if labels
        )                                     -- if labels
        AND owner_id = :owner_id              -- if owner_id
        AND data_node.id IN (                 -- if node_ids
            SELECT key                        -- if node_ids
            FROM json_each(:node_ids)         -- if node_ids
        )                                     -- if node_ids
    ORDER BY
        creation_date, place, seq             -- unless newest_first
        creation_date DESC, place DESC, seq DESC-- if newest_first
    LIMIT :limit OFFSET :offset
) AS listed;

-- name: version
SELECT
    node_id, number, is_kept, job_id, editor_id, comment, holder_id, fingerprint, facts,
    path, value
FROM version
WHERE TRUE
    AND node_id = :node_id                    -- if node_id
    AND node_id IN (                          -- if node_ids
        SELECT key FROM json_each(:node_ids)  -- if node_ids
    )                                         -- if node_ids
    AND node_id IN (                          -- if owner_id
        SELECT id FROM data_node              -- if owner_id
        WHERE owner_id = :owner_id            -- if owner_id
    )                                         -- if owner_id
    AND is_kept                               -- if is_kept
    AND NOT is_kept                           -- if is_dropped
ORDER BY
    seq DESC                                  -- if newest_first
    seq                                       -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: pinned
SELECT node_id, number FROM pin
WHERE submission_id = :id
LIMIT :limit OFFSET :offset;

-- name: pinned_for_ended
SELECT DISTINCT submission_id
FROM pin
WHERE NOT EXISTS (
    SELECT TRUE FROM submission WHERE id = submission_id AND finished_at IS NULL
)
LIMIT :limit OFFSET :offset;

-- name: input
SELECT submission_id, node_id, number, path, value
FROM input
WHERE submission_id IN (SELECT key FROM json_each(:submission_ids))
LIMIT :limit OFFSET :offset;

-- name: kept_names
SELECT path FROM version WHERE path IS NOT NULL
UNION ALL
SELECT path FROM input WHERE path IS NOT NULL;

-- name: makers
SELECT id FROM maker;

-- name: submission
SELECT
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, finished_at,
    reason, force, on_failure, priority, run_timeout, waits, paused, graph, properties,
    pickled
FROM submission JOIN graph USING (seq)
WHERE TRUE
    AND id = :id                              -- if id
    AND entity_id = :entity_id                -- if entity_id
    AND scenario_id = :scenario_id            -- if scenario_id
    AND orchestrator_id = :orchestrator_id    -- if orchestrator_id
    AND status = :status                      -- if status
    AND finished_at IS NOT NULL               -- if is_finished
    AND finished_at IS NULL                   -- if is_unfinished
ORDER BY
    submission.seq DESC                       -- if newest_first
    submission.seq                            -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: with_text
-- Numbers of submissions that have a text, each part by what there is least to read of.
SELECT seq
FROM submission
WHERE reason <> '' AND lower(reason) LIKE :text ESCAPE '!'
UNION ALL                                         -- if of_id
SELECT seq FROM submission                        -- if of_id
WHERE lower(id) LIKE :text ESCAPE '!'             -- if of_id
UNION ALL
SELECT seq
FROM submission
WHERE scenario_id IN (
    SELECT id
    FROM scenario
    WHERE name IS NOT NULL AND lower(name) LIKE :text ESCAPE '!'
)
UNION ALL
SELECT seq
FROM submission
WHERE id IN (
    SELECT DISTINCT submission_id
    FROM job
    WHERE status = 'FAILED' AND lower(reason) LIKE :text ESCAPE '!'
    LIMIT :limit
)
LIMIT :limit;

-- name: submission_list
-- Which they are is found first: graphs are large. Where few scenarios fit, all of them are
-- looked up at once; otherwise that of each run is, and soon there are enough.
WITH
fitting AS NOT MATERIALIZED (                     -- if of_scenario
    SELECT id                                     -- if of_scenario
    FROM scenario                                 -- if of_scenario
    WHERE TRUE                                    -- if of_scenario
        AND config_id = :config_id                -- if config_id
        AND cycle_id = :cycle_id                  -- if cycle_id
        AND seq IN (                              -- if tag
            SELECT tag.seq FROM tag               -- if tag
            WHERE tag.name = :tag                 -- if tag
        )                                         -- if tag
        AND version IN (                          -- if labels
            SELECT key FROM json_each(:labels)    -- if labels
        )                                         -- if labels
),                                                -- if of_scenario
found AS (
    SELECT submission.seq
    FROM submission
    WHERE TRUE
        AND entity_id = :entity_id                -- if entity_id
        AND scenario_id = :scenario_id            -- if scenario_id
        AND orchestrator_id = :orchestrator_id    -- if orchestrator_id
        AND status = :status                      -- if status
        AND finished_at IS NOT NULL               -- if is_finished
        AND finished_at IS NULL                   -- if is_unfinished
        AND submitted_at >= :submitted_from       -- if submitted_from
        AND submitted_at < :submitted_to          -- if submitted_to
        AND CASE                                  -- if of_scenario
            WHEN (                                -- if of_scenario
                SELECT count(*) FROM (            -- if of_scenario
                    SELECT id FROM fitting LIMIT :few-- if of_scenario
                ) AS counted                      -- if of_scenario
            ) < :few                              -- if of_scenario
            THEN scenario_id IN (SELECT id FROM fitting)-- if of_scenario
            ELSE EXISTS (                         -- if of_scenario
                SELECT TRUE FROM fitting          -- if of_scenario
                WHERE fitting.id = scenario_id    -- if of_scenario
            )                                     -- if of_scenario
        END                                       -- if of_scenario
        AND submission.seq IN (                   -- if numbers
            SELECT CAST(key AS BIGINT)            -- if numbers
            FROM json_each(:numbers)              -- if numbers
        )                                         -- if numbers
        AND (                                     -- if text
            (                                     -- if text
                reason <> ''                      -- if text
                AND lower(reason) LIKE :text ESCAPE '!'-- if text
            )                                     -- if text
            OR lower(submission.id) LIKE :text ESCAPE '!'-- if of_id
            OR scenario_id IN (                   -- if text
                SELECT id                         -- if text
                FROM scenario                     -- if text
                WHERE name IS NOT NULL            -- if text
                    AND lower(name) LIKE :text ESCAPE '!'-- if text
            )                                     -- if text
            OR EXISTS (                           -- if text
                SELECT TRUE                       -- if text
                FROM job                          -- if text
                WHERE job.submission_id = submission.id-- if text
                    AND job.status = 'FAILED'     -- if text
                    AND lower(job.reason) LIKE :text ESCAPE '!'-- if text
            )                                     -- if text
        )                                         -- if text
        AND submission.seq < (                    -- if below
        AND submission.seq > (                    -- if above
            SELECT last.seq FROM submission AS last-- if after_seq
            WHERE last.id = :after_id             -- if after_seq
        )                                         -- if after_seq
        AND (                                     -- if after_took
            coalesce(finished_at, 9e99) - submitted_at,-- if after_took
            submission.seq                        -- if after_took
        )                                         -- if after_took
        <                                         -- if shorter
        >                                         -- if longer
        (                                         -- if after_took
            SELECT                                -- if after_took
                coalesce(last.finished_at, 9e99) - last.submitted_at,-- if after_took
                last.seq                          -- if after_took
            FROM submission AS last               -- if after_took
            WHERE last.id = :after_id             -- if after_took
        )                                         -- if after_took
    ORDER BY
        coalesce(finished_at, 9e99) - submitted_at-- if by_duration
        DESC                                      -- if by_duration_down
        ,                                         -- if by_duration
        submission.seq
        DESC                                      -- if newest_first
    LIMIT :limit OFFSET :offset
)
SELECT
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, finished_at,
    reason, force, on_failure, priority, run_timeout, waits, paused, graph, properties,
    pickled
FROM submission JOIN graph USING (seq)
WHERE seq IN (SELECT found.seq FROM found)
ORDER BY
    coalesce(finished_at, 9e99) - submitted_at    -- if by_duration
    DESC                                          -- if by_duration_down
    ,                                             -- if by_duration
    seq
    DESC                                          -- if newest_first
;

-- name: job
-- A status of some runs is looked for without its index: many other jobs may have it.
SELECT
    id, task_id, submission_id, status, reason, run_at, finished_at, traceback,
    attempts, cpu_seconds, peak_rss, worker
FROM job
WHERE TRUE
    AND id = :id                              -- if id
    AND submission_id = :submission_id        -- if submission_id
    AND submission_id IN (                    -- if submission_ids
        SELECT key                            -- if submission_ids
        FROM json_each(:submission_ids)       -- if submission_ids
    )                                         -- if submission_ids
    AND task_id = :task_id                    -- if task_id
    AND status = :status                      -- if status
    AND status || '' = :status_within         -- if status_within
    AND EXISTS (                              -- if labels
        SELECT TRUE                           -- if labels
        FROM submission JOIN scenario         -- if labels
            ON scenario.id = submission.scenario_id-- if labels
        WHERE submission.id = job.submission_id-- if labels
            AND version IN (                  -- if labels
                SELECT key FROM json_each(:labels)-- if labels
            )                                 -- if labels
    )                                         -- if labels
ORDER BY
    seq DESC                                  -- if newest_first
    seq                                       -- unless newest_first
LIMIT :limit OFFSET :offset;

-- name: log
SELECT job_id, text, left_out
FROM log
WHERE job_id = :job_id
LIMIT :limit OFFSET :offset;

-- name: basis
SELECT task_id, scenario_id, fingerprint, inputs, outputs
FROM basis
WHERE TRUE
    AND scenario_id = :scenario_id            -- if scenario_id
ORDER BY seq
LIMIT :limit OFFSET :offset;

-- name: orchestrator
SELECT id, host, pid, started, address, lease
FROM orchestrator
WHERE TRUE
    AND id = :id                              -- if id
ORDER BY seq
LIMIT :limit OFFSET :offset;
