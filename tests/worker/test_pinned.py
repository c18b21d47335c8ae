"""The user's modules in a worker: as they were when the run was submitted."""

from __future__ import annotations

import linecache
import os
import pickle
import sys
import time
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path

import attrs
import pytest

from asyncflow.worker.loaded import facts_of
from asyncflow.worker.pinned import RECENT, TEXTS, Finder, Known, Module


@attrs.define
class Pins:
    """A finder in the folder of a generation, with a module that the user edits."""

    generation: Path
    file: Path
    finder: Finder = attrs.field(factory=Finder)

    def pin(self, *, is_recent: bool = False, text: bytes | None = None) -> None:
        """Pin the module as it is now.

        :param text: its text, where the generation keeps it
        """
        if text is not None:
            data = pickle.dumps({str(self.file): text})
            (self.generation / TEXTS).write_bytes(data)

        known = {"own_steps": (str(self.file), facts_of(str(self.file)), is_recent)}
        self.apply(known)

    def apply(self, known: dict[str, Known]) -> None:
        self.finder.apply(pickle.dumps((str(self.generation), known)))

    def find(self, name: str = "own_steps") -> ModuleSpec | None:
        return self.finder.find_spec(name, [str(self.file.parent)])

    def said(self, name: str = "own_steps") -> str:
        """Load the module as it is found, and return what it says."""
        spec = self.find(name)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return str(module.SAID)


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Pins]:
    (tmp_path / "generation").mkdir()
    (tmp_path / "code").mkdir()
    made = Pins(tmp_path / "generation", tmp_path / "code" / "own_steps.py")
    made.file.write_text("SAID = 'one'\n")
    old = time.time_ns() - 10 * RECENT
    os.utime(made.file, ns=(old, old))
    yield made
    linecache.cache.pop(str(made.file), None)


def test_without_a_generation_python_finds_by_itself(pins: Pins) -> None:
    assert pins.find() is None


def test_a_file_that_is_what_it_was_is_left_to_python(pins: Pins) -> None:
    pins.pin()
    assert pins.find() is None
    assert pins.finder.signs == {str(pins.file): facts_of(str(pins.file))}
    pins.pin(is_recent=True)
    assert pins.find() is None  # there is no text of it


def test_an_edited_file_is_loaded_from_the_text_that_was_kept(pins: Pins) -> None:
    pins.pin(text=b"SAID = 'one'\n")
    pins.file.write_text("SAID = 'another'\n")
    assert pins.said() == "one"
    assert linecache.getline(str(pins.file), 1) == "SAID = 'one'\n"


def test_one_that_was_just_edited_is_loaded_from_its_text(pins: Pins) -> None:
    """Its byte code may be another's."""
    pins.pin(is_recent=True, text=b"SAID = 'kept'\n")
    assert pins.said() == "kept"


def test_an_edited_file_without_a_text_is_told(pins: Pins) -> None:
    pins.pin()
    pins.file.write_text("SAID = 'another'\n")

    with pytest.raises(ImportError, match="submit the run again") as found:
        pins.find()

    assert (found.value.name, found.value.path) == ("own_steps", str(pins.file))


def test_a_package_is_found_with_its_parts(pins: Pins) -> None:
    pins.file = pins.file.with_name("__init__.py")
    pins.file.write_text("SAID = 'one'\n")
    pins.pin(is_recent=True, text=b"SAID = 'one'\n")
    spec = pins.find()
    assert spec is not None
    assert spec.submodule_search_locations == [str(pins.file.parent)]


def test_what_nobody_had_loaded_is_pinned_by_who_imports_it_first(pins: Pins) -> None:
    pins.apply({})
    first = pins.find()
    assert first is not None
    assert first.origin == str(pins.file)
    pins.file.write_text("SAID = 'another'\n")

    other = attrs.evolve(pins, finder=Finder())
    other.apply({})

    assert other.said() == "one"
    assert sorted(os.listdir(pins.generation)) == ["own_steps.module"]


def test_what_is_pythons_own_is_not_pinned(pins: Pins) -> None:
    pins.apply({})
    library = os.path.dirname(os.__file__)
    assert pins.finder.find_spec("shelve", [library]) is not None
    assert pins.find("own_nothing") is None
    assert os.listdir(pins.generation) == []


def test_in_a_folder_that_is_gone_python_finds_by_itself(pins: Pins) -> None:
    pins.apply({})
    pins.generation.rmdir()
    spec = pins.find()
    assert spec is not None
    assert type(spec.loader) is Module


def test_a_finder_stands_before_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    finder = Finder()
    finder.install()
    place = sys.meta_path.index(finder)
    assert sys.meta_path[place + 1] is PathFinder
