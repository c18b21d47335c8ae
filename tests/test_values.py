"""Pickling, and the files of large values."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.errors import NotPicklable
from asyncflow.worker import values
from asyncflow.worker.codec import dumps, dumps_code
from asyncflow.worker.values import INLINE, fetch, keep
from tests import flows

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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 20_000), max_size=5),
    st.integers(0, 2 * INLINE),
)
def test_buffers_come_back(tmp_path: Path, sizes: list[int], rest: int) -> None:
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.arange(size, dtype="u4") for size in sizes]
    path = str(tmp_path / "value")

    kept = keep((arrays, b"x" * rest), path, "value")
    assert kept is not None
    again, filler = read(kept)

    assert (kept == path) == os.path.exists(path)
    assert filler == b"x" * rest
    assert len(again) == len(arrays)

    for one, other in zip(again, arrays, strict=True):
        assert (one == other).all()
        one[:1] = 7  # a reader may write into its copy

    if kept == path:
        fresh, _ = read(path)
        assert all((a == b).all() for a, b in zip(fresh, arrays, strict=True))
        os.unlink(path)


def read(kept: bytes | str) -> Any:
    return fetch(kept)


def test_small_values_need_no_file(tmp_path: Path) -> None:
    assert isinstance(keep("x" * 1000, str(tmp_path / "value"), "value"), bytes)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "value"
    keep(b"old" * INLINE, str(path), "value")
    old = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(values, "_write", full)

    with pytest.raises(OSError, match="No space left"):
        keep(b"new" * INLINE, str(path), "value")

    assert [entry.name for entry in tmp_path.iterdir()] == ["value"]
    assert path.read_bytes() == old


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"something else, long enough to be read")

    with pytest.raises(ValueError, match="not a value file"):
        fetch(str(path))


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
        (closing(), "value.<closure lock>"),
        (defaulting(), "value.<default 0>"),
    ],
)
def test_what_cannot_be_pickled_is_named(value: object, path: str) -> None:
    with pytest.raises(NotPicklable) as caught:
        dumps(value)

    assert caught.value.path == path
    assert "lock" in caught.value.why


def test_a_functions_name_leads_the_path() -> None:
    with pytest.raises(
        NotPicklable, match=r"closing\.<locals>\.<lambda>\.<closure lock>"
    ):
        dumps_code(closing())


def test_importable_functions_go_by_reference() -> None:
    code = dumps_code(flows.double)

    assert len(code) < 60
    assert pickle.loads(code) is flows.double


def test_modules_registered_by_value_go_by_value() -> None:
    cloudpickle.register_pickle_by_value(flows)

    try:
        assert b"cloudpickle" in dumps_code(flows.double)
    finally:
        cloudpickle.unregister_pickle_by_value(flows)


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
