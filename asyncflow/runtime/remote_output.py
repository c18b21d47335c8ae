"""What jobs of other processes print, while they run: asked of who runs them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from asyncflow.entities.submission import Run
from asyncflow.records import OrchestratorRecord
from asyncflow.recovery import peers
from asyncflow.recovery.peers import PeerGone, Send
from asyncflow.runs.job import JobState
from asyncflow.runtime import job_output
from asyncflow.runtime.engine import Engine


async def tell(engine: Engine, job: JobState, send: Send) -> None:
    """Send what a job prints here, until it has ended: each line as JSON."""
    max_bytes = engine.loader.config.job_config.max_log_size

    async for line in job_output.tail(engine.store, job, max_bytes):
        await send(json.dumps(line).encode() + b"\n")


async def follow(engine: Engine, run: Run, job: JobState) -> AsyncIterator[str]:
    """Give the lines that a job of another process prints, from the first.

    Where that process cannot be reached any more, the rest comes when the job has ended,
    whoever runs it then.
    """
    owner = await engine.store.get(run.orchestrator_id)
    count = 0

    if isinstance(owner, OrchestratorRecord):
        try:
            async for message in peers.follow(owner.address, job.id):
                count += 1
                yield str(json.loads(message))

            if count:
                return
        except (PeerGone, ValueError):
            pass

    max_bytes = engine.loader.config.job_config.max_log_size
    number = 0

    async for line in job_output.tail(engine.store, job, max_bytes):
        number += 1

        if number > count:
            yield line
