"""What jobs print, followed while another process runs them."""

from __future__ import annotations

from collections import deque

import click
from anyio import create_task_group, sleep

from asyncflow import ids
from asyncflow.cli.output import print_line
from asyncflow.cli.running import run
from asyncflow.entities.job import Job
from asyncflow.entities.submission import Submission
from asyncflow.events import JobStarted
from asyncflow.orchestrator import Orchestrator

BURST = 0.3
"""How long lines count as printed before, from the first that comes on, in seconds."""


def follow(
    store: str | None, entity_ids: list[str], *, jsonl: bool, tail: int | None
) -> None:
    """Print what jobs have printed, and what they print until they have ended.

    :param entity_ids: of submissions and jobs
    :param tail: how many lines of what was printed before, of each job that runs; None for
        all
    """

    async def main() -> None:
        async with Orchestrator(store=store, adopt=False) as orchestrator:
            printer = _Printer(jsonl, tail, is_single=len(entity_ids) == 1)

            async with create_task_group() as group:
                for entity_id in entity_ids:
                    entity = await orchestrator.get(entity_id)

                    if isinstance(entity, Job):
                        group.start_soon(printer.job, entity)
                    elif isinstance(entity, Submission):
                        group.start_soon(printer.submission, entity)

    run(main)


class _Printer:
    def __init__(self, jsonl: bool, tail: int | None, *, is_single: bool) -> None:
        self._jsonl = jsonl
        self._tail = tail
        self._is_single = is_single

    async def submission(self, submission: Submission) -> None:
        """Print what the jobs of a run print."""
        ended = [job for job in submission.jobs if job.is_finished]
        before = [(job, line) for job in ended for line in await _lines(job)]

        for job, line in deque(before, self._tail):
            self._print(job, line, is_named=True)

        known = {job.id for job in ended}
        jobs = {job.id: job for job in submission.jobs}

        async with create_task_group() as group:
            async for event in submission:
                if isinstance(event, JobStarted) and event.job_id not in known:
                    known.add(event.job_id)  # it may be tried again
                    group.start_soon(self._follow, jobs[event.job_id])

    async def _follow(self, job: Job, *, is_named: bool = True) -> None:
        """Print the last lines of what it has printed so far, then each as it comes."""
        held: deque[str] | None = None
        is_first = self._tail is not None

        def let_go() -> None:
            nonlocal held

            for line in held or ():
                self._print(job, line, is_named=is_named)

            held = None

        async def wait() -> None:
            await sleep(BURST)
            let_go()

        async with create_task_group() as group:
            async for line in job.follow():
                if is_first:
                    is_first, held = False, deque(maxlen=self._tail)
                    group.start_soon(wait)

                if held is None:
                    self._print(job, line.rstrip("\n"), is_named=is_named)
                else:
                    held.append(line.rstrip("\n"))

            let_go()
            group.cancel_scope.cancel()

    async def job(self, job: Job) -> None:
        """Print what a job prints."""
        if job.is_finished:
            for line in deque(await _lines(job), self._tail):
                self._print(job, line, is_named=not self._is_single)

            return

        await self._follow(job, is_named=not self._is_single)

    def _print(self, job: Job, line: str, *, is_named: bool) -> None:
        if self._jsonl:
            facts = {"job_id": job.id, "task": ids.config_of(job.id), "line": line}
            print_line(facts)
            return

        click.echo(f"[{job.name}] {line}" if is_named else line)


async def _lines(job: Job) -> list[str]:
    return (await job.output()).splitlines()
