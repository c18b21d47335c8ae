"""Runs that are run again, as far as they have not completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from asyncflow.entities.submission import Submission, run_of
from asyncflow.errors import UsageError
from asyncflow.runtime.checks import check_options
from asyncflow.runtime.engine import Engine
from asyncflow.status import DONE


def retry(
    engine: Engine,
    submission: Submission,
    properties: Mapping[str, Any],
    idempotency_key: str | None = None,
) -> Submission:
    """Start a run of what another one has not completed; see `Submission.retry_failed`.

    :raises UsageError: where the other has not ended, or nothing is left to do
    """
    if not submission.is_finished:
        raise UsageError(f"{submission.id} has not ended: await it first")

    left = {job.task.config_id for job in submission.jobs if job.status not in DONE}

    if not left:
        raise UsageError(f"{submission.id} has completed: nothing is left to retry")

    run, dag = run_of(submission), run_of(submission).dag.part(left)
    options = attrs.evolve(
        run.options,
        properties={**run.options.properties, **properties},
        idempotency_key=idempotency_key,
    )
    check_options(options)
    return engine.submit(submission.entity, options, dag, run.given)
