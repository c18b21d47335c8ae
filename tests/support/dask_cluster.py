"""Dask clusters for tests: real schedulers and workers, in processes of their own."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import attrs

from asyncflow import Configuration
from tests.support.counted_jobs import PATIENCE, await_that
from tests.support.forked import Starter

HERE = "127.0.0.1"


def configuration(address: str | None, **options: Any) -> Configuration:
    """Configure that jobs run in a cluster."""
    config = Configuration()
    given: dict[str, Any] = {"echo": False, **options}
    config.configure_job_executions("cluster", address=address, **given)
    return config


def free_port() -> int:
    """Return a port that nobody has, and that no connection is given by the system."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)

        with suppress(OSError), socket.create_server((HERE, port)):
            return port


class Process(Protocol):
    """A program that was started."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def kill(self) -> None: ...

    def wait(self) -> int: ...


_starters: list[Starter] = []


@contextmanager
def programs_loaded() -> Iterator[None]:
    """Have programs of Dask's start in a moment."""
    starter = Starter()
    _starters.append(starter)

    try:
        yield
    finally:
        _starters.remove(starter)
        starter.close()


def started(tool: str, *arguments: str, inside: Sequence[str] = ()) -> Process:
    """Start a program of Dask's.

    :param inside: the words before a command that have it run elsewhere
    """
    if not inside and _starters and _starters[-1].can_start():
        return _starters[-1].start(tool, *arguments)

    command = (*inside, sys.executable, "-m", f"distributed.cli.{tool}", *arguments)
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)


def ended(process: Process) -> None:
    process.kill()
    process.wait()


@attrs.define
class Hosts:
    """A scheduler, and workers each of which is a process without a nanny.

    :param options: more options of the workers
    :param host: the address of all of them
    :param inside: the words before a command that have it run there
    """

    port: int
    scheduler: Process
    options: tuple[str, ...] = ()
    host: str = HERE
    inside: tuple[str, ...] = ()
    workers: dict[int, Process] = attrs.field(factory=dict)
    """By their ports."""

    @property
    def address(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    def add(self, port: int) -> None:
        """Start a worker."""
        options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", *self.options)
        where = ("--host", self.host, "--worker-port", str(port))
        arguments = (self.address, *options, *where)
        self.workers[port] = started("dask_worker", *arguments, inside=self.inside)

    def port_of(self, pid: int) -> int:
        return next(port for port, one in self.workers.items() if one.pid == pid)

    def replace(self, pid: int) -> None:
        """Kill a worker, and start another one at its address."""
        port = self.port_of(pid)
        ended(self.workers[port])
        self.add(port)

    def restart(self) -> None:
        """Kill all, and start all again, at the same addresses."""
        for process in (self.scheduler, *self.workers.values()):
            ended(process)

        self.scheduler = scheduler_at(self.port, self.host, self.inside)

        for port in [*self.workers]:
            self.add(port)

    def retire(self, pid: int) -> None:
        """Have the scheduler take a worker away, as where a cluster gets smaller."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.retire_workers([f"tcp://{self.host}:{self.port_of(pid)}"])

    def left(self) -> tuple[list[str], list[str]]:
        """Return which tasks and plugins are still there."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            tasks, plugins = client.run_on_scheduler(_left)
            return tasks, plugins

    def await_empty(self) -> None:
        """Wait until no task and no plugin is there any more."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            await_that(
                lambda: not any(client.run_on_scheduler(_left)), "an empty cluster"
            )

    def wait(self) -> None:
        """Wait until all workers are there."""
        from distributed import Client

        if not self.workers:
            return

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers), PATIENCE)


def _left(dask_scheduler: Any) -> tuple[list[str], list[str]]:
    plugins = [*dask_scheduler.worker_plugins, *dask_scheduler.plugins]
    ours = [one for one in plugins if one.startswith("asyncflow")]
    return [*map(str, dask_scheduler.tasks)], ours


def scheduler_at(port: int, host: str = HERE, inside: tuple[str, ...] = ()) -> Process:
    options = ("--host", host, "--port", str(port), "--no-dashboard")
    process = started("dask_scheduler", *options, inside=inside)

    while process.poll() is None:
        with suppress(OSError), socket.create_connection((host, port)):
            return process

        time.sleep(0.05)

    raise ChildProcessError(f"no scheduler at {host}:{port}")


@contextmanager
def hosts(
    count: int, *options: str, host: str = HERE, inside: tuple[str, ...] = ()
) -> Iterator[Hosts]:
    """Run a scheduler and workers; see `Hosts`."""
    port = free_port()
    scheduler = scheduler_at(port, host, inside)
    found = Hosts(port, scheduler, options, host, inside)

    try:
        for _ in range(count):
            found.add(free_port())

        found.wait()
        yield found
    finally:
        for process in (*found.workers.values(), found.scheduler):
            ended(process)


class Proxy:
    """The network between a client and its scheduler: it can be cut."""

    def __init__(self, address: str) -> None:
        self._port = int(address.rpartition(":")[2])
        self._loop = asyncio.new_event_loop()
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run)
        self._is_up = threading.Event()
        self.address = ""

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._is_up.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def cut(self) -> None:
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._close_all)

    def mend(self) -> None:
        self._is_cut = False

    def _close_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._ending = asyncio.Event()
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._is_up.set()
        await self._ending.wait()
        server.close()
        self._close_all()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._is_cut:
            writer.transport.abort()
            return

        other_reader, other = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, other}

        with suppress(OSError):
            await asyncio.gather(pump(reader, other), pump(other_reader, writer))

        self._open -= {writer, other}
        writer.close()
        other.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)

    writer.close()


def proxy(address: str) -> Proxy:
    return Proxy(address)
