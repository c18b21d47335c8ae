"""Values that stay in a cluster: each in a file of the host that made it, and in copies on
those that have read it.

They are with the scratch files of the Dask worker, and end with that. Pieces of them go from
worker to worker over Dask's own connections: the scheduler hears nothing of it.

The functions below are what Dask is given to call there.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

import attrs
from distributed import Worker
from distributed.comm import Comm
from distributed.core import Status
from distributed.protocol import to_serialize

PIECE = 9 << 20
"""How many bytes travel at a time: nearly as many as Dask does not give to a thread."""

AT_ONCE = 3
"""How many pieces of a value are on their way at once."""

PATIENCE = 30.0
"""How long a Dask worker may take to give a piece, in seconds."""

_OP = "asyncflow_value"

_NEXT = "next"
"""What asks for one more piece."""

_FLAGS = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
"""A piece is in memory once it is mapped: whoever sends it does not wait for a disk."""


class Need(NamedTuple):
    """A value that a trip reads, and that another host may have."""

    name: str
    address: str
    """Of the Dask worker that made it."""
    folder: str
    """Where that has it."""


class Payload(NamedTuple):
    """What a trip brings to its host."""

    calls: bytes
    """See `payload.pack`."""
    needs: Sequence[Need] = ()
    """The values that these read, and that other hosts may have."""


SENT = Payload(b"")
"""Stands for what was sent before."""


@attrs.define(eq=False, repr=False)
class HeldFolder:
    """The values that a Dask worker holds.

    :param place: tells them from those of others
    """

    worker: Worker
    path: str
    place: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    _coming: dict[str, asyncio.Task[None]] = attrs.field(init=False, factory=dict)
    """What brings values here that are on their way, by their names."""

    async def bring(self, needs: Sequence[Need]) -> None:
        """Have values here; one that is lost is not there then."""
        await asyncio.gather(*map(self._bring, needs))

    async def _bring(self, need: Need) -> None:
        if (coming := self._coming.get(need.name)) is None:
            coming = asyncio.ensure_future(self._fetch(need))
            self._coming[need.name] = coming
            coming.add_done_callback(lambda _: self._coming.pop(need.name, None))

        with suppress(Exception):  # who reads it is told that it is missing
            await asyncio.shield(coming)

    async def _fetch(self, need: Need) -> None:
        loop = asyncio.get_running_loop()
        path = os.path.join(self.path, need.name)
        source = os.path.join(need.folder, need.name)

        # It may have come before, and both may be on one host.
        if await loop.run_in_executor(None, _is_here, path, source):
            return

        draft = f"{path}.{uuid.uuid4().hex}.tmp"

        try:
            await self._receive(need, draft)
            os.rename(draft, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)

    async def _receive(self, need: Need, path: str) -> None:
        """Make a file of what another worker sends: while one piece is written, others are
        on their way.
        """
        loop = asyncio.get_running_loop()
        pool = self.worker.rpc
        comm: Comm = await asyncio.wait_for(pool.connect(need.address), PATIENCE)
        writing: asyncio.Future[None] | None = None
        offset = 0

        try:
            await comm.write({"op": _OP, "name": need.name})
            size = (await asyncio.wait_for(comm.read(), PATIENCE))["size"]

            if size is None:
                raise FileNotFoundError(need.name)

            asks = iter(range(0, size, PIECE))

            for _ in zip(range(AT_ONCE), asks, strict=False):
                await comm.write(_NEXT)

            while offset < size:
                data = (await asyncio.wait_for(comm.read(), PATIENCE))["data"]

                if next(asks, None) is not None:
                    await comm.write(_NEXT)

                if writing is not None:
                    await writing

                writing = loop.run_in_executor(None, _write, path, data, offset)
                offset += len(data)

            if writing is not None:
                await writing
        except BaseException:
            comm.abort()  # who sends would take what comes next for something else
            raise
        finally:
            pool.reuse(need.address, comm)

    def drop(self, names: Collection[str]) -> None:
        """Forget values."""
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, os.path.basename(name)))

    async def send(self, comm: Comm, name: str) -> object:
        """Give another worker a value: its size, None where it is not there; then a piece
        whenever that asks for one.
        """
        loop = asyncio.get_running_loop()
        path = os.path.join(self.path, os.path.basename(name))

        try:
            size = await loop.run_in_executor(None, os.path.getsize, path)
        except FileNotFoundError:
            return {"size": None}

        await comm.write({"size": size})

        for offset in range(0, size, PIECE):
            _, data = await self.piece(name, offset)
            await comm.read()
            await comm.write({"data": to_serialize(data)})

        return Status.dont_reply

    async def piece(self, name: str, offset: int) -> tuple[int, memoryview]:
        """Return the size of a value, and a piece of it."""
        path = os.path.join(self.path, os.path.basename(name))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, _read, path, offset)


async def copied(ask: Any, path: str) -> None:
    """Make a file of the pieces of a value.

    :param ask: gives the size of all, and the piece that begins at an offset
    """
    loop = asyncio.get_running_loop()
    size, data = await ask(0)
    await loop.run_in_executor(None, _write, path, data, 0)
    offsets = iter(range(PIECE, size, PIECE))

    async def take() -> None:
        for offset in offsets:
            _, data = await ask(offset)
            await loop.run_in_executor(None, _write, path, data, offset)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(take())


def folder_of(worker: Worker) -> HeldFolder:
    """Return what a Dask worker holds; it is made where there is none."""
    known = cast("HeldFolder | None", worker.extensions.get(_OP))

    if known is None:
        path = os.path.join(worker.local_directory, "asyncflow-values")
        os.makedirs(path, 0o700, exist_ok=True)
        known = worker.extensions[_OP] = HeldFolder(worker, path)
        worker.handlers[_OP] = known.send

    return known


async def give_piece(dask_worker: Worker, *, name: str, offset: int) -> Any:
    """Return the size of a value, and a piece of it; None where it is not there."""
    try:
        size, data = await folder_of(dask_worker).piece(name, offset)
    except FileNotFoundError:
        return None

    return size, bytes(data)


async def drop(dask_worker: Worker, *, names: Collection[str]) -> None:
    """Forget values."""
    folder_of(dask_worker).drop(names)


async def names(dask_worker: Worker) -> list[str]:
    """List the values that are here."""
    return os.listdir(folder_of(dask_worker).path)


def _is_here(path: str, source: str) -> bool:
    """Have a value by a link where its file is seen from here, on one host or on another
    file system of it.
    """
    with suppress(OSError):
        os.link(source, path)

    with suppress(OSError), open(source, "rb"):
        os.symlink(source, path)

    return os.path.exists(path)


def _read(path: str, offset: int) -> tuple[int, memoryview]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = min(PIECE, size - offset)
        where = (file.fileno(), length, _FLAGS, mmap.PROT_READ)
        found = mmap.mmap(*where, offset=offset)

    return size, memoryview(found)


def _write(path: str, data: bytes, offset: int) -> None:
    """Write a piece. It has a descriptor of its own, as nobody may wait for its end."""
    flags = os.O_WRONLY | os.O_CLOEXEC | (0 if offset else os.O_CREAT | os.O_EXCL)
    file = os.open(path, flags, 0o600)
    view = memoryview(data)

    try:
        while view:
            written = os.pwrite(file, view, offset)
            view, offset = view[written:], offset + written
    finally:
        os.close(file)
