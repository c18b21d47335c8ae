"""What is large is read by a worker: the event loop goes on, and so does who is cancelled."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from anyio import CancelScope, create_task_group, fail_after, to_thread

from asyncflow import (
    Configuration,
    DataNodeReadingError,
    DataNodeWritingError,
    NotPicklable,
    Orchestrator,
    Scenario,
)
from asyncflow.abc import Driver
from tests.support.flows import configuration

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("tables_are_warm")]

LARGE = 100_000


@attrs.frozen
class Row:
    """Knows which process has read it."""

    name: str
    pid: int

    @classmethod
    def decode(cls, row: Any) -> Row:
        return cls(row["name"], os.getpid())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def tell_and_wait(fifo: str) -> None:
    Path(fifo).write_text("begun")
    signal.pause()


def array() -> Any:
    return np.arange(LARGE)


async def flow(orchestrator: Orchestrator, config: Configuration) -> Scenario:
    config.configure_scenario("flow", [], [*config.data_nodes.values()])
    return await orchestrator.create_scenario(config.scenarios["flow"])


def values_in(folder: Path) -> list[str]:
    return [one for one in os.listdir(folder / "runs.values") if one[0] != "."]


async def test_a_worker_reads_what_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(workers=1)
    path = tmp_path / "rows.csv"
    path.write_text("name,size\n" + "ab,1\n" * 10)
    config.configure_csv_data_node("rows", str(path), exposed_type=Row)
    config.configure_csv_data_node("dicts", str(path), exposed_type="list[dict]")
    config.configure_generic_data_node("array", array)
    config.configure_generic_data_node("dying", die)
    config.configure_generic_data_node("bound", Slow().read)
    config.configure_pickle_data_node("small", default_data=3)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await flow(orchestrator, config)
        (pid,) = {row.pid for row in await scenario.rows.read()}
        assert pid == os.getpid()

        monkeypatch.setattr(Driver, "parses_in_process", 20)
        (pid,) = {row.pid for row in await scenario.rows.read()}
        assert pid != os.getpid()
        (here,) = {row.pid for row in await scenario.rows.read(in_process=True)}
        assert here == os.getpid()

        shown = await scenario.dicts.preview(2)
        assert (shown.rows, shown.total) == ((("ab", "1"),) * 2, 10)
        assert await scenario.dicts["name"] == ["ab"] * 10
        assert await scenario.dicts.filter(("size", "2")) == []

        with pytest.raises(DataNodeReadingError, match=r"'dicts' at .*rows\.csv.*nope"):
            await scenario.dicts.read(columns=["nope"])

        found = await scenario.array.read(in_process=False)
        assert found.sum() == np.arange(LARGE).sum()
        found[0] = 1  # one's own
        assert await scenario.small.read(in_process=False) == 3

        with pytest.raises(DataNodeReadingError, match=r"'dying' .*exit code -9"):
            await scenario.dying.read(in_process=False)

        with pytest.raises(NotPicklable, match="'bound'"):
            await scenario.bound.read(in_process=False)

        assert await scenario.bound.read() == "value"
        assert values_in(tmp_path) == []


def tell_where(rows: list[dict[str, str]], place: str) -> None:
    """Say which process looks at a value; end that at a name."""
    with open(place, "a") as file:
        file.write(f"{os.getpid()}\n")

    if rows[-1]["name"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)


async def test_a_worker_makes_what_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large file, appending and uploading would hold up the event loop."""
    monkeypatch.setattr(Driver, "parses_in_process", 20)
    config = configuration(workers=1)
    told, more, path = tmp_path / "told", tmp_path / "more", tmp_path / "own" / "rows"
    path.parent.mkdir()
    more.write_text("name,size\n" + "cd,2\n" * 10)
    rows: dict[str, Any] = {"exposed_type": "list[dict]"}
    validator = partial(tell_where, place=str(told))
    config.configure_csv_data_node("rows", path, validator=validator, **rows)
    config.configure_csv_data_node("kept", validator=validator, **rows)
    lock = threading.Lock()
    config.configure_csv_data_node(
        "bound", validator=lambda _: lock.locked() or None, **rows
    )

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await flow(orchestrator, config)

        for node in (scenario.rows, scenario.kept, scenario.bound):
            await node.upload(more)
            await node.append([{"name": "ef", "size": "3"}])
            assert len(await node.read()) == 11
            assert [one.comment for one in await node.edits()][-2:] == ["", ""]

        assert len(pids := {*map(int, told.read_text().split())}) == 1
        assert os.getpid() not in pids

        before = path.read_text()

        with pytest.raises(DataNodeReadingError, match=r"'rows' .*see that there is"):
            await scenario.rows.append([{"name": "die", "size": "3"}])

        assert path.read_text() == before
        assert [one.comment for one in await scenario.rows.edits()] == ["", ""]

        with pytest.raises(DataNodeWritingError, match=r"'rows'.*size, wrong"):
            await scenario.rows.append([{"size": "3", "wrong": "d", "name": "x"}])

        more.write_text("name,size\n" + "é,2\n" * 10, encoding="latin-1")

        with pytest.raises(DataNodeReadingError, match=f"'rows' at {more} .*encoding"):
            await scenario.rows.upload(more)

        assert os.listdir(path.parent) == ["rows"]
        assert len(values_in(tmp_path)) == 4  # two versions each


class Slow:
    def __init__(self) -> None:
        self.lock = threading.Lock()  # it cannot be pickled

    def read(self) -> str:
        return "value"


async def test_a_cancelled_read_returns_at_once_and_its_worker_goes(
    tmp_path: Path,
) -> None:
    config = configuration(workers=1, kill_grace=30)
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    config.configure_generic_data_node("node", tell_and_wait, read_fct_args=[fifo])
    config.configure_pickle_data_node("small", default_data=3)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await flow(orchestrator, config)

        with fail_after(30), CancelScope() as scope:
            async with create_task_group() as group:

                async def cancel() -> None:
                    await to_thread.run_sync(Path(fifo).read_text)
                    scope.cancel()

                group.start_soon(cancel)
                await scenario.node.read(in_process=False)

        assert scope.cancelled_caught
        assert await scenario.small.read(in_process=False) == 3  # by another worker
