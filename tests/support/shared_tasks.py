"""A store of the time when each scenario had its own of the tasks that they share."""

from __future__ import annotations

import json

from asyncflow.abc import Store

CYCLE = "CYCLE_DAILY_2026-01-01T00:00:00Z"
OLD = "_SCENARIO_c_1f"
GRAPH = json.dumps(
    [
        ["own", ["own"], ["of_all"]],
        ["shared", ["of_all"], ["of_all"]],
        ["in_cycle", ["of_all"], ["of_cycle"]],
        ["alone", [], []],
        ["lost", ["nobody_has_it"], ["of_cycle"]],
    ]
)
TASKS = {
    "own": f"TASK_own{OLD}",
    "shared": "TASK_shared_GLOBAL",
    "in_cycle": f"TASK_in_cycle_{CYCLE}",
    "alone": f"TASK_alone{OLD}",
    "lost": f"TASK_lost{OLD}",
}

BEFORE = (
    f"""
INSERT INTO scenario (id, config_id, creation_date, properties, cycle_id)
VALUES ('SCENARIO_c_1f', 'c', 1.5, '{{}}', '{CYCLE}');
INSERT INTO data_node (id, config_id, owner_id) VALUES
('DATANODE_own_1f', 'own', 'SCENARIO_c_1f'),
('DATANODE_of_all_GLOBAL', 'of_all', NULL),
('DATANODE_of_cycle_{CYCLE}', 'of_cycle', '{CYCLE}');
INSERT INTO submission (
    id, entity_id, scenario_id, orchestrator_id, status, submitted_at, reason, force,
    on_failure
) VALUES
('SUBMISSION_1', 'TASK_shared{OLD}', 'SCENARIO_c_1f', 'o', 'FAILED', 1.5, '', '0', ''),
('SUBMISSION_2', 'SCENARIO_c_1f', 'SCENARIO_c_1f', 'o', 'FAILED', 1.5, '', '0', '');
INSERT INTO graph (seq, graph, properties)
SELECT seq, '{GRAPH}', '{{}}' FROM submission;
INSERT INTO job (id, task_id, submission_id, status, reason, traceback) VALUES
"""
    + ",\n".join(
        f"('JOB_{name}_{run}', 'TASK_{name}{OLD}', 'SUBMISSION_{run}', 'FAILED', '', '')"
        for run in (1, 2)
        for name in TASKS
    )
    + ";"
)
"""What it has, for any database."""


async def check_shared_tasks(store: Store) -> None:
    """Assert that what named the tasks of a scenario names those that there are."""
    first, second = await store.submissions()
    assert first.entity_id == "TASK_shared_GLOBAL"
    assert second.entity_id == "SCENARIO_c_1f"

    for run in (first, second):
        jobs = await store.jobs(submission_id=run.id)
        assert [job.task_id for job in jobs] == [*TASKS.values()]

    assert len(await store.jobs(task_id="TASK_shared_GLOBAL")) == 2
    assert await store.jobs(task_id=f"TASK_shared{OLD}") == []
