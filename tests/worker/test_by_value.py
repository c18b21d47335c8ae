"""Pickling by value: what a main script defines is found again under its name."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import cloudpickle.cloudpickle as cloud  # type: ignore[import-untyped]  # it has no types
import pytest

from asyncflow.worker import main
from asyncflow.worker.by_value import register_by_value, with_names
from asyncflow.worker.pickler import pickled, pickled_names

TRACKERS: dict[str, Callable[[], object]] = {
    "_DYNAMIC_CLASS_TRACKER_BY_CLASS": WeakKeyDictionary,
    "_DYNAMIC_CLASS_TRACKER_BY_ID": WeakValueDictionary,
}
"""Where cloudpickle remembers classes."""

SCRIPT = """
import enum, functools, typing

class Point:
    def __init__(self, x):
        self.x = x

class Color(enum.Enum):
    RED = 1

Number = typing.NewType("Number", int)
T = typing.TypeVar("T", bound=int)
FACTOR = 3

def times(point):
    return Point(point.x * FACTOR)

@functools.lru_cache(maxsize=7)
def kept(x):
    return [x]

@functools.singledispatch
def shown(value):
    return "any"

@shown.register
def _(value: int):
    return "int"
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have a main script as it is in a program."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    exec(compile(SCRIPT, "script.py", "exec"), vars(module))
    return module


@pytest.fixture
def become_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[], main.Names]:
    """Have the main script be that of a worker, from this call on."""

    def become() -> main.Names:
        names = main.Names(None, str(tmp_path / "copy"))
        monkeypatch.setattr(main, "here", names)
        monkeypatch.setitem(sys.modules, "__main__", names.main)
        # Another process knows none of the classes of this one.
        for name, kind in TRACKERS.items():
            monkeypatch.setattr(cloud, name, kind())

        return names

    return become


def test_a_function_comes_with_what_it_names(
    script: Any, become_worker: Callable[[], main.Names]
) -> None:
    data = pickled(script.times)
    become_worker()

    function, came = with_names(partial(pickle.loads, data))

    assert isinstance(function, FunctionType)
    assert function(script.Point(2)).x == 6
    assert type(function(script.Point(2))) is came["Point"] is not script.Point
    assert (came["FACTOR"], came["times"]) == (3, function)
    assert function.__code__.co_filename == "script.py"


def test_values_are_of_the_class_that_the_function_came_with(
    script: Any, become_worker: Callable[[], main.Names]
) -> None:
    code, value = pickled(script.times), pickled(script.Point(5))
    names = become_worker()
    _, came = with_names(partial(pickle.loads, code))
    names.show(came)

    point = pickle.loads(value)

    assert type(point) is came["Point"]
    assert point.x == 5


def test_what_only_a_value_brings_is_kept_under_its_name(
    script: Any, become_worker: Callable[[], main.Names]
) -> None:
    data = pickled([script.Color.RED, script.Point(1)])
    names = become_worker()

    color, point = pickle.loads(data)

    assert names.content["Color"] is type(color)
    assert names.content["Point"] is type(point)
    assert (color.name, color.value) == ("RED", 1)
    again, _ = pickle.loads(data)
    assert again is color


@pytest.mark.parametrize("name", ["Point", "Color", "Number", "T", "kept", "shown"])
def test_in_its_own_script_a_thing_is_itself(script: Any, name: str) -> None:
    assert pickle.loads(pickled(vars(script)[name])) is vars(script)[name]
    assert pickle.loads(pickled(script.Color.RED)) is script.Color.RED


def test_wrapped_functions_keep_what_wraps_them(
    script: Any, become_worker: Callable[[], main.Names]
) -> None:
    data = pickled((script.kept, script.shown, script.T, script.Number))
    become_worker()

    kept, shown, variable, number = pickle.loads(data)

    assert kept.cache_parameters()["maxsize"] == 7
    assert kept(1) is kept(1)
    assert (shown(1), shown("a")) == ("int", "any")
    assert (variable.__name__, variable.__bound__) == ("T", int)
    assert number(3) == 3


def test_names_that_cannot_be_pickled_are_left_out() -> None:
    content = {"one": 1, "lock": threading.Lock(), "__name__": "__main__"}
    assert pickle.loads(pickled_names(content)) == {"": {"one": 1}}


def test_large_buffers_may_stay_out() -> None:
    buffers: list[pickle.PickleBuffer] = []

    def collect(buffer: pickle.PickleBuffer) -> bool:
        buffers.append(buffer)
        return False

    data = pickled(pickle.PickleBuffer(b"x" * 1000), collect)

    assert len(data) < 100
    assert bytes(pickle.loads(data, buffers=buffers)) == b"x" * 1000


def test_what_is_no_module_cannot_be_registered() -> None:
    with pytest.raises(TypeError, match="takes a module or the name of one; got 3"):
        register_by_value(3)  # type: ignore[arg-type]  # that is the test

    with pytest.raises(ImportError):
        register_by_value("no_such_module")

    register_by_value("__main__")
    assert "__main__" not in cloud.list_registry_pickle_by_value()
