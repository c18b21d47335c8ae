"""Garbage: the files of values that nobody needs any more."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from anyio import CancelScope, to_thread

from asyncflow.abc import Store
from asyncflow.errors import StoreFailed
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.values.sharing import StoreSharing

LEASE = 30.0
"""How long the file of a version that is not kept stays for others, in seconds: they may
have given it to a job that has not read it yet."""


class Garbage:
    """Removes files in the background.

    Where others are on the store, a file stays for a lease, or until this is closed. It
    goes when it is durable that nobody needs it: what a crash leaves between the two,
    recovery sweeps.

    :param group: removes the files
    :param sharing: others, who may have given a file to a job
    """

    def __init__(self, store: Store, group: Tasks, sharing: StoreSharing) -> None:
        self.store = store
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

            await to_thread.run_sync(remove, garbage)


def remove(paths: Iterable[str]) -> None:
    """Remove files; one that cannot be removed holds up nothing. Blocks."""
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            _logger.warning("a file that nobody needs could not be removed: %s", error)


async def remove_all(folder: str, names: Iterable[str]) -> None:
    """Remove files of a folder. On cancel this raises once they are removed."""
    await to_thread.run_sync(remove, [os.path.join(folder, name) for name in names])
