-- A task whose data nodes scenarios share is one for all of them: what names that of one
-- scenario is to name the one. A graph says what a task reads and writes, and the data nodes
-- that there are say which of these are shared.

CREATE TABLE shared_task AS
WITH
run AS (
    SELECT
        submission.id, submission.scenario_id, graph.graph,
        substr(scenario.id, length(scenario.config_id) + 10) AS own_end,
        '_' || coalesce(scenario.cycle_id, 'CYCLE') AS cycle_end
    FROM
        submission
        JOIN scenario ON scenario.id = submission.scenario_id
        JOIN graph ON graph.seq = submission.seq
    WHERE
        EXISTS (
            SELECT TRUE FROM data_node WHERE coalesce(data_node.owner_id, '') < 'S'
        )
),

used AS (
    SELECT
        run.id AS submission_id, run.scenario_id,
        task.value ->> 0 AS name,
        run.cycle_end,
        EXISTS (
            SELECT TRUE FROM data_node
            WHERE data_node.id = 'DATANODE_' || node.value || run.own_end
        ) AS is_own,
        EXISTS (
            SELECT TRUE FROM data_node
            WHERE data_node.id = 'DATANODE_' || node.value || run.cycle_end
        ) AS is_of_cycle,
        EXISTS (
            SELECT TRUE FROM data_node
            WHERE data_node.id = 'DATANODE_' || node.value || '_GLOBAL'
        ) AS is_of_all
    FROM
        run, json_array_elements(run.graph::json) AS task (value),
        generate_series(1, 2) AS part,
        json_array_elements_text(task.value -> part) AS node (value)
)

SELECT
    submission_id,
    'TASK_' || name || '_' || scenario_id AS old_id,
    'TASK_' || name || CASE WHEN bool_or(is_of_cycle) THEN cycle_end ELSE '_GLOBAL' END
    AS new_id
FROM used
GROUP BY submission_id, scenario_id, name, cycle_end
HAVING NOT bool_or(is_own) AND bool_and(is_of_cycle OR is_of_all);

CREATE INDEX shared_task_by_old_id ON shared_task (submission_id, old_id);

UPDATE job SET task_id = (
    SELECT new_id FROM shared_task
    WHERE shared_task.submission_id = job.submission_id AND old_id = job.task_id
)
WHERE EXISTS (
    SELECT TRUE FROM shared_task
    WHERE shared_task.submission_id = job.submission_id AND old_id = job.task_id
);

UPDATE submission SET entity_id = (
    SELECT new_id FROM shared_task
    WHERE submission_id = submission.id AND old_id = submission.entity_id
)
WHERE EXISTS (
    SELECT TRUE FROM shared_task
    WHERE submission_id = submission.id AND old_id = submission.entity_id
);

DROP TABLE shared_task;

UPDATE store SET schema_version = 24;
