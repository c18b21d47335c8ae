"""Calls for executors, and what these tell of them."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from pathlib import Path

import attrs
from anyio import Event, fail_after

from asyncflow.abc import Call, Executor, Log, Outcome, Progress, Watch
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.worker.codec import dumps, dumps_code
from asyncflow.worker.wire import Input, Output, RemoteCall
from tests.support import flows


def call(
    function: flows.Function,
    folder: Path,
    value: object = 1,
    *,
    job_id: str = "JOB_1",
    is_async: bool = False,
) -> Call:
    driver = MemoryDriver()
    return Call(
        job_id=job_id,
        task="work",
        function=function,
        code=dumps_code(function),
        inputs=(("source", driver, dumps(value)),),
        outputs=(("result", driver, str(folder / "1.value")),),
        is_async=is_async,
    )


@attrs.define(eq=False)
class Notes(Watch):
    """Keeps what an executor tells."""

    told: list[tuple[str, str]] = attrs.field(factory=list)
    """What it told, and of which job."""
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    progress: list[Progress] = attrs.field(factory=list)
    logs: list[Log | None] = attrs.field(factory=list)
    has_started: Event = attrs.field(factory=Event)
    thread: int = attrs.field(factory=threading.get_ident)

    def started(self, call: Call, log: Log | None) -> None:
        self._note("started", call)
        self.logs.append(log)
        self.has_started.set()

    def reported(self, call: Call, progress: Progress) -> None:
        self._note("reported", call)
        self.progress.append(progress)

    def ended(self, call: Call, outcome: Outcome) -> None:
        self._note("ended", call)
        self.outcomes[call.job_id] = outcome

    def returned(self, calls: Sequence[Call]) -> None:
        for one in calls:
            self._note("returned", one)

    def of(self, word: str) -> list[str]:
        return [job for told, job in self.told if told == word]

    def _note(self, word: str, call: Call) -> None:
        assert threading.get_ident() == self.thread
        self.told.append((word, call.job_id))


async def outcome_of(executor: Executor, one: Call) -> Outcome:
    notes = Notes()

    with fail_after(30):
        await executor.run([one], notes)

    assert notes.of("ended") == [one.job_id]
    assert notes.told[-1] == ("ended", one.job_id)
    return notes.outcomes[one.job_id]


async def run_all(executor: Executor, calls: Sequence[Call], notes: Notes) -> None:
    """Run calls; those that are given back, because one was slow, travel again."""
    with fail_after(30):
        while left := [one for one in calls if one.job_id not in notes.outcomes]:
            await executor.run(left, notes)


def half(value: int) -> int:
    return value // 2


def remote_call(
    inputs: tuple[Input, ...],
    outputs: tuple[Output, ...] = (),
    function: object = half,
) -> RemoteCall:
    code = pickle.dumps(function)
    return "JOB_work_1", "work", 1, code, inputs, outputs, None, None, None


def sent(job_id: str, progress: Progress | None) -> None:
    raise AssertionError(f"{job_id} reports {progress}")
