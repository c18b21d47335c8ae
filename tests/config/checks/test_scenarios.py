"""Scenarios: who writes what, and cycles, as far as the sections tell."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import Configuration
from asyncflow.config.checks.references import sections_among
from asyncflow.config.checks.scenarios import cycle, names, writers
from tests.support.declaring import add, chain, diamond, double


def test_what_is_no_section_is_passed_over(config: Configuration) -> None:
    first, last = chain(config)
    assert list(sections_among([first, 5, None, last])) == [first, last]
    assert writers([5, first]) == {"intermediate": ["double"]}
    assert cycle([5, "x"]) == []


def test_the_names_of_a_scenario(config: Configuration) -> None:
    more: Any = [config.configure_data_node("more"), 5]
    scenario = config.configure_scenario("s", chain(config), more)
    assert names(scenario) == {
        "double",
        "add",
        "my_input",
        "intermediate",
        "my_output",
        "more",
    }


def test_who_writes_a_data_node(config: Configuration) -> None:
    a, b = config.configure_data_node("a"), config.configure_data_node("b")
    one = config.configure_task("one", dict, None, [a, b, a])
    two = config.configure_task("two", dict, None, a)
    assert writers([one, two, one]) == {"a": ["one", "two"], "b": ["one"]}


def test_a_cycle_starts_at_its_first_task(config: Configuration) -> None:
    first, last = chain(config)
    back = config.configure_task("back", add, last.output, first.input)
    start = config.configure_task("start", double, config.configure_data_node("x"))
    around = ["my_output", "back", "my_input", "double", "intermediate", "add"]
    assert cycle([start, last, first, back]) == ["add", *around]


def test_a_diamond_is_no_cycle(config: Configuration) -> None:
    assert cycle(diamond(config).tasks) == []


def test_a_task_that_reads_what_it_writes_is_no_cycle(config: Configuration) -> None:
    node = config.configure_data_node("a")
    assert cycle([config.configure_task("t", double, node, node)]) == []


@pytest.mark.parametrize(
    "function",
    [lambda: 1, lambda one: one, lambda *, a: a],
    ids=["none", "one", "named"],
)
def test_a_comparator_takes_values(config: Configuration, function: Any) -> None:
    tasks = chain(config)
    config.configure_scenario("s", tasks, comparators={"my_output": function})
    (problem,) = config.problems()
    assert "does not take two values or more" in problem.message


@pytest.mark.parametrize(
    "function",
    [max, lambda *values: values, lambda a, b: a, lambda a, b, c, d=1: d],
    ids=["max", "any", "two", "four"],
)
def test_what_compares_values(config: Configuration, function: Any) -> None:
    tasks = chain(config)
    config.configure_scenario("s", tasks, comparators={"my_output": function})
    assert config.problems() == ()


def test_comparators_of_a_scenario_without_data_nodes(config: Configuration) -> None:
    config.configure_scenario("s", comparators={"zz": max})
    (problem,) = config.problems()
    assert "'zz' is no data node of the scenario: there are none" in problem.message
