"""The versions of data nodes: which are kept, how long, and what becomes of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    DataNode,
    DataNodeReadingError,
    Edit,
    NoData,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    SubmissionFailed,
    ValueMissing,
)
from asyncflow.config.sections import NOT_GIVEN
from asyncflow.stores._values_folder import NAME as MARK
from tests.support import flows
from tests.support.flows import statuses

pytestmark = pytest.mark.anyio

LARGE = 100_000
"""The length of texts that are kept in files."""

HOUR = timedelta(hours=1)
MOMENT = timedelta.resolution


@pytest.fixture(params=["sqlite", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a store for each kind of orchestrator."""
    return ":memory:" if request.param == "memory" else str(tmp_path / "runs.db")


def flow(
    config: Configuration,
    function: Callable[..., Any] = flows.identity,
    *,
    executor: str = "thread",
    skippable: bool = False,
    default: object = 1,
    storage_type: str = "pickle",
    scope: Scope = Scope.SCENARIO,
    **options: Any,
) -> ScenarioConfig:
    """Declare one task, ``source`` -> ``result``; the options are both nodes'."""
    source = config.configure_data_node(
        "source", storage_type, scope, default_data=default, **options
    )
    result = config.configure_data_node("result", storage_type, scope, **options)
    task = config.configure_task(
        "work", function, source, result, skippable, executor=executor
    )
    return config.configure_scenario("flow", task)


async def reopened(orchestrator: Orchestrator, scenario_id: str) -> Scenario:
    scenario = await orchestrator.get(scenario_id)
    assert isinstance(scenario, Scenario)
    return scenario


async def files(path: str) -> list[str]:
    """Return the paths of the files of large values."""
    folder = path.removesuffix(".db") + ".values"
    names = await to_thread.run_sync(os.listdir, folder)
    return [os.path.join(folder, name) for name in names if name != MARK]


async def until_files(path: str, count: int) -> None:
    """Wait until so many files are left: they are removed in the background."""
    with fail_after(10):
        while len(await files(path)) != count:
            await checkpoint()


async def written(node: DataNode, *values: object) -> list[Edit]:
    for value in values:
        await node.write(value)

    return list(await node.edits())


# ------------------------------------------------------------------------ which are kept


@pytest.mark.smoke
async def test_a_version_is_read_by_its_number(
    config: Configuration, place: str
) -> None:
    cfg = flow(config, keep_versions=3, default=NOT_GIVEN)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        values = [1, "x" * LARGE, 3, "y" * LARGE, 5]
        edits = await written(scenario.source, *values)

        assert [edit.is_kept for edit in edits] == [False, True, True, True, True]
        assert await scenario.source.read() == 5

        for edit, value in list(zip(edits, values, strict=True))[1:]:
            assert await scenario.source.read(version=edit.version) == value

        for number in (edits[0].version, 12345, -1, 0):
            with pytest.raises(NoData, match=f"version {number} of data node 'source'"):
                await scenario.source.read(version=number)

        with pytest.raises(NoData, match="'result' was never written"):
            await scenario.result.read()

        with pytest.raises(NoData, match="version 1 of data node 'result' is not kept"):
            await scenario.result.read(version=1)


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_so_many_versions_are_kept(
    config: Configuration, place: str, count: int
) -> None:
    cfg = flow(config, keep_versions=count, default=NOT_GIVEN)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        node = scenario.result

        for number in range(6):
            await scenario.source.write(str(number) * LARGE)
            await scenario.submit()
            await scenario.submit()

        kept = [edit for edit in await node.edits() if edit.is_kept]
        values = [await node.read(version=edit.version) for edit in kept]
        assert [value[0] for value in values] == list("334455"[-count - 1 :])
        assert len(await node.edits()) == 12


