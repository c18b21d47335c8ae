"""The files of the user's modules, as they are today.

A run has today's files: those at its submit, also where this program has loaded older ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import attrs

from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.loading import was_loaded_before
from asyncflow.executors.process.worker import Worker
from asyncflow.log import logger as _logger
from asyncflow.worker import local_modules
from asyncflow.worker.loaded import Sign, file_of, is_users, stat, text_of

LONG = 0.05
"""From how many seconds of work on a look at all files may be put off, though functions
are new: so long the event loop is held."""

SHARE = 50
"""One part in so many of the time goes into looking at files that no worker has loaded,
where all functions have run."""

MOST = 64 * 1024 * 1024
"""How many bytes of texts are kept."""


@attrs.define(eq=False, repr=False)
class CurrentCode:
    """Pins the modules of runs that are submitted, and tells which workers have them.

    A file that is gone counts as unchanged: what is loaded of it is all there is.
    """

    _names: dict[str, str] = attrs.field(init=False, factory=dict)
    """The user's modules, with their files."""
    _used: dict[str, str] = attrs.field(init=False, factory=dict)
    """Those of them that workers have loaded."""
    _signs: dict[str, Sign] = attrs.field(init=False, factory=dict)
    """Of each file, the last sign."""
    _texts: dict[str, bytes] = attrs.field(init=False, factory=dict)
    _size: int = attrs.field(init=False, default=0)
    """How large the texts are together."""
    _specs: dict[str, object] = attrs.field(init=False, factory=dict)
    """For each module, its spec in this process: a reload makes another."""
    _older: set[str] = attrs.field(init=False, factory=set)
    """The modules that this process may have loaded in an older form."""
    _warned: set[str] = attrs.field(init=False, factory=set)
    """The files of which that was said."""
    _seen: set[str] = attrs.field(init=False, factory=set)
    _count: int = attrs.field(init=False, default=0)
    """How many modules there were at the last look."""
    _next: float = attrs.field(init=False, default=0.0)
    """When all are looked at again."""
    _took: float = attrs.field(init=False, default=0.0)
    """How long that took."""
    _last: Generation | None = attrs.field(init=False, default=None)
    _number: int = attrs.field(init=False, default=0)
    _gone: list[str] = attrs.field(init=False, factory=list)
    _marks: list[tuple[str, int, int, str, object]] | None = attrs.field(
        init=False, default=None
    )
    """Of each module that workers have loaded: the file, its change and size, the name,
    the spec. None where they are to be listed anew."""

    def learn(self, worker: Worker, loaded: Mapping[str, Sign]) -> None:
        """Take note of what a worker has loaded."""
        worker.loaded.update(loaded)
        self._marks = None

        for path, sign in loaded.items():
            if worker.pinned is not None:
                worker.pinned.learn(path, sign)

            self._used[sign[0]] = path

            if path not in self._signs:
                self._watch(sign[0], path)
                self._next = 0.0

    def pin(self, *, have_run: bool = False) -> Generation:
        """Return the user's modules of now. Blocks for a moment.

        It takes a microsecond or two for each of them, and as long as reading them the
        first time. What this process has loaded in an older form is told, once.

        :param have_run: whether the functions of the run have run, so that what workers
            have loaded is what counts; the other modules are looked at now and then
        """
        if have_run and self._is_as_ever() and self._last is not None:
            return self._last

        if self._look(have_run=have_run) or self._last is None:
            self._number += 1
            self._last = Generation(
                self._number,
                time.time_ns(),
                {
                    k: one
                    for k, one in self._names.items()
                    if not local_modules.is_local(k)
                },
                {**self._signs},
                {**self._texts},
                frozenset(self._older),
                self._gone,
            )

        return self._last

    def _look(self, *, have_run: bool) -> bool:
        """Look at the files, and at what is loaded; tell whether anything is new."""
        has_new = len(sys.modules) != self._count and self._look_for_modules()

        if (
            (have_run or self._took > LONG)
            and not has_new
            and time.perf_counter() < self._next
            and self._is_used_as_ever()
        ):
            return False

        worked = time.thread_time()
        self._marks = None
        changed = self._changed(self._signs)
        loaded = self._loaded_anew(self._specs)

        for path in changed:
            self._keep(path)

        for name in [name for name, path in self._names.items() if path in changed]:
            self._judge(name, is_same=name not in loaded)

        for name in loaded:
            self._judge(name, is_same=False)

        self._took = time.thread_time() - worked
        self._next = time.perf_counter() + SHARE * self._took
        return has_new or bool(changed) or bool(loaded)

    def _look_for_modules(self) -> bool:
        """Look for modules of the user's that this process has loaded since."""
        modules = {**sys.modules}
        self._count = len(modules)
        found = False

        for name in modules.keys() - self._seen:
            file = file_of(modules[name])
            self._seen.add(name)

            if file is None or not is_users(file) or name in local_modules.MAINS:
                continue

            self._watch(name, file)
            found = True

        return found

    def _watch(self, name: str, path: str) -> None:
        """Look at a module's file from now on."""
        self._names[name] = path
        self._specs.setdefault(name, _NEVER)
        self._signs.setdefault(path, (name, -1, -1))

    def _is_as_ever(self) -> bool:
        """Tell whether nothing is new, and not all files are to be looked at yet."""
        return (
            len(sys.modules) == self._count
            and time.perf_counter() < self._next
            and self._is_used_as_ever()
        )

    def _is_used_as_ever(self) -> bool:
        """Tell whether nothing of what workers have loaded is new: for each run, so fast."""
        if (marks := self._marks) is None:
            marks = self._marks = [
                (path, *self._signs[path][1:], name, self._specs.get(name))
                for name, path in self._used.items()
            ]

        modules = sys.modules

        for path, at, size, name, spec in marks:
            try:
                status = stat(path)
            except OSError:
                pass
            else:
                if status.st_mtime_ns != at or status.st_size != size:
                    return False

            if getattr(modules.get(name), "__spec__", None) is not spec:
                return False

        return True

    def _changed(self, paths: Iterable[str]) -> set[str]:
        """Return the files that have changed since the last look."""
        changed = set()

        for path in paths:
            _, at, size = self._signs[path]

            try:
                status = stat(path)
            except OSError:
                continue

            if status.st_mtime_ns != at or status.st_size != size:
                changed.add(path)

        return changed

    def _loaded_anew(self, names: Iterable[str]) -> set[str]:
        """Return the modules that this process has loaded since the last look."""
        modules, specs = sys.modules, self._specs
        return {
            name
            for name in names
            if getattr(modules.get(name), "__spec__", None) is not specs.get(name)
        }

    def _keep(self, path: str) -> None:
        """Keep the text of a file."""
        self._size -= len(self._texts.pop(path, b""))

        with suppress(OSError):
            most = MOST - self._size if path.endswith(".py") else -1
            status, text = text_of(path, most)
            name = self._signs[path][0]
            self._signs[path] = name, status.st_mtime_ns, status.st_size

            if text is not None:
                self._texts[path] = text
                self._size += len(text)

    def _judge(self, name: str, *, is_same: bool) -> None:
        """See whether this process has loaded a module before its file changed.

        :param is_same: whether it has not been loaded since the last look
        """
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        path = self._names[name]
        is_older: bool | None = is_same

        if spec is None:
            is_older = False
        elif not is_same:
            is_older = was_loaded_before(spec, *self._signs[path][1:])

        self._specs[name] = spec
        self._older.discard(name)

        if is_older is not False:
            self._older.add(name)

        if not is_older:
            self._warned.discard(path)
        elif path not in self._warned:
            self._warned.add(path)
            _logger.warning(_TEXT, path)


_NEVER = object()
_TEXT = (
    "%s changed on disk since this program loaded it: jobs run the file as it was when "
    "they were submitted"
)
