"""What a worker process has when it starts, and what not."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from asyncflow import Orchestrator
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
