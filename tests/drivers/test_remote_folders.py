"""What counts in a folder at an address changes in one step, wherever a program ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from asyncflow.drivers import _remote_folders as folders
from asyncflow.drivers._remote_folders import counted

AT, STAGED, STEM = "own", "own.A-2.value", "A-2"
OLD = {"year=1/a-0": b"old 1", "year=2/a-0": b"old 2", "year=3/mine": b"old 3"}
NEW = {"year=2/A-2-0": b"new 2", "year=4/A-2-0": b"new 4"}
MOST = 30
"""More than what one publishing changes."""


class Stopped(BaseException):
    """A program ends here."""


class Place:
    """A folder on some file system."""

    def __init__(self, files: AbstractFileSystem, root: str) -> None:
        self.files = files
        self.at, self.staged = f"{root}/{AT}", f"{root}/{STAGED}"
        self.given = files, self.staged, self.at, STEM

    def put(self, folder: str, parts: dict[str, bytes]) -> None:
        for name, data in parts.items():
            self.files.makedirs(f"{folder}/{name}".rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(f"{folder}/{name}", data)

    def stage(self, *, appends: bool) -> dict[str, bytes]:
        """Return what is there once it is published."""
        self.put(self.at, OLD)
        self.put(self.staged, NEW)
        folders.finish_staging(self.files, self.staged, appends=appends)
        return OLD | NEW if appends else NEW

    def read(self) -> dict[str, bytes]:
        found = counted(self.files, self.at)
        return {name[len(self.at) + 1 :]: self.files.cat_file(name) for name in found}

    def left(self) -> list[str]:
        found = self.files.find(self.at.rpartition("/")[0])
        return [name for name in found if STAGED in name or "_asyncflow" in name]


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    files = fsspec.filesystem(request.param)
    yield Place(files, str(tmp_path) if request.param == "local" else "/shop")

    if request.param == "memory":
        files.store.clear()
        files.pseudo_dirs[:] = [""]


def stopping(patch: pytest.MonkeyPatch, after: int, see: Callable[[], None]) -> None:
    """Have a program end before one of its changes; look at the folder before each."""
    left = after

    def stopped(verb: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            see()

            if left < 0:
                raise Stopped

            return verb(*given, **more)

        return call

    for kind in (MemoryFileSystem, LocalFileSystem):
        for name in ("pipe_file", "cp_file", "mv", "rm_file", "rm"):
            patch.setattr(kind, name, stopped(getattr(kind, name)))


@pytest.mark.parametrize("appends", [False, True])
@pytest.mark.parametrize("goes_on", [False, True])
def test_all_or_nothing_wherever_it_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch, appends: bool, goes_on: bool
) -> None:
    ended = set()

    for after in range(MOST):
        new = place.stage(appends=appends)

        def see(new: dict[str, bytes] = new) -> None:
            assert place.read() in (OLD, new)

        with monkeypatch.context() as patch:
            stopping(patch, after, see)

            try:
                folders.publish(*place.given)
            except Stopped:
                ended.add(True)
            else:
                ended.add(False)

        is_new = place.read() == new
        assert is_new or place.read() == OLD

        if goes_on:
            folders.publish(*place.given)
            assert folders.is_published(*place.given)
            assert place.read() == new
        else:
            folders.withdraw(*place.given)
            assert place.read() == (new if is_new else OLD)

        assert not place.left()
        place.files.rm(place.at, recursive=True)

    assert ended == {True, False}


def test_what_others_are_adding_stays(place: Place) -> None:
    new = place.stage(appends=False)
    place.put(place.at, {"year=1/B-1-0": b"theirs", f"{folders.ADDS}B-1": b""})
    folders.publish(*place.given)
    assert place.read() == new
    place.files.rm_file(f"{place.at}/{folders.ADDS}B-1")
    assert place.read() == {**new, "year=1/B-1-0": b"theirs"}


def test_what_is_hidden_does_not_count(place: Place) -> None:
    place.put(place.at, {"_SUCCESS": b"", ".crc": b"", "_log/a": b"", "a": b"1"})
    assert place.read() == {"a": b"1"}


def test_a_folder_that_changes_all_the_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(place.at, OLD)
    numbers = iter(range(99))
    monkeypatch.setattr(folders, "names_in", lambda *_: [f"{place.at}/{next(numbers)}"])

    with pytest.raises(BlockingIOError, match="read it later"):
        place.read()
