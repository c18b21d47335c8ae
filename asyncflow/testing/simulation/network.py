"""The sockets of a simulation: bytes come late, and break with who sent them."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from typing import Any

import attrs
from anyio import (
    BrokenResourceError,
    ClosedResourceError,
    EndOfStream,
    Event,
    create_task_group,
    sleep,
)
from anyio.abc import ByteStream, SocketAttribute
from anyio.lowlevel import checkpoint

from asyncflow.testing.simulation.chance import Chance
from asyncflow.testing.simulation.loop import SimulatedLoop
from asyncflow.testing.simulation.process import Process, current


@attrs.define(eq=False)
class Network:
    """All sockets, by host and path.

    :param latency: the longest way of a message, in seconds
    """

    loop: SimulatedLoop
    chance: Chance
    latency: float
    listeners: dict[tuple[str, str], SimulatedListener] = attrs.field(
        init=False, factory=dict
    )
    _streams: list[SimulatedStream] = attrs.field(init=False, factory=list)

    async def listen(self, path: str, **_: object) -> SimulatedListener:
        """Stand for `anyio.create_unix_listener`."""
        process = current.get()
        assert process is not None
        await checkpoint()
        listener = SimulatedListener(self, (process.host, str(path)), process)
        self.listeners[listener.key] = listener
        return listener

    async def connect(self, path: str) -> SimulatedStream:
        """Stand for `anyio.connect_unix`."""
        process = current.get()
        assert process is not None
        await sleep(self.latency * self.chance.next("connect").random())
        listener = self.listeners.get((process.host, str(path)))

        if listener is None or not listener.process.is_alive:
            raise OSError(errno.ECONNREFUSED, "Connection refused")

        mine, theirs = (
            SimulatedStream(self, process),
            SimulatedStream(self, listener.process),
        )
        mine.peer, theirs.peer = theirs, mine
        self._streams += [mine, theirs]
        self.later(lambda: listener.accept(theirs))
        return mine

    def later(self, deliver: Callable[[], object], at_least: float = 0.0) -> float:
        """Have something arrive; return when.

        :param at_least: when what was sent before arrives
        """
        delay = self.chance.next("message").random() * self.latency
        when = max(self.loop.time() + delay, at_least + 1e-7)  # one after the other
        context = copy_context()
        context.run(current.set, None)
        self.loop.call_at(when, deliver, context=context)
        return when

    def break_with(self, process: Process) -> None:
        """Break the connections of a process that is dead."""
        for stream in [stream for stream in self._streams if stream.process is process]:
            self._streams.remove(stream)

            if stream.peer is not None:
                self.later(stream.peer.end, stream.sent_until)


@attrs.define(eq=False)
class SimulatedListener:
    """Takes connections."""

    network: Network
    key: tuple[str, str]
    process: Process
    _waiting: list[SimulatedStream] = attrs.field(init=False, factory=list)
    _news: Event = attrs.field(init=False, factory=Event)

    def accept(self, stream: SimulatedStream) -> None:
        """Take a connection."""
        self._waiting.append(stream)
        self._news.set()

    async def serve(self, handler: Callable[[Any], Awaitable[Any]]) -> None:
        """Have each connection handled, for ever."""
        async with create_task_group() as group:
            while True:
                while self._waiting:
                    group.start_soon(handler, self._waiting.pop(0))  # type: ignore[arg-type]  # as anyio takes it

                self._news = Event()
                await self._news.wait()

    async def aclose(self) -> None:
        """Listen no more."""
        self.network.listeners.pop(self.key, None)
        await checkpoint()

    async def __aenter__(self) -> SimulatedListener:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class SimulatedStream(ByteStream):
    """One end of a connection."""

    def __init__(self, network: Network, process: Process) -> None:
        self.network = network
        self.process = process
        self.peer: SimulatedStream | None = None
        self.sent_until: float = 0.0
        self._buffer = bytearray()
        self._has_ended = False
        self._is_closed = False
        self._news = Event()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {SocketAttribute.raw_socket: lambda: self}

    def shutdown(self, _how: int) -> None:
        """Receive no more, as `socket.shutdown` does."""
        self.end()

    def end(self) -> None:
        """Take note that nothing comes any more."""
        self._has_ended = True
        self._news.set()

    def arrive(self, data: bytes) -> None:
        """Take what was sent."""
        self._buffer += data
        self._news.set()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await checkpoint()

        while not self._buffer:
            if self._is_closed:
                raise ClosedResourceError

            if self._has_ended:
                raise EndOfStream

            self._news = Event()
            await self._news.wait()

        data = bytes(self._buffer[:max_bytes])
        del self._buffer[:max_bytes]
        return data

    async def send(self, item: bytes) -> None:
        await checkpoint()
        peer = self.peer

        if self._is_closed:
            raise ClosedResourceError

        if peer is None or peer._is_closed or not peer.process.is_alive:
            raise BrokenResourceError

        data = bytes(item)
        self.sent_until = self.network.later(lambda: peer.arrive(data), self.sent_until)

    async def send_eof(self) -> None:
        if self.peer is not None:
            self.network.later(self.peer.end, self.sent_until)

        await checkpoint()

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._news.set()

            if self.peer is not None:
                self.network.later(self.peer.end, self.sent_until)

        await checkpoint()
