"""Where the workers of a pool have their files: logs, spools, tokens, the channel."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Self

from anyio import to_thread

from asyncflow.executors.process.anyio_pool import in_thread
from asyncflow.folder import WORKERS, Folder
from asyncflow.log import logger as _logger
from asyncflow.worker import channel, parent


class WorkerFolder:
    """A new temporary folder, and what its owner has open of it."""

    def __init__(self, folder: Folder, channel: socket.socket, life: int) -> None:
        self.folder = folder
        self.channel = channel
        """Where workers report to."""
        self.life: int = life
        """What workers end with; see `parent.hold`."""
        self._has_dropped = False

    @classmethod
    async def open(cls, hear: Callable[[], object]) -> Self:
        """Make a place.

        :param hear: is called where a worker has reported something
        :raises OSError: where there is no room for it
        """
        folder = await to_thread.run_sync(Folder, WORKERS)

        try:
            life = parent.hold(folder.path)

            try:
                listening = channel.listen(folder.path)
            except BaseException:
                parent.let_go(life)
                raise
        except BaseException:
            await to_thread.run_sync(folder.remove)
            raise

        asyncio.get_running_loop().add_reader(listening, hear)
        return cls(folder, listening, life)

    @property
    def path(self) -> str:
        return self.folder.path

    async def is_gone(self) -> bool:
        """Tell whether somebody has removed the folder or what is in it."""
        pipe = os.path.join(self.path, parent.NAME)
        return not await to_thread.run_sync(os.path.exists, pipe)

    async def close(self) -> None:
        """Remove the folder, and hear nothing any more; whoever watches lives on."""
        asyncio.get_running_loop().remove_reader(self.channel)
        self.channel.close()
        await in_thread(self.folder.remove)

    def drop(self, error: BaseException) -> None:
        """Log that a report makes no sense: the first one."""
        if not self._has_dropped:
            self._has_dropped = True
            _logger.warning("a report of a job makes no sense: %r", error)

    def bind(self, pid: int) -> int:
        """Have a worker and its group end with this process; see `parent.bind`."""
        self.life, bond = parent.bind(self.path, self.life, pid)
        return bond

    def let_go(self) -> None:
        """Let the workers go down that are still bound to it."""
        parent.let_go(self.life)
