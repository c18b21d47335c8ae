"""The blocking face is the async one: parameters, defaults and results of each verb."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import asyncflow
import asyncflow.sync as tp

KINDS = (
    "Orchestrator",
    "Scenario",
    "Sequence",
    "Task",
    "DataNode",
    "Submission",
    "Job",
)
PAIRS = [(getattr(asyncflow, name), getattr(tp, name)) for name in (*KINDS, "Output")]


def verbs(kind: type) -> Iterator[str]:
    for name in dir(kind):
        it = inspect.getattr_static(kind, name)

        if not name.startswith("_") and inspect.isfunction(it):
            yield name


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.default, one.annotation) for one in found]


CASES = [
    pytest.param(ours, theirs, name, id=f"{theirs.__name__}.{name}")
    for theirs, ours in PAIRS
    for name in verbs(ours)
    if callable(getattr(theirs, name, None))
]


@pytest.mark.parametrize(("ours", "theirs", "name"), CASES)
def test_a_verb_takes_and_gives_the_same(ours: type, theirs: type, name: str) -> None:
    one, other = getattr(ours, name), getattr(theirs, name)

    if name == "submit":
        names = {each[0] for each in parameters(one)} - {"wait"}
        assert names == {each[0] for each in parameters(other)}
        return

    assert parameters(one)[1:] == parameters(other)[1:]

    if name != "events":  # a block around an iterator
        result = inspect.signature(other).return_annotation
        result = re.sub(r"^AsyncIterator\b", "Iterator", result)
        assert inspect.signature(one).return_annotation == result


OTHERWISE = {
    "is_locked": "edit_in_progress",
    "is_deleted": "exists() of the module",
    "timeout": "an argument of wait() and submit()",
}
"""What is told there by another name, or not told, as it says nothing here."""

LEFT = {"DataNode": {"config"}, "Task": {"tasks"}}
"""What a config of its own, or its only task, would be."""


@pytest.mark.parametrize(
    ("theirs", "ours"), [pytest.param(*one, id=one[0].__name__) for one in PAIRS[1:]]
)
def test_what_one_tells_the_other_tells(theirs: type, ours: type) -> None:
    names = {
        name
        for name in dir(theirs)
        if isinstance(inspect.getattr_static(theirs, name), property)
        and not name.startswith("_")
    }
    found = {name for name in names - OTHERWISE.keys() if not hasattr(ours, name)}
    assert found <= LEFT.get(theirs.__name__, set())


FUNCTIONS = [
    name for name in dir(tp.Orchestrator) if inspect.isfunction(getattr(tp, name, None))
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_and_gives_the_same(name: str) -> None:
    one, other = getattr(tp, name), getattr(tp.Orchestrator, name)

    if name != "run":  # of several
        assert parameters(one) == parameters(other)[1:]
        result = inspect.signature(other).return_annotation
        assert inspect.signature(one).return_annotation == result


def test_what_docstrings_refer_to_is_there() -> None:
    """What is not told here is told there: it cannot become something else."""
    modules = [tp, *(kind for _, kind in PAIRS)]
    count = 0

    for owner in modules:
        for name in dir(owner):
            text = inspect.getdoc(inspect.getattr_static(owner, name)) or ""

            if name.startswith("_"):
                continue

            for path in re.findall(r"see `asyncflow\.([\w.]+)`", text):
                count += 1
                it: Any = asyncflow

                for part in path.split("."):
                    it = getattr(it, part)

                assert it.__doc__

    assert count > 50


LISTS = [
    (tp.get_jobs, "jobs"),
    (tp.get_submissions, "submissions"),
    (tp.get_cycles, "cycles"),
    (tp.get_data_nodes, "data_nodes"),
]


@pytest.mark.parametrize(("function", "verb"), LISTS)
def test_a_list_takes_the_same(function: Callable[..., Any], verb: str) -> None:
    assert parameters(function) == parameters(getattr(tp.Orchestrator, verb))[1:]


def test_the_list_of_scenarios_takes_the_same() -> None:
    ours = {one[0]: one for one in parameters(tp.get_scenarios)}
    theirs = {one[0]: one for one in parameters(asyncflow.Orchestrator.scenarios)[1:]}
    taipys = {"created_start_time", "created_end_time", "is_sorted"}
    assert ours.keys() - theirs.keys() == taipys
    told_otherwise = {"created_from", "created_to", "newest_first", "after"}
    assert theirs.keys() - ours.keys() == told_otherwise

    for name in ours.keys() & theirs.keys() - {"sort_key"}:
        assert ours[name] == theirs[name]
