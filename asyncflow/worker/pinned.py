"""The user's modules in a worker: as they were when the run was submitted.

A worker imports a file as it is on the disk while that is what its run has pinned; once it
was edited, it imports the text that was kept. What nobody had loaded at the submit is
pinned by the first worker that imports it for a run of that time.
"""

from __future__ import annotations

import linecache
import os
import pickle
import sys
import time
from _frozen_importlib import ModuleSpec  # `importlib.machinery` is one more to load
from _frozen_importlib_external import PathFinder, SourceFileLoader
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import CodeType, ModuleType
from typing import NoReturn, TypeAlias

from asyncflow.worker.loaded import Facts, facts, facts_of, is_users

Known: TypeAlias = tuple[str, Facts, bool]
"""The file of a module, what it was, and whether byte code beside it may be another's."""

TEXTS = "texts"
"""The file in the folder of a generation that has the texts, by path."""

RECENT = 2_000_000_000
"""How old the last change of a file is at least, in nanoseconds, for byte code that is
kept beside it to be known as its own: that names the second and the size."""


class Finder:
    """Finds modules. It stands before Python's own search of ``sys.path``."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._index: Mapping[str, Known] = {}
        self._texts: Mapping[str, bytes] | None = None
        self.signs: dict[str, Facts] = {}
        """For the files that it has found, what they were."""

    def install(self) -> None:
        """Have it asked from now on."""
        if PathFinder in sys.meta_path:
            sys.meta_path.insert(sys.meta_path.index(PathFinder), self)

    def apply(self, data: bytes) -> None:
        """Find the modules of another moment.

        :param data: a pickled folder, and the modules by name
        """
        self._folder, self._index = pickle.loads(data)
        self._texts = None

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module; see `importlib.abc.MetaPathFinder`.

        :raises ImportError: where it has changed, and what it was is gone
        """
        if self._folder is None:
            return None

        known = self._index.get(name)

        if known is not None and (pinned := self._pinned(name, known, kept=None)):
            return pinned

        found = PathFinder.find_spec(name, path, target)

        if found is None and path is None and _has_appeared():
            found = PathFinder.find_spec(name, path, target)

        if known is not None:
            return _of(name, known[0], found)

        if found is None or type(found.loader) is not SourceFileLoader:
            return found

        file = found.origin

        if file is None or not is_users(file):
            return found

        if (claimed := self._claimed(name, file, self._folder)) is not None:
            return claimed

        found.loader = Module(name, file)
        return found

    def _pinned(self, name: str, known: Known, kept: bytes | None) -> ModuleSpec | None:
        """Return how to load a module; None where its file is what it was.

        :param kept: its text; None where the generation has it
        """
        file, then, is_recent = known
        self.signs[file] = then

        if not is_recent and _now(file) == then:
            return None

        text = self._text(file) if kept is None else kept

        if text is None and _now(file) == then:
            return None

        if text is None:
            raise ImportError(
                f"{file} has changed since the run was submitted, and what it was then "
                "is not kept: submit the run again",
                name=name,
                path=file,
            )

        return _spec(Text(name, file, text))

    def _text(self, file: str) -> bytes | None:
        if self._texts is None:
            self._texts = {}

            with suppress(OSError), open(f"{self._folder}/{TEXTS}", "rb") as found:
                self._texts = pickle.load(found)

        return self._texts.get(file)

    def _claimed(self, name: str, file: str, folder: str) -> ModuleSpec | None:
        """Pin a module that nobody had loaded, unless another worker has done that."""
        try:
            (file, then), text = _claim(f"{folder}/{name}.module", file)
        except (OSError, ValueError):  # a name that no file has, a folder that is gone
            return None

        is_recent = then[0] > time.time_ns() - RECENT
        return self._pinned(name, (file, then, is_recent), text)


class Module(SourceFileLoader):
    """Loads a module of the user's, up to where it uses an orchestrator.

    That part is the program's, which is elsewhere: what a job needs stands before it.
    """

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except Exception as error:
            if not getattr(error, "ends_import", False):
                raise

            vars(module)["__getattr__"] = _Rest(module.__name__)


class _Rest:
    """Says of names that a module lacks why that is so."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __call__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"module {self.module!r} has no attribute {name!r} in a worker process: what "
            "follows where it uses an orchestrator is not run there; define it before"
        )


class Text(Module):
    """Loads a module from a text that was kept.

    :param text: what its file was
    """

    def __init__(self, name: str, file: str, text: bytes) -> None:
        super().__init__(name, file)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        lines = self.text.decode("utf-8", "replace").splitlines(keepends=True)
        # Tracebacks show these lines, and not those of the file as it is now.
        linecache.cache[self.path] = len(self.text), None, lines, self.path
        return compile(self.text, self.path, "exec", dont_inherit=True)

    def get_data(self, path: str) -> bytes:
        return self.text if path == self.path else super().get_data(path)


here: Finder = Finder()
"""That of this process."""


def _has_appeared() -> bool:
    """Tell whether an entry of the path is there now that was not, and look there again."""
    finders = sys.path_importer_cache
    there = [path for path in finders if finders[path] is None and os.path.exists(path)]

    for entry in there:
        del finders[entry]

    return bool(there)


def _of(name: str, file: str, found: ModuleSpec | None) -> ModuleSpec | None:
    """Return how to load a module from its file where the path has another one first.

    :param found: what the path has
    """
    is_other = found is not None and found.origin != file
    is_plain = file.endswith(".py") and os.path.isfile(file)
    return _spec(Module(name, file)) if is_other and is_plain else None


def _spec(loader: SourceFileLoader) -> ModuleSpec:
    spec = ModuleSpec(loader.name, loader, origin=loader.path)
    spec.has_location = True

    if os.path.basename(loader.path).startswith("__init__."):
        spec.submodule_search_locations = [os.path.dirname(loader.path)]

    return spec


def _now(file: str) -> Facts | None:
    try:
        return facts_of(file)
    except OSError:
        return None


def _claim(path: str, file: str) -> tuple[tuple[str, Facts], bytes]:
    """Return the first text of a module that a worker has claimed; else claim it.

    :param path: where that is kept
    """
    with suppress(FileNotFoundError), open(path, "rb") as found:
        return pickle.load(found)  # type: ignore[no-any-return]  # it was pickled

    with open(file, "rb") as source:
        claim = (file, facts(os.fstat(source.fileno()))), source.read()

    own = f"{path}.{os.getpid()}"

    with open(own, "wb") as made:
        pickle.dump(claim, made, 5)

    try:
        os.link(own, path)
    except FileExistsError:
        with open(path, "rb") as found:
            return pickle.load(found)  # type: ignore[no-any-return]  # the same
    finally:
        os.unlink(own)

    return claim
