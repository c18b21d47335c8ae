"""A task option is a field of `TaskConfig`: all else that names the options follows."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, get_overloads, get_type_hints

import attrs
import pytest

from asyncflow import Configuration, TaskConfig, task
from asyncflow.config import dag
from asyncflow.config.section import names_of
from asyncflow.dispatch import call_spec

ROOT = Path(__file__).parents[2]

NO_OPTIONS = ("function", "input", "output")
"""The fields that say what a task is, and not how its jobs are run."""

OPTIONS = {
    name: field
    for name, field in attrs.fields_dict(TaskConfig).items()
    if name in names_of(TaskConfig) and name not in NO_OPTIONS
}

OTHER: dict[str, Any] = {
    "skippable": True,
    "executor": "thread",
    "on_restart": "fail",
    "run_timeout": 1.5,
    "stall_timeout": 2.5,
    "retry": 3,
    "crash_retries": 0,
    "needs": {"gpu": 1.0},
    "memory_limit": 1_000_000,
}
"""For each option a value that is not its default."""


def test_each_is_a_parameter_in_its_order_with_its_default() -> None:
    plain = TaskConfig(id="t", function=abs)
    given = inspect.signature(Configuration.configure_task).parameters
    assert [name for name in given if name in OPTIONS] == [*OPTIONS]

    for name in OPTIONS:
        made = attrs.evolve(plain, **{name: given[name].default})
        assert getattr(made, name) == getattr(plain, name), name


@pytest.mark.parametrize(
    "decorator", [task, Configuration.task], ids=["of Config", "of any"]
)
def test_decorators_take_the_same(decorator: Any) -> None:
    given = inspect.signature(Configuration.configure_task).parameters
    wanted = [(name, given[name].annotation, given[name].default) for name in OPTIONS]
    *_, overload = get_overloads(decorator)
    taken = inspect.signature(overload).parameters
    found = [(one.name, one.annotation, one.default) for one in taken.values()]
    assert [one for one in found if one[0] in OPTIONS] == wanted


def test_each_has_the_type_of_its_field_where_nothing_is_converted() -> None:
    there = get_type_hints(Configuration.configure_task)
    fields = inspect.get_annotations(TaskConfig)

    for name, field in OPTIONS.items():
        if field.converter is None:
            text = str(there[name]).removeprefix("<class '").removesuffix("'>")
            assert text == fields[name], name


def test_each_is_told_of_where_it_is_given() -> None:
    text = inspect.getdoc(Configuration.configure_task) or ""
    told = re.findall(r"^:param (\w+):", text, re.MULTILINE)
    assert [name for name in told if name in OPTIONS] == [*OPTIONS]


def test_each_that_is_given_comes_to_the_task() -> None:
    assert [*OTHER] == [*OPTIONS], "give the new option a value that is not its default"
    made = Configuration().configure_task("t", abs, **OTHER)
    assert not made.properties

    for name, field in OPTIONS.items():
        value = OTHER[name]
        convert: Any = field.converter or (lambda given: given)
        assert getattr(made, name) == convert(value), name


def test_the_table_of_the_docs_has_each_with_its_default() -> None:
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    section = page.partition("## Of a task")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)=(.*?)` \|", section, re.MULTILINE)
    plain = TaskConfig(id="t", function=abs)
    assert {name: ast.literal_eval(value) for name, value in rows} == {
        name: getattr(plain, name) for name in OPTIONS
    }


def test_tasks_of_one_kind_have_the_options_that_say_how_they_are_called() -> None:
    assert options_in(call_spec) <= options_in(dag._kind)


def options_in(what: Any) -> set[str]:
    tree = ast.parse(inspect.getsource(what))
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found & OPTIONS.keys()
