"""What the store is told of jobs that run for long; `test_recovery` has what for."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from anyio import Event, fail_after

from asyncflow import Orchestrator, Status
from asyncflow.records import JobRecord, Record
from asyncflow.stores.memory import MemoryStore
from tests.support.flows import configuration, single, wait_for_file

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class NoMarks(MemoryStore):
    """Keeps how jobs end, and not that they run."""

    refused: list[str] = attrs.field(factory=list)
    has_refused_two: Event = attrs.field(factory=Event)

    def save(self, *records: Record) -> None:
        for record in records:
            if isinstance(record, JobRecord) and record.status is Status.RUNNING:
                self.refused.append(record.id)

                if len(self.refused) == 2:
                    self.has_refused_two.set()

                raise OSError(28, "No space left on device")

        super().save(*records)


async def test_jobs_go_on_whose_marks_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is told, once, and none holds up the marks of the others."""
    file = tmp_path / "file"
    config = configuration()
    cfg = single(config, wait_for_file, str(file))
    store = NoMarks()

    async with Orchestrator(config, store) as orchestrator:
        with fail_after(50):
            runs = [(await orchestrator.create_scenario(cfg)).submit() for _ in "12"]
            await store.has_refused_two.wait()
            file.touch()

            for run in runs:
                await run

        jobs = [run.jobs[0].id for run in runs]

    assert sorted(store.refused) == sorted(jobs)

    for job in jobs:
        assert caplog.text.count(f"that {job} runs was not kept") == 1
