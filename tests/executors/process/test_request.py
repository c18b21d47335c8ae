"""A request: calls on their way through a worker, and what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import report
from asyncflow.abc import Call, Crashed, Killed, Outcome, Progress, Raised, Returned
from asyncflow.executors.process import request
from asyncflow.executors.process.executor import ProcessExecutor
from asyncflow.executors.process.log_bounds import LogBounds
from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.request import Request
from tests.entities.test_submission import started
from tests.support import flows, hard_jobs
from tests.support.calls import Notes, call, outcome_of, run_all

pytestmark = pytest.mark.anyio


async def test_what_waits_behind_a_slow_call_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProcessExecutor, "bound", 1.0)  # a worker begins in time
    notes = Notes()
    path = tmp_path / "go"
    calls = [
        call(flows.wait_for_file, tmp_path, str(path), job_id="JOB_0"),
        call(flows.double, tmp_path, job_id="JOB_1"),
        call(flows.double, tmp_path, job_id="JOB_2"),
    ]

    async with ProcessExecutor() as executor, create_task_group() as group:
        group.start_soon(executor.run, calls, notes)

        with fail_after(30):
            while not notes.of("returned"):
                await checkpoint()

        assert notes.told[0] == ("started", "JOB_0")
        assert notes.of("returned") == ["JOB_1", "JOB_2"]
        await to_thread.run_sync(path.touch)

    assert notes.of("ended") == ["JOB_0"]


async def test_a_kill_ends_its_own_call_alone(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "started"
    calls = [
        call(flows.double, tmp_path, job_id="JOB_0"),
        call(flows.touch_and_block, tmp_path, str(path), job_id="JOB_1"),
        call(flows.double, tmp_path, job_id="JOB_2"),
    ]

    async with ProcessExecutor(grace=0.2) as executor:
        async with create_task_group() as group:
            group.start_soon(run_all, executor, calls, notes)
            child = await started(path)
            executor.kill(calls[1])

        assert not flows.is_alive(child)
        executor.kill(calls[1])  # it is over: nobody else is hit
        again = await outcome_of(executor, call(flows.double, tmp_path))

    killed = notes.outcomes["JOB_1"]
    assert isinstance(notes.outcomes["JOB_0"], Returned)
    assert isinstance(killed, Killed)
    assert "in touch_and_block" in killed.stack
    assert isinstance(notes.outcomes["JOB_2"], Returned)
    assert isinstance(again, Returned)


async def test_a_killed_call_leaves_nothing(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "started"
    one = call(flows.touch_and_block, tmp_path, str(path))
    (tmp_path / "1.value").write_text("half a value")  # a test

    async with ProcessExecutor(grace=0.2) as executor:
        async with create_task_group() as group:
            group.start_soon(executor.run, [one], notes)
            child = await started(path)
            group.cancel_scope.cancel()

        assert not flows.is_alive(child)
        assert isinstance(
            await outcome_of(executor, call(flows.exit_hard, tmp_path)), Crashed
        )

    assert [type(outcome) for outcome in notes.outcomes.values()] == [Killed]
    assert await to_thread.run_sync(lambda: [p.name for p in tmp_path.iterdir()]) == [
        "started"
    ]


@pytest.fixture
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing taken back before a kill."""
    monkeypatch.setattr(ProcessExecutor, "bound", 600)


@pytest.mark.usefixtures("unbounded")
async def test_a_job_that_takes_the_tokens_of_others_harms_none(tmp_path: Path) -> None:
    notes = Notes()
    calls = [
        call(flows.double, tmp_path, job_id="JOB_0"),
        call(hard_jobs.take_tokens, tmp_path, job_id="JOB_1"),
        call(flows.double, tmp_path, job_id="JOB_2"),
        call(flows.double, tmp_path, job_id="JOB_3"),
    ]

    async with ProcessExecutor() as executor:
        await run_all(executor, calls, notes)

    assert {type(one) for one in notes.outcomes.values()} == {Returned}
    assert notes.of("returned") == ["JOB_2", "JOB_3"]


