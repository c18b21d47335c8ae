"""Checks of named resources: how much there is, and how much a task needs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from asyncflow.config import Configuration
from tests.support.declaring import Declare, Row, check_refused, in_mode, jobs, task


def test_a_resource_that_is_used_up_or_not_there(config: Configuration) -> None:
    config.configure_job_executions(resources={"gpu": 2, "tpu": 0})
    config.configure_task("t", math.sqrt, needs={"gpu": 2})
    assert config.problems() == ()


def needs(amounts: Any, **resources: Any) -> Declare:
    def declare(config: Configuration) -> None:
        config.configure_job_executions(resources=resources)
        config.configure_task("t", math.sqrt, needs=amounts)

    return declare


BAD: dict[str, tuple[Declare, list[Row]]] = {
    "needs": (needs(5), [("TASK.t", "needs", "5 does not map names to amounts")]),
    "needs_names": (
        needs({5: 1, "": 1}, gpu=1),
        [
            ("TASK.t", "needs", "5 is no name of a resource"),
            ("TASK.t", "needs", "'' is no name of a resource; give a str such as"),
        ],
    ),
    "needs_amounts": (
        needs({"gpu": 0, "tpu": "1"}, gpu=1, tpu=1),
        [
            ("TASK.t", "needs", "gpu: 0 is not a number above 0"),
            ("TASK.t", "needs", "tpu: '1' is not a number above 0"),
        ],
    ),
    "needs_undeclared": (
        needs({"gup": 1}, gpu=1),
        [("TASK.t", "needs", "did you mean 'gpu'? configure_job_executions(resources")],
    ),
    "needs_where_nothing_is_declared": (
        task(needs={"gpu": 1}),
        [("TASK.t", "needs", "(resources={'gpu': ...}) declares it")],
    ),
    "needs_too_much": (
        needs({"gpu": 3, "tpu": 0.1}, gpu=2, tpu=0),
        [
            ("TASK.t", "needs", "gpu: 3 is more than there is, which is 2"),
            ("TASK.t", "needs", "tpu: 0.1 is more than there is, which is 0"),
        ],
    ),
    "needs_of_what_is_wrong": (
        needs({"gpu": 3}, gpu="2"),
        [("JOB", "resources", "gpu: '2' is not a number of at least 0")],
    ),
    "resources": (
        jobs(resources=["gpu"]),
        [("JOB", "resources", "['gpu'] does not map names to amounts")],
    ),
    "resources_and_needs": (
        lambda config: (jobs(resources=5)(config), task(needs={"a": 1})(config)),
        [("JOB", "resources", "give a dict such as {'gpu': 1}")],
    ),
    "resources_amounts": (
        jobs(resources={"gpu": -1, 5: 1}),
        [
            ("JOB", "resources", "gpu: -1 is not a number of at least 0"),
            ("JOB", "resources", "5 is no name of a resource"),
        ],
    ),
    "resources_odd_names": (
        lambda config: (
            jobs(resources={5: 1})(config),
            task(needs={"gpu": 1})(config),
        ),
        [
            ("JOB", "resources", "5 is no name of a resource"),
            ("TASK.t", "needs", "'gpu' is not a resource that is declared"),
        ],
    ),
}


@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize(("declare", "rows"), BAD.values(), ids=BAD)
def test_check(
    config: Configuration, declare: Declare, rows: list[Row], mode: str
) -> None:
    check_refused(config, in_mode(mode, declare), rows)
