"""The store that sees what has happened, and is silent once the program is to die."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import attrs
from anyio import sleep_forever

from asyncflow.abc import Store
from asyncflow.events import Event, JobFinished, SubmissionFinished, SubmissionStarted
from asyncflow.ids import config_of
from asyncflow.records import InputRecord, JobRecord, Record, SubmissionRecord
from asyncflow.status import FINAL
from asyncflow.testing._kill_switch import KillSwitch

T = TypeVar("T")


@attrs.define(eq=False)
class FaultyStore:
    """Hand all on to another store, until the end has come.

    From then on it takes nothing and answers nobody.

    :param inner: where records are kept
    """

    inner: Store
    end: KillSwitch

    @classmethod
    def around(cls, inner: Store, end: KillSwitch) -> Store:
        """Stand around a store."""
        end.after(inner.flush)
        return cast(Store, cls(inner, end))

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._answer(self.inner.__aexit__, kind, error, traceback)

    def save(self, *records: Record) -> None:
        """Save records, and take note of what they tell."""
        if not self.end.has_come:
            self.inner.save(*records)
            self._note(*records)

    def submit(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> Callable[[], Awaitable[None]]:
        """Save a new submission, and take note of it."""
        if self.end.has_come:
            return partial(self._answer, sleep_forever)

        answer = self.inner.submit(record, inputs)
        self._note(record)
        return partial(self._answer, answer)

    def pin(self, submission_id: str, versions: Mapping[str, int | None]) -> None:
        """Pin what a submission is to read."""
        if not self.end.has_come:
            self.inner.pin(submission_id, versions)

    async def claim(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> SubmissionRecord:
        """Save a submission or find the one there is, and take note of a new one."""
        kept = await self._answer(self.inner.claim, record, inputs)

        if _is_same(kept, record):
            self._note(record)

        return kept

    def __getattr__(self, name: str) -> Any:
        """Give what the other store has; its coroutines are answered while we live."""
        found = getattr(self.inner, name)

        if inspect.iscoroutinefunction(found):
            return partial(self._answer, found)

        return found

    async def _answer(
        self, ask: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any
    ) -> T:
        if not self.end.has_come:
            answer = await ask(*args, **kwargs)

            if not self.end.has_come:
                return answer

        await sleep_forever()
        raise AssertionError("unreachable")

    def _note(self, *records: Record) -> None:
        for record in records:
            for event, task in _events(record):
                self.end.note(event, task)


# Not a subclass: what a store has besides, it is asked for. `Store.register` is a verb.
ABCMeta.register(Store, FaultyStore)


def _is_same(left: SubmissionRecord, right: SubmissionRecord) -> bool:
    """Tell whether one call of submit made both."""
    return (left.orchestrator_id, left.submitted) == (
        right.orchestrator_id,
        right.submitted,
    )


def _events(record: Record) -> Iterator[tuple[type[Event], str | None]]:
    """Tell what has happened where a record is saved, and to which task."""
    if isinstance(record, JobRecord):
        if record.status in FINAL:
            yield JobFinished, _task_of(record)
    elif isinstance(record, SubmissionRecord):
        if record.finished is not None:
            yield SubmissionFinished, None
        elif record.status == "SUBMITTED":
            yield SubmissionStarted, None


def _task_of(record: JobRecord) -> str:
    """Return the config id of a job's task."""
    return config_of(record.id)
