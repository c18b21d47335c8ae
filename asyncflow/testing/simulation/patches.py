"""What the engine asks the system for, and a simulation answers.

The engine reads the clock, draws random bytes, uses threads and sockets, and looks whether
processes live, as any program does. While a trial runs, each of these is answered by its
`World`; outside of trials nothing is touched, and so nothing is slower.
"""

from __future__ import annotations

import gc
import os
import random
import tempfile
import time
from collections.abc import Iterator, MutableSet
from contextlib import contextmanager, nullcontext
from typing import Any

import anyio.to_thread
from anyio._backends import _asyncio

from asyncflow import background, ids, log
from asyncflow.recovery import liveness, peers, recovery
from asyncflow.runtime import membership, signals
from asyncflow.testing.simulation.process import current
from asyncflow.testing.simulation.world import World


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Have a world answer whatever the engine asks the system for."""
    replaced: list[tuple[Any, str, Any]] = []
    collects = gc.isenabled()
    gc.disable()  # its turns come by counts that differ from one replay to the next

    try:
        for home, name, stand_in in _stand_ins(world):
            replaced.append((home, name, getattr(home, name)))
            setattr(home, name, stand_in)

        ids._random.clear()
        yield
    finally:
        for home, name, original in reversed(replaced):
            setattr(home, name, original)

        ids._random.clear()
        signals._listeners.clear()

        if collects:
            gc.enable()


def _stand_ins(world: World) -> Iterator[tuple[Any, str, Any]]:
    chance, network, people = world.chance, world.network, _People(world)
    yield time, "time", world.time
    yield time, "time_ns", lambda: int(world.time() * 1e9)
    yield time, "monotonic", world.loop.time
    yield time, "perf_counter", world.loop.time
    yield os, "urandom", chance.bytes
    yield os, "getpid", people.pid
    yield random, "random", chance.random
    yield tempfile, "tempdir", str(world.folder)
    yield anyio.to_thread, "run_sync", world.in_thread
    yield background, "Folder", lambda kind: _Folder(world, kind)
    yield _asyncio.CancelScope, "__init__", _ordered(_asyncio.CancelScope.__init__)
    yield log.SafeLogger, "_start", log.SafeLogger._run
    yield signals, "install", _nothing
    yield signals, "restore", _nothing
    yield peers, "create_unix_listener", network.listen
    yield peers, "connect_unix", network.connect
    yield peers, "short", nullcontext
    yield liveness, "host", people.host
    yield liveness, "place", people.host
    yield liveness, "started", people.started
    yield recovery, "host", people.host
    yield recovery, "started", people.started
    yield recovery, "sweep", _nothing
    own_ids = _OwnIds()
    yield recovery, "own_ids", own_ids
    yield membership, "own_ids", own_ids


def _nothing() -> None:
    """Leave signals, and what other programs left behind, alone."""


class _People:
    """Tells which processes there are."""

    def __init__(self, world: World) -> None:
        self._world = world

    def pid(self) -> int:
        process = current.get()
        return self._world.own_pid if process is None else process.of_orchestrator.pid

    def host(self) -> str:
        process = current.get()
        return "" if process is None else process.host

    def started(self, pid: int) -> str:
        found = self._world.process_of(self.host(), pid)
        return f"{found.host}:{found.pid}" if found else ""


class _OwnIds(MutableSet[str]):
    """The orchestrators of the running process."""

    def _inner(self) -> set[str]:
        process = current.get()
        return set() if process is None else process.own_ids

    def __contains__(self, value: object) -> bool:
        return value in self._inner()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._inner()))

    def __len__(self) -> int:
        return len(self._inner())

    def add(self, value: str) -> None:
        self._inner().add(value)

    def discard(self, value: str) -> None:
        self._inner().discard(value)


class _Folder:
    """Stands for a temporary folder."""

    def __init__(self, world: World, kind: str) -> None:
        self.path = os.path.join(world.folder, world.new_name(kind))
        os.mkdir(self.path)

    def remove(self) -> None:
        """Leave it to the end of the trial."""


class _OrderedSet(MutableSet[Any]):
    """A set whose order is that of the additions."""

    def __init__(self) -> None:
        self._inner: dict[Any, None] = {}

    def __contains__(self, value: object) -> bool:
        return value in self._inner

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inner)

    def __len__(self) -> int:
        return len(self._inner)

    def add(self, value: Any) -> None:
        self._inner[value] = None

    def discard(self, value: Any) -> None:
        self._inner.pop(value, None)


def _ordered(begin: Any) -> Any:
    """Have a scope cancel what is in it in the same order each time."""

    def made(self: Any, *args: Any, **how: Any) -> None:
        begin(self, *args, **how)
        self._child_scopes, self._tasks = _OrderedSet(), _OrderedSet()

    return made
