"""The sockets of a simulation: bytes come in their order, and break with who sent them."""

from __future__ import annotations

import asyncio

import pytest
from anyio import EndOfStream

from asyncflow.testing.simulation.network import SimulatedStream
from asyncflow.testing.simulation.process import Process, current
from asyncflow.testing.simulation.world import World


async def _pair(
    world: World, server: Process, client: Process
) -> tuple[SimulatedStream, SimulatedStream]:
    taken: list[SimulatedStream] = []

    async def take(stream: SimulatedStream) -> None:
        taken.append(stream)

    current.set(server)
    listener = await world.network.listen("socket")
    serving = asyncio.create_task(listener.serve(take))
    current.set(client)
    stream = await world.network.connect("socket")
    current.set(None)
    await asyncio.sleep(1)
    serving.cancel()
    return stream, taken[0]


def test_bytes_come_in_their_order(world: World) -> None:
    async def main() -> bytes:
        one, other = await _pair(world, world.spawn("p", "a"), world.spawn("q", "a"))

        for digit in b"0123456789":
            await one.send(bytes([digit]))

        await asyncio.sleep(1)
        return await other.receive()

    assert world.loop.run_until_complete(main()) == b"0123456789"


def test_a_connection_ends_with_a_process(world: World) -> None:
    async def main() -> None:
        server = world.spawn("p", "a")
        one, _ = await _pair(world, server, world.spawn("q", "a"))
        world.kill(server)

        with pytest.raises(EndOfStream):
            await one.receive()

    world.loop.run_until_complete(main())


def test_nobody_is_reached_on_another_host(world: World) -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await _pair(world, world.spawn("p", "a"), world.spawn("q", "b"))

    world.loop.run_until_complete(main())
