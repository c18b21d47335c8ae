"""The seams: one contract test for each, run by every implementation."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from asyncflow import report
from asyncflow.abc import Driver, Executor, Progress, Raised, Returned
from asyncflow.config.sections import JobConfig
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import NotPicklable
from asyncflow.executors.dask.executor import DaskExecutor
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process.executor import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.worker.values import INLINE, temporary_name
from tests.support import flows
from tests.support.calls import Notes, call, outcome_of, run_all
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


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "inline": lambda: InlineExecutor(echo=False),
    "thread": lambda: ThreadExecutor(echo=False),
    "process": ProcessExecutor,
    "cluster": lambda: DaskExecutor(JobConfig(mode="cluster", max_nb_of_workers=1)),
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
    assert "jobs.py" in failed.traceback
    assert isinstance(unkept, Raised)
    assert unkept.summary.startswith("NotPicklable: result['parts'][1]")
    assert isinstance(exited, Raised)
    assert exited.summary == "SystemExit: 4"


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
    assert [log is not None for log in notes.logs] == [name in ("process", "cluster")]


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
