"""Faults to order: jobs that crash or fail, and a program that is killed."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import attrs

from asyncflow.abc import Executor, Store
from asyncflow.config.sections import TaskConfig
from asyncflow.errors import UsageError
from asyncflow.events import (
    Event,
    JobFinished,
    JobStarted,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.runtime import wiring
from asyncflow.testing._executor import FaultyExecutor
from asyncflow.testing._fault import Error, Fault
from asyncflow.testing._kill_switch import KillSwitch
from asyncflow.testing._store import FaultyStore

_SEEN = (SubmissionStarted, JobStarted, JobFinished, SubmissionFinished)


@attrs.define(eq=False)
class Faults:
    """Faults that happen where and when you say.

    They are active inside ``with faults:``, for the orchestrators that are made and
    opened there; those of the fixture `asyncflow_faults` while the test runs. Nothing
    of asyncflow is replaced: faults stand around its executors and its store.

    Faults can be added at any time; each counts jobs, or events, from then on.
    """

    _faults: list[Fault] = attrs.field(init=False, factory=list[Fault])
    _end: KillSwitch = attrs.field(init=False, factory=KillSwitch)

    def crash(self, task: TaskConfig | str, *, attempt: int | None = 1) -> None:
        """Have a job die: its worker process is killed by SIGKILL.

        Its function is not called. A job that runs inline or in a thread has no process
        of its own: it ends in the same way, and nothing is killed.

        :param task: the task, or the id of its config
        :param attempt: which of the jobs of this task that start from now on, from 1;
            None for every one
        """
        self._add(task, attempt, None)

    def fail(
        self, task: TaskConfig | str, error: Error, *, attempt: int | None = 1
    ) -> None:
        """Have a job raise an error, instead of calling its function.

        :param task: the task, or the id of its config
        :param error: as ``raise`` takes it; from a worker process it comes as any other
            does: as a copy or, if it cannot be pickled, as its traceback alone
        :param attempt: which of the jobs of this task that start from now on, from 1;
            None for every one
        """
        self._add(task, attempt, error)

    def kill_orchestrator_after(
        self,
        event: type[Event],
        *,
        task: TaskConfig | str | None = None,
        nth: int = 1,
    ) -> None:
        """Have the whole program die by SIGKILL, as ``kill -9`` does, after an event.

        What happened up to this event is durable, what would happen after it is not: it
        is as if the program had died at that very moment. After `JobStarted` it dies
        before the function is called.

        It is this process that dies, so use it in a program of its own: hand the faults
        to `run_program`.

        :param event: `SubmissionStarted`, `JobStarted`, `JobFinished` or
            `SubmissionFinished`; a class above them stands for those below it
        :param task: only for the jobs of this task (or of the one with this config id);
            None for all
        :param nth: the how many-th such event, from 1
        :raises UsageError: where it would kill pytest
        """
        if not any(issubclass(kind, event) for kind in _SEEN):
            known = ", ".join(kind.__name__ for kind in _SEEN)
            raise UsageError(f"cannot kill after {event.__name__}: use one of {known}")

        if self in wiring.wrappers:
            _check_process()

        self._end.add(event, None if task is None else _id_of(task), _counted(nth))

    @property
    def pending(self) -> tuple[str, ...]:
        """The faults of jobs that have not happened so far, in words."""
        return tuple(str(fault) for fault in self._faults if not fault.has_happened)

    def __enter__(self) -> Self:
        if self in wiring.wrappers:
            raise UsageError("these faults are active already: make other Faults()")

        if self._end.is_wanted:
            _check_process()

        wiring.wrappers.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        wiring.wrappers.remove(self)

    def wrap_store(self, store: Store) -> Store:
        """Stand around a store. For asyncflow alone."""
        return store if _is_pytest() else FaultyStore.around(store, self._end)

    def wrap_executor(self, executor: Executor) -> Executor:
        """Stand around an executor. For asyncflow alone."""
        return FaultyExecutor(executor, self._strike, self._end)

    def _add(
        self, task: TaskConfig | str, attempt: int | None, error: Error | None
    ) -> None:
        number = None if attempt is None else _counted(attempt)
        self._faults.append(Fault(_id_of(task), number, error))

    def _strike(self, task: str) -> Fault | None:
        """Count a job that starts; return what happens to it."""
        # A list, as each of them counts.
        striking = [fault for fault in self._faults if fault.strikes(task)]
        return striking[0] if striking else None


def _id_of(task: TaskConfig | str) -> str:
    return task.id if isinstance(task, TaskConfig) else task


def _counted(number: int) -> int:
    if number < 1:
        raise ValueError(f"jobs and events are counted from 1, not from {number}")

    return number


def _is_pytest() -> bool:
    """Tell whether this process runs pytest: nobody else imports the plugin."""
    return "asyncflow.testing.plugin" in sys.modules


def _check_process() -> None:
    if _is_pytest():
        raise UsageError(
            "kill_orchestrator_after would kill pytest: hand Faults() that are not "
            "active here to asyncflow.testing.run_program"
        )
