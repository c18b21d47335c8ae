"""Opening orchestrators for a test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from asyncflow.config import Configuration
from asyncflow.orchestrator import Orchestrator

Kind: TypeAlias = Literal["inline", "process"]

WORKERS = 2
"""How many worker processes there are."""


@attrs.frozen
class Orchestrators:
    """Opens orchestrators.

    :param config: what they have; how it says that jobs are executed does not count
    :param folder: where they keep what they keep
    """

    config: Configuration
    folder: Path

    @asynccontextmanager
    async def open(self, kind: Kind) -> AsyncGenerator[Orchestrator]:
        """Open one.

        :param kind: ``inline`` runs jobs in this process and keeps all in memory;
            ``process`` runs them in worker processes and keeps all in the folder
        """
        store, mode, workers = self._ways()[kind]
        orchestrator = Orchestrator(self.config, store)

        async with AsyncExitStack() as stack:
            with _executed(self.config, mode, workers):
                await stack.enter_async_context(orchestrator)

            orchestrator._session.keep_jobs()  # pyright: ignore[reportPrivateUsage]  # a part of it
            yield orchestrator

    def _ways(self) -> dict[Kind, tuple[str | Path, str, int]]:
        return {
            "inline": (":memory:", "development", 1),
            "process": (self.folder / "asyncflow.db", "standalone", WORKERS),
        }


@contextmanager
def _executed(config: Configuration, mode: str, workers: int) -> Generator[None]:
    """Have jobs executed in a mode by what is opened meanwhile."""
    options = attrs.asdict(config.job_config, recurse=False)
    properties = options.pop("properties")
    here = {"mode": mode, "max_nb_of_workers": workers, "prewarm": False}
    config.configure_job_executions(**{**options, **here})

    try:
        yield
    finally:
        config.configure_job_executions(**options, **properties)
