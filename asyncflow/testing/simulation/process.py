"""A simulated process: it lives, is killed, and has a host, a pid and a clock."""

from __future__ import annotations

from contextvars import ContextVar

import attrs


@attrs.define(eq=False)
class Process:
    """What an orchestrator runs in, or one of its workers.

    Every task belongs to the process in whose context it was made. Nothing of a dead
    process goes on: neither its tasks nor its timers.
    """

    name: str
    host: str = ""
    pid: int = 0
    offset: float = 0.0
    """How far its clock is ahead of the true time, in seconds."""
    parent: Process | None = None
    """Whose worker it is; None for an orchestrator's own."""
    is_alive: bool = True
    is_stopped: bool = False
    """Whether it is suspended, as by SIGSTOP: it goes on later."""
    own_ids: set[str] = attrs.field(factory=set[str])
    """Its orchestrators that are open."""

    @property
    def is_running(self) -> bool:
        """Whether its tasks go on."""
        return self.is_alive and not self.is_stopped

    @property
    def of_orchestrator(self) -> Process:
        """The process of the orchestrator that it belongs to."""
        return self if self.parent is None else self.parent


current: ContextVar[Process | None] = ContextVar("asyncflow_process", default=None)
"""The process that the running task belongs to; None outside of all."""
