"""The seams: one contract test for each, run by every implementation."""

from __future__ import annotations

import pickle
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

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
    Store,
)
from asyncflow.drivers.memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import NotPicklable
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.records import (
    DataNodeRecord,
    JobRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore
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


def scenario_record(number: int, **changes: Any) -> ScenarioRecord:
    record = ScenarioRecord(f"SCENARIO_c_{number}", "c", None, float(number), {})
    return record._replace(**changes)


def node_record(number: int, **changes: Any) -> DataNodeRecord:
    record = DataNodeRecord(f"DATANODE_n_{number}", "n", None, 1, b"1", 2.5, None)
    return record._replace(**changes)


def submission_record(number: int, **changes: Any) -> SubmissionRecord:
    name = f"SUBMISSION_s_{number}"
    record = SubmissionRecord(name, "SCENARIO_c_1", "PENDING", 1.5, None, {})
    return record._replace(**changes)


def job_record(number: int, **changes: Any) -> JobRecord:
    owner = "SUBMISSION_s_1"
    record = JobRecord(
        f"JOB_t_{number}", "TASK_t_1", owner, "COMPLETED", "", 1.5, 2.5, ""
    )
    return record._replace(**changes)


ONE_OF_EACH: list[Record] = [
    scenario_record(1, name="é", properties={"a": [1, None, {"b": 1.5}]}),
    node_record(1, owner_id="SCENARIO_c_1", job_id="JOB_t_1"),
    submission_record(1, properties={"t": (1, 2)}, finished_at=3.5),
    job_record(1, status="FAILED", reason="ValueError: no", traceback="a\nb"),
]

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "made" / "asyncflow.db"),
}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with STORES[request.param](tmp_path) as opened:
        yield opened


@pytest.mark.anyio
async def test_a_store_keeps_records_by_id(store: Store) -> None:
    store.save(*ONE_OF_EACH)
    await store.flush()

    for record in ONE_OF_EACH:
        assert await store.get(record.id) == record
        assert type(await store.get(record.id)) is type(record)

    assert await store.get("SCENARIO_c_2") is None
    assert await store.get("") is None


@pytest.mark.anyio
async def test_a_record_replaces_the_one_with_its_id(store: Store) -> None:
    store.save(scenario_record(1, name="old"), job_record(1, status="RUNNING"))
    store.save(scenario_record(1, name="new"), scenario_record(2))
    store.save(job_record(1, status="FAILED"), job_record(1, status="COMPLETED"))

    assert await store.scenarios() == [
        scenario_record(1, name="new"),
        scenario_record(2),
    ]
    assert await store.jobs() == [job_record(1, status="COMPLETED")]


@pytest.mark.anyio
async def test_a_store_refuses_what_is_no_record(store: Store) -> None:
    with pytest.raises(TypeError, match="records of asyncflow, not 'text'"):
        store.save(job_record(1), "text")  # type: ignore[arg-type]  # a mistake

    assert await store.jobs() == []


@pytest.mark.anyio
async def test_a_store_deletes_records(store: Store) -> None:
    store.save(*ONE_OF_EACH, scenario_record(2), job_record(2))
    await store.delete(*(record.id for record in ONE_OF_EACH), "SCENARIO_unknown")
    await store.delete()

    assert await store.scenarios() == [scenario_record(2)]
    assert await store.jobs() == [job_record(2)]
    assert await store.data_nodes() == []
    assert await store.submissions() == []
    assert await store.get(ONE_OF_EACH[0].id) is None

    # What is saved again comes last.
    store.save(job_record(1))
    assert await store.jobs() == [job_record(2), job_record(1)]


@pytest.mark.anyio
async def test_a_store_keeps_the_order_of_saves_and_deletes(store: Store) -> None:
    async with anyio.create_task_group() as group:
        store.save(job_record(1))
        group.start_soon(store.delete, "JOB_t_1")
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        store.save(job_record(1, status="FAILED"))

    assert await store.jobs() == [job_record(1, status="FAILED")]


