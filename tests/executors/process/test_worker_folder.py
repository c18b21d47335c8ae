"""Where workers have their files, and what they report to."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import tempfile
from glob import glob
from pathlib import Path

import pytest
from anyio import fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator
from asyncflow.executors.process.worker_folder import WorkerFolder
from asyncflow.worker import channel, parent
from asyncflow.worker.current import Progress
from tests.support.flows import configuration, single
from tests.support.processes import await_death

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "data", [b"", b"garbage", pickle.dumps(1), pickle.dumps(([], (1, 2, "")))]
)
async def test_a_report_that_makes_no_sense_is_dropped(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[channel.Message] = []
    place = await WorkerFolder.open(lambda: None)

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(os.path.join(place.path, channel.NAME))
        sender.send(data)
        sender.send(pickle.dumps(("job", (1.0, 2.0, "right"))))
        heard.extend(one for _, one in channel.receive(place.channel, place.drop))

    await place.close()
    place.let_go()
    assert heard == [Progress(1.0, 2.0, "right")]
    assert [one.levelname for one in caplog.records] == ["WARNING"]


async def test_a_folder_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, getpid))
        await scenario.submit()
        first = await scenario.result.read()

        for folder in glob(f"{tempfile.gettempdir()}/asyncflow-workers-*"):
            await to_thread.run_sync(shutil.rmtree, folder)

        os.kill(first, signal.SIGKILL)
        await to_thread.run_sync(await_death, first)
        await scenario.submit()
        assert await scenario.result.read() != first


def getpid(_: object) -> int:
    print("printed")
    return os.getpid()


async def test_a_folder_is_there_until_it_is_closed() -> None:
    heard: list[int] = []
    place = await WorkerFolder.open(lambda: heard.append(1))
    assert not await place.is_gone()
    worker = channel.Channel(place.path)

    with fail_after(20):
        worker.send("JOB_a_1", None)

        while not heard:
            await checkpoint()

    assert list(channel.receive(place.channel, place.drop)) == [("JOB_a_1", None)]
    worker.close()
    await place.close()
    assert not await to_thread.run_sync(os.path.exists, place.path)
    assert await place.is_gone()
    place.let_go()


async def test_without_its_pipe_a_folder_is_gone() -> None:
    place = await WorkerFolder.open(lambda: None)
    await to_thread.run_sync(os.unlink, os.path.join(place.path, parent.NAME))
    assert await place.is_gone()
    await place.close()
    place.let_go()


async def test_where_it_cannot_be_opened_nothing_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: str) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(channel, "listen", refuse)

    with pytest.raises(OSError, match="Too many"):
        await WorkerFolder.open(lambda: None)
