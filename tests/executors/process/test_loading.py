"""Whether this process has loaded what a file is now: its byte code says so."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import time
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from asyncflow.executors.process import loading
from asyncflow.executors.process.loading import was_loaded_before


@pytest.fixture
def spec(tmp_path: Path) -> ModuleSpec:
    """Make a module, and the byte code that Python keeps of it."""
    path = tmp_path / "steps.py"
    path.write_text("x = 1\n")
    py_compile.compile(str(path), doraise=True)
    found = importlib.util.spec_from_file_location("steps", path)
    assert found is not None
    return found


def asked(spec: ModuleSpec) -> bool | None:
    """Ask of the file as it is now."""
    assert spec.origin is not None
    status = os.stat(spec.origin)
    return was_loaded_before(spec, status.st_mtime_ns, status.st_size)


def touch(spec: ModuleSpec, at: int) -> None:
    assert spec.origin is not None
    os.utime(spec.origin, ns=(at, at))


def test_byte_code_of_the_file_as_it_is_was_loaded_behind_its_change(
    spec: ModuleSpec,
) -> None:
    assert asked(spec) is False


def test_byte_code_of_another_change_was_loaded_before(spec: ModuleSpec) -> None:
    touch(spec, time.time_ns() + 5 * 10**9)
    assert asked(spec) is True


def test_another_size_is_another_change(spec: ModuleSpec) -> None:
    assert spec.origin is not None
    status = os.stat(spec.origin)
    assert was_loaded_before(spec, status.st_mtime_ns, status.st_size + 1) is True


def test_byte_code_that_is_older_than_the_change_was_loaded_before(
    spec: ModuleSpec,
) -> None:
    """Both fall into one second, and the size is the same."""
    assert spec.origin is not None
    assert spec.cached is not None
    at = os.stat(spec.origin).st_mtime_ns
    os.utime(spec.cached, ns=(at - 1, at - 1))
    assert asked(spec) is True


def test_what_changed_before_this_process_began_was_loaded_since(
    spec: ModuleSpec,
) -> None:
    assert was_loaded_before(spec, loading._born() - 1, 12345) is False
    assert was_loaded_before(None, loading._born() - 1, 12345) is False


def test_without_byte_code_nobody_knows(spec: ModuleSpec) -> None:
    assert spec.cached is not None
    os.unlink(spec.cached)
    assert asked(spec) is None
    assert was_loaded_before(None, time.time_ns(), 1) is None


def test_byte_code_that_is_known_by_the_text_tells_nothing(spec: ModuleSpec) -> None:
    assert spec.origin is not None
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    py_compile.compile(spec.origin, doraise=True, invalidation_mode=mode)
    assert asked(spec) is None


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_this_process_was_born_before_now() -> None:
    age = time.time_ns() - loading._born()
    assert 0 < age < 86_400 * 10**9
