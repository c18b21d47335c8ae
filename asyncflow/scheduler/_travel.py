"""How the jobs of a task travel to where they run."""

from __future__ import annotations

import linecache
from collections.abc import Callable

import attrs

from asyncflow.config.sections import TaskConfig
from asyncflow.errors import NotPicklable
from asyncflow.scheduler._fingerprint import fingerprint
from asyncflow.worker.codec import dumps_code


@attrs.frozen
class Travel:
    """The same for all jobs of a task in a submission."""

    executor: str
    is_async: bool
    fingerprint: str | None
    """What the function does, where its jobs may be skipped; None elsewhere."""
    force: bool
    """Whether its jobs run even if they could be skipped."""
    code: bytes | None
    """The pickled function; None where it is called in this process."""
    sources: dict[str, str] | None
    """The text of its source file, where that is in no file: a notebook's cell."""


@attrs.define(eq=False)
class Travels:
    """Tells how tasks travel, and remembers it where it cannot change.

    :param far: whether functions may be called in other processes
    """

    far: bool
    _known: dict[TaskConfig, Travel] = attrs.field(init=False, factory=dict)

    def of(self, config: TaskConfig, *, force: bool) -> Travel:
        """Tell how the jobs of a task travel.

        A function that travels by value is pickled for each submission, and that of a
        skippable task is looked at, as the globals that it uses may have changed.

        :param force: whether the jobs run even if they could be skipped
        :raises NotPicklable: where the function cannot travel
        """
        travel = self._known.get(config)

        if travel is None:
            travel = self._make(config)

            if travel.fingerprint is None and not _by_value(travel.code):
                self._known[config] = travel

        return attrs.evolve(travel, force=True) if force else travel

    def _make(self, config: TaskConfig) -> Travel:
        is_async = config.is_async
        executor = "inline" if is_async else config.executor
        far = self.far and executor == "process"
        return Travel(
            executor,
            is_async,
            fingerprint(config.function) if config.skippable else None,
            False,
            _code(config) if far else None,
            _sources(config.function) if far else None,
        )


def _by_value(code: bytes | None) -> bool:
    return code is not None and b"cloudpickle" in code


def _code(config: TaskConfig) -> bytes:
    try:
        return dumps_code(config.function)
    except NotPicklable as error:
        path = f"the function of task {config.id!r}: {error.path}"
        raise NotPicklable(path, error.why) from error


def _sources(function: Callable[..., object]) -> dict[str, str] | None:
    code = getattr(function, "__code__", None)
    entry = linecache.cache.get(code.co_filename) if code else None

    # An entry without a modification time was not read from a file.
    if code is None or entry is None or len(entry) != 4 or entry[1] is not None:
        return None

    return {code.co_filename: "".join(entry[2])}