@pytest.mark.anyio
async def test_a_query_filters(store: Store) -> None:
    scenarios = [
        scenario_record(number, config_id=config_id, name=name)
        for number, config_id, name in [(0, "c", "x"), (1, "d", "x"), (2, "c", None)]
    ]
    nodes = [node_record(1, owner_id="o"), node_record(2), node_record(3, owner_id="")]
    submissions = [
        submission_record(1),
        submission_record(2, entity_id="e", status="FAILED"),
        submission_record(3, entity_id="e"),
    ]
    jobs = [
        job_record(1),
        job_record(2, status="FAILED", submission_id="s"),
        job_record(3, task_id="t", submission_id="s"),
    ]
    store.save(*scenarios, *nodes, *submissions, *jobs)

    assert await store.scenarios(config_id="c") == [scenarios[0], scenarios[2]]
    assert await store.scenarios(config_id="c", name="x") == [scenarios[0]]
    assert await store.scenarios(created_from=1.0) == scenarios[1:]
    assert await store.scenarios(created_from=0.0, created_to=1.0) == scenarios[:1]
    assert await store.scenarios(created_to=0.0) == []
    assert await store.scenarios(config_id="x' OR 1=1 --") == []
    assert await store.data_nodes(owner_id="o") == nodes[:1]
    assert await store.data_nodes(owner_id="") == nodes[2:]
    assert await store.data_nodes() == nodes
    assert await store.submissions(entity_id="e") == submissions[1:]
    assert await store.submissions(entity_id="e", status="FAILED") == [submissions[1]]
    assert await store.jobs(submission_id="s") == jobs[1:]
    assert await store.jobs(submission_id="s", task_id="t") == jobs[2:]
    assert await store.jobs(status="FAILED") == [jobs[1]]
    assert await store.jobs(status="FAILED", task_id="t") == []


@pytest.mark.anyio
async def test_a_query_gives_pages_in_order(store: Store) -> None:
    dated = [scenario_record(n, creation_date=float(n // 2)) for n in (5, 1, 0, 4, 3)]
    jobs = [job_record(n) for n in (3, 1, 2)]
    nodes = [node_record(n) for n in (3, 1, 2)]
    submissions = [submission_record(n) for n in (3, 1, 2)]
    store.save(*dated, *jobs, *nodes, *submissions)
    store.save(dated[1], jobs[0], nodes[0], submissions[0])

    # By their date; those of one date as they were saved.
    ordered = [dated[1], dated[2], dated[4], dated[0], dated[3]]
    assert await store.scenarios() == ordered
    assert await store.scenarios(newest_first=True) == ordered[::-1]
    assert await store.scenarios(limit=2) == ordered[:2]
    assert await store.scenarios(limit=2, offset=4) == ordered[4:]
    assert await store.scenarios(limit=0) == []
    assert await store.scenarios(offset=3) == ordered[3:]
    assert await store.scenarios(offset=9) == []
    assert await store.scenarios(newest_first=True, limit=2, offset=1) == [
        ordered[3],
        ordered[2],
    ]

    assert await store.jobs() == jobs
    assert await store.jobs(newest_first=True, limit=1) == jobs[2:]
    assert await store.data_nodes(offset=1) == nodes[1:]
    assert await store.data_nodes(newest_first=True) == nodes[::-1]
    assert await store.submissions(limit=2) == submissions[:2]
    assert await store.submissions(newest_first=True, offset=2) == submissions[:1]


@pytest.mark.anyio
@pytest.mark.both_loops
async def test_flushes_and_queries_may_be_many_at_once(store: Store) -> None:
    async def save_and_ask(number: int) -> None:
        store.save(job_record(number, submission_id=str(number % 7)))
        await store.flush()
        assert await store.get(f"JOB_t_{number}") is not None
        assert await store.jobs(submission_id=str(number % 7)) != []

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(save_and_ask, number)

    assert len(await store.jobs()) == 100


@pytest.mark.anyio
async def test_a_store_can_be_opened_again(tmp_path: Path) -> None:
    for make in STORES.values():
        store = make(tmp_path)

        for _ in range(2):
            async with store:
                store.save(*ONE_OF_EACH)
                assert len(await store.jobs()) == 1
