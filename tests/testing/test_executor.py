"""The executor whose jobs fail to order, around each other executor."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import attrs
import pytest
from anyio import move_on_after

from asyncflow import RemoteTraceback, Status, SubmissionFailed
from asyncflow.abc import (
    Call,
    Crashed,
    Executor,
    Log,
    Outcome,
    Progress,
    Raised,
    Returned,
    Watch,
)
from asyncflow.events import JobStarted
from asyncflow.testing import Faults
from asyncflow.testing._executor import FaultyExecutor
from asyncflow.testing._fault import Fault
from asyncflow.testing._kill_switch import KillSwitch
from tests.support import flows
from tests.support.faults import EXECUTORS, states, submitted


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_job_crashes(executor: str) -> None:
    faults = Faults()
    faults.crash("work", attempt=2)

    runs = await submitted(executor, faults, 3)

    assert states(runs) == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    (job,) = runs[1].jobs
    assert "its worker process was killed by SIGKILL" in job.reason
    assert faults.pending == ()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_job_that_crashed_is_tried_again(executor: str) -> None:
    faults = Faults()
    faults.crash("work")

    (run,) = await submitted(executor, faults, 1, crash_retries=1)

    (job,) = run.jobs
    assert job.status is Status.COMPLETED
    assert [one.number for one in job.attempts] == [1]
    assert "its worker process was killed by SIGKILL" in job.attempts[0].reason


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_job_raises(executor: str) -> None:
    faults = Faults()
    faults.fail("work", ValueError("no rows"))

    first, second = await submitted(executor, faults, 2)

    assert states([first, second]) == [Status.FAILED, Status.COMPLETED]
    (job,) = first.jobs
    assert job.reason == "ValueError: no rows"
    assert "ValueError: no rows" in job.stacktrace
    error = first.error()
    assert isinstance(error, SubmissionFailed)
    cause = error.exceptions[0].__cause__
    assert isinstance(cause, ValueError)
    assert cause.args == ("no rows",)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (flows.Locked("x"), RemoteTraceback),
        (flows.TwoArguments(1, 2), flows.TwoArguments),
    ],
    ids=["Locked", "TwoArguments"],
)
async def test_a_job_raises_what_cannot_be_pickled(
    error: Exception, cause: type[Exception]
) -> None:
    """It is what comes back of a worker where the function raises it."""
    faults = Faults()
    faults.fail("work", error)

    (run,) = await submitted("process", faults, 1)

    failed = run.error()
    assert isinstance(failed, SubmissionFailed)
    assert type(failed.exceptions[0].__cause__) is cause


@attrs.define(eq=False)
class Told(Watch):
    """Keeps outcomes."""

    outcomes: list[tuple[str, Outcome]] = attrs.field(factory=list)

    def started(self, call: Call, log: Log | None) -> None:
        return None

    def reported(self, call: Call, progress: Progress) -> None:
        return None

    def ended(self, call: Call, outcome: Outcome) -> None:
        self.outcomes.append((call.job_id, outcome))

    def returned(self, calls: Sequence[Call]) -> None:
        return None


class Plain(Executor):
    """Notes what it is asked for; each call returns at once."""

    max_batch = 8

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def __aenter__(self) -> Plain:
        self.asked.append("enter")
        return self

    async def __aexit__(self, *error: object) -> None:
        self.asked.append("exit")

    async def begin(self) -> None:
        self.asked.append("begin")

    async def warm(self, count: int) -> None:
        self.asked.append(("warm", count))

    async def shrink(self, count: int) -> None:
        self.asked.append(("shrink", count))

    async def wind_down(self) -> None:
        self.asked.append("wind down")

    @property
    def workers(self) -> int:
        return 3

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        self.asked.append([call.job_id for call in calls])

        for call in calls:
            watch.ended(call, Returned(()))

    def kill(self, call: Call, *, now: bool = False) -> None:
        self.asked.append(("kill", call.job_id, now))


def call(number: int, code: bytes | None = None) -> Call:
    return Call(f"JOB_{number}", "work", len, code, (), ())


@pytest.mark.anyio
async def test_all_else_is_done_by_the_executor_inside() -> None:
    inner = Plain()

    async with FaultyExecutor(inner, lambda _: None, KillSwitch()) as executor:
        await executor.begin()
        await executor.warm(2)
        await executor.shrink(1)
        executor.kill(call(1), now=True)
        await executor.wind_down()
        assert executor.workers == 3

    assert inner.asked == [
        "enter",
        "begin",
        ("warm", 2),
        ("shrink", 1),
        ("kill", "JOB_1", True),
        "wind down",
        "exit",
    ]
    assert executor.max_batch == 1


@pytest.mark.anyio
async def test_each_job_is_a_batch_of_its_own() -> None:
    inner, told = Plain(), Told()
    faults = iter(
        [None, Fault("work", None, None), Fault("work", None, KeyError), None]
    )
    executor = FaultyExecutor(inner, lambda _: next(faults), KillSwitch())
    await executor.run([call(number) for number in range(4)], told)

    assert inner.asked == [["JOB_0"], ["JOB_3"]]
    (_, first), (_, crashed), (_, failed), (_, last) = told.outcomes
    assert first == last == Returned(())
    assert crashed == Crashed(-signal.SIGKILL)
    assert isinstance(failed, Raised)
    assert isinstance(failed.error, KeyError)


@pytest.mark.anyio
async def test_no_job_starts_once_the_program_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda *how: killed.append(how))
    inner, told, end = Plain(), Told(), KillSwitch()
    end.add(JobStarted, "work", 2)
    executor = FaultyExecutor(inner, lambda _: None, end)

    with move_on_after(0.05):
        await executor.run([call(number) for number in range(4)], told)

    assert inner.asked == [["JOB_0"]]
    assert [job_id for job_id, _ in told.outcomes] == ["JOB_0"]
    assert [how[1] for how in killed] == [signal.SIGKILL]
