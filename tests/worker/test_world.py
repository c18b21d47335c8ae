"""The world of a parent: what its workers are told, and have, where it has changed."""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asyncflow.worker import parent, world
from asyncflow.worker.world import (
    Interpreter,
    Variables,
    World,
    apply,
    current_folder,
    lacks_filters,
)


def test_a_change_of_levels_is_a_new_world() -> None:
    world = World()
    number = world.look()
    assert world.look() == number
    one = logging.getLogger("tests.world")
    one.setLevel(logging.DEBUG)

    try:
        assert world.look() == number + 1
        assert world.look() == number + 1
    finally:
        one.setLevel(logging.NOTSET)

    assert world.look() == number + 2


CHANGES: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "path": lambda patch: patch.setattr(sys, "path", [*sys.path, "/late"]),
    "arguments": lambda patch: patch.setattr(sys, "argv", ["program.py", "now"]),
    "variable": lambda patch: patch.setenv("OF_TODAY", "1"),
    "folder": lambda patch: patch.chdir("/"),
    "byte code": lambda patch: patch.setattr(
        sys, "dont_write_bytecode", not sys.dont_write_bytecode
    ),
    "filter": lambda _: warnings.filterwarnings("ignore", "of today"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_each_part_of_it_counts(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = World()
    assert one.look() == one.look() == 1
    before = one.packed

    with warnings.catch_warnings():
        CHANGES[what](monkeypatch)
        assert one.look() == one.look() == 2

    assert one.packed != before


def test_the_variables_of_a_worker_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parent.MARK, "folder/1")
    one = World()
    one.look()
    assert parent.MARK.encode() not in pickle.loads(one.packed)[2]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """Have this process be a worker in its own world."""
    monkeypatch.setattr(world, "_given_levels", world._GivenLevels())
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    monkeypatch.chdir(tmp_path)

    for name, value in {
        "variables": None,
        "filters": [*warnings.filters],
        "filter_parts": (),
        "lacks": False,
    }.items():
        monkeypatch.setattr(world._Applied, name, value)

    one = World()
    one.look()

    with warnings.catch_warnings():
        yield one
        apply(one.packed)


def test_a_worker_is_in_the_world_that_it_is_told(here: World, tmp_path: Path) -> None:
    before = [*sys.path], [*sys.argv]
    apply(here.packed)
    sys.path.append("/late")
    sys.argv[:] = ["other.py"]
    os.chdir("/")

    apply(here.packed)

    assert ([*sys.path], [*sys.argv]) == before
    assert current_folder() == str(tmp_path)


def told_with(here: World, **variables: str | None) -> bytes:
    """Return the world, with some variables more or less."""
    told = [*pickle.loads(here.packed)]
    told[2] = {**told[2]}

    for name, text in variables.items():
        if text is None:
            told[2].pop(name.encode(), None)
        else:
            told[2][name.encode()] = text.encode()

    return pickle.dumps(tuple(told))


def test_variables_come_and_go_with_those_of_the_parent(here: World) -> None:
    apply(told_with(here, OF_TODAY="1"))
    assert os.environ["OF_TODAY"] == "1"
    os.environ["OF_A_MODULE"] = "set here"

    apply(told_with(here, OF_TODAY=None))

    assert "OF_TODAY" not in os.environ
    assert os.environ.pop("OF_A_MODULE") == "set here"


def test_a_time_zone_is_in_force_at_once(here: World) -> None:
    apply(told_with(here, TZ="XXX-3"))
    assert time.localtime(0).tm_hour == 3
    apply(told_with(here, TZ="XXX-5"))
    assert time.localtime(0).tm_hour == 5
    apply(told_with(here, TZ="UTC"))
    apply(told_with(here, TZ=None))


class Late(UserWarning):
    pass


def test_a_filter_waits_for_the_module_of_its_category(here: World) -> None:
    told = [*pickle.loads(here.packed)]
    late = "error", ("of today", 2), (f"{__name__}.gone", "Late"), None, 0
    there = "ignore", ("of today", 2), (__name__, "Late"), None, 0
    told[3] = [late, there]

    apply(pickle.dumps(tuple(told)))

    assert lacks_filters()
    (action, message, category, *_), *_others = warnings.filters
    assert (action, category) == ("ignore", Late)
    assert message is not None
    told[3] = [there]
    apply(pickle.dumps(tuple(told)))
    assert not lacks_filters()


def test_a_folder_that_was_removed_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert current_folder() is None
    one = World()
    one.look()
    assert pickle.loads(one.packed)[-1] is None


@pytest.mark.parametrize("has_loaded", [False, True])
def test_what_a_module_that_came_has_put_into_a_list_stays(
    monkeypatch: pytest.MonkeyPatch, has_loaded: bool
) -> None:
    monkeypatch.setattr(sys, "path", before := [*sys.path])
    interpreter = Interpreter()
    interpreter.remember()
    sys.path = ["/of/a/module", *before]
    interpreter.put_right(has_loaded=has_loaded)
    assert ("/of/a/module" in sys.path) == has_loaded
    sys.path.remove(before[-1])
    interpreter.put_right(has_loaded=has_loaded)
    assert {*before} <= {*sys.path}
    assert ("/of/a/module" in sys.path) == has_loaded


def test_changes_of_the_environment_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = os.environ._data  # type: ignore[attr-defined]
    watched = Variables.watched()

    try:
        assert Variables.watched() is watched == before
        count = watched.changes
        os.environ["OF_TODAY"] = "1"
        assert os.environb[b"OF_TODAY"] == b"1"
        del os.environ["OF_TODAY"]
        assert watched.changes == count + 2
        monkeypatch.setenv("OF_TODAY", "2")
        assert watched.changes == count + 3
    finally:
        monkeypatch.undo()
        os.environ._data = os.environb._data = before  # type: ignore[attr-defined]