@pytest.mark.usefixtures("unbounded")
async def test_a_job_that_took_the_tokens_is_killed_as_any(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "started"
    calls = [
        call(flows.double, tmp_path, job_id="JOB_0"),
        call(hard_jobs.take_tokens_and_sleep, tmp_path, str(path), job_id="JOB_1"),
        call(flows.double, tmp_path, job_id="JOB_2"),
    ]

    async with ProcessExecutor(grace=0.0) as executor, create_task_group() as group:
        group.start_soon(executor.run, calls, notes)
        worker = await started(path)
        executor.kill(calls[2])

        with fail_after(30):
            while "JOB_1" not in notes.of("started"):
                await checkpoint()

        executor.kill(calls[1])

    assert not flows.is_alive(worker)
    assert isinstance(notes.outcomes["JOB_0"], Returned)
    assert isinstance(notes.outcomes["JOB_1"], Killed)


@pytest.mark.usefixtures("unbounded")
async def test_a_worker_that_does_not_answer_with_nothing_to_run_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "OVERDUE", 0.1)
    notes = Notes()
    path = tmp_path / "started"
    calls = [
        call(hard_jobs.add_tokens_and_sleep, tmp_path, str(path), job_id="JOB_0"),
        call(flows.double, tmp_path, job_id="JOB_1"),
    ]

    async with ProcessExecutor(grace=0.0) as executor:
        async with create_task_group() as group:
            group.start_soon(executor.run, calls, notes)
            worker = await started(path)
            executor.kill(calls[1])

        assert not flows.is_alive(worker)
        assert isinstance(
            await outcome_of(executor, call(flows.double, tmp_path)), Returned
        )

    assert notes.of("returned") == ["JOB_0", "JOB_1"]
    assert not notes.outcomes


def report_last(value: int) -> int:
    report(1.0, 1.0)
    return value


async def test_the_last_report_comes_before_the_end(tmp_path: Path) -> None:
    """The first call may take long, as its function is loaded; the others do not."""
    notes = Notes()
    one = call(report_last, tmp_path)

    async with ProcessExecutor() as executor:
        for _ in range(20):
            await executor.run([one], notes)

    assert notes.of("reported") == notes.of("ended") == [one.job_id] * 20


# --------------------------------------------------------- before a worker has the calls


@attrs.define(eq=False)
class Heard(Notes):
    """Keeps the log records and the calls of functions, too."""

    records: list[bytes] = attrs.field(factory=list)

    def called(self, call: Call) -> None:
        self._note("called", call)

    def logged(self, call: Call, records: Sequence[bytes]) -> None:
        self._note("logged", call)
        self.records.extend(records)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def request_of_two(tmp_path: Path, heard: Heard) -> Request:
    calls = [call(flows.double, tmp_path, job_id=f"JOB_{index}") for index in range(2)]
    return Request(ProcessExecutor(), Pool(), calls, heard, 1, 0.2, LogBounds(1000))


async def test_calls_are_found_by_their_jobs(request_of_two: Request) -> None:
    places = [request_of_two.place_of(f"JOB_{index}") for index in range(3)]
    assert places == [0, 1, None]


async def test_what_a_call_tells_is_passed_on(
    request_of_two: Request, heard: Heard
) -> None:
    request_of_two.hear(1, None)
    request_of_two.hear(1, Progress(1, 2))
    request_of_two.hear(0, [b"record"])
    expected = [("called", "JOB_1"), ("reported", "JOB_1"), ("logged", "JOB_0")]
    assert heard.told == expected
    assert (heard.progress, heard.records) == ([Progress(1, 2)], [b"record"])


async def test_a_kill_before_the_start_is_remembered(
    request_of_two: Request, heard: Heard
) -> None:
    before = request_of_two.has_kills
    request_of_two.kill(1)
    request_of_two.take_back()  # nothing was given to anybody
    assert (before, request_of_two.has_kills) == (False, True)
    assert heard.told == []


@pytest.mark.parametrize(
    ("outcomes", "what"),
    [
        ([None] * 3, "3 outcomes of 2 calls"),
        ([Returned((b"1", b"2"))], "2 values of 'work'"),
        ([None, Crashed(1)], "a Crashed for 'work'"),
    ],
)
async def test_outcomes_that_cannot_be_are_refused(
    outcomes: list[Outcome | None], what: str, request_of_two: Request
) -> None:
    request_of_two._check([Returned((b"1",)), Raised("ValueError", "", None)])

    with pytest.raises(ValueError, match=what):
        request_of_two._check(outcomes)
