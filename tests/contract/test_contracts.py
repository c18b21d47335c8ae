"""The seams: one contract test for each, run by every implementation."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest
from anyio import Event, create_task_group, fail_after, sleep_forever, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import report
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
    Watch,
)
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import NotPicklable
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process.executor import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.worker.codec import dumps, dumps_code
from asyncflow.worker.values import INLINE, temporary_name
from tests.entities.test_submission import started
from tests.support import flows
from tests.support.toy_driver import ToyDriver, ToyOptions

VALUES = [None, 1, "é", [1, {"a": (2,)}], b"x" * 3 * INLINE]

Drivers = Callable[[Path], Driver]
DRIVERS: dict[str, Drivers] = {
    "memory": lambda _: MemoryDriver(),
    "pickle": lambda _: PickleDriver(),
    "toy": lambda _: ToyDriver(options=ToyOptions(level=3)),
    "pickle at a path": lambda folder: PickleDriver(str(folder / "own.pickle")),
}


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    made = DRIVERS[request.param](tmp_path)
    again: Driver = pickle.loads(pickle.dumps(made))
    return again


@pytest.mark.parametrize("value", VALUES, ids=["none", "int", "str", "nested", "large"])
def test_a_driver_gives_back_what_it_keeps(
    driver: Driver, tmp_path: Path, value: object
) -> None:
    path = str(tmp_path / "1.value")

    kept = driver.publish(driver.write(value, path, "node"), path)

    assert driver.read(kept) == value
    assert not Path(temporary_name(path)).exists()


@pytest.mark.smoke
def test_a_driver_keeps_the_old_value_until_it_publishes(
    driver: Driver, tmp_path: Path
) -> None:
    first, second = str(tmp_path / "1.value"), str(tmp_path / "2.value")
    old = driver.publish(driver.write(["old"], first, "node"), first)

    staged = driver.write(["new"], second, "node")
    assert driver.read(old) == ["old"]

    assert driver.read(driver.publish(staged, second)) == ["new"]


def test_a_driver_names_what_it_cannot_keep(driver: Driver, tmp_path: Path) -> None:
    path = str(tmp_path / "1.value")

    with pytest.raises(NotPicklable, match=r"node\['lock'\]"):
        driver.write({"lock": threading.Lock()}, path, "node")

    assert list(tmp_path.iterdir()) == []


def test_a_driver_writes_only_what_it_says(driver: Driver, tmp_path: Path) -> None:
    path = str(tmp_path / "1.value")
    driver.write(b"x" * 3 * INLINE, path, "node")

    assert [str(file) for file in tmp_path.iterdir()] == [driver.staging_path(path)]


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


async def double_async(value: int) -> int:
    await checkpoint()
    return value * 2


async def fail_async(value: object) -> None:
    raise ValueError(f"no {value}")


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "inline": lambda: InlineExecutor(echo=False),
    "thread": lambda: ThreadExecutor(echo=False),
    "process": ProcessExecutor,
}


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("name", EXECUTORS)
async def test_an_executor_reports_each_outcome(name: str, tmp_path: Path) -> None:
    async with EXECUTORS[name]() as executor:
        await executor.warm(1)
        returned = await outcome_of(executor, call(flows.double, tmp_path, 21))
        failed = await outcome_of(executor, call(flows.fail, tmp_path))
        unkept = await outcome_of(executor, call(flows.return_lock, tmp_path))
        exited = await outcome_of(executor, call(flows.exit_python, tmp_path))

    assert isinstance(returned, Returned)
    assert [MemoryDriver().read(kept) for kept in returned.kept] == [42]
    assert returned.usage is not None
    assert 0 <= returned.usage.wall < 5
    assert abs(returned.usage.started - time.time()) < 60
    assert isinstance(failed, Raised)
    assert failed.summary == "ValueError: no 1"
    assert failed.kinds[:2] == ("builtins.ValueError", "builtins.Exception")
    assert "flows.py" in failed.traceback
    assert isinstance(unkept, Raised)
    assert unkept.summary.startswith("NotPicklable: result['parts'][1]")
    assert isinstance(exited, Raised)
    assert exited.summary == "SystemExit: 4"


@pytest.mark.anyio
async def test_an_async_function_has_the_same_outcomes(tmp_path: Path) -> None:
    async with InlineExecutor(echo=False) as executor:
        one = call(double_async, tmp_path, 21, is_async=True)
        returned = await outcome_of(executor, one)
        failed = await outcome_of(executor, call(fail_async, tmp_path, is_async=True))

    assert isinstance(returned, Returned)
    assert [MemoryDriver().read(kept) for kept in returned.kept] == [42]
    assert isinstance(failed, Raised)
    assert failed.summary == "ValueError: no 1"


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("name", EXECUTORS)
async def test_an_executor_tells_that_a_call_started_and_how_far_it_is(
    name: str, tmp_path: Path
) -> None:
    notes = Notes()

    async with EXECUTORS[name]() as executor:
        await executor.run([call(reporting, tmp_path)], notes)

        while "reported" not in dict(notes.told):  # it may come after the end
            await checkpoint()

    assert notes.told[0] == ("started", "JOB_1")
    assert sorted(notes.told) == [
        (word, "JOB_1") for word in ("ended", "reported", "started")
    ]
    assert notes.progress == [Progress(1, 1, "all")]
    assert [log is not None for log in notes.logs] == [name == "process"]


def reporting(value: int) -> int:
    report(1, 1, "all")
    return value


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("name", EXECUTORS)
async def test_each_of_several_calls_is_told_of(name: str, tmp_path: Path) -> None:
    notes = Notes()
    functions = [flows.double, flows.fail, flows.double]
    calls = [
        call(function, tmp_path, index, job_id=f"JOB_{index}")
        for index, function in enumerate(functions)
    ]

    async with EXECUTORS[name]() as executor:
        await run_all(executor, calls, notes)

    assert notes.of("ended") == ["JOB_0", "JOB_1", "JOB_2"]
    assert [type(one) for one in notes.outcomes.values()] == [
        Returned,
        Raised,
        Returned,
    ]


async def run_all(executor: Executor, calls: Sequence[Call], notes: Notes) -> None:
    """Run calls; those that are given back, because one was slow, travel again."""
    with fail_after(30):
        while left := [one for one in calls if one.job_id not in notes.outcomes]:
            await executor.run(left, notes)


@pytest.mark.anyio
async def test_what_waits_behind_a_slow_call_is_returned(tmp_path: Path) -> None:
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


@pytest.mark.anyio
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


@pytest.mark.anyio
async def test_a_kill_cancels_an_async_call(tmp_path: Path) -> None:
    notes = Notes()
    one = call(sleep_forever, tmp_path, is_async=True)._replace(inputs=())

    async with InlineExecutor(echo=False) as executor, create_task_group() as group:
        group.start_soon(executor.run, [one], notes)

        with fail_after(5):
            await notes.has_started.wait()

        executor.kill(one)

    assert isinstance(notes.outcomes["JOB_1"], Killed)


@pytest.mark.anyio
async def test_a_thread_runs_to_its_end_where_it_is_killed(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "go"
    one = call(flows.wait_for_file, tmp_path, str(path))

    async with ThreadExecutor(echo=False) as executor, create_task_group() as group:
        group.start_soon(executor.run, [one], notes)

        with fail_after(5):
            await notes.has_started.wait()

        executor.kill(one)
        await to_thread.run_sync(path.touch)

    assert isinstance(notes.outcomes["JOB_1"], Returned)


@pytest.mark.anyio
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
