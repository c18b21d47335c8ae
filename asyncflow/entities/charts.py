"""Charts of runs: what is known of their jobs' times, drawn."""

from __future__ import annotations

import time

from asyncflow.display.picture import GanttPicture
from asyncflow.display.timeline import JobTimes, timeline
from asyncflow.runs.job import JobState
from asyncflow.runs.run import AnyRun


def gantt(run: AnyRun) -> GanttPicture:
    """Picture when the jobs of a run waited and ran, as things are now."""
    configs = run.dag.tasks
    jobs = [
        _times(job, getattr(config.function, "__name__", ""))
        for job, config in zip(run.jobs, configs, strict=True)
    ]
    now = time.time() if run.finished_at is None else run.finished_at
    shown = timeline(jobs, run.dag.predecessors, submitted=run.submitted, now=now)
    return GanttPicture(shown, f"{run.id} {run.status}")


def _times(job: JobState, function: str) -> JobTimes:
    worked = None

    if job.usage is not None and job.run_at is not None:
        worked = max(0.0, job.usage.started + job.usage.wall - job.run_at)

    return JobTimes(
        name=job.name,
        status=job.status,
        reason=job.reason,
        like=function or job.name,
        started=job.run_at,
        worked=worked,
        finished=job.finished_at,
        tries=[(attempt.started, attempt.ended) for attempt in job.attempts],
    )
