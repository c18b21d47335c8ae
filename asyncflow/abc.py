"""The seams: what an executor, a driver and a store promise.

This module is imported by workers too: at run time it needs the standard library only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import ClassVar, NamedTuple, Protocol, Self

from asyncflow.worker.outcome import Crashed as Crashed
from asyncflow.worker.outcome import Kept as Kept
from asyncflow.worker.outcome import Killed as Killed
from asyncflow.worker.outcome import Log as Log
from asyncflow.worker.outcome import Outcome as Outcome
from asyncflow.worker.outcome import Raised as Raised
from asyncflow.worker.outcome import Returned as Returned
from asyncflow.worker.values import fetch, keep


class Driver(ABC):
    """How one storage type reads and writes a value.

    A driver runs where the job runs, so its methods are plain blocking functions and the
    driver itself can be pickled. One driver serves every version of one data node.
    """

    storage_type: ClassVar[str]

    def read(self, kept: Kept) -> object:
        """Read a value.

        :param kept: what `write` and `publish` returned for it
        """
        if kept is None:
            raise LookupError("the data node was never written")

        return fetch(kept)

    def write(self, value: object, path: str, name: str) -> Kept:
        """Keep a value where no reader sees it yet.

        :param path: a file that it may make; nobody else uses this name
        :param name: how an error calls the value
        :return: where the value is; None for a place that the driver knows itself
        :raises NotPicklable: where the value cannot be kept
        :raises OSError: where it cannot be written; nothing is left behind
        """
        return keep(value, path, name)

    def exists(self) -> bool:
        """Tell whether a place that only the driver knows has a value already."""
        return False

    def staged(self, path: str) -> str:
        """Return the file that `write` may make, to remove it after a killed job."""
        return path

    def publish(self, kept: Kept, path: str) -> Kept:  # noqa: ARG002
        """Make a written value visible; called when all outputs of a job are written.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        :return: what `read` is to be given
        """
        return kept


class Call(NamedTuple):
    """One job, as an executor sees it."""

    job_id: str
    task: str
    function: Callable[..., object]
    code: bytes | None
    """The pickled function; None where no worker process needs it."""
    inputs: tuple[tuple[str, Driver, Kept], ...]
    """For each input: the data node's name, its driver and its value."""
    outputs: tuple[tuple[str, Driver, str], ...]
    """For each output: the name, the driver, and the file that a large value may make."""
    is_async: bool = False
    """Whether the function is awaited, and so must not be held up."""
    sources: dict[str, str] | None = None
    """The text of source files that exist nowhere, for tracebacks."""


class Executor(ABC):
    """Where jobs run.

    The walk takes a token of its limiter, then hands over what is ready; the executor
    decides what travels together (`load`) and runs it (`run`). It is an async context
    manager: what it opened is gone when it is left.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def warm(self, count: int) -> None:  # noqa: ARG002
        """Get ready to run `count` jobs at once."""
        return None

    def load(self, first: Call, more: Callable[[], Call | None]) -> Sequence[Call]:  # noqa: ARG002
        """Choose the calls that travel together.

        :param first: the call whose turn it is
        :param more: gives the next ready call for this executor, or None
        """
        return (first,)

    @abstractmethod
    async def run(
        self, calls: Sequence[Call], report: Callable[[Call, Outcome], None]
    ) -> None:
        """Run calls, and report the outcome of each as soon as it is known.

        Calls that were not reported when it returns were not started. It never raises
        for what a job does. On cancel it ends what runs, and raises only when that is
        dead and its outputs are gone; it may report `Killed` then.
        """


class Record(Protocol):
    """What a store keeps: an entity's facts, under its id."""

    @property
    def id(self) -> str: ...


class Store(ABC):
    """Where records are kept.

    An async context manager; a store is used by one event loop at a time.
    """

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the store."""

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what is still to be written, then close the store."""

    @abstractmethod
    def save(self, *records: Record) -> None:
        """Take records to be written: all of one call, or none of them.

        Returns at once; calls are written in their order. A record replaces the one
        with its id.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Return when all that was saved before is durable.

        :raises OSError: where it could not be written
        """

    @abstractmethod
    async def get(self, record_id: str) -> Record | None:
        """Return the record with this id, or None."""

    @abstractmethod
    async def delete(self, *record_ids: str) -> None:
        """Forget records; unknown ids change nothing."""
