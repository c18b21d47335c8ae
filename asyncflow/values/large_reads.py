"""Large values are parsed in a worker: a thread of this process would hold Python's lock
meanwhile, and so hold up its event loop.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
from anyio import CapacityLimiter, Event

from asyncflow.abc import (
    Call,
    Crashed,
    Driver,
    Executor,
    Killed,
    Log,
    Outcome,
    Progress,
    Raised,
    Returned,
    StoredValue,
    Watch,
)
from asyncflow.errors import DataNodeReadingError, NotPicklable
from asyncflow.log import logger
from asyncflow.task_group import Tasks
from asyncflow.values.files import Garbage
from asyncflow.worker.codec import dumps_code
from asyncflow.worker.records import unpacked
from asyncflow.worker.streams import plain
from asyncflow.worker.values import fetch, keep

if TYPE_CHECKING:
    from asyncflow.entities.parts import Ask

AT_ONCE = 2
"""How many are read at once: each may take as much memory as a job does."""

TRIES = 3
"""How often a read is given to a worker that may not begin it."""

UNREAD = object()
"""Stands for what no worker could read, or give back: a thread of this process reads it."""

_REMEDY = "read a part, with columns= or where=, or read it here: in_process=True"

_PATHS = Driver()
"""By what the path of the result travels, there and back."""


@attrs.define(eq=False, repr=False)
class LargeReads:
    """Has workers read values, beside the jobs that they run.

    A read waits for no job: where all workers are busy there is one more, for its time.

    :param executor: has the workers
    :param limiter: that of jobs: so many workers stay
    :param group: waits for workers, also where the reader does not any more
    :param garbage: removes what nobody has taken
    """

    executor: Executor
    limiter: CapacityLimiter
    group: Tasks
    garbage: Garbage
    _turns: CapacityLimiter = attrs.field(
        init=False, factory=lambda: CapacityLimiter(AT_ONCE)
    )
    _count: int = attrs.field(init=False, default=0)

    async def read(
        self, name: str, driver: Driver, kept: StoredValue, ask: Ask | None, path: str
    ) -> Callable[[], Any]:
        """Have a worker read a value.

        On cancel its worker is killed; who reads does not wait for that.

        :param name: how errors call the data node
        :param path: the file in which it may come back
        :return: what loads it, in a thread, or gives `UNREAD`, or raises what the driver
            has raised
        :raises NotPicklable: where the driver cannot be sent
        """
        call = self._call(name, driver, kept, ask, path)

        async with self._turns:
            reading = _Reading(call)

            if self.group.is_failing:
                return _unread

            self.group.start_soon(self._run, reading, path)

            try:
                await reading.is_over.wait()
            except BaseException:
                reading.is_left = True
                self.executor.kill(call, now=True)
                raise

        remedy = (ask and ask.remedy) or _REMEDY
        return self._taken(name, reading, path, remedy)

    def _call(
        self, name: str, driver: Driver, kept: StoredValue, ask: Ask | None, path: str
    ) -> Call:
        function = partial(_read_apart, driver, kept, ask)

        try:
            code = dumps_code(function)
        except NotPicklable as error:
            raise NotPicklable(
                f"data node {name!r}: {error.path}", error.why
            ) from error

        self._count += 1
        given = "path", _PATHS, pickle.dumps(path)
        made = "value", _PATHS, f"{path}.name"
        number = f"READ_{self._count}_{path.rpartition('/')[2]}"
        return Call(number, name, function, code, (given,), (made,))

    async def _run(self, reading: _Reading, path: str) -> None:
        try:
            for _ in range(TRIES):
                if not (reading.is_left or reading.outcome):
                    await self.executor.run([reading.call], reading)
        finally:
            reading.is_over.set()

            if reading.is_left:
                self.garbage.add(path)

        if self.executor.workers > self.limiter.total_tokens:
            await self.executor.shrink(int(self.limiter.total_tokens))

    def _taken(
        self, name: str, reading: _Reading, path: str, remedy: str
    ) -> Callable[[], Any]:
        outcome = reading.outcome

        if outcome is None:  # all is being ended, or no worker takes it
            return _unread

        reading.tell(name)

        if isinstance(outcome, Returned):
            (kept,) = outcome.kept
            assert isinstance(kept, bytes)
            found = pickle.loads(kept)

            if found == path:
                return partial(_loaded, path)

            return _unread if found is None else partial(fetch, found)

        return partial(_fail, _error_of(outcome, remedy))


@attrs.define(eq=False, repr=False)
class _Reading(Watch):
    """A read that a worker has."""

    call: Call
    outcome: Outcome | None = attrs.field(init=False, default=None)
    is_over: Event = attrs.field(init=False, factory=Event)
    is_left: bool = attrs.field(init=False, default=False)
    """Whether nobody waits for it any more."""
    _records: list[bytes] = attrs.field(init=False, factory=list)

    def started(self, call: Call, log: Log | None) -> None:
        """Take note of nothing: nobody watches it."""

    def reported(self, call: Call, progress: Progress) -> None:
        """Take note of nothing."""

    def logged(self, call: Call, records: Sequence[bytes]) -> None:  # noqa: ARG002
        self._records += records

    def ended(self, call: Call, outcome: Outcome) -> None:  # noqa: ARG002
        self.outcome = outcome

    def returned(self, calls: Sequence[Call]) -> None:
        """Take note of nothing: it is sent again; see `TRIES`."""

    def tell(self, name: str) -> None:
        """Pass on what was printed and logged, such as a warning of a library."""
        log = None if self.outcome is None else self.outcome.log
        records = [*self._records, *(log.records if log else ())]

        for record in map(unpacked, records):
            if (there := logging.getLogger(record.name)).isEnabledFor(record.levelno):
                there.handle(record)

        if log and not records and (text := plain(log.text).strip()):
            logger.warning("while data node %r was read: %s", name, text)


def _read_apart(
    driver: Driver, kept: StoredValue, ask: Ask | None, path: object
) -> bytes | str | None:
    """Read a value in a worker, and keep it for the parent.

    :return: see `keep`; None where the value cannot go there
    """
    if not driver.is_home:  # the orchestrator would not find it
        return None

    value = driver.read(kept) if ask is None else ask(driver, kept)

    try:
        return keep(value, str(path), "value", sync=False)
    except (NotPicklable, OSError):
        return None


def _loaded(path: str) -> object:
    """Load what is in a file; it stays mapped without its name."""
    try:
        return fetch(path)
    finally:
        os.unlink(path)


def _unread() -> object:
    return UNREAD


def _fail(error: Exception) -> NoReturn:
    raise error


def _error_of(outcome: Outcome, remedy: str) -> Exception:
    match outcome:
        case Raised(error=bytes() as data):
            error = fetch(data)
            assert isinstance(error, Exception)
            return error
        case Raised(error=Exception() as error):
            return error
        case Raised(summary=summary):
            return DataNodeReadingError("", summary, remedy)
        case Crashed(returncode=code, detail=why):
            end = f" (exit code {code}), perhaps as it had no memory left"
            what = why if code is None else f"its worker process ended{end}"
            return DataNodeReadingError("", what or "its worker has died", remedy)
        case Killed():
            return DataNodeReadingError("", "its worker process was killed", remedy)
        case _:
            raise TypeError(f"a read does not end by {outcome!r:.100}")
