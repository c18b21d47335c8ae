"""What is refused before it begins, and with which words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from asyncflow import Orchestrator
from asyncflow.entities.data_node import node_of
from asyncflow.errors import InsideWorker, NoData, NotPicklable, UnsupportedLoop
from asyncflow.options import RunOptions
from asyncflow.runtime.checks import (
    check_inputs,
    check_kept,
    check_options,
    check_place,
    check_properties,
    check_workers,
)
from asyncflow.worker import current
from tests.support import flows


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"on_failure": "go on"}, "on_failure is 'continue' or 'stop'; got 'go on'"),
        ({"run_timeout": 0}, "run_timeout is in seconds, above 0"),
        ({"run_timeout": True}, "run_timeout is in seconds"),
        ({"run_timeout": float("inf")}, "run_timeout is in seconds"),
        ({"priority": float("nan")}, "priority is a finite number"),
        ({"priority": "high"}, "priority is a finite number; got 'high'"),
        ({"idempotency_key": ""}, "a text that is not empty"),
        ({"idempotency_key": 5}, "a text that is not empty"),
        ({"idempotency_key": "\ud800"}, "half of a character"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    options: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        check_options(RunOptions(**options))


def test_options_that_mean_something_are_taken() -> None:
    check_options(RunOptions())
    check_options(
        RunOptions(
            run_timeout=0.5, priority=-3, idempotency_key="é", properties={"owner": 1}
        )
    )


@pytest.mark.parametrize(
    ("verb", "name", "match"),
    [
        ("create_scenario", "get_or_create", "did you mean 'exist_ok'"),
        ("create_scenario", "exists_ok", "did you mean 'exist_ok'"),
        ("create_scenario", "scenario_name", "did you mean 'name'"),
        ("submit", "prio", "did you mean 'priority'"),
        ("submit", "no_cache", "did you mean 'force'"),
        ("create_scenario", "frequency", "it is one of configure_scenario()"),
        ("submit", "input", "did you mean 'inputs'"),
        ("submit", "max_workers", r"it is one of configure_job_executions\(\)"),
    ],
)
def test_an_option_of_other_tools_is_no_property(
    verb: str, name: str, match: str
) -> None:
    with pytest.raises(TypeError, match=match):
        check_properties(verb, {name: 1}, ())


def test_a_reserved_name_is_no_property() -> None:
    with pytest.raises(TypeError, match=r"submit\(\) has no option wait"):
        check_options(RunOptions(properties={"wait": True}))

    with pytest.raises(TypeError, match=r"submit\(\) has no option wait"):
        check_options(RunOptions(keywords={"wait": True}))


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("suorce", r"submit\(\) knows no data node 'suorce': did you mean 'source'"),
        ("prioritty", "did you mean 'priority'"),
    ],
)
def test_a_property_that_looks_like_something_else_is_refused(
    name: str, match: str
) -> None:
    with pytest.raises(TypeError, match=match):
        check_properties("submit", {name: 1}, {"source", "result"})


def test_a_property_of_the_users_own_is_taken() -> None:
    check_properties("submit", {"customer": 1, "results": 2}, {"source", "result"})


def test_properties_that_no_store_can_keep_are_named() -> None:
    check_kept({"a": 1, "b": ["x", None]}, "SUBMISSION_1")

    with pytest.raises(NotPicklable, match="properties of SUBMISSION_1"):
        check_kept({"lock": threading.Lock()}, "SUBMISSION_1")


@pytest.mark.parametrize("count", [0, 1025, 2.0, True, None])
def test_what_is_no_number_of_workers_is_refused(count: object) -> None:
    with pytest.raises(ValueError, match="from 1 to 1024"):
        check_workers(count)


def test_the_least_and_the_most_workers_are_taken() -> None:
    check_workers(1)
    check_workers(1024)


def test_an_orchestrator_needs_a_running_loop() -> None:
    with pytest.raises(UnsupportedLoop, match="on asyncio's event loops only"):
        check_place()


@pytest.fixture
def _in_worker() -> Iterator[None]:
    current.is_worker = True
    yield
    current.is_worker = False


@pytest.mark.anyio
@pytest.mark.usefixtures("_in_worker")
async def test_an_orchestrator_is_opened_in_no_worker() -> None:
    with pytest.raises(InsideWorker, match="inside a job's worker process"):
        check_place()


@pytest.mark.anyio
async def test_a_run_needs_its_inputs() -> None:
    config = flows.configuration("development")
    source = config.configure_data_node("source")
    cfg = config.configure_scenario(
        "empty", config.configure_task("work", flows.double, source, None)
    )

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        scheduler = orchestrator._opened().scheduler
        nodes = [node_of(scenario.source)]

        with pytest.raises(NoData, match="source"):
            check_inputs(scheduler, nodes, ())

        check_inputs(scheduler, nodes, nodes)  # others may have written it
        await scenario.source.write(1)
        check_inputs(scheduler, nodes, ())
