"""The files of large values: in a folder, and, where one is given, at an address. Those
that nobody needs any more go.

What is at an address has a copy in the folder of the host that made it. Any other host
fetches it for the time of a read.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from typing import Protocol, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread

from asyncflow.abc import Call, Driver, Store
from asyncflow.alternatives import DRIVERS
from asyncflow.errors import StoreFailed
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.values.sharing import StoreSharing
from asyncflow.worker.values import INTENT, place_of

THREADS = 8
"""How many threads write to an address, or remove what is there, at once."""

LEASE = 30.0
"""How long the file of a version that is not kept stays for others, in seconds: they may
have given it to a job that has not read it yet."""

T = TypeVar("T")


class Remote(Protocol):
    """What is at an address. All methods block."""

    def put(self, file: str) -> None:
        """Write a file there, under its own name: as a whole, or not at all."""

    def here(self, path: str) -> AbstractContextManager[str]:
        """Have a file here while it is read; see `ValueFiles.here`."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""

    def has(self, name: str) -> bool:
        """Tell whether a file is there; True where nobody can tell."""

    def names(self, begin: str = "") -> list[str]:
        """List the files whose names begin so."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of all files, by their names.

        :raises StoreFailed: where they cannot be listed
        """

    def wrapped(self, driver: Driver) -> Driver:
        """Return a driver that keeps its versions there."""


class Held(Protocol):
    """Values that stay where jobs run. All methods but `wrapped` block."""

    def wrapped(self, driver: Driver) -> Driver:
        """Return a driver that reads what stays there."""

    def here(self, path: str) -> AbstractContextManager[str]:
        """Have a value in a file here while it is read; see `ValueFiles.here`."""

    def remove(self, names: Sequence[str]) -> None:
        """Forget those of some values that stay there."""

    def names(self) -> Collection[str]:
        """List the values."""


class ValueFiles:
    """The files of large values, of one store.

    :param folder: where they are on this host
    :param remote: where they are for all hosts; None where that is the folder
    """

    def __init__(self, folder: str, remote: Remote | None = None) -> None:
        self.folder = folder
        self.remote = remote
        self.held: Held | None = None
        """The values that stay where jobs run; None where none do."""
        self._threads: CapacityLimiter | None = None

    def path(self, name: str) -> str:
        """Return the path of a file here, whether it is there or not."""
        return os.path.join(self.folder, name)

    def wrapped(self, driver: Driver) -> Driver:
        """Return a driver that keeps its versions where these files are."""
        driver = driver if self.remote is None else self.remote.wrapped(driver)
        return driver if self.held is None else self.held.wrapped(driver)

    def given_driver(self) -> Driver:
        """Return what reads the values that runs are given."""
        return self.wrapped(_pickles())

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Call what blocks; calls that wait for a server do not hold up others."""
        if self.remote is not None and self._threads is None:
            self._threads = CapacityLimiter(THREADS)

        return await to_thread.run_sync(function, *arguments, limiter=self._threads)

    def keep(self, path: str) -> None:
        """Have a file that was made here be where all hosts see it. Blocks.

        :raises OSError: where it cannot be written there; it is not here any more, either
        """
        if self.remote is None:
            return

        try:
            self.remote.put(path)
        except BaseException:
            remove([path])
            raise

    def here(self, path: str) -> AbstractContextManager[str]:
        """Have a file here while it is read, by whichever name. Blocks.

        :raises ValueMissing: where it is nowhere
        """
        if self.held is not None and place_of(path) is not None:
            return self.held.here(path)

        return nullcontext(path) if self.remote is None else self.remote.here(path)

    def is_there(self, path: str) -> bool:
        """Tell whether a file is here or there. Blocks."""
        if place_of(path) is not None or os.path.exists(path):
            return True

        return self.remote is not None and self.remote.has(os.path.basename(path))

    def names(self) -> tuple[list[str], bool]:
        """List all files, here and there; tell whether those are all. Blocks.

        :raises OSError: where those here cannot be listed
        """
        here = os.listdir(self.folder)

        try:
            if self.held is not None:
                here += self.held.names()

            if self.remote is None:
                return here, True

            return [*{*here, *self.remote.names()}], True
        except Exception as error:
            _logger.warning("files that nobody needs may be left: %s", error)
            return here, False

    def sizes(self) -> dict[str, int]:
        """Return the bytes of all files, by their names; a copy is no other file. Blocks.

        :raises StoreFailed: where those at an address cannot be listed
        """
        from asyncflow.values.lost import sizes_in

        there = {} if self.remote is None else self.remote.sizes()
        return sizes_in(self.folder) | there

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; one that cannot be removed holds up nothing. Blocks."""
        paths = [*paths]

        if self.held is not None:
            self.held.remove(paths)
            paths = [path for path in paths if place_of(path) is None]

        remove(paths)
        names = [os.path.split(path) for path in paths]
        self._remove_there([name for folder, name in names if folder == self.folder])

    async def remove_all(self, names: Iterable[str]) -> None:
        """Remove files by their names. On cancel this raises once they are removed."""
        await self.in_thread(self.remove, [self.path(name) for name in names])

    def clear_made(self, call: Call, group: Tasks) -> None:
        """Have removed what a job that has died may have put at an address.

        :param group: what waits for that
        """
        if self.remote is not None:
            paths = [path for _, _, path in call.outputs]
            group.start_soon(self.in_thread, self.remove_made, paths)

    def remove_made(self, paths: Iterable[str]) -> None:
        """Remove what may have been written there for outputs of a job that has died:
        their names may end in a digest. Blocks.
        """
        if self.remote is None:
            return

        for path in paths:
            begin = os.path.basename(path).partition(".")[0]

            try:
                found = self.remote.names(begin)
            except Exception as error:
                _logger.warning("what a job has left was not looked for: %s", error)
                return

            self._remove_there(
                [name for name in found if name.startswith((f"{begin}.", f"{begin}-"))]
            )

    async def sweep_own(self, holder_id: str, kept: Iterable[str]) -> None:
        """Remove what an orchestrator that ends has made there, and is not kept."""
        if self.remote is not None:
            stays = {*kept}

            def sweep(remote: Remote = self.remote) -> None:
                found = remote.names(f"{holder_id}-")
                self._remove_there([name for name in found if name not in stays])

            try:
                with CancelScope(shield=True):
                    await self.in_thread(sweep)
            except Exception as error:  # what is there is removed by who sweeps next
                _logger.warning("files that nobody needs may be left: %s", error)

    def _remove_there(self, names: Iterable[str]) -> None:
        if self.remote is None:
            return

        if values := [name for name in names if not name.endswith(INTENT)]:
            try:
                self.remote.remove(values)
            except Exception as error:
                _logger.warning(
                    "files that nobody needs could not be removed: %s", error
                )


