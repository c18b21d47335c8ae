"""Reports of runs: what is known of their jobs, gathered and written."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from anyio import to_thread

from asyncflow.display import tasks
from asyncflow.display.report import ShownJob, ShownRun, ShownTry, report
from asyncflow.entities.charts import gantt
from asyncflow.runs.job import JobState
from asyncflow.runs.run import AnyRun
from asyncflow.status import Status
from asyncflow.worker.replacing import not_written

LOGS = 1_000
"""Of how many jobs what they printed is read: of those that failed first."""


async def write(
    run: AnyRun,
    path: str | os.PathLike[str],
    outputs: Sequence[Callable[[], Awaitable[str]]],
) -> Path:
    """Write a report of a run; see `Submission.report`.

    :param outputs: for each job what reads what it has printed
    """
    statuses = run.table.status
    by_worth = sorted(
        range(len(outputs)), key=lambda place: statuses[place] is not Status.FAILED
    )
    read = {place: await outputs[place]() for place in by_worth[:LOGS]}
    return await to_thread.run_sync(_write, _shown(run, read), path)


def _write(run: ShownRun, path: str | os.PathLike[str]) -> Path:
    """Write the page; whoever looks meanwhile sees the one before, or the whole."""
    file = Path(path).expanduser()
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")

    try:
        partial.write_text(report(run), encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise not_written(error, str(file), "the report") from error
    finally:
        partial.unlink(missing_ok=True)

    return file


def _shown(run: AnyRun, outputs: Mapping[int, str]) -> ShownRun:
    title = f"{run.id} {run.status}"
    return ShownRun(
        id=run.id,
        entity=run.entity.id,
        status=run.status,
        submitted=run.submitted,
        finished=run.finished_at,
        reason=run.ending.cancel_reason or "",
        dag=tasks.picture(run.dag.tasks, title, [*run.table.status]),
        gantt=gantt(run),
        jobs=[_job(job, outputs.get(job.place)) for job in run.jobs],
    )


def _job(job: JobState, output: str | None) -> ShownJob:
    usage, run_at = job.usage, job.run_at
    return ShownJob(
        id=job.id,
        name=job.name,
        status=job.status,
        reason=job.reason,
        traceback=job.stacktrace,
        began=None if run_at is None else run_at - job.run.submitted,
        ran=job.execution_duration,
        cpu=usage and usage.cpu,
        peak_rss=usage and usage.peak_rss,
        tries=[
            ShownTry(
                number=attempt.number,
                reason=attempt.reason,
                traceback=attempt.traceback,
            )
            for attempt in job.attempts
        ],
        output=output,
    )
