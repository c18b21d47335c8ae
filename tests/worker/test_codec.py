"""Pickling: by reference what can be imported, by value the rest; errors name the part."""

from __future__ import annotations

import functools
import pickle
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.errors import NotPicklable
from asyncflow.worker.codec import dumps, dumps_code
from tests.support import jobs

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)
    ),
)


@given(plain)
def test_values_come_back(value: object) -> None:
    assert pickle.loads(dumps(value)) == value


class Holder:
    def __init__(self) -> None:
        self.name = "fine"
        self.inner = {"lock": threading.Lock()}


class Slotted:
    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def method(self) -> None:
        pass


LOCK = threading.Lock()


def closing() -> Any:
    held = [threading.Lock()]
    return lambda: held


def in_turn() -> Any:
    lock = threading.Lock()
    return lambda: lock


def defaulting() -> Any:
    return lambda lock=LOCK: lock


def using_a_global() -> Any:
    return lambda: LOCK


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (LOCK, "value"),
        ([1, LOCK], "value[1]"),
        ({"a": (LOCK,)}, "value['a'][0]"),
        (Holder(), "value.inner['lock']"),
        (Slotted(), "value.lock"),
        (Slotted().method, "value.__self__.lock"),
        (functools.partial(print, LOCK, file=LOCK), "value.args[0]"),
        (functools.partial(print, file=LOCK), "value.keywords['file']"),
        (closing(), "value.<closure held>[0]"),
        (defaulting(), "value.<default 0>"),
    ],
)
def test_what_cannot_be_pickled_is_named(value: object, path: str) -> None:
    with pytest.raises(NotPicklable) as caught:
        dumps(value)

    assert caught.value.path == path
    assert "lock" in caught.value.why


class InTurn:
    """A decorator that holds a lock."""

    def __init__(self, function: Callable[[int], int]) -> None:
        functools.update_wrapper(self, function)
        self.lock = threading.Lock()

    def __call__(self, x: int) -> int:
        with self.lock:
            return x + 1


class Proxy(InTurn):
    def __reduce_ex__(self, protocol: object) -> Any:
        raise NotImplementedError


@InTurn
def counted(x: int) -> int:
    return x


@Proxy
def proxied(x: int) -> int:
    return x


@pytest.mark.parametrize("function", [counted, proxied])
def test_what_a_decorator_made_of_a_function_is_imported(function: Any) -> None:
    assert pickle.loads(dumps_code(function)) is function
    assert pickle.loads(dumps_code(lambda: function))() is function

    with pytest.raises(NotPicklable):  # the module has no such name
        dumps_code(type(function)(jobs.double))


def test_a_cache_of_a_function_of_a_module_has_another_name_than_it_says() -> None:
    cached = pickle.loads(dumps_code(functools.lru_cache(maxsize=5)(jobs.double)))

    assert cached(2) == 4
    assert cached.cache_parameters()["maxsize"] == 5
    assert cached.__wrapped__ is jobs.double


def test_an_open_file_is_not_read_for_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")

    with open(tmp_path / "a.txt") as file:
        with pytest.raises(NotPicklable, match=r"open file '.*a\.txt'"):
            dumps({"file": file})

        assert file.tell() == 0


def test_a_functions_name_leads_the_path() -> None:
    with pytest.raises(
        NotPicklable, match=r"closing\.<locals>\.<lambda>\.<closure held>\[0\]"
    ):
        dumps_code(closing())


def test_a_function_has_a_lock_of_its_own_where_it_comes_to() -> None:
    function = in_turn()
    lock = pickle.loads(dumps_code(function))()

    assert type(lock) is type(function())
    assert lock is not function()


def test_importable_functions_go_by_reference() -> None:
    code = dumps_code(jobs.double)

    assert len(code) < 60
    assert pickle.loads(code) is jobs.double


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*arguments: Any) -> Any:
        return "bare", function(*arguments)

    return wrapper


class Owner:
    @bare
    def decorated(self, value: int) -> int:
        return value

    def __init__(self) -> None:
        self.patched = types.MethodType(lambda _, value: value, self)


@pytest.mark.parametrize(
    ("method", "result"),
    [
        (Owner().decorated, ("bare", 3)),
        (functools.partial(Owner().decorated), ("bare", 3)),
        (Owner().patched, 3),
    ],
)
def test_a_method_that_its_object_has_under_another_name(
    method: Callable[..., Any], result: object
) -> None:
    assert pickle.loads(dumps_code(method))(3) == result


def test_a_method_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(NotPicklable, match=r"wrapper.*lock"):
        dumps_code(types.MethodType(bare(threading.Lock().acquire), Owner()))


def test_modules_registered_by_value_go_by_value() -> None:
    cloudpickle.register_pickle_by_value(jobs)

    try:
        assert b"cloudpickle" in dumps_code(jobs.double)
    finally:
        cloudpickle.unregister_pickle_by_value(jobs)


def test_what_lives_in_main_goes_by_value() -> None:
    script = """
import pickle, sys
from asyncflow.worker.codec import dumps
class Point: pass
sys.stdout.buffer.write(dumps([Point()]))
"""
    data = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, cwd=Path.cwd()
    ).stdout

    assert type(pickle.loads(data)[0]).__name__ == "Point"
