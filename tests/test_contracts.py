"""The seams: one contract test for each, run by every implementation."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from asyncflow.abc import (
    Call,
    Crashed,
    Driver,
    Executor,
    Killed,
    Outcome,
    Raised,
    Returned,
)
from asyncflow.drivers.memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import NotPicklable
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.worker.codec import dumps, dumps_code
from asyncflow.worker.values import INLINE, temporary_name
from tests import flows
from tests.test_submission import gone, started

VALUES = [None, 1, "é", [1, {"a": (2,)}], b"x" * 3 * INLINE]

Drivers = Callable[[Path], Driver]
DRIVERS: dict[str, Drivers] = {
    "memory": lambda _: MemoryDriver(),
    "pickle": lambda _: PickleDriver(),
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

    assert [str(file) for file in tmp_path.iterdir()] == [driver.staged(path)]


def call(function: flows.Function, folder: Path, value: object = 1) -> Call:
    driver = MemoryDriver()
    return Call(
        job_id="JOB_1",
        task="work",
        function=function,
        code=dumps_code(function),
        inputs=(("source", driver, dumps(value)),),
        outputs=(("result", driver, str(folder / "1.value")),),
    )


async def outcome_of(executor: Executor, one: Call) -> Outcome:
    outcomes: list[tuple[Call, Outcome]] = []
    calls = executor.load(one, lambda: None)
    await executor.run(calls, lambda call, outcome: outcomes.append((call, outcome)))
    ((reported, outcome),) = outcomes
    assert reported is one
    return outcome


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
    assert isinstance(failed, Raised)
    assert failed.summary == "ValueError: no 1"
    assert "flows.py" in failed.traceback
    assert isinstance(unkept, Raised)
    assert unkept.summary.startswith("NotPicklable: result['parts'][1]")
    assert isinstance(exited, Raised)
    assert exited.summary == "SystemExit: 4"


@pytest.mark.anyio
async def test_a_killed_call_leaves_nothing(tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    path = tmp_path / "started"
    one = call(flows.touch_and_block, tmp_path, str(path))
    (tmp_path / "1.value").write_text("half a value")  # a test

    async with ProcessExecutor() as executor:
        async with anyio.create_task_group() as group:
            group.start_soon(
                executor.run, (one,), lambda _, outcome: outcomes.append(outcome)
            )
            child = await started(path)
            group.cancel_scope.cancel()

        await gone(child)
        assert isinstance(
            await outcome_of(executor, call(flows.exit_hard, tmp_path)), Crashed
        )

    assert [type(outcome) for outcome in outcomes] == [Killed]
    assert await to_thread.run_sync(lambda: [p.name for p in tmp_path.iterdir()]) == [
        "started"
    ]
