"""Every public name of Taipy's scenario management: here, or told why not."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import asyncflow
import asyncflow.sync as tp
from asyncflow import Configuration
from asyncflow.entities import reasons
from asyncflow.sync.forwarding import wrap
from tests.support.taipy_names import (
    BEGIN,
    NAMES,
    OWNERS,
    PAGE,
    Name,
    fields_of,
    names,
    tables,
)

MODULES: dict[str, Any] = {"reasons": reasons}
BESIDE = {"Edit", "MongoDefaultDocument", "Reason"}
"""What Taipy has beside a class, and here is a name of the package."""

EVERY = list(names())
HERE = [name for name in EVERY if name.verdict == "same"]


def found(name: Name) -> Any:
    """Return what has a name here; fails where nothing has."""
    owner = asyncflow if name.name in BESIDE else OWNERS[name.group]

    if name.name in fields_of(owner):
        return None

    return inspect.getattr_static(owner, name.name, None) or getattr(owner, name.name)


def test_each_group_has_an_owner() -> None:
    assert list(OWNERS) == list(NAMES)
    assert len({(name.group, name.name) for name in EVERY}) == len(EVERY)


@pytest.mark.parametrize("group", NAMES)
def test_what_is_the_same_is_here(group: str) -> None:
    for name in HERE:
        if name.group != group:
            continue

        it = found(name)

        if name.parameters:
            signature = inspect.signature(it)
            own = [one for one in signature.parameters if one != "self"]
            assert tuple(own[: len(name.parameters)]) == name.parameters, name.name
            kinds = {signature.parameters[one].kind for one in name.parameters}
            assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}, name.name


def test_what_has_another_name_is_here() -> None:
    for name in EVERY:
        if name.verdict != "other":
            continue

        first, *rest = name.place.split(".")
        it: Any = MODULES.get(first) or getattr(tp, first, None)
        it = it or getattr(asyncflow, first)

        for part in rest:
            assert part in fields_of(it) or hasattr(it, part)


def test_what_was_decided_otherwise_says_why() -> None:
    assert [n.name for n in EVERY if n.verdict == "otherwise" and not n.note] == []


ENTITIES = ("Scenario", "Sequence", "Task", "DataNode", "Job", "Submission", "Cycle")
FACES = re.compile(r"(?m)^\| `((\w+)\.(\w+)(?:\(\))?)` \| `(.+)` \|$")
"""A row of the table of both faces: what is asked of whom here, and there."""
KINDS = {"node": "DataNode"}
"""What the page calls otherwise than by its class."""


def rows_of_faces() -> list[tuple[str, str, str, str]]:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("## On the async face\n")
    return FACES.findall(rest.partition("\n## ")[0])


def test_the_async_face_has_each_or_the_page_says_what_does_it() -> None:
    told = {(KINDS.get(who, who.title()), name) for _, who, name, _ in rows_of_faces()}
    lacking = set()

    for name in HERE:
        if name.group not in ENTITIES or name.name in BESIDE:
            continue

        owner = getattr(asyncflow, name.group)

        if hasattr(owner, name.name):
            if name.parameters:
                there = inspect.signature(getattr(owner, name.name)).parameters
                assert {*name.parameters} - {"wait"} <= {*there}, name.name
        elif name.name not in fields_of(owner):
            lacking.add((name.group, name.name))

    assert lacking == told


def test_an_async_orchestrator_tells_what_does_what_a_function_of_taipy_does() -> None:
    orchestrator: Any = asyncflow.Orchestrator()
    functions = [name.name for name in HERE if name.group == "tp"]

    for name in functions:
        is_one = inspect.isfunction(getattr(tp, name))

        if is_one and not hasattr(orchestrator, name):
            with pytest.raises(AttributeError, match="`"):
                getattr(orchestrator, name)


def test_both_faces_say_the_same(tmp_path: Path) -> None:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    source = config.configure_data_node("source", default_data=-1)
    result = config.configure_data_node("result")
    task = config.configure_task("work", abs, source, result)
    cfg = config.configure_scenario("flow", task, sequences={"part": task})

    with tp.Orchestrator(config, tmp_path / "runs.db"):
        scenario = tp.create_scenario(cfg)
        run = tp.submit(scenario, force=True)
        known: dict[str, Any] = {"node": scenario.result, "task": scenario.work}
        known |= {"sequence": scenario.part, "job": run.jobs[0], "submission": run}
        inner = {name: handle._inner for name, handle in known.items()}

        for here, who, _, there in rows_of_faces():
            scope: dict[str, Any] = {}
            exec(f"async def asked({', '.join(inner)}): return {there}", scope)
            found = known[who]._loop.call(scope["asked"], *inner.values())
            assert wrap(found, known[who]._loop) == eval(here, {}, known), here


def test_the_page_has_each() -> None:
    """`python -m tests.support.taipy_names` writes it anew."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    assert rest.strip() == tables().strip()
