"""Checks of how a function takes its inputs and gives its results."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from asyncflow.config import Configuration


def none_of_all() -> list[int]:
    return []


def yields() -> Iterator[int]:
    yield 1


async def yields_later() -> AsyncIterator[int]:
    yield 1


def three(left: int, right: int, how: str) -> None:
    """Need three inputs."""


@pytest.mark.parametrize(
    ("function", "inputs", "piece"),
    [
        (three, 2, "three(left, right, how) cannot be called with 2 inputs"),
        (three, 4, "too many positional arguments"),
        (none_of_all, 1, "none_of_all() cannot be called with 1 input ("),
        (functools.partial(three, 1), 1, "missing a required argument: 'how'"),
        (functools.partial(three, how="x"), 3, "cannot be called with 3 inputs"),
        (lambda *, key: key, 0, "(missing a required "),
        (yields, 0, "yields: its call would give"),
        (yields_later, 0, "yields_later yields"),
        (functools.partial(yields), 0, "yields: its call"),
    ],
    ids=["few", "many", "none", "partial", "keyword", "key", "gen", "agen", "part"],
)
def test_a_function_takes_its_inputs(
    config: Configuration, function: Callable[..., object], inputs: int, piece: str
) -> None:
    nodes = [config.configure_data_node(f"n{number}") for number in range(inputs)]
    config.configure_scenario("s", config.configure_task("t", function, nodes))
    (problem,) = config.problems()
    assert problem.section == "TASK.t"
    assert piece in problem.message


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (three, 3),
        (functools.partial(three, how="x"), 2),
        (lambda *values: values, 5),
        (lambda one, two=2: one, 1),
        (dict, 0),
        (max, 2),
        (str.upper, 1),
    ],
    ids=["three", "partial", "all", "default", "class", "builtin", "method"],
)
def test_what_can_be_called_is_fine(
    config: Configuration, function: Callable[..., object], inputs: int
) -> None:
    nodes = [config.configure_data_node(f"n{number}") for number in range(inputs)]
    config.configure_scenario("s", config.configure_task("t", function, nodes))
    assert config.problems() == ()