@pytest.mark.parametrize("storage_type", ["pickle", "in_memory"])
@pytest.mark.parametrize("executor", ["process", "thread"])
@pytest.mark.parametrize("count", [0, 1, 3])
async def test_files_that_are_not_kept_are_removed(
    config: Configuration, path: str, count: int, executor: str, storage_type: str
) -> None:
    options: dict[str, Any] = {"storage_type": storage_type, "default": "d" * LARGE}
    cfg = flow(config, executor=executor, keep_versions=count, **options)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for letter in "abcde":
            await scenario.source.write(letter * LARGE)
            await orchestrator.drain()
            scenario.submit()

        await orchestrator.drain()

    left = await files(path)

    if storage_type == "in_memory":
        assert left == []
        return

    assert len(left) == 2 * (count + 1)

    async with Orchestrator(config, path) as orchestrator:
        assert {os.path.basename(one) for one in left} == (
            await orchestrator.store.kept_names()
        )
        scenario = await reopened(orchestrator, scenario.id)

        for node in (scenario.source, scenario.result):
            kept = [edit.version for edit in await node.edits() if edit.is_kept]
            values = [await node.read(version=number) for number in kept]
            assert [value[0] for value in values] == list("dabcde"[-count - 1 :])


async def test_a_small_value_takes_the_place_of_a_file(
    config: Configuration, path: str
) -> None:
    cfg = flow(config, keep_versions=0, default="x" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert len(await files(path)) == 1
        await scenario.source.write(1)
        await until_files(path, 0)
        await scenario.source.write("y" * LARGE)
        assert len(await files(path)) == 1


async def test_a_file_that_cannot_be_removed_holds_up_nothing(
    config: Configuration, path: str
) -> None:
    cfg = flow(config, keep_versions=0, default="x" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        (file,) = await files(path)
        await to_thread.run_sync(os.unlink, file)
        await to_thread.run_sync(os.mkdir, file)

        for letter in "yz":
            await scenario.source.write(letter * LARGE)
            await until_files(path, 2)

        await scenario.submit()
        assert await scenario.result.read() == "z" * LARGE


async def test_a_file_of_the_users_has_one_version(
    config: Configuration, place: str, tmp_path: Path
) -> None:
    own = tmp_path / "mine.pickle"
    node = config.configure_pickle_data_node("mine", own)
    cfg = config.configure_scenario("s", None, node)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        edits = await written(scenario.mine, "old", "new")
        old, new = edits[-2:]

        assert await scenario.mine.read(version=new.version) == "new"
        assert (old.is_kept, new.is_kept) == (False, True)

        with pytest.raises(NoData, match="is not kept"):
            await scenario.mine.read(version=old.version)


# --------------------------------------------------------------------------------- edits


async def test_edits_tell_who_wrote_what(config: Configuration, place: str) -> None:
    cfg = flow(config, keep_versions=2)
    before = datetime.now(UTC)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        node = scenario.result
        assert await node.edits() == ()
        assert node.last_edit_date is None

        run = await scenario.submit()
        await node.write(2)
        await node.write(3, comment="größer", editor_id="Zoë")
        again = await scenario.submit()
        edits = await node.edits()

        assert [edit.job_id for edit in edits] == [
            *(run.jobs[0].id, None, None, again.jobs[0].id)
        ]
        assert [edit.editor_id for edit in edits] == [None, None, "Zoë", None]
        assert [edit.comment for edit in edits] == ["", "", "größer", ""]
        assert [edit.is_kept for edit in edits] == [False, True, True, True]

        numbers = [edit.version for edit in edits]
        assert numbers == sorted(set(numbers))
        dates = [edit.at for edit in edits]
        assert dates == sorted(dates)
        assert before <= dates[0]
        assert dates[-1] == node.last_edit_date
        assert dates[-1] <= datetime.now(UTC)
        assert dates[-1].tzinfo is UTC

        (default,) = await scenario.source.edits()
        assert (default.job_id, default.editor_id) == (None, None)
        assert default.comment == "default data"


async def test_a_job_that_fails_makes_no_edit(
    config: Configuration, place: str
) -> None:
    cfg = flow(config, flows.fail)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.result.write(7)

        with pytest.raises(SubmissionFailed):
            await scenario.submit()

        assert len(await scenario.result.edits()) == 1
        assert await scenario.result.read() == 7


# -------------------------------------------------------------------------- how long


async def test_a_value_is_valid_for_a_period(config: Configuration, place: str) -> None:
    cfg = flow(config, validity_period=HOUR)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        node = scenario.result
        assert (node.is_valid, node.expiration_date) == (False, None)
        assert not node.is_ready_for_reading

        await scenario.submit()
        assert node.last_edit_date is not None
        assert node.expiration_date == node.last_edit_date + HOUR
        assert node.is_valid
        assert node.is_ready_for_reading


async def test_a_value_without_a_period_is_valid_for_ever(
    config: Configuration, place: str
) -> None:
    cfg = flow(config)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert (scenario.source.is_valid, scenario.source.expiration_date) == (
            *(True, None),
        )


async def test_a_period_longer_than_the_calendar(
    config: Configuration, place: str
) -> None:
    cfg = flow(config, validity_period=timedelta.max, skippable=True)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert scenario.result.is_valid
        assert scenario.result.expiration_date is None
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]


async def test_a_skippable_task_runs_again_when_its_output_expired(
    config: Configuration, place: str
) -> None:
    cfg = flow(config, skippable=True, validity_period=MOMENT)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        run = await scenario.submit()
        assert run.jobs[0].reason == "it has not run yet"

        with fail_after(5):
            while scenario.result.is_valid:
                await checkpoint()

        why = "`result` is not valid any more"
        assert not scenario.result.is_ready_for_reading
        assert [(one.runs, one.reason) for one in scenario.plan()] == [(True, why)]
        run = await scenario.submit()
        assert statuses(run.jobs) == ["COMPLETED"]
        assert run.jobs[0].reason == why
        assert await scenario.result.read() == 1  # a value that expired is still there


async def test_a_skippable_task_waits_for_the_end_of_the_period(
    config: Configuration, place: str
) -> None:
    cfg = flow(config, skippable=True, validity_period=HOUR)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert [one.runs for one in scenario.plan()] == [False]
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]


