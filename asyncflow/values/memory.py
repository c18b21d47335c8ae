"""The folder in memory of large values that end with their orchestrator."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack, suppress

import attrs
from anyio import to_thread

from asyncflow.folder import MEMORY, Folder
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.worker.memory_files import link_path


def open_memory(
    stack: AsyncExitStack, group: Tasks, folder: str, holder_id: str
) -> None:
    """Open a folder in memory for large values, in the background; a stack closes it.

    :param group: opens it
    """
    memory = MemoryFolder(folder, holder_id)
    stack.push_async_callback(memory.close)
    group.start_soon(memory.open)


@attrs.define(eq=False, repr=False)
class MemoryFolder:
    """Values go to the disk until it is open, and where it cannot be; see `memory_files`.

    :param folder: where values are
    :param holder_id: the orchestrator that they end with
    """

    folder: str
    holder_id: str
    _made: Folder | None = attrs.field(init=False, default=None)

    async def open(self) -> None:
        """Make it, if that can be."""
        try:
            await to_thread.run_sync(self._make)
        except OSError as error:
            _logger.log(
                logging.INFO, "large values in memory are files on the disk: %s", error
            )

    async def close(self) -> None:
        """Remove it with all that is in it. On cancel that is done before this raises."""
        if self._made is not None:
            await to_thread.run_sync(self._remove, self._made)

    def _make(self) -> None:
        made = Folder("memory", MEMORY)

        try:
            os.symlink(made.path, link_path(self.folder, self.holder_id))
        except BaseException:
            made.remove()
            raise

        self._made = made

    def _remove(self, made: Folder) -> None:
        with suppress(OSError):
            os.unlink(link_path(self.folder, self.holder_id))

        made.remove()
