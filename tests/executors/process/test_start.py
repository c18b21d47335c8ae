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
from anyio import fail_after, to_thread
from anyio.abc import Process
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


async def started(folder: Path) -> Process:
    world = World()
    world.look()
    return (await start.Start(str(folder), f"{folder}/1", world.packed).process())[0]


async def ask_what_is_loaded(process: Process) -> None:
    assert process.stdin is not None
    call = ("run", eval, ("[*__import__('sys').modules]",))
    await process.stdin.send(pickle.dumps(call))


async def answered(process: Process) -> set[str]:
    assert process.stdout is not None
    return {*map(str, await start._answer(BufferedByteReceiveStream(process.stdout)))}


async def test_a_worker_loads_what_is_likely_while_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "loaded_last.py").write_text(f"open({str(pipe)!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    likely = ["no_such_module", "asyncflow.drivers.pickle", "asyncflow.worker.by_value"]
    monkeypatch.setattr(start, "likely", lambda: [*likely, "loaded_last"])
    process = await started(tmp_path)

    try:
        with fail_after(30):
            await to_thread.run_sync(pipe.read_text, abandon_on_cancel=True)
            await ask_what_is_loaded(process)
            assert {*likely[1:]} < await answered(process)
    finally:
        await end(process)


async def test_a_worker_that_is_called_does_not_go_on_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, called = tmp_path / "begun", tmp_path / "called"
    os.mkfifo(begun)
    os.mkfifo(called)
    (tmp_path / "loaded_first.py").write_text(
        f"open({str(begun)!r}, 'w').close(); open({str(called)!r}).close()"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(start, "likely", lambda: ["loaded_first", "colorsys"])
    process = await started(tmp_path)

    try:
        with fail_after(30):
            await to_thread.run_sync(begun.read_text, abandon_on_cancel=True)
            await ask_what_is_loaded(process)
            await to_thread.run_sync(called.write_text, "", abandon_on_cancel=True)
            loaded = await answered(process)
    finally:
        await end(process)

    assert "loaded_first" in loaded
    assert "colorsys" not in loaded
