"""Locks of data nodes: who may write by hand, and what runs do meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    DataNode,
    DataNodeIsBeingEdited,
    NotFound,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
)
from tests.support import flows

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]

TINY = 0.001
"""A lock that ends by itself at once, in seconds."""


@pytest.fixture(params=["sqlite", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "runs.db")


def flow(config: Configuration, scope: Scope = Scope.SCENARIO) -> ScenarioConfig:
    source = config.configure_data_node("source", scope=scope, default_data=1)
    result = config.configure_data_node("result", scope=scope)
    task = config.configure_task(
        "work", flows.double, source, result, executor="thread"
    )
    return config.configure_scenario("flow", task)


@pytest.fixture
async def scenario(config: Configuration, place: str) -> AsyncIterator[Scenario]:
    cfg = flow(config)

    async with Orchestrator(config, place) as orchestrator:
        yield await orchestrator.create_scenario(cfg)


@pytest.fixture
def node(scenario: Scenario) -> DataNode:
    found: DataNode = scenario.source
    return found


async def until_unlocked(node: DataNode) -> None:
    with fail_after(5):
        while node.is_locked:
            await checkpoint()


def state(node: DataNode) -> str:
    """Say what its attributes say."""
    locked = f"locked by {node.editor_id}" if node.is_locked else "free"
    edited = ", in progress" if node.edit_in_progress else ""
    return locked + edited + (", ready" if node.is_ready_for_reading else "")


@pytest.mark.smoke
async def test_a_lock_keeps_others_from_writing(node: DataNode) -> None:
    assert state(node) == "free, ready"
    before = datetime.now(UTC)
    await node.lock_edit("Ann")
    assert state(node) == "locked by Ann, in progress"
    assert node.editor_expiration_date is not None
    assert node.editor_expiration_date.tzinfo is UTC
    left = node.editor_expiration_date - before
    assert timedelta(minutes=29) < left < timedelta(minutes=31)

    for editor in (None, "Bob", ""):
        with pytest.raises(DataNodeIsBeingEdited) as caught:
            await node.write(2, editor_id=editor)

        assert (caught.value.node, caught.value.editor_id) == ("source", "Ann")
        assert "data node 'source' is locked by 'Ann': wait" in str(caught.value)
        assert "await node.unlock_edit()" in str(caught.value)

    assert await node.read() == 1
    assert len(await node.edits()) == 1

    await node.write(3, editor_id="Ann", comment="mine")
    assert await node.read() == 3
    assert (await node.edits())[-1].editor_id == "Ann"
    assert node.is_locked


async def test_a_lock_is_one_persons(node: DataNode) -> None:
    await node.lock_edit("Ann", timeout=100)
    expires = node.editor_expiration_date
    assert expires is not None

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
        await node.lock_edit("Bob")

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
        await node.unlock_edit("Bob")

    assert node.editor_id == "Ann"
    assert node.editor_expiration_date == expires

    # Whoever has it renews it.
    await node.lock_edit("Ann", timeout=1000)
    assert node.editor_expiration_date is not None
    assert node.editor_expiration_date > expires

    await node.unlock_edit("Ann")
    assert state(node) == "free, ready"
    assert [node.editor_id, node.editor_expiration_date] == [None, None]
    await node.write(2)
    await node.lock_edit("Bob")
    assert node.editor_id == "Bob"


async def test_anybody_may_take_a_lock_away(node: DataNode) -> None:
    await node.lock_edit("Ann")
    await node.unlock_edit()
    await node.write(2)
    assert not node.is_locked

    # What is not locked can be unlocked, too.
    await node.unlock_edit()
    await node.unlock_edit("Ann")
    assert not node.is_locked


async def test_a_lock_ends_by_itself(node: DataNode) -> None:
    await node.lock_edit("Ann", timeout=TINY)
    await until_unlocked(node)
    assert state(node) == "free, ready"

    await node.write(2)
    await node.write(3, editor_id="Bob")
    await node.lock_edit("Ann", timeout=TINY)
    await until_unlocked(node)
    await node.lock_edit("Bob", timeout=100)
    assert node.editor_id == "Bob"

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Bob'"):
        await node.write(4, editor_id="Ann")


async def test_a_lock_that_ended_is_nobodys(node: DataNode) -> None:
    await node.lock_edit("Ann", timeout=TINY)
    await until_unlocked(node)
    await node.unlock_edit("Bob")
    assert node.editor_id is None


async def test_a_lock_without_a_timeout(node: DataNode) -> None:
    await node.lock_edit("Ann", timeout=None)
    assert node.is_locked
    assert node.editor_expiration_date is None


async def test_each_data_node_has_a_lock_of_its_own(scenario: Scenario) -> None:
    await scenario.source.lock_edit("Ann")
    assert not scenario.result.is_locked
    await scenario.result.write(1)
    await scenario.result.lock_edit("Bob")


async def test_runs_go_on_while_data_nodes_are_locked(scenario: Scenario) -> None:
    await scenario.source.lock_edit("Ann")
    await scenario.result.lock_edit("Ann")
    await scenario.submit()
    assert await scenario.result.read() == 2
    assert scenario.result.is_locked
    (edit,) = await scenario.result.edits()
    assert (edit.editor_id, edit.job_id is None) == (None, False)


async def test_an_edit_is_in_progress_until_the_job_has_ended(
    config: Configuration, place: str
) -> None:
    gate, arrived = threading.Event(), threading.Event()

    def wait_at_gate(value: int) -> int:
        arrived.set()
        assert gate.wait(20)
        return value

    first = config.configure_data_node("first", default_data=1)
    second = config.configure_data_node("second", default_data=1)
    third = config.configure_data_node("third", default_data=1)
    tasks = [
        config.configure_task("t", wait_at_gate, first, second, executor="thread"),
        config.configure_task("u", flows.double, second, third, executor="thread"),
    ]
    cfg = config.configure_scenario("row", tasks)

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        nodes = scenario.data_nodes.values()
        assert [node.edit_in_progress for node in nodes] == [False] * 3

        run = scenario.submit()
        assert [node.edit_in_progress for node in nodes] == [False, True, True]
        assert [node.is_ready_for_reading for node in nodes] == [True, False, False]

        with fail_after(20):
            await to_thread.run_sync(arrived.wait, abandon_on_cancel=True)

        assert [node.edit_in_progress for node in nodes] == [False, True, True]
        assert await scenario.second.read() == 1  # whatever is being written
        gate.set()
        await run
        assert [node.edit_in_progress for node in nodes] == [False] * 3
        assert [node.is_ready_for_reading for node in nodes] == [True] * 3


async def test_a_lock_outlives_the_orchestrator(
    config: Configuration, tmp_path: Path
) -> None:
    cfg = flow(config)
    path = tmp_path / "runs.db"

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.source.lock_edit("Ann")
        await scenario.result.lock_edit("Ann", timeout=None)
        date = scenario.source.editor_expiration_date

    async with Orchestrator(config, path) as orchestrator:
        again = await orchestrator.get(scenario.id)
        assert isinstance(again, Scenario)
        assert (again.source.editor_id, again.result.editor_id) == ("Ann", "Ann")
        assert again.source.editor_expiration_date == date
        assert again.result.editor_expiration_date is None

        with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
            await again.source.write(2)

        await again.source.unlock_edit("Ann")
        await again.source.write(2)


# ------------------------------------------------------------- of another orchestrator


@pytest.fixture
def scope() -> Scope:
    return Scope.SCENARIO


@pytest.fixture
async def pair(
    config: Configuration, tmp_path: Path, scope: Scope
) -> AsyncIterator[tuple[DataNode, DataNode]]:
    """Return one data node in two orchestrators."""
    cfg = flow(config, scope)
    path = tmp_path / "runs.db"

    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(Orchestrator(config, path))
        other = await stack.enter_async_context(Orchestrator(config, path))
        scenario = await one.create_scenario(cfg)
        await one.flush()
        twin = await other.get(scenario.source.id)
        assert isinstance(twin, DataNode)
        assert twin is not scenario.source
        yield scenario.source, twin


both_scopes = pytest.mark.parametrize("scope", [Scope.SCENARIO, Scope.GLOBAL])


@both_scopes
async def test_a_lock_of_another_orchestrator(pair: tuple[DataNode, DataNode]) -> None:
    mine, theirs = pair
    await mine.lock_edit("Ann")

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
        await theirs.write(2)

    assert theirs.is_locked
    assert theirs.editor_id == "Ann"
    assert theirs.editor_expiration_date == mine.editor_expiration_date

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
        await theirs.lock_edit("Bob")

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
        await theirs.unlock_edit("Bob")

    # Ann may have two windows open.
    await theirs.write(2, editor_id="Ann")
    assert await mine.read() == 2
    await theirs.unlock_edit("Ann")
    await mine.write(3)
    assert not mine.is_locked
    assert await theirs.read() == 3


@both_scopes
async def test_a_lock_is_seen_without_a_write(
    pair: tuple[DataNode, DataNode], config: Configuration, tmp_path: Path
) -> None:
    mine, theirs = pair
    await theirs.lock_edit("Ann")

    async with Orchestrator(config, tmp_path / "runs.db") as third:
        found = await third.get(mine.id)
        assert isinstance(found, DataNode)
        assert (found.is_locked, found.editor_id) == (True, "Ann")

    # What is known here is not enough to unlock it: the store is asked.
    await theirs.unlock_edit()
    await theirs.lock_edit("Bob")

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Bob'"):
        await mine.unlock_edit("Ann")


async def test_one_of_several_gets_the_lock(pair: tuple[DataNode, DataNode]) -> None:
    got, refused = [], []

    async def lock(node: DataNode, editor_id: str) -> None:
        try:
            await node.lock_edit(editor_id)
        except DataNodeIsBeingEdited as error:
            refused.append(error.editor_id)
        else:
            got.append(editor_id)

    async with create_task_group() as group:
        for number in range(6):
            group.start_soon(lock, pair[number % 2], f"editor {number}")

    assert len(got) == 1
    assert refused == got * 5


async def test_a_lock_of_another_ends_by_itself(
    pair: tuple[DataNode, DataNode],
) -> None:
    mine, theirs = pair
    await mine.lock_edit("Ann", timeout=TINY)
    end = time.time() + TINY

    with fail_after(5):
        while time.time() < end:
            await checkpoint()

    await theirs.write(2, editor_id="Bob")
    await theirs.lock_edit("Bob")

    with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Bob'"):
        await mine.write(3, editor_id="Ann")

    assert await mine.read() == 2


@pytest.mark.parametrize("where", ["here", "there"])
async def test_a_write_of_what_was_deleted_meanwhile_says_so_and_leaves_nothing(
    config: Configuration, path: str, where: str
) -> None:
    source = config.configure_data_node("source", default_data=b"0" * 100_000)
    cfg = config.configure_scenario("flow", additional_data_node_configs=[source])

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        scenario = await one.create_scenario(cfg)
        node = scenario.source
        await (one if where == "here" else other).delete(scenario.id)

        for _ in range(2):
            with pytest.raises(NotFound, match=node.id):
                await node.write(b"1" * 100_000)

        with pytest.raises(NotFound, match=node.id):
            await node.lock_edit("ann")

        assert await one.store.versions() == []
        folder = str(one.store.values_folder)
        assert [name for name in os.listdir(folder) if name[0] != "."] == []


async def test_an_edit_keeps_what_the_writer_says(
    scenario: Scenario, node: DataNode
) -> None:
    written = datetime(2026, 5, 4, 12, tzinfo=UTC)
    facts: dict[str, Any] = {
        "source": "bank",
        "rows": 3,
        "when": written,
        "parts": [1, None],
    }
    await node.write(7, "JOB_work_1", comment="late", nothing=None, **facts)
    edit = await node.get_last_edit()
    assert edit is not None
    assert (edit.job_id, edit.comment, edit["source"]) == ("JOB_work_1", "late", "bank")
    kept = facts | {"when": written.isoformat()}
    assert edit.properties == kept
    assert edit.get("nothing") is None
    assert edit.as_dict()["properties"] == kept
    await node.write(8, editor="ann")
    edit = await node.get_last_edit()
    assert edit is not None
    assert edit["editor"] == "ann"
    assert edit.job_id is edit.editor_id is None
    await scenario.submit()
    assert [edit.properties for edit in await scenario.result.edits()] == [{}]


async def test_a_slip_in_what_the_writer_says_is_told(node: DataNode) -> None:
    with pytest.raises(TypeError, match="no option 'coment': did you mean 'comment'"):
        await node.write(7, coment="late")

    with pytest.raises(TypeError, match=r"source=<object .* cannot be kept"):
        await node.write(7, source=object())

    assert await node.read() == 1


async def test_a_tracked_edit_has_its_time(
    config: Configuration, place: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    table = config.configure_csv_data_node("table", default_path=str(path))
    cfg = config.configure_scenario("s", additional_data_node_configs=[table])

    async with Orchestrator(config, place) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.table.write([{"a": 1}])
        path.write_text("a\n2\n")
        *_, first = await scenario.table.edits()
        await scenario.table.track_edit(timestamp=datetime.now(UTC), bank="A")
        last = await scenario.table.get_last_edit()
        assert last is not None
        assert last["bank"] == "A"
        assert last.at > first.at

        tomorrow = datetime.now(UTC) + timedelta(days=1)

        with pytest.raises(ValueError, match="is to come"):
            await scenario.table.track_edit(timestamp=tomorrow)
