"""Records that cannot be loaded: each is left alone, and harms no other."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from asyncflow import Config, NotPicklable, Orchestrator, RecordDamaged, UsageError
from asyncflow.abc import Store
from asyncflow.errors import StoreFailed
from asyncflow.stores.sqlite import SqliteStore
from tests.support.records import (
    ONE_OF_EACH,
    Color,
    job_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
    version_record,
)
from tests.support.stores import STORES, Place, change, fill
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

pytestmark = pytest.mark.anyio
every_store = pytest.mark.parametrize("kind", STORES, indirect=True, scope="session")

LOST = pickle.dumps({"color": Color.RED}).replace(b"Color", b"Colon")
"""Properties whose class is no more."""


class Bomb:
    """Goes off when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return go_off, (os.environ["BOMB"],)


def go_off(mark: str) -> None:
    Path(mark).touch()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "asyncflow.db"


# ------------------------------------------------------------------------- properties


@every_store
async def test_properties_compare_and_print_as_before(place: Place) -> None:
    properties = {"t": (1, 2), "color": Color.RED}
    record = scenario_record(1, properties=properties)

    async with place.store() as store:
        store.save(record)
        (found,) = await store.scenarios()

        assert found == record
        assert record == found
        assert {**found.properties} == properties
        assert found.properties == properties
        assert found.properties != {"t": (1, 2)}
        assert found.properties["t"] == (1, 2)
        assert list(found.properties) == ["t", "color"]
        assert found._asdict() == record._asdict()
        assert pickle.loads(pickle.dumps(found)) == record
        assert copy.deepcopy(found) == record
        assert repr(found.properties) == repr(properties)
        assert json.dumps(dict(found.properties), default=str)


@pytest.mark.smoke
async def test_json_properties_are_plain(path: Path) -> None:
    await fill(path, *[one for one in ONE_OF_EACH if "SCENARIO" in one.id])

    async with SqliteStore(path) as store:
        (found,) = await store.scenarios()
        assert json.loads(json.dumps(found._asdict()))["properties"]["a"]


