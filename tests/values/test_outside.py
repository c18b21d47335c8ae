"""What others change in places of the user's: each change is an edit of its own."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from asyncflow import Configuration, DataNode, Edit, Orchestrator, Scenario, Scope
from asyncflow.values.outside import COMMENT
from asyncflow.worker.values import intent_path
from tests.support import flows
from tests.support.buckets import address as address
from tests.support.buckets import client as client

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


def declare(path: Path, mode: str = "development", **options: Any) -> Configuration:
    """Declare a task that reads a file of the user's, and writes another."""
    config = flows.configuration(mode)
    scope = options.pop("scope", Scope.SCENARIO)
    source = config.configure_json_data_node("source", path, scope=scope)
    result = config.configure_json_data_node("result", path.with_name("result.json"))
    task = config.configure_task("count", len, source, result, **options)
    config.configure_scenario("flow", task)
    return config


@pytest.fixture
def file(tmp_path: Path) -> Any:
    path = tmp_path / "source.json"
    path.write_text("[1]")
    return path


@pytest.fixture
async def scenario(file: Any, tmp_path: Path) -> AsyncIterator[Scenario]:
    async with Orchestrator(declare(file), tmp_path / "runs.db") as orchestrator:
        yield await orchestrator.create_scenario("flow", name="one")


def change(path: Path, text: str) -> None:
    """Write a file, at a time that differs from that of the last change."""
    before = path.stat().st_ctime_ns

    while path.stat().st_ctime_ns <= before:
        path.write_text(text)


def intent_of(folder: Path, job_id: str) -> Path:
    values = next(one for one in folder.rglob("*") if one.is_dir())
    path = Path(intent_path(str(values), "ORCHESTRATOR_x", job_id))
    path.touch()
    return path


async def the_one(orchestrator: Orchestrator) -> Scenario:
    (record,) = await orchestrator.scenarios()
    found = await orchestrator.get(record.id)
    assert isinstance(found, Scenario)
    return found


async def edits(node: DataNode) -> list[Edit]:
    return [one for one in await node.edits() if one.comment == COMMENT]


async def test_a_read_sees_a_change(scenario: Scenario, file: Any) -> None:
    node = scenario.source
    assert await node.read() == [1]
    assert await edits(node) == []
    await to_thread.run_sync(change, file, "[1, 2]")
    changed = os.stat(file).st_ctime_ns
    assert await node.read() == [1, 2]
    assert await node.read(where=None, columns=None) == [1, 2]
    (edit,) = await edits(node)
    assert (edit.job_id, edit.editor_id, edit.is_kept) == (None, None, True)
    assert node.last_edit_date == datetime.fromtimestamp(changed / 1e9, UTC)
    assert edit.at == node.last_edit_date


async def test_a_submit_sees_a_change(scenario: Scenario, file: Any) -> None:
    await scenario.submit()
    await to_thread.run_sync(change, file, "[1, 2]")
    before = scenario.source.last_edit_date
    await scenario.submit()
    assert scenario.source.last_edit_date > before
    assert len(await edits(scenario.source)) == 1
    assert await scenario.result.read() == 2


async def test_a_list_of_edits_has_all(scenario: Scenario, file: Any) -> None:
    for number in range(2):
        await to_thread.run_sync(change, file, f"[{number}]")
        assert len(await edits(scenario.source)) == number + 1


async def test_what_has_the_same_content_by_rights_is_no_change(
    scenario: Scenario, file: Any
) -> None:
    await scenario.source.read()
    file.chmod(0o600)
    await scenario.source.read()
    assert await edits(scenario.source) == []


async def test_a_file_that_comes_later_is_an_edit(
    scenario: Scenario, file: Any
) -> None:
    file.unlink()
    assert await edits(scenario.source) == []
    file.write_text("[1, 2, 3]")
    assert await scenario.source.read() == [1, 2, 3]
    assert len(await edits(scenario.source)) == 1


async def test_own_writes_are_none(scenario: Scenario, tmp_path: Path) -> None:
    uploaded = tmp_path / "uploaded.json"
    uploaded.write_text("[3]")
    await scenario.submit()

    for node in (scenario.source, scenario.result):
        await node.write([1])
        await node.append([2])
        assert await node.read() == [1, 2]
        await node.upload(uploaded)
        await node.read()

    await scenario.submit()
    assert await scenario.result.read() == 1
    assert await edits(scenario.source) == await edits(scenario.result) == []