# ------------------------------------------------------------- replaced while it is read

GATE = threading.Event()
ARRIVED = threading.Event()


def pass_gate() -> str:
    ARRIVED.set()
    assert GATE.wait(20)
    return "through"


class Gated:
    """Is not read before somebody opens the gate."""

    def __reduce__(self) -> tuple[Callable[[], str], tuple[()]]:
        return pass_gate, ()


def wait_at_gate(value: object) -> object:
    pass_gate()
    return value


@pytest.fixture(autouse=True)
def _gate() -> None:
    GATE.clear()
    ARRIVED.clear()


async def arrived() -> None:
    with fail_after(20):
        await to_thread.run_sync(ARRIVED.wait, abandon_on_cancel=True)


@pytest.mark.parametrize("is_current", [True, False], ids=["current", "old"])
async def test_a_version_stays_while_it_is_read(
    config: Configuration, path: str, is_current: bool
) -> None:
    cfg = flow(config, keep_versions=1, default=NOT_GIVEN)
    read = []

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        node = scenario.source
        (edit,) = await written(node, [Gated(), "x" * LARGE])
        (file,) = await files(path)

        if not is_current:
            await node.write("between")

        async def reading() -> None:
            number = None if is_current else edit.version
            read.append(await node.read(version=number))

        async with create_task_group() as group:
            group.start_soon(reading)
            await arrived()
            edits = await written(node, 1, 2, 3)
            assert [edit.is_kept for edit in edits[-2:]] == [True, True]
            assert await files(path) == [file]

            with pytest.raises(NoData):
                await node.read(version=edit.version)

            GATE.set()

        assert read == [["through", "x" * LARGE]]
        await until_files(path, 0)
        assert [edit.is_kept for edit in await node.edits()][-2:] == [True, True]
        assert sum(edit.is_kept for edit in await node.edits()) == 2


async def test_a_version_stays_while_a_job_has_it(
    config: Configuration, path: str
) -> None:
    cfg = flow(config, wait_at_gate, keep_versions=0, default="x" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        (file,) = await files(path)
        run = scenario.submit()
        await arrived()
        await written(scenario.source, 1, 2)
        assert await files(path) == [file]

        GATE.set()
        await run
        assert await scenario.result.read() == "x" * LARGE

    assert len(await files(path)) == 1


# ----------------------------------------------------------------- after it was reopened


async def test_pickled_values_outlive_the_orchestrator(
    config: Configuration, path: str
) -> None:
    small = {"größe": [1, None]}
    large = "x" * 1_000_000
    cfg = flow(config, skippable=True, keep_versions=2, default=small)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await scenario.result.write(large, comment="by hand")
        edits = await scenario.result.edits()
        date = scenario.result.last_edit_date

    async with Orchestrator(config, path) as orchestrator:
        scenario = await reopened(orchestrator, scenario.id)
        node = scenario.result
        assert await scenario.source.read() == small
        assert await node.read() == large
        assert await node.read(version=edits[0].version) == small
        assert await node.edits() == edits
        assert node.last_edit_date == date

        # What was known of its jobs is known still.
        (planned,) = scenario.plan()
        assert planned.reason == "`result` was written by something else"
        await scenario.submit()
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]
        assert len(await node.edits()) == 3
        assert (await node.edits())[-1].version > edits[-1].version

    async with Orchestrator(config, path) as orchestrator:
        scenario = await reopened(orchestrator, scenario.id)
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]
        assert await scenario.result.read(version=edits[1].version) == large