async def test_nothing_is_unpickled_before_it_is_read(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "went off"
    monkeypatch.setenv("BOMB", str(mark))
    bomb = {"bomb": Bomb()}
    await fill(
        path,
        scenario_record(1, properties=bomb),
        submission_record(1, properties=bomb),
        orchestrator_record(1, pid=2**22 + 1),
    )

    async with Orchestrator(store=SqliteStore(path)) as orchestrator:
        (record,) = await orchestrator.scenarios()
        await orchestrator.submissions()
        assert "SCENARIO_c_1" in repr(record)
        copied = record._replace(name="copied")
        orchestrator.store.save(copied)
        await orchestrator.store.flush()
        assert (await orchestrator.scenarios())[0].name == "copied"
        assert copied.properties == record.properties
        pickle.loads(pickle.dumps(record))
        assert not mark.exists()

        assert record.properties["bomb"] is None
        assert mark.exists()


async def test_a_lost_class_is_named_where_it_is_looked_for(path: Path) -> None:
    await fill(path, scenario_record(1, properties={"color": Color.RED}))
    change(path, "UPDATE scenario SET pickled = ?", cells=[LOST])

    async with SqliteStore(path) as store:
        (record,) = await store.scenarios()
        words = (
            r"SCENARIO_c_1 .*AttributeError for tests\.support\.records\.Colon.*delete"
        )

        for _ in range(2):
            with pytest.raises(RecordDamaged, match=words):
                len(record.properties)

        assert record == (await store.get(record.id))
        assert repr(record)


@pytest.mark.parametrize("garbage", [b"", b"\x80", pickle.dumps(5), b"cos\nno\n."])
async def test_any_garbage_is_an_error_of_its_record(
    path: Path, garbage: bytes
) -> None:
    await fill(path, scenario_record(1, properties={"color": Color.RED}))
    change(path, "UPDATE scenario SET pickled = ?", cells=[garbage])

    async with SqliteStore(path) as store:
        (record,) = await store.scenarios()

        with pytest.raises(RecordDamaged, match="SCENARIO_c_1") as caught:
            dict(record.properties)

        assert caught.value.entity_id == "SCENARIO_c_1"
        assert pickle.loads(pickle.dumps(caught.value)).why == caught.value.why


@every_store
async def test_every_store_refuses_properties_that_cannot_be_kept(place: Place) -> None:
    bad = {"lock": threading.Lock()}

    async with place.store() as store:
        with pytest.raises(NotPicklable, match=r"SCENARIO_c_1\['lock'\]"):
            store.save(job_record(1), scenario_record(1, properties=bad))

        with pytest.raises(NotPicklable, match="SUBMISSION_s_1"):
            store.save(submission_record(1, properties=bad))

        with pytest.raises(NotPicklable, match="SUBMISSION_s_1"):
            await store.claim(submission_record(1, properties=bad))

        assert await store.scenarios() == []
        assert await store.submissions() == []


@every_store
async def test_a_failure_in_a_group_is_told_once(place: Place) -> None:
    async def run() -> None:
        async with place.store() as store:
            await store.register(orchestrator_record(1))
            await take_over(place, store)
            store.save(job_record(1))

            with pytest.raises(StoreFailed) as failed:
                await store.flush()

            raise BaseExceptionGroup("several", [failed.value, ValueError()])

    with pytest.raises(BaseExceptionGroup, match="several"):
        await run()


async def take_over(place: Place, store: Store) -> None:
    """Have another take the orchestrator of a store for dead."""
    if place.kind == "memory":
        await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2")
        return

    async with place.store() as other:
        await other.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2")


# ------------------------------------------------------------------------------- rows

TEXTS = {
    "scenario": "config_id",
    "submission": "reason",
    "job": "traceback",
    "data_node": "config_id",
    "orchestrator": "host",
    "version": "comment",
}
"""For each table, a column that has texts."""


@pytest.mark.parametrize("garbage", ["x'80'", "CAST(x'80' AS TEXT)", "x'00ff'"])
async def test_a_row_that_cannot_be_loaded_is_left_out(
    path: Path, garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(
        path,
        *(scenario_record(1), scenario_record(2), submission_record(1)),
        *(submission_record(2), job_record(1), job_record(2), node_record(1)),
        *(node_record(2), orchestrator_record(1), orchestrator_record(2)),
        *(version_record(1), version_record(2)),
    )

    for table, column in TEXTS.items():
        change(path, f"UPDATE {table} SET {column} = {garbage} WHERE seq = 1")

    async with SqliteStore(path) as store:
        for _ in range(2):
            assert await store.scenarios() == [scenario_record(2)]
            assert await store.submissions() == [submission_record(2)]
            assert await store.jobs() == [job_record(2)]
            assert await store.data_nodes() == [node_record(2)]
            assert await store.orchestrators() == [orchestrator_record(2)]
            assert await store.versions() == [version_record(2)]

        with pytest.raises(RecordDamaged, match="SCENARIO_c_1"):
            await store.get("SCENARIO_c_1")

        await store.delete("SCENARIO_c_1", "ORCHESTRATOR_1", "DATANODE_n_1")
        assert await store.get("SCENARIO_c_1") is None

    told = [
        one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING
    ]
    assert len([one for one in told if " SCENARIO_c_1 " in one]) == 1
    assert len(told) >= 5


async def test_a_time_that_is_none_is_left_out(path: Path) -> None:
    await fill(path, submission_record(1), submission_record(2))
    change(path, "UPDATE submission SET submitted_at = 'soon' WHERE seq = 1")

    async with SqliteStore(path) as store:
        assert await store.submissions() == [submission_record(2)]


@pytest.mark.parametrize("properties", ["{", "[]", "5", "\ud800"])
async def test_garbage_as_json_is_left_out(path: Path, properties: str) -> None:
    await fill(path, scenario_record(1), scenario_record(2))
    data = properties.encode("utf-8", "surrogatepass")
    change(path, "UPDATE scenario SET properties = ? WHERE seq = 1", cells=[data])

    async with SqliteStore(path) as store:
        assert await store.scenarios() == [scenario_record(2)]


# ----------------------------------------------------------------------- orchestrators


def declare() -> Any:
    node = Config.configure_data_node("x", default_data=1)
    return Config.configure_scenario("c", Config.configure_task("t", abs, node, None))


async def test_what_cannot_be_loaded_is_deleted_by_its_id(path: Path) -> None:
    cfg = declare()
    Config.configure_job_executions(mode="development")

    async with Orchestrator(store=SqliteStore(path)) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, color=Color.RED)
        submission = scenario.submit(color=Color.RED)
        other = scenario.submit()
        await submission
        await other

    change(path, "UPDATE scenario SET name = x'80'")
    change(
        path, "UPDATE submission SET reason = x'80' WHERE id = ?", cells=[submission.id]
    )

    async with Orchestrator(store=SqliteStore(path)) as orchestrator:
        assert await orchestrator.scenarios() == []
        assert [one.id for one in await orchestrator.submissions()] == [other.id]

        with pytest.raises(RecordDamaged, match=scenario.id):
            await orchestrator.get(scenario.id)

        await orchestrator.delete(submission.id)
        await orchestrator.delete(scenario.id)
        assert await orchestrator.submissions() == []

        with pytest.raises(UsageError, match="cannot be deleted by itself"):
            await orchestrator.delete((await orchestrator.store.orchestrators())[0].id)


async def test_a_run_with_a_lost_class_goes_on(path: Path) -> None:
    """Nobody looks at its property, so nothing needs the class."""
    cfg = declare()
    Config.configure_job_executions(mode="development")

    async with Orchestrator(store=SqliteStore(path)) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, color=Color.RED)
        submission = scenario.submit(color=Color.RED)
        await submission

    change(path, "UPDATE graph SET pickled = ?", cells=[LOST])
    change(path, "UPDATE scenario SET pickled = ?", cells=[LOST])
    change(path, "UPDATE submission SET status = 'PENDING', finished_at = NULL")
    change(path, "DELETE FROM job")
    change(
        path,
        "INSERT INTO orchestrator (id, host, pid, started, address, lease) "
        "SELECT orchestrator_id, 'gone', 1, '', '', 0.0 FROM submission",
    )

    async with Orchestrator(store=SqliteStore(path)) as orchestrator:
        run = await orchestrator.get(submission.id)

        with anyio.fail_after(30):
            await run  # type: ignore[misc]  # a submission

        with pytest.raises(RecordDamaged, match="Colon"):
            dict(run.properties)  # type: ignore[union-attr]  # likewise

        (record,) = await orchestrator.submissions()
        assert record.status == "COMPLETED"
        await orchestrator.delete(scenario.id)
