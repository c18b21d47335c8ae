"""Completion: the ends of the jobs of one batch, and of which there is nothing to tell
but that they completed. They are told and saved together, as there are many of them.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import time
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeGuard

from asyncflow.abc import Outcome, Returned, Usage
from asyncflow.dispatch.attempt import Attempt
from asyncflow.entities.submission import Run
from asyncflow.records import JobRecord, Record, VersionRecord
from asyncflow.runs.node import Version
from asyncflow.status import Status
from asyncflow.values.value_cache import WORTH
from asyncflow.values.versions import Versions

_new = tuple.__new__
_run, _second = attrgetter("run"), itemgetter(1)


class Completion(NamedTuple):
    """Jobs whose outputs are visible, and which have not ended yet."""

    records: list[Record]
    """What is to be saved."""
    runs: Sequence[Run]
    ended: list[tuple[int, Usage]]
    at: float

    def notify(self) -> None:
        """Tell the runs, each once for those of its jobs that follow each other."""
        if len({*map(id, self.runs)}) == 1:  # as it mostly is: fast
            self.runs[0].completed(self.ended, self.at)
            return

        ends = iter(self.ended)

        for run, same in groupby(self.runs):
            run.completed([*map(_second, zip(same, ends, strict=False))], self.at)


def is_simple_success(outcome: Outcome, attempt: Attempt) -> TypeGuard[Returned]:
    """Tell whether there is nothing to tell but that a job completed."""
    table = attempt.run.table  # looked at here, as there is one for each job
    return (
        type(outcome) is Returned
        and outcome.log is None
        and outcome.usage is not None
        and len(outcome.kept) == len(attempt.task.output)
        and not attempt.is_over
        and attempt.spec.fingerprint is None
        and not (table.made and attempt.ref[1] in table.made)
        and table.released is None
    )


def complete(
    attempts: Sequence[Attempt], outcomes: Sequence[Returned], versions: Versions
) -> Completion:
    """Make the outputs of jobs visible; their runs are told once that is saved."""
    at, number, completed = time.time(), time.time_ns(), Status.COMPLETED
    records: list[Record] = []
    ended: list[tuple[int, Usage]] = []

    for attempt, (kept, _, usage) in zip(attempts, outcomes, strict=True):
        assert usage is not None
        task, job_id, run_id = attempt.task, attempt.job_id, attempt.run.id
        attempt.spec.duration.add(usage.wall)
        start, _, cpu, rss, by = usage
        job = job_id, task.id, run_id, completed, "", start, at, "", (), cpu, rss, by
        records.append(_new(JobRecord, job))
        ended.append((attempt.ref[1], usage))

        for node, stored in zip(task.output.values(), kept, strict=True):
            if (
                node.version is None
                and type(stored) is bytes
                and node.driver.is_durable
            ):
                node.version = version = Version(number, stored, run_id)

                if len(stored) >= WORTH:
                    versions.cache.add(node, version)

                made = node.id, number, stored, True, job_id, None, "", None, None, None
                records.append(_new(VersionRecord, made))
            else:
                records += versions.replace(node, stored, job_id=job_id)

    return Completion(records, [*map(_run, attempts)], ended, at)
