"""Arguments of another kind than is meant: each error names the argument, and what it is."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import asyncflow
from asyncflow import Orchestrator
from asyncflow.config.checks.arguments import check_date, several
from tests.support import flows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def known() -> AsyncIterator[dict[str, Any]]:
    """What the expressions of tests know."""
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double, 5)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        yield {
            "scenario": scenario,
            "submission": await scenario.submit(),
            "orchestrator": orchestrator,
            "asyncflow": asyncflow,
            "date": date,
            "print": print,
        }


async def refused(expression: str, known: dict[str, Any]) -> Exception:
    """Return what an expression raises, also where it is awaited or entered."""
    try:
        found = eval(expression, known)
        await (found if inspect.isawaitable(found) else found.__aenter__())
    except Exception as error:
        return error

    pytest.fail(f"{expression} was not refused")


CREATE = "orchestrator.create_scenario(scenario.config"
DATE = "creation_date is a datetime, such as datetime(2026, 1, 31, tzinfo=UTC), or None; got"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (f"{CREATE}, '2026-01-01')", f"{DATE} '2026-01-01'"),
        (f"{CREATE}, date(2026, 1, 1))", f"{DATE} datetime.date("),
        (f"{CREATE}, 5)", f"{DATE} 5"),
        ("scenario.duplicate('x')", f"{DATE} 'x'"),
        ("orchestrator.scenarios(created_from=5)", "created_from is a datetime"),
        ("orchestrator.submissions(submitted_to='x')", "submitted_to is a datetime"),
        ("scenario.submit(properties=5)", "properties is a dict, or None; got 5"),
        ("scenario.subscribe(print, 5)", "params is a list of what the function"),
        ("scenario.subscribe(print, 'x')", "such as ['x'], or None; got 'x'"),
        ("scenario.unsubscribe(print, 5)", "params is a list of what the function"),
        ("orchestrator.events(buffer='x')", "buffer is how many events are held"),
        ("orchestrator.listen(5)", "a listener is an asyncflow.Listener; got 5"),
        ("asyncflow.as_completed([5])", "as_completed takes submissions; got 5"),
        ("asyncflow.as_completed(5)", "as_completed takes a list of submissions"),
        ("scenario.source.track_edit(timestamp='x')", "timestamp is a datetime"),
        ("asyncflow.Calendar('DAILY', 5)", "offset is a timedelta, such as"),
        ("asyncflow.Calendar('YEARLY', months='x')", "months is how many months"),
        *(
            (f"orchestrator.scenarios({name}=5)", f"{name} is a text, or None; got 5")
            for name in ("config_id", "name", "tag", "version")
        ),
        ("orchestrator.scenarios(is_primary='x')", "is_primary is True or False"),
        ("orchestrator.scenarios(newest_first='x')", "newest_first is True or False"),
        ("orchestrator.submissions(tag=5)", "tag is a text, or None; got 5"),
        ("orchestrator.submissions(version=5)", "version is a text, or None; got 5"),
        ("scenario.plan(force='x')", "force is True or False; got 'x'"),
        ("scenario.source.write(1, editor_id=5)", "editor_id is a text, or None"),
        ("scenario.source.write(1, comment=5)", "comment is a text; got 5"),
        ("scenario.source.read(in_process='x')", "in_process is True or False"),
        ("scenario.source.lock_edit(5)", "editor_id is a text, or None; got 5"),
        ("scenario.update(without=5)", "without is the names of properties; got 5"),
        ("asyncflow.acting_as('').__enter__()", "a text that is not empty; got ''"),
        (
            "asyncflow.Config.configure_data_node_from(None, 'x')",
            "source_configuration is a DataNodeConfig, as configure_data_node()",
        ),
    ],
)
async def test_arguments_of_another_kind(
    known: dict[str, Any], expression: str, said: str
) -> None:
    error = await refused(expression, known)
    assert isinstance(error, TypeError)
    assert said in str(error)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("submission.outputs['reslt']", "did you mean 'result'?"),
        ("submission.inputs['zz']", "there is no 'zz': choose one of 'source'"),
    ],
)
async def test_names_of_what_a_run_reads_and_writes(
    known: dict[str, Any], expression: str, said: str
) -> None:
    assert [*known["submission"].outputs] == ["result"]
    error = await refused(expression, known)
    assert isinstance(error, KeyError)
    assert said in str(error)


@pytest.mark.parametrize("verb", ["submission.report", "scenario.export"])
async def test_a_file_in_a_folder_that_is_not_there(
    known: dict[str, Any], tmp_path: Path, verb: str
) -> None:
    path = str(tmp_path / "absent" / "x")
    error = await refused(f"{verb}({path!r})", known)
    assert isinstance(error, FileNotFoundError)
    assert "make its folder first" in str(error)
    assert error.filename == path


def test_what_is_right_is_taken() -> None:
    check_date("when", None)
    assert several("params", None) == ()
    assert several("params", {1: 2}) == (1,)
