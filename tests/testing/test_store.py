"""The store that sees what has happened, and is silent once the program is to die."""

from __future__ import annotations

import pytest
from anyio import move_on_after

from asyncflow.abc import Store
from asyncflow.events import Event, JobFinished, SubmissionFinished, SubmissionStarted
from asyncflow.options import Page
from asyncflow.records import Record
from asyncflow.status import Status, SubmissionStatus
from asyncflow.stores.memory import MemoryStore
from asyncflow.testing._kill_switch import KillSwitch
from asyncflow.testing._store import FaultyStore
from tests.support.records import job_record, scenario_record, submission_record


@pytest.mark.anyio
async def test_a_store_with_faults_has_all_that_a_store_has() -> None:
    inner = MemoryStore()
    store = FaultyStore.around(inner, KillSwitch())
    assert isinstance(store, Store)

    for name in vars(Store):
        if not name.startswith("_"):
            assert hasattr(store, name)

    async with store:
        assert await store.submissions(page=Page(limit=1)) == []
        assert await store.get("JOB_1") is None
        assert store.values_folder is None


class Switch(KillSwitch):
    """Keeps events; the end comes when a test says it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[type[Event], str | None]] = []
        self.is_over = False

    @property
    def has_come(self) -> bool:
        return self.is_over

    def note(self, event: type[Event], task: str | None = None) -> None:
        self.events.append((event, task))


RECORDS: list[Record] = [
    scenario_record(1),
    submission_record(1, status=SubmissionStatus.SUBMITTED),
    job_record(1, id="JOB_my_task_0123", status=Status.RUNNING),
    job_record(1, id="JOB_my_task_0123", status=Status.FAILED),
    submission_record(1, status=SubmissionStatus.FAILED, finished=2.5),
]


@pytest.mark.anyio
async def test_it_sees_what_records_tell() -> None:
    switch = Switch()

    async with FaultyStore.around(MemoryStore(), switch) as store:
        store.save(*RECORDS)
        assert len(await store.jobs()) == 1

    assert switch.events == [
        (SubmissionStarted, None),
        (JobFinished, "my_task"),
        (SubmissionFinished, None),
    ]


@pytest.mark.anyio
async def test_a_new_submission_is_seen_once() -> None:
    switch = Switch()
    run = submission_record(1, status=SubmissionStatus.SUBMITTED)

    async with FaultyStore.around(MemoryStore(), switch) as store:
        store.save(scenario_record(1))
        assert await store.claim(run) == run
        assert await store.claim(run._replace(orchestrator_id="another")) == run
        await store.submit(run._replace(id="SUBMISSION_s_2"))()

    assert switch.events == [(SubmissionStarted, None)] * 2


@pytest.mark.anyio
async def test_after_the_end_it_takes_nothing_and_answers_nobody() -> None:
    switch, inner = Switch(), MemoryStore()
    run = submission_record(1, status=SubmissionStatus.SUBMITTED)

    async with inner:
        store = FaultyStore.around(inner, switch)
        store.save(scenario_record(1))
        switch.is_over = True
        store.save(job_record(1))
        store.pin(run.id, {"DATANODE_n_1": None})
        asks = (
            store.jobs,
            store.flush,
            store.submit(run),
            lambda: store.claim(run),
            lambda: store.get("SCENARIO_c_1"),
        )

        for ask in asks:
            with move_on_after(0.01) as scope:
                await ask()

            assert scope.cancelled_caught

        assert (await inner.jobs(), await inner.submissions()) == ([], [])

    assert switch.events == []


@pytest.mark.anyio
async def test_what_was_asked_before_the_end_has_no_answer_after_it() -> None:
    switch = Switch()

    class Dying(MemoryStore):
        """Ends the program while it answers."""

        async def flush(self) -> None:
            switch.is_over = True

    async with Dying() as inner:
        with move_on_after(0.01) as scope:
            await FaultyStore.around(inner, switch).flush()

    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_all_up_to_the_end_is_durable() -> None:
    switch, inner = KillSwitch(), MemoryStore()
    FaultyStore.around(inner, switch)
    assert switch._flushes == [inner.flush]