@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_what_has_changed_in_between_is_seen(
    file: Any, tmp_path: Path, mode: str
) -> None:
    config = declare(file, mode)
    path = tmp_path / "runs.db"

    async with Orchestrator(config, path) as orchestrator:
        scenario = await orchestrator.create_scenario("flow", name="one")
        await scenario.submit()
        await scenario.submit()

    for text in ("[1, 2]", None):
        if text is not None:
            await to_thread.run_sync(change, tmp_path / "result.json", "7")

        async with Orchestrator(config, path) as orchestrator:
            scenario = await the_one(orchestrator)
            assert await scenario.result.read() == 7
            assert len(await edits(scenario.result)) == 1
            assert await edits(scenario.source) == []


async def test_a_skippable_task_says_so(file: Any, tmp_path: Path) -> None:
    reason = f"`source` was changed by something else, at {file}"
    config = declare(file, skippable=True)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")
        await scenario.submit()
        await to_thread.run_sync(change, file, "[1, 2]")
        await scenario.source.read()  # which sees it first
        submission = await scenario.submit()
        assert [job.reason for job in submission.jobs] == [reason]
        assert len(await edits(scenario.source)) == 1
        await to_thread.run_sync(change, tmp_path / "result.json", "7")
        await scenario.result.read()
        submission = await scenario.submit()
        where = f"at {tmp_path / 'result.json'}"
        assert submission.jobs[0].reason == (
            f"`result` was written by something else, {where}"
        )
        assert flows.statuses((await scenario.submit()).jobs) == ["SKIPPED"]


async def test_two_that_share_it_see_one(file: Any, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    config = declare(file, scope=Scope.GLOBAL)

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(config, path) as other,
    ):
        first = await one.create_scenario("flow")
        second = await the_one(other)
        await second.source.read()
        await to_thread.run_sync(change, file, "[1, 2]")
        assert await first.source.read() == await second.source.read() == [1, 2]
        assert len(await edits(second.source)) == 1
        assert first.source.last_edit_date == second.source.last_edit_date


async def test_what_a_job_is_making_visible_is_none(
    scenario: Scenario, file: Any, tmp_path: Path
) -> None:
    await scenario.submit()
    intent = intent_of(tmp_path, "JOB_not_ended")
    await to_thread.run_sync(change, file, "[1, 2]")
    assert await scenario.source.read() == [1, 2]
    assert await edits(scenario.source) == []
    intent.unlink()
    assert len(await edits(scenario.source)) == 1  # the next time


async def test_an_object_is_looked_at_as_it_is_read(
    address: str, client: Any, tmp_path: Path
) -> None:
    config = flows.configuration("development")
    node = config.configure_s3_object_data_node(
        "node", "a", "b", "shop", "a", "us-east-1", aws_s3_endpoint_url=address
    )
    config.configure_scenario("flow", [], node)
    put = {"Bucket": "shop", "Key": "a"}
    await to_thread.run_sync(lambda: client.put_object(**put, Body=b"[1]"))

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")
        assert await scenario.node.read() == b"[1]"
        assert await edits(scenario.node) == []

    await to_thread.run_sync(lambda: client.put_object(**put, Body=b"[1, 2]"))

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await the_one(orchestrator)
        began = time.time_ns()
        assert await scenario.node.read() == b"[1, 2]"
        assert await scenario.node.read() == b"[1, 2]"
        (edit,) = await edits(scenario.node)
        assert edit.version >= began
        await scenario.node.write(b"[3]")
        assert await scenario.node.read() == b"[3]"
        assert len(await edits(scenario.node)) == 1


async def test_a_place_with_nothing_in_it_was_never_written(tmp_path: Path) -> None:
    config = flows.configuration("development")
    nodes = [
        config.configure_data_node("rows", "csv", default_path=tmp_path / "rows.csv"),
        config.configure_data_node("there", "json", default_path=tmp_path / "a.json"),
    ]
    (tmp_path / "a.json").write_text("1")
    task = config.configure_task("work", flows.identity, nodes[0])
    cfg = config.configure_scenario("flow", task, nodes[1:])
    store = tmp_path / "runs.db"

    async with Orchestrator(config, store) as orchestrator:
        scenario: Any = await orchestrator.create_scenario(cfg)
        assert len(await scenario.there.edits()) == 1

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.get(scenario.id)
        rows = scenario.rows
        assert rows.last_edit_date is rows.expiration_date is None
        assert not rows.is_ready_for_reading
        assert "never written" in repr(rows)
        assert await rows.edits() == ()
        (tmp_path / "rows.csv").write_text("a\n1\n")
        assert [edit.comment for edit in await rows.edits()] == ["changed outside"]
        assert rows.is_ready_for_reading
