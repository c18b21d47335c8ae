"""A batch: its listener is told what makes sense, and a violation is remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import attrs
import pytest
from anyio import create_task_group

from asyncflow import Configuration
from asyncflow.abc import Call, Log, Outcome, Printed, Progress, Raised, Returned, Store
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.batch import Batch
from asyncflow.dispatch.echo import Echo
from asyncflow.stores.memory import MemoryStore
from asyncflow.task_group import Tasks
from tests.support.attempts import make_attempts
from tests.support.flows import double

pytestmark = pytest.mark.anyio


@attrs.define
class Notes:
    """Keeps what is told of jobs."""

    told: list[tuple[str, str]] = attrs.field(factory=list)
    error: Exception | None = None
    """What it raises; None for nothing."""
    store: Store = attrs.field(factory=MemoryStore)

    def _note(self, word: str, attempt: Attempt) -> None:
        self.told.append((word, attempt.job_id))

        if self.error is not None:
            raise self.error

    def started(self, attempt: Attempt, log: Log | None) -> None:
        self._note("started", attempt)

    def loading(self, attempt: Attempt) -> None:
        self._note("loading", attempt)

    def called(self, attempt: Attempt) -> None:
        self._note("called", attempt)

    def reported(self, attempt: Attempt, progress: Progress) -> None:
        self._note("reported", attempt)

    def ended(self, attempt: Attempt, outcome: Outcome) -> None:
        attempt.is_over = True
        self._note("ended", attempt)

    def all_ended(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> None:
        for attempt, outcome in zip(attempts, outcomes, strict=True):
            self.ended(attempt, outcome)

    def returned(self, attempt: Attempt) -> None:
        self._note("returned", attempt)

    def failed(self, attempts: Sequence[Attempt], error: Exception) -> None:
        self.told += [(f"failed: {error}", attempt.job_id) for attempt in attempts]


@attrs.define
class Owner:
    """A slot that has got a batch ready, or not."""

    prefetched: list[Attempt] = attrs.field(factory=list)

    def may_defer(
        self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]
    ) -> bool:
        return True

    def late_end(self) -> None:
        pass


@attrs.define
class Case:
    """A batch of two jobs, and what was told of it."""

    attempts: list[Attempt]
    batch: Batch
    notes: Notes
    owner: Owner

    @property
    def calls(self) -> list[Call]:
        return [call(attempt.job_id) for attempt in self.attempts]

    def of(self, word: str) -> list[tuple[str, str]]:
        return [(word, attempt.job_id) for attempt in self.attempts]


def call(job_id: str) -> Call:
    return Call(job_id, "f0", double, b"code", (), ())


DONE = Returned((b"1",))


@pytest.fixture
async def case(config: Configuration) -> AsyncIterator[Case]:
    attempts, notes, owner = await make_attempts(config, 2), Notes(), Owner()

    async with create_task_group() as group:
        batch = Batch(
            notes,
            attempts,
            Echo(False),
            None,
            Tasks(group),
            owner,
        )
        yield Case(attempts, batch, notes, owner)


async def test_what_happens_to_a_job_is_told(case: Case) -> None:
    one = case.calls[0]
    case.batch.started(one, None)
    case.batch.loading(one)
    case.batch.called(one)
    case.batch.reported(one, Progress(1, 2))
    assert case.batch.unreported() == case.attempts
    case.batch.ended(one, DONE)
    told = ["started", "loading", "called", "reported", "ended"]
    assert case.notes.told == [(word, one.job_id) for word in told]
    assert case.batch.unreported() == case.attempts[1:]
    assert case.batch.violation == ""


async def test_a_job_that_it_was_not_given_is_a_violation(case: Case) -> None:
    case.batch.ended(call("JOB_other"), DONE)
    assert case.notes.told == []
    assert case.batch.violation == "something of JOB_other, which it was not given"


async def test_an_outcome_that_is_none_is_a_violation(case: Case) -> None:
    case.batch.ended(case.calls[0], "done")  # type: ignore[arg-type]  # on purpose
    assert case.batch.violation == "an outcome that is none: 'done'"
    assert case.batch.unreported() == case.attempts


async def test_fewer_outcomes_than_jobs_are_a_violation(case: Case) -> None:
    case.batch.all_ended(case.calls, [DONE])
    assert case.batch.violation == "1 outcomes of 2 jobs"
    assert case.notes.told == []


async def test_jobs_that_ended_together_are_completed_at_once(case: Case) -> None:
    case.batch.all_ended(case.calls, [DONE, DONE])
    assert case.notes.told == case.of("ended")


async def test_jobs_that_are_deferred_are_completed_once(case: Case) -> None:
    case.owner.prefetched += case.attempts[:1]  # so that they may be completed later
    case.batch.all_ended(case.calls, [DONE, DONE])
    assert case.notes.told == []
    assert case.batch.unreported() == []  # their executor has told their ends
    case.batch.complete_deferred()
    case.batch.complete_deferred()
    assert case.notes.told == case.of("ended")


async def test_what_was_deferred_is_kept_once_it_is_completed(case: Case) -> None:
    case.owner.prefetched += case.attempts[:1]
    case.batch.all_ended(case.calls, [DONE, DONE])
    await case.batch.kept()
    assert case.notes.told == case.of("ended")


async def test_what_a_job_printed_is_shown_before_it_is_kept(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.batch.echo = Echo(True)
    case.batch.ended(case.calls[0], Returned((b"1",), Printed("hello\n", 0)))
    assert case.notes.told == []
    await case.batch.kept()
    assert case.notes.told == case.of("ended")[:1]
    assert capsys.readouterr().out == "hello\n"


async def test_jobs_are_given_back_the_last_one_first(case: Case) -> None:
    case.batch.returned(case.calls)
    assert case.notes.told == case.of("returned")[::-1]


@pytest.mark.parametrize("told", ["end", "ends", "back"])
async def test_what_cannot_be_taken_ends_the_jobs_that_it_concerns(
    case: Case, told: str
) -> None:
    case.notes.error = RuntimeError("no")

    if told == "end":
        case.batch.ended(case.calls[0], Raised("ValueError: no", "", None))
    elif told == "ends":
        case.batch.all_ended(case.calls, [DONE, DONE])
    else:
        case.batch.returned(case.calls[:1])

    failed = case.of("failed: no")
    assert case.notes.told[1:] == (failed if told == "ends" else failed[:1])


async def test_a_start_that_cannot_be_taken_is_logged(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.notes.error = RuntimeError("no")
    case.batch.started(case.calls[0], None)
    case.batch.reported(case.calls[0], Progress(1, 2))
    assert [one.levelname for one in caplog.records] == ["ERROR", "ERROR"]
