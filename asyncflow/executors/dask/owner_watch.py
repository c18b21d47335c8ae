"""What asyncflow has in the scheduler of a Dask cluster: it sees when an orchestrator has gone.

One that is killed before the store knows of it has no heir: nobody else would close its
agents.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from distributed import SchedulerPlugin
from distributed.protocol import Serialized, deserialize
from distributed.protocol.pickle import dumps

from asyncflow.executors.dask.plugin import ADOPTABLE, ORPHANED, is_idle

if TYPE_CHECKING:
    from distributed.scheduler import Scheduler

END = "-owner"
"""What its name ends with, after that of the agents."""


class OwnerWatch(SchedulerPlugin):  # type: ignore[misc]  # Dask has no types here
    """Has the agents of an orchestrator closed that has gone, once they hold nothing.

    What they hold is for who takes over: then it is looked again, after ever longer pauses.

    :param topic: the name of the agents
    :param pause: the first of these, in seconds
    """

    idempotent = True

    def __init__(self, topic: str, pause: float = ORPHANED) -> None:
        self.topic = topic
        self.pause = pause
        self.name: str = f"{topic}{END}"

    def start(self, scheduler: Scheduler) -> None:
        """Take note of where it is."""
        self.scheduler = scheduler
        self.clock: asyncio.TimerHandle | None = None
        self.ending: asyncio.Task[None] | None = None

    def add_client(self, scheduler: Scheduler, client: str) -> None:  # noqa: ARG002
        """See whether the orchestrator is there again."""
        if self._is_own(client) and self.clock is not None:
            self.clock.cancel()

    def remove_client(self, scheduler: Scheduler, client: str) -> None:  # noqa: ARG002
        """See whether the orchestrator has gone."""
        if self._is_own(client):
            self._look_after(self.pause)

    def _is_own(self, client: str) -> bool:
        return f"-{self.topic}-" in client

    def _look_after(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        self.clock = loop.call_later(pause, self._look, pause)

    def _look(self, pause: float) -> None:
        self.ending = asyncio.ensure_future(self._close_idle(pause))

    async def _close_idle(self, pause: float) -> None:
        """Close the agents if no orchestrator is there that they are for."""
        if any(map(self._is_own, self.scheduler.clients)):
            return

        if self.topic in self.scheduler.worker_plugins:
            message: dict[str, Any] = {
                "op": "run",
                "function": dumps(is_idle),
                "kwargs": dumps({"name": self.topic}),
            }
            found = await self.scheduler.broadcast(msg=message, on_error="ignore")

            if not all(map(_result, found.values())) and pause < ADOPTABLE:
                self._look_after(2 * pause)
                return

            await self.scheduler.unregister_worker_plugin(None, self.topic)

        self.scheduler.remove_plugin(self.name)


def _result(answer: dict[str, Any]) -> object:
    result = answer["result"]

    if isinstance(result, Serialized):
        return deserialize(result.header, result.frames)

    return result
