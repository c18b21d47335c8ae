"""The files of the user's modules that workers have loaded, as they are today."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import attrs

from asyncflow.executors._worker import Worker
from asyncflow.log import logger as _logger
from asyncflow.worker.loaded import Sign, stat

SHARE = 50
"""One part in so many of the time may go into looking at files."""

LONGEST = 1.0
"""How long a look may be put off for that, in seconds."""


@attrs.define(eq=False, repr=False)
class Today:
    """Tells which workers have loaded what has changed since.

    A file that is gone counts as unchanged: what is loaded of it is all there is.
    """

    _signs: dict[str, Sign] = attrs.field(init=False, factory=dict)
    """Of each file, the last sign."""
    _specs: dict[str, object] = attrs.field(init=False, factory=dict)
    """Of each file, the spec of its module in this process: a reload makes another."""
    _told: set[str] = attrs.field(init=False, factory=set)
    """The files of which it was said that this process has loaded an older one."""
    _next: float = attrs.field(init=False, default=0.0)
    _has_news: bool = attrs.field(init=False, default=False)

    def learn(self, worker: Worker, loaded: Mapping[str, Sign]) -> None:
        """Take note of what a worker has loaded."""
        worker.loaded.update(loaded)
        self._has_news = True
        self._next = 0.0

        for path, sign in loaded.items():
            if path not in self._signs:
                self._signs[path] = sign
                self._specs[path] = _spec(sign[0])

    def look(self, workers: Iterable[Worker]) -> list[str]:
        """Mark the workers that have loaded what has changed since.

        :return: what this process has loaded in an older form, and was not told yet
        """
        if not self._signs or (start := time.perf_counter()) < self._next:
            return []

        changed: list[str] = []

        for path, (name, *known) in self._signs.items():
            with suppress(OSError):
                status = stat(path)
                sign = [status.st_mtime_ns, status.st_size]

                if sign != known:
                    self._signs[path] = name, *sign  # type: ignore[assignment]
                    changed.append(path)

        end = time.perf_counter()
        self._next = end + min(LONGEST, SHARE * (end - start))

        if changed or self._has_news:
            self._has_news = False
            self._mark(workers)

        return [path for path in changed if self._is_older_here(path)]

    def _mark(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            worker.is_stale = any(
                sign != self._signs[path] for path, sign in worker.loaded.items()
            )

    def _is_older_here(self, path: str) -> bool:
        """Tell, once, whether this process has not loaded a changed file again."""
        spec = _spec(self._signs[path][0])

        if spec is None or spec is not self._specs.get(path):
            self._specs[path] = spec
            self._told.discard(path)
            return False

        if path in self._told:
            return False

        self._told.add(path)
        return True


def _spec(name: str) -> object:
    return getattr(sys.modules.get(name), "__spec__", None)


def warn(paths: Iterable[str]) -> None:
    """Say what this process has loaded in an older form."""
    text = "%s changed on disk since this program loaded it: jobs run the file as it is now"

    for path in paths:
        _logger.warning(text, path)
