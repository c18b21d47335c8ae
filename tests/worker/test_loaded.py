"""Which modules of the user's a worker has loaded, and what their files were."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from asyncflow.worker import loaded
from asyncflow.worker.loaded import (
    UNKNOWN,
    Loaded,
    facts_of,
    file_of,
    is_users,
    text_of,
)


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a module of the user's loaded; return its file."""
    path = tmp_path / "steps.py"
    path.write_text("x = 1")
    module = ModuleType("steps_of_the_user")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return path


def test_each_module_is_told_once(steps: Path) -> None:
    later = time.time_ns() + 10**9
    facts = facts_of(str(steps))
    one = Loaded(is_new=False)

    found = one.news(later, {})

    assert found[str(steps)] == ("steps_of_the_user", facts)
    assert os.__file__ not in found  # Python's own
    assert loaded.__file__ not in found  # ours
    assert one.count == len(sys.modules)
    assert one.news(later, {}) == {}


def test_who_is_new_has_loaded_nothing_of_the_users_yet(steps: Path) -> None:
    assert Loaded(is_new=True).news(0, {}) == {}


def test_a_file_that_changed_since_may_not_be_what_was_loaded(steps: Path) -> None:
    changed, _, inode, status = facts_of(str(steps))
    found = Loaded(is_new=False).news(changed, {})
    expected = (changed, UNKNOWN, inode, status)
    assert found[str(steps)] == ("steps_of_the_user", expected)


def test_what_a_file_was_when_it_was_found_counts(steps: Path) -> None:
    then = (1, 2, 3, 4)
    found = Loaded(is_new=False).news(0, {str(steps): then})
    assert found[str(steps)] == ("steps_of_the_user", then)


def test_a_file_that_is_gone_is_not_told(steps: Path) -> None:
    steps.unlink()
    assert str(steps) not in Loaded(is_new=False).news(0, {})


def test_a_module_in_an_archive_is_as_old_as_that(tmp_path: Path) -> None:
    archive = tmp_path / "steps.zip"
    archive.write_bytes(b"PK")
    assert facts_of(str(archive / "package" / "steps.py")) == facts_of(str(archive))

    with pytest.raises(FileNotFoundError):
        facts_of(str(tmp_path / "gone.py"))


def test_a_text_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "steps.py"
    path.write_bytes(b"x = 1\n")
    assert text_of(str(path), 6)[1] == b"x = 1\n"
    status, text = text_of(str(path), 5)
    assert (status.st_size, text) == (6, None)


def test_whose_a_file_is() -> None:
    assert is_users("/home/ann/steps.py")
    assert not is_users(os.__file__)
    assert not is_users(loaded.__file__)
    assert not is_users("/home/ann/.venv/lib/python3/site-packages/numpy/__init__.py")
    assert not is_users("/usr/lib/python3/dist-packages/numpy/__init__.py")


def test_the_file_of_a_module_is_asked_without_loading_it() -> None:
    class Lazy(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

    assert file_of(json) == json.__file__
    assert file_of(Lazy("lazy")) is None
    assert file_of(None) is None