class Garbage:
    """Removes files in the background.

    Where others are on the store, a file stays for a lease, or until this is closed. It
    goes when it is durable that nobody needs it: what a crash leaves between the two,
    recovery sweeps.

    :param files: where they are
    :param group: removes the files
    :param sharing: others, who may have given a file to a job
    """

    def __init__(
        self, store: Store, files: ValueFiles, group: Tasks, sharing: StoreSharing
    ) -> None:
        self.store = store
        self.files = files
        self.group = group
        self.sharing = sharing
        self._paths: list[str] = []
        self._leased: deque[tuple[float, str]] = deque()
        """The files that stay for others, and until when, the first to go first."""
        self._clock: asyncio.TimerHandle | None = None

    def add(self, path: str) -> None:
        """Have a file removed, as soon as no other can need it."""
        if self.sharing.is_shared:
            self._lease(path)
        else:
            self._throw_away(path)

    def _throw_away(self, path: str) -> None:
        if not self._paths:
            self.group.start_soon(self.collect)

        self._paths.append(path)

    def _lease(self, path: str) -> None:
        self._leased.append((time.monotonic() + LEASE, path))

        if self._clock is None:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(LEASE, self._end_leases)

    def _end_leases(self) -> None:
        """Throw away what others have had the time to read."""
        self._clock = None
        now = time.monotonic()

        while self._leased and self._leased[0][0] <= now:
            self._throw_away(self._leased.popleft()[1])

        if self._leased:
            loop = asyncio.get_running_loop()
            wait = self._leased[0][0] - now
            self._clock = loop.call_later(wait, self._end_leases)

    async def close(self) -> None:
        """Remove the files that nobody needs here, also those that stay for others."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

        self._paths += [path for _, path in self._leased]
        self._leased.clear()
        await self.collect()

    async def collect(self) -> None:
        """Remove the files that nobody needs any more."""
        if not self._paths:
            return

        garbage = self._paths[:]
        self._paths.clear()

        with CancelScope(shield=True), suppress(StoreFailed):  # then they are kept
            await self.store.flush()

            # Others remove what is pinned for their runs.
            if self.sharing.may_have_pins:
                kept = await self.store.kept_names()
                garbage = [
                    path for path in garbage if os.path.basename(path) not in kept
                ]

            await self.files.in_thread(self.files.remove, garbage)


def remove(paths: Iterable[str]) -> None:
    """Remove files of this host; one that cannot be removed holds up nothing. Blocks."""
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            _logger.warning("a file that nobody needs could not be removed: %s", error)


@cache
def _pickles() -> Driver:
    return DRIVERS.load("pickle").at(None, None)
