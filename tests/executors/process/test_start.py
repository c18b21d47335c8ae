"""What a worker process has when it starts, and what not."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from anyio import fail_after
from anyio.streams.buffered import BufferedByteReceiveStream

from asyncflow import Orchestrator
from asyncflow.alternatives import DRIVERS
from asyncflow.executors.process import start
from asyncflow.executors.process.anyio_pool import end
from asyncflow.worker.world import World
from tests.support.flows import configuration, single

pytestmark = [pytest.mark.anyio, pytest.mark.both_loops]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a socket as web servers pass it to their processes."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.set_inheritable(True)
        yield made


def open_files(_: object) -> list[tuple[int, int]]:
    found = []

    for number in range(3, 256):
        try:
            status = os.fstat(number)
        except OSError:
            continue

        found.append((status.st_dev, status.st_ino))

    return found


async def test_a_worker_has_no_descriptor_of_its_parent(
    listener: socket.socket,
) -> None:
    config = configuration(workers=1)
    status = os.fstat(listener.fileno())

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, open_files))
        await scenario.submit()
        assert (status.st_dev, status.st_ino) not in await scenario.result.read()


async def test_a_socket_of_a_server_stays_as_the_server_has_set_it(
    listener: socket.socket,
) -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        cfg = single(config, open_files)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()  # the worker knows what blocks
        listener.setblocking(False)
        await scenario.submit()
        assert not os.get_blocking(listener.fileno())


async def test_functions_of_a_script_are_likely_to_travel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    DRIVERS.load("pickle")
    assert "asyncflow.drivers.pickle" in start.likely()
    assert "asyncflow.worker.by_value" in start.likely()  # a notebook has no file
    main.__file__ = __file__
    assert "asyncflow.worker.by_value" in start.likely()
    main.__file__ = pytest.__file__
    assert "asyncflow.worker.by_value" not in start.likely()


async def test_a_worker_has_loaded_what_is_likely_before_its_first_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    likely = ["no_such_module", "asyncflow.drivers.pickle", "asyncflow.worker.by_value"]
    monkeypatch.setattr(start, "likely", lambda: likely)
    world = World()
    world.look()
    process, _ = await start.Start(
        str(tmp_path), f"{tmp_path}/1", world.packed
    ).process()

    try:
        call = ("run", eval, ("[*__import__('sys').modules]",))
        assert process.stdin is not None
        assert process.stdout is not None

        with fail_after(30):
            await process.stdin.send(pickle.dumps(call))
            answers = BufferedByteReceiveStream(process.stdout)
            loaded = await start._answer(answers)

        assert {*likely[1:]} < {*map(str, loaded)}
    finally:
        await end(process)
