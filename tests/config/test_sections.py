"""Sections: what they hold, and when two of them say the same."""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import pytest

from asyncflow import (
    Configuration,
)
from asyncflow.alternatives import DRIVERS
from asyncflow.config import (
    CoreConfig,
    DataNodeConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.config.section import same_value
from tests.support.declaring import (
    Doubler,
    Fetcher,
    add,
    double,
    fetch,
)
from tests.support.toy_driver import ToyDriver, ToyOptions


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (double, False),
        (fetch, True),
        (functools.partial(fetch, 1), True),
        (functools.partial(functools.partial(Fetcher()), 1), True),
        (Fetcher(), True),
        (Fetcher, False),
        (Doubler(), False),
        (5, False),
    ],
    ids=["plain", "async", "partial", "nested", "call", "class", "plain-call", "5"],
)
def test_is_async(function: Any, is_async: bool) -> None:
    assert TaskConfig(id="t", function=function).is_async is is_async


def again(function: Any) -> types.FunctionType:
    """Define a function a second time, as executing its cell again does."""
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__
    )
    copy.__qualname__ = function.__qualname__
    return copy


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise ValueError("never")

    __hash__ = None  # type: ignore[assignment]  # as arrays are


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(double, again(double), True, id="function"),
        pytest.param(double, add, False, id="functions"),
        pytest.param(lambda x: x, lambda x: x + 1, False, id="lambdas"),
        pytest.param(Doubler().__call__, Doubler().__call__, False, id="methods"),
        pytest.param(1, True, False, id="types"),
        pytest.param({"a": (1, [2])}, {"a": (1, [2])}, True, id="nested"),
        pytest.param({"a": (1, [2])}, {"a": (1, [3])}, False, id="nested_other"),
        pytest.param({"a": 1}, {"b": 1}, False, id="keys"),
        pytest.param((1,), (1, 2), False, id="lengths"),
        pytest.param(np.arange(3), np.arange(3), True, id="arrays"),
        pytest.param(Hostile(), Hostile(), True, id="hostile"),
        pytest.param(
            DataNodeConfig(id="a"), DataNodeConfig(id="a"), True, id="references"
        ),
    ],
)
def test_same_value(one: object, other: object, same: bool) -> None:
    assert same_value(one, other) is same
    assert same_value(one, one)


def test_same_content_is_of_one_kind() -> None:
    node = DataNodeConfig(id="a")
    assert node.same_content(DataNodeConfig(id="a"))
    assert not node.same_content(DataNodeConfig(id="a", scope=Scope.GLOBAL))
    assert not node.same_content(TaskConfig(id="a", function=double))


def twice(make: Callable[[], object]) -> list[str]:
    config = Configuration()

    for _ in range(2):
        config.configure_data_node("weights", default_data=make())

    return [problem.message for problem in config.problems()]


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.arange(2),
        lambda: np.arange(1),
        lambda: np.array([]),
        lambda: np.array([1.0, math.nan]),
        lambda: np.arange(6).reshape(2, 3),
        lambda: [np.arange(2), np.arange(3)],
        lambda: {"a": np.arange(2), "b": [np.arange(2)]},
        lambda: (np.arange(2), "x"),
    ],
    ids=["two", "one", "none", "nan", "table", "list", "dict", "tuple"],
)
def test_the_same_array_twice_is_no_problem(make: Callable[[], object]) -> None:
    assert twice(make) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(2), np.arange(3)),
        (np.arange(2), np.arange(2.0)),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (np.ones(1), np.zeros(1)),
        ([np.arange(2)], [np.arange(3)]),
        (np.arange(2), [0, 1]),
    ],
    ids=["longer", "floats", "shape", "one", "list", "kind"],
)
def test_another_array_is_a_problem(one: object, other: object) -> None:
    values = iter((one, other))
    assert "different content" in twice(lambda: next(values))[0]


def test_the_data_nodes_of_a_scenario_once_each_as_they_are_met() -> None:
    a, b, c, d = (DataNodeConfig(id=name) for name in "abcd")
    tasks = (
        TaskConfig(id="t", function=add, input=(a, b), output=(c,)),
        TaskConfig(id="u", function=double, input=(c,), output=(b,)),
    )
    scenario = ScenarioConfig(
        id="s", task_configs=tasks, additional_data_node_configs=(d, a)
    )
    assert scenario.data_node_configs == (a, b, c, d)


@pytest.fixture
def _toy() -> Iterator[None]:
    DRIVERS.register("toy", ToyDriver)
    yield
    DRIVERS.unregister("toy")


@pytest.mark.usefixtures("_toy")
def test_options_of_the_storage_type_are_told_from_properties() -> None:
    given = {"level": 3, "owner": "ann"}
    node = DataNodeConfig(id="a", storage_type="toy", properties=given)
    sorted_out = node.sorted_out()
    assert node.option_names == ("level", "marker")
    assert sorted_out.options == {"level": 3}
    assert sorted_out.properties == {"owner": "ann"}
    assert sorted_out.sorted_out() is sorted_out
    assert sorted_out.driver_options() == ToyOptions(level=3)

    # Another storage type has other options.
    other = attrs.evolve(sorted_out, storage_type="pickle").sorted_out()
    assert (other.options, other.properties) == ({}, given)
    assert other.driver_options() is None

    with pytest.raises(ValueError, match="level"):
        attrs.evolve(sorted_out, options={"level": 10}).driver_options()


def test_a_storage_type_that_there_is_not_has_no_driver() -> None:
    node = DataNodeConfig(id="a", storage_type="no_such_type")
    assert node.driver is None
    assert node.option_names == ()
    assert not node.owns_place
    assert DataNodeConfig(id="a", default_path="a.p").owns_place


def test_nothing_is_removed_where_no_rule_is_given() -> None:
    assert CoreConfig().keeps_all
    assert not CoreConfig(keep_log_days=0).keeps_all


def test_scopes_have_an_order() -> None:
    assert Scope.SCENARIO < Scope.CYCLE < Scope.GLOBAL
    assert Scope.CYCLE <= Scope.GLOBAL >= Scope.CYCLE <= Scope.CYCLE
    assert not Scope.GLOBAL < Scope.SCENARIO
    assert max(Scope.CYCLE, Scope.SCENARIO) is Scope.CYCLE

    with pytest.raises(TypeError, match="not supported"):
        sorted([Scope.CYCLE, "GLOBAL"])  # type: ignore[type-var]  # wrong on purpose
