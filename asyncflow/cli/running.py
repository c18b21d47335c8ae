"""Runs in this process: driven to their end, and shown meanwhile."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import click

from asyncflow.cli.group import FAILED, INTERRUPTED, Failure
from asyncflow.cli.output import (
    is_of_output,
    note,
    print_facts,
    print_json,
    print_line,
    print_table,
    shown_duration,
)
from asyncflow.display.progress import shown_on, told
from asyncflow.entities.shown_run import Seen
from asyncflow.entities.submission import Submission, run_of
from asyncflow.status import SubmissionStatus

T = TypeVar("T")


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run an event loop until something has ended.

    :raises Failure: where Ctrl-C has ended it
    """
    try:
        return anyio.run(main)
    except KeyboardInterrupt:
        raise Failure("interrupted", INTERRUPTED) from None


async def followed(submission: Submission, *, title: str, jsonl: bool) -> Submission:
    """Show a run until it has ended; return it, however that was.

    On cancel only the watching ends. Where its lines cannot be printed any more, the
    program is interrupted as by Ctrl-C: the run stays in the store.

    :param jsonl: whether each event is printed as a line of JSON
    """
    seen = Seen(run_of(submission))
    progress = shown_on(sys.stderr, title, len(submission.jobs), seen)

    try:
        async for event in submission:
            if jsonl:
                jsonl = _is_printed(event.as_dict())

            told(progress, event)
    finally:
        progress.close()

    return submission


def _is_printed(value: object) -> bool:
    """Print a line; where that cannot be done, say why and interrupt this program."""
    try:
        print_line(value)
    except OSError as error:
        if not is_of_output(error):
            raise

        note(f"no more lines can be printed ({error.strerror or error})")
        signal.raise_signal(signal.SIGINT)
        return False

    return True


def summary(submission: Submission) -> dict[str, object]:
    """Return what became of a run as plain data."""
    duration = submission.execution_duration
    return {
        "id": submission.id,
        "scenario_id": submission.entity.scenario_id,
        "status": str(submission.status),
        "duration": duration,
        "counts": {
            str(status): count for status, count in submission.counts().items() if count
        },
        "jobs": [
            {
                "id": job.id,
                "task": job.name,
                "status": str(job.status),
                "reason": job.reason,
                "duration": job.execution_duration,
            }
            for job in submission.jobs
        ],
    }


def finish(
    submission: Submission, *, as_json: bool, jsonl: bool, module: str | None = None
) -> None:
    """Print the summary of a run that has ended.

    :param module: what has its code, as far as that was told
    :raises click.exceptions.Exit: with 1, where it has not completed
    """
    if as_json:
        print_json(summary(submission))
    elif not jsonl:
        _print(submission, module)

    if submission.status is not SubmissionStatus.COMPLETED:
        raise click.exceptions.Exit(FAILED)


def _print(submission: Submission, module: str | None) -> None:
    counts = submission.counts()
    text = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    print_facts(
        {
            "Submission": submission.id,
            "Scenario": submission.entity.scenario_id,
            "Status": str(submission.status),
            "Jobs": text,
            "Took": shown_duration(submission.execution_duration),
        }
    )
    bad = [job for job in submission.jobs if job.reason and job.stacktrace]

    if bad:
        click.echo()
        rows = [(job.name, str(job.status), job.id, job.reason) for job in bad]
        print_table(("TASK", "STATUS", "JOB", "REASON"), rows)
        again = f"{submission.id} -m {module}" if module else submission.id
        note(f"\nasyncflow show {submission.id}  has the tracebacks")
        note(f"asyncflow retry {again}  runs again what has not completed")