async def test_values_in_memory_do_not(config: Configuration, path: str) -> None:
    cfg = flow(config, storage_type="in_memory", default="d" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.source.write("w" * LARGE, editor_id="Zoë")
        await scenario.submit()
        assert await scenario.result.read() == "w" * LARGE

    assert await files(path) == []

    async with Orchestrator(config, path) as orchestrator:
        scenario = await reopened(orchestrator, scenario.id)
        assert await scenario.source.read() == "d" * LARGE

        with pytest.raises(
            NoData, match=r"'result' has no value.*values in memory end"
        ):
            await scenario.result.read()

        assert scenario.result.last_edit_date is None
        edits = await scenario.source.edits()
        assert [edit.is_kept for edit in edits] == [False, False, True]
        assert [edit.editor_id for edit in edits] == [None, "Zoë", None]
        assert edits[-1].comment == "default data"

        await scenario.submit()
        assert await scenario.result.read() == "d" * LARGE

    assert await files(path) == []


# ------------------------------------------------------------------------- damaged files


def damage(file: str) -> None:
    with open(file, "r+b") as opened:
        opened.seek(1000)
        opened.write(b"?")


def cut(file: str) -> None:
    os.truncate(file, 50_000)


@pytest.mark.parametrize("executor", ["process", "thread"])
@pytest.mark.parametrize(
    ("spoil", "error", "why"),
    [
        (damage, DataNodeReadingError, "it is damaged (its checksum is wrong)"),
        (
            cut,
            DataNodeReadingError,
            "it is damaged (it has 50000 bytes, where there were ",
        ),
        (os.unlink, ValueMissing, "it is missing"),
    ],
    ids=["damaged", "cut", "missing"],
)
async def test_a_damaged_value_is_told(
    config: Configuration,
    path: str,
    executor: str,
    spoil: Callable[[str], None],
    error: type[DataNodeReadingError],
    why: str,
) -> None:
    cfg = flow(config, executor=executor, default="x" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        (file,) = await files(path)
        await to_thread.run_sync(spoil, file)

        with pytest.raises(error) as caught:
            await scenario.source.read()

        assert type(caught.value) is error
        told = f"data node 'source' at {file} cannot be read: {why}"
        assert told in str(caught.value)

        with pytest.raises(SubmissionFailed):
            await (run := scenario.submit())

        (job,) = run.jobs
        assert job.status.value == "FAILED"
        assert job.reason.startswith(f"{error.__name__}: {told}")
        assert job.reason.endswith(
            ": write the data node again, or run the task that writes it"
        )

        await scenario.source.write("y" * LARGE)
        assert await scenario.source.read() == "y" * LARGE
        await scenario.submit()
        assert await scenario.result.read() == "y" * LARGE


async def test_a_file_that_is_gone_can_be_replaced(
    config: Configuration, path: str
) -> None:
    cfg = flow(config, keep_versions=0, default="x" * LARGE)

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        (file,) = await files(path)
        await to_thread.run_sync(os.unlink, file)
        await scenario.source.write("y" * LARGE)
        assert await scenario.source.read() == "y" * LARGE
        edits = await scenario.source.edits()
        assert [edit.is_kept for edit in edits] == [False, True]


class Told:
    """Tells in which threads it is pickled."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        self.threads.append(threading.get_ident())
        return str, ("told",)


async def test_default_data_of_the_users_own_is_pickled_in_a_thread(
    config: Configuration,
) -> None:
    told = Told()
    values = {"number": 21, "text": "x" * LARGE, "own": told}
    nodes = [config.configure_data_node(n, default_data=v) for n, v in values.items()]
    task = config.configure_task("t", print, nodes)
    cfg = config.configure_scenario("all", task)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert await scenario.number.read() == 21
        assert await scenario.text.read() == "x" * LARGE
        assert await scenario.own.read() == "told"

    assert told.threads
    assert threading.get_ident() not in told.threads
