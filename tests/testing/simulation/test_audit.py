"""The audit: what it calls a broken promise."""

from __future__ import annotations

import pytest

from asyncflow.ids import of_job
from asyncflow.records import JobRecord, SubmissionRecord, VersionRecord
from asyncflow.status import Status, SubmissionStatus
from asyncflow.testing.simulation.asked import Asked
from asyncflow.testing.simulation.audit import Audit
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.ending import Ending
from asyncflow.testing.simulation.trial import Trial
from asyncflow.testing.simulation.world import World
from asyncflow.worker.current import CurrentJob

RUN = "SUBMISSION_0123456789abcdef"


@pytest.fixture
def trial() -> Trial:
    return drawn(3)


@pytest.fixture
def audit(world: World, trial: Trial) -> Audit:
    made = Audit(world, trial, Disk(world))
    flow = trial.flows[0]
    nodes = {node.name: f"DATANODE_{node.name}_k" for node in flow.nodes}
    made.asked[RUN] = Asked(RUN, flow, 0.0, 0, world.spawn("p", "a"), nodes)
    return made


def _job(audit: Audit, status: Status) -> JobRecord:
    task = audit.asked[RUN].flow.tasks[0].name
    job_id = of_job(task, RUN.partition("_")[2])
    return JobRecord(job_id, f"TASK_{task}_x", RUN, status, "", 1.0, 2.0, "")


def _run(finished: float | None) -> SubmissionRecord:
    status = SubmissionStatus.COMPLETED if finished else SubmissionStatus.SUBMITTED
    return SubmissionRecord(
        RUN, "S", "S", "O", status, 0.0, finished, "", False, "continue", "", {}
    )


def _keep(audit: Audit, *records: JobRecord | VersionRecord | SubmissionRecord) -> None:
    audit.saves(audit.asked[RUN].process, records)
    audit.disk.kept.save(*records)
    audit.committed(audit.asked[RUN].process)


def test_an_outcome_comes_once(audit: Audit, world: World) -> None:
    _keep(audit, _job(audit, Status.FAILED))
    assert not world.violations

    _keep(audit, _job(audit, Status.FAILED))

    assert "came twice: FAILED (), then FAILED ()" in world.violations[0]


def test_a_value_comes_with_its_commit(audit: Audit, world: World) -> None:
    job = _job(audit, Status.FAILED)

    _keep(audit, job, VersionRecord("DATANODE_a_k", 1, b"", job_id=job.id))

    assert "no commit" in world.violations[0]


def test_a_job_completes_with_its_outputs(audit: Audit, world: World) -> None:
    _keep(audit, _job(audit, Status.COMPLETED))

    assert "has completed with the outputs []" in world.violations[0]
    assert "has completed, and never ran" in world.violations[1]


def test_a_run_ends_with_its_jobs(audit: Audit, world: World) -> None:
    _keep(audit, _run(2.0))

    assert "has finished with 0 of" in world.violations[0]


def test_a_job_reads_what_its_run_makes(audit: Audit, world: World) -> None:
    task = audit.asked[RUN].flow.tasks[0]
    job = CurrentJob(_job(audit, Status.RUNNING).id, RUN, task.name)

    audit.called(job, [{"id": f"{name}=x"} for name in task.inputs])

    assert "not what was there at its submit" in world.violations[0]


def test_what_was_accepted_ends(audit: Audit, world: World) -> None:
    audit.asked[RUN].is_accepted = True
    ending = Ending(audit)

    ending.at_end([], [])
    ending.at_end([_run(None)], [])

    assert world.violations == [
        f"{RUN} was accepted, and is lost",
        f"{RUN} was accepted, and has not ended",
    ]
