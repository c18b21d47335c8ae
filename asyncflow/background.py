"""The host task: the one that enters and leaves what others open and close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from anyio import CancelScope, Event, create_task_group, to_thread

from asyncflow.folder import Folder


class BackgroundContext:
    """Keep a context manager open in a task of its own.

    Task groups must be left in the task that entered them. A web server's lifespan, a
    fixture or an exit stack may leave in another one: so the host does both.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._leaving = Event()

    @property
    def is_open(self) -> bool:
        """Whether it holds something open, or is about to."""
        return self._task is not None

    async def enter(self, manager: AbstractAsyncContextManager[object]) -> None:
        """Enter a context manager; what that raises is raised here.

        On cancel it is left again before this raises.
        """
        opened = asyncio.Event()
        self._leaving = Event()
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(manager, opened), name="asyncflow host")
        waiting = loop.create_task(opened.wait())

        try:
            await asyncio.wait({waiting, self._task}, return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            await self.leave()
            raise
        finally:
            waiting.cancel()

        if not opened.is_set():
            await self.leave()

    async def leave(self) -> None:
        """Leave it; what that raises is raised here. Nothing is left of it then.

        A cancel waits for that, too.
        """
        task, self._task = self._task, None

        if task is None:
            return

        self._leaving.set()
        await _to_its_end(task)

    def end(self) -> None:
        """Have it left soon; `leave` waits for that."""
        self._leaving.set()

    async def _run(
        self, manager: AbstractAsyncContextManager[object], opened: asyncio.Event
    ) -> None:
        async with manager:
            opened.set()
            await self._leaving.wait()


async def in_thread_to_its_end(function: Callable[[], object]) -> None:
    """Call a function in a thread. A cancel waits for its end, also one of asyncio's own:
    Ctrl-C, say. What runs on as Python ends may take the signal away that it ends by.
    """
    name = "asyncflow thread"
    await _to_its_end(asyncio.create_task(to_thread.run_sync(function), name=name))


async def _to_its_end(task: asyncio.Task[None] | asyncio.Task[object]) -> None:
    """Wait for a task; raise what it raises. A cancel waits for its end, too."""
    canceled: asyncio.CancelledError | None = None

    with CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:  # not by a scope: no shield helps
                canceled = error

    if not task.cancelled():
        task.result()

    if canceled is not None:
        raise canceled


def unwrap_single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the only error of a group; the group where there are several."""
    error: BaseException = group

    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]

    return error


async def temporary_folder(stack: AsyncExitStack, kind: str) -> str:
    """Make a temporary folder, which a stack removes; return its path.

    :param kind: a word for its name
    """
    folder = await to_thread.run_sync(Folder, kind)
    stack.push_async_callback(_remove, folder)
    return folder.path


async def _remove(folder: Folder) -> None:
    with CancelScope(shield=True):
        await to_thread.run_sync(folder.remove)


async def enter_meanwhile(
    stack: AsyncExitStack,
    manager: AbstractAsyncContextManager[object],
    load: Callable[[], object],
) -> None:
    """Enter a context manager, which waits for a disk, while a thread loads something.

    What either raises is raised here, in a group.
    """
    async with create_task_group() as group:
        group.start_soon(to_thread.run_sync, load)
        await stack.enter_async_context(manager)
