"""Suspects: jobs that may have taken the program along, as when memory runs out.

The process of an orchestrator dies, and a job that ran may be why. Which jobs ran is in
the store only where they ran for a while. So once a run was taken over after a crash,
each of its jobs runs alone, and the store knows of it before it starts; after a second
crash without any progress they run one at a time, with those of other such runs. A job
that alone is known to have run when an orchestrator died has crashed, and its
``crash_retries`` bound that. One that had only been sent is told from that by a file, which
its worker removes as the call begins. What it loads before, this process has loaded, too;
only after many crashes in a row that is taken for why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import attrs

from asyncflow.config.sections import TaskConfig
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.entities.submission import Run
from asyncflow.plan.queues import Needs
from asyncflow.records import JobRecord
from asyncflow.status import Status
from asyncflow.worker.current import LOADING

ALONE: Needs = {"": 1.0}
"""The resource of which there is enough for one job at a time, by a name that no other
can have."""

LOADS = 10
"""After how many crashes without progress what is loaded for a job is a suspect, too."""

ALTERNATELY = 2
"""After how many crashes without progress the jobs of a run go one at a time."""


def specs_of(run: Run, specs: Sequence[CallSpec]) -> Sequence[CallSpec]:
    """Tell how the jobs of a run are called: each alone, where one is a suspect."""
    if not run.crashes:
        return specs

    return [
        attrs.evolve(spec, can_share_batch=False, can_chain=False) for spec in specs
    ]


def needs_of(run: Run) -> Mapping[int, Needs]:
    """Return the named resources that the jobs of a run need, by place."""
    needs = run.dag.needs

    if run.crashes < ALTERNATELY:
        return needs

    places = range(len(run.tasks))
    return {place: {**needs.get(place, {}), **ALONE} for place in places}


def ran(record: JobRecord) -> bool:
    """Tell whether a job ran when its orchestrator died."""
    return record.status is Status.RUNNING


def waiting_file(owner_id: str, run: Run, place: int) -> str:
    """Name the file, beside the values, that is there until the call of a job begins.

    :param owner_id: the orchestrator whose job it is: nobody else removes the file
    """
    return f"{owner_id}-waits-{run.key}-{place}"


def note_waiting(
    run: Run, kept: dict[str, JobRecord], owner_id: str, waiting: Mapping[str, int]
) -> None:
    """Take those jobs for waiting that the store has as running, and had not begun.

    :param kept: what is kept of the jobs, by their ids
    :param waiting: the sizes of the files that are there, by their names
    """
    for job in run.jobs:
        size = waiting.get(waiting_file(owner_id, run, job.place))
        record = kept.get(job.id)

        if (
            record is not None
            and ran(record)
            and size is not None
            and (size < LOADING or run.crashes <= LOADS)
        ):
            kept[job.id] = record._replace(status=Status.PENDING)


def why_it_ends(config: TaskConfig, crashes: int) -> str:
    """Say why a job that ran when its orchestrator died does not run again; ``""``
    where it does.

    :param config: that of its task
    :param crashes: how often it has crashed, as far as is known
    """
    if config.on_restart == "fail":
        return "its orchestrator was killed while it ran, and on_restart is 'fail'"

    if crashes <= config.crash_retries:
        return ""

    times = "once" if crashes == 1 else f"{crashes} times"
    return (
        f"the process of its orchestrator died {times} while it ran, and crash_retries "
        f"is {config.crash_retries}: perhaps the job takes the program along, as when "
        "memory runs out (see memory_limit)"
    )


def failed(record: JobRecord, reason: str) -> JobRecord:
    """Make the record of a job that does not run again."""
    return record._replace(status=Status.FAILED, reason=reason, finished=time.time())
