"""An executor as a package of somebody else's would have it: all of it is here."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from anyio import to_thread
from anyio.lowlevel import checkpoint

from asyncflow.abc import Call, Executor, Returned, StoredValue, Watch

ran: list[str] = []
"""The tasks whose jobs have run here."""


class ToyExecutor(Executor):
    """Run jobs where it is called."""

    max_jobs: ClassVar[int | None] = 3
    not_killing: ClassVar[str | None] = "a toy runs to its end"
    not_async: ClassVar[str | None] = "a toy awaits nothing"

    def __init__(self, grace: float = 0.0) -> None:
        self.grace = grace
        self.is_open = False

    @classmethod
    def of(cls, jobs: Any) -> Self:
        return cls(jobs.kill_grace)

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.is_open = False

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        assert self.is_open

        for call in calls:
            await checkpoint()
            watch.started(call, None)
            ran.append(call.task)
            kept = await to_thread.run_sync(_result, call)
            watch.ended(call, Returned((kept,)))

    def kill(self, call: Call, *, now: bool = False) -> None:
        """Do nothing: it runs to its end."""


def _result(call: Call) -> StoredValue:
    ((_, source, value),) = call.inputs
    assert not isinstance(value, tuple), "batches have one call each"
    result = call.function(source.read(value))
    ((name, driver, path),) = call.outputs
    return driver.publish(driver.write(result, path, name), path)
