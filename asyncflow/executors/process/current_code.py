"""The files of the user's modules, as they are today.

A run has today's files: those at its submit, also where this program has loaded older
ones. What only workers have loaded is looked for anew where its file is gone, or where
``sys.path`` leads elsewhere.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.loading import was_loaded_before
from asyncflow.executors.process.worker import Worker
from asyncflow.log import logger as _logger
from asyncflow.worker import local_modules
from asyncflow.worker.loaded import (
    Facts,
    Sign,
    facts,
    facts_of,
    file_of,
    is_there,
    is_users,
    place_of,
    stat,
    text_of,
)
from asyncflow.worker.world import current_folder

_Watched: TypeAlias = tuple[str, str, Facts, object]
"""A module, where its file is, what that was, and the spec of the module in this process.
"""

LONG = 0.05
"""From how many seconds of work on a look at all files may be put off, though functions
are new: so long the event loop is held."""

SHARE = 50
"""One part in so many of the time goes into looking at files that no worker has loaded,
where all functions have run."""

MAX_BYTES = 64 * 1024 * 1024
"""How many bytes of texts are kept."""


class CurrentCode:
    """Pins the modules of runs that are submitted, and tells which workers have them.

    A file that is gone counts as unchanged where this process has loaded it: that is all
    there is.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        """The user's modules, with their files."""
        self._used: dict[str, str] = {}
        """Those of them that workers have loaded."""
        self._signs: dict[str, Sign] = {}
        """Of each file, the last sign."""
        self._texts: dict[str, bytes] = {}
        self._size = 0
        """How large the texts are together."""
        self._copies: set[str] = set()
        """The files that were changed, and not their dates and sizes."""
        self._path: list[str] = []
        """What `sys.path` was, and the folder, where a part of it depends on that."""
        self._folder: str | None = None
        self._specs: dict[str, object] = {}
        """For each module, its spec in this process: a reload makes another."""
        self._watched: list[_Watched] | None = None
        """What is looked at for each run; None where that is to be found out."""
        self._watched_used: list[_Watched] | None = None
        """Those of it that workers have loaded."""
        self._absent: list[str] = []
        """The files of the packages that would hide modules."""
        self._older: set[str] = set()
        """The modules that this process may have loaded in an older form."""
        self._warned: set[str] = set()
        """The files of which that was said."""
        self._seen: set[str] = set()
        self._count = 0
        """How many modules there were at the last look."""
        self._next = 0.0
        """When all are looked at again."""
        self._took = 0.0
        """How long that took."""
        self._last: Generation | None = None
        self._number = 0
        self._gone: list[str] = []

    def learn(self, worker: Worker, loaded: Mapping[str, Sign]) -> None:
        """Take note of what a worker has loaded."""
        worker.loaded.update(loaded)

        for path, sign in loaded.items():
            if worker.pinned is not None:
                worker.pinned.learn(path, sign)

            self._used[sign[0]] = path

            if path not in self._signs:
                self._watch(sign[0], path)
                self._next = 0.0

        self._watched = self._watched_used = None

    def pin(self, *, have_run: bool = False) -> Generation:
        """Return the user's modules of now. Blocks for a moment.

        It takes a microsecond or two for each of them, and as long as reading them the
        first time. What this process has loaded in an older form is told, once.

        :param have_run: whether the functions of the run have run, so that what workers
            have loaded is what counts; the other modules are looked at now and then
        """
        if self._last is not None and self._is_as_ever(have_run=have_run):
            return self._last

        if self._look() or self._last is None:
            self._number += 1
            self._last = Generation(
                self._number,
                time.time_ns(),
                {
                    k: module
                    for k, module in self._names.items()
                    if not local_modules.is_local(k)
                },
                {**self._signs},
                {**self._texts},
                frozenset(self._copies),
                frozenset(self._older),
                self._gone,
            )

        return self._last

    def _is_as_ever(self, *, have_run: bool) -> bool:
        """Tell whether nothing is new: for each run, so fast."""
        if (
            len(sys.modules) != self._count
            or sys.path != self._path
            or (self._folder is not None and current_folder() != self._folder)
        ):
            return False

        if (have_run or self._took > LONG) and time.perf_counter() < self._next:
            if self._watched_used is None:
                self._watched_used = self._to_watch(self._used.items())

            return _are_as_ever(self._watched_used)

        if self._watched is None:
            files = [(name, path) for path, (name, _) in self._signs.items()]
            self._watched = self._to_watch({*files, *self._names.items()})
            self._absent = [*filter(None, map(_package_beside, self._names.values()))]

        worked = time.thread_time()
        is_as_ever = _are_as_ever(self._watched) and not any(
            map(is_there, self._absent)
        )
        self._took = time.thread_time() - worked
        self._next = time.perf_counter() + SHARE * self._took
        return is_as_ever

    def _to_watch(self, names: Iterable[tuple[str, str]]) -> list[_Watched]:
        return [
            (name, place_of(path), self._signs[path][1], self._specs.get(name))
            for name, path in names
            if path in self._signs
        ]

    def _look(self) -> bool:
        """Look at the files, and at what is loaded; tell whether anything is new."""
        has_new = self._look_for_modules()
        has_new |= self._is_elsewhere() and self._forget(self._names)
        self._watched = self._watched_used = None
        worked = time.thread_time()
        has_new |= self._follow()
        changed, gone = self._changed(self._signs)
        has_new |= self._forget(
            name for name, path in self._names.items() if path in gone
        )
        loaded = self._loaded_anew(self._specs)
        before = {path: self._texts.get(path) for path in changed}
        edited = {path for path in changed if self._keep(path)}

        for name in [name for name, path in self._names.items() if path in edited]:
            self._judge(name, before[self._names[name]], is_same=name not in loaded)

        for name in loaded:
            self._judge(name, None, is_same=False)

        self._took = time.thread_time() - worked
        self._next = time.perf_counter() + SHARE * self._took
        return has_new or bool(changed) or bool(loaded)

    def _look_for_modules(self) -> bool:
        """Look for modules of the user's that this process has loaded since."""
        modules = {**sys.modules}
        self._count = len(modules)
        found = False

        new = modules.keys() - self._seen
        self._seen |= new

        for name in new:
            file = file_of(modules[name])

            if file is None or not is_users(file) or name in local_modules.MAINS:
                continue

            self._watch(name, file)
            found = True

        return found

    def _is_elsewhere(self) -> bool:
        """Tell whether imports may find other files than before: fast.

        What comes at the end of `sys.path` is found where nothing was before.
        """
        is_same = sys.path == self._path
        folder = self._folder and current_folder()

        if is_same and folder == self._folder:
            return False

        before, self._path = self._path, [*sys.path]
        is_longer = self._path[: len(before)] == before and folder == self._folder
        is_relative = any(not str(entry).startswith("/") for entry in self._path)
        self._folder = current_folder() if is_relative else None
        return bool(before) and not is_longer

    def _follow(self) -> bool:
        """Look where modules are that this process has loaded anew, of other files.

        A package that was made beside a module is found instead of it, as by an import.
        """
        moved = {
            name: beside
            for name, path in self._names.items()
            if (beside := _instead_of(path)) is not None
        }

        for name in self._loaded_anew(self._names):
            file = file_of(sys.modules.get(name))

            if file is not None and file != self._names[name] and is_users(file):
                moved[name] = file

        for name, file in moved.items():
            self._leave(name)
            self._watch(name, file)

        return bool(moved)

    def _forget(self, names: Iterable[str]) -> bool:
        """Look no more at those of some modules that this process has not loaded.

        :return: whether there are any
        """
        left = [name for name in names if name not in sys.modules]

        for name in left:
            self._leave(name)

        return bool(left)

    def _leave(self, name: str) -> None:
        path = self._names.pop(name)
        self._specs.pop(name, None)
        self._used.pop(name, None)
        self._older.discard(name)

        if path not in self._names.values():
            self._signs.pop(path, None)
            self._size -= len(self._texts.pop(path, b""))

    def _watch(self, name: str, path: str) -> None:
        """Look at a module's file from now on."""
        self._names[name] = path
        self._specs.setdefault(name, _NEVER)
        self._signs.setdefault(path, (name, _UNSEEN))

    def _changed(self, paths: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the files that have changed since the last look, and those gone."""
        changed, gone = set(), set()

        for path in paths:
            try:
                if facts_of(path) != self._signs[path][1]:
                    changed.add(path)
            except OSError:
                gone.add(path)

        return changed, gone

    def _loaded_anew(self, names: Iterable[str]) -> set[str]:
        """Return the modules that this process has loaded since the last look."""
        modules, specs = sys.modules, self._specs
        return {
            name
            for name in names
            if getattr(modules.get(name), "__spec__", None) is not specs.get(name)
        }

    def _keep(self, path: str) -> bool:
        """Keep the text of a file; tell whether it is another than before."""
        before = self._texts.pop(path, None)
        self._size -= len(before or b"")
        name, then = self._signs[path]

        try:
            now, text = self._read(path)
        except OSError:
            return True

        self._signs[path] = name, now

        if now[:2] == then[:2]:
            self._copies.add(path)

        if text is None:
            return True

        self._texts[path] = text
        self._size += len(text)
        return text != before

    def _read(self, path: str) -> tuple[Facts, bytes | None]:
        if not path.endswith(".py"):
            return facts_of(path), None

        try:
            status, text = text_of(path, MAX_BYTES - self._size)
        except NotADirectoryError:  # in an archive
            return facts_of(path), None

        return facts(status), text

    def _judge(self, name: str, before: bytes | None, *, is_same: bool) -> None:
        """See whether this process has loaded a module before its file changed.

        :param before: what its file was at the last look
        :param is_same: whether it has not been loaded since the last look
        """
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        path = self._names[name]
        is_older: bool | None = is_same

        if spec is None:
            is_older = False
        elif not is_same:
            changed, size, *_ = self._signs[path][1]
            is_older = was_loaded_before(spec, changed, size)

        self._specs[name] = spec
        self._older.discard(name)

        if is_older is not False:
            self._older.add(name)

        if not is_older:
            self._warned.discard(path)
        elif path not in self._warned and not self._is_patched(name, before):
            self._warned.add(path)
            _logger.warning(_TEXT, path)

    def _is_patched(self, name: str, before: bytes | None) -> bool:
        """Tell whether a module does what its file says now all the same."""
        from asyncflow.executors.process.patched import is_patched

        module, text = sys.modules.get(name), self._texts.get(self._names[name])
        return is_patched(module, before, text)


def _are_as_ever(watched: Iterable[_Watched]) -> bool:
    """Tell whether nothing of some modules is new. Blocks for a moment."""
    modules = sys.modules

    for name, path, then, spec in watched:
        try:
            if facts(stat(path)) != then:
                return False
        except OSError:
            if name not in modules or path.endswith(_PACKAGE):
                return False

        if getattr(modules.get(name), "__spec__", None) is not spec:
            return False

    return True


def _instead_of(path: str) -> str | None:
    """Return the file of the package or module that hides one, or that it became."""
    if path.endswith(_PACKAGE):
        module = f"{path.removesuffix(_PACKAGE)}.py"
        return module if not is_there(path) and is_there(module) else None

    package = _package_beside(path)
    return package if package is not None and is_there(package) else None


def _package_beside(path: str) -> str | None:
    """Return the file of the package that would hide a module; None for none."""
    if path.endswith(_PACKAGE) or not path.endswith(".py"):
        return None

    return f"{path[:-3]}{_PACKAGE}"


_PACKAGE = f"{os.sep}__init__.py"
_NEVER = object()
_UNSEEN = -1, -1, -1, -1
_TEXT = (
    "%s changed on disk since this program loaded it: jobs in workers run the file as it "
    "was when they were submitted, all others what is loaded"
)
