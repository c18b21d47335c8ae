"""A firewall round each task: what is raised there ends what it concerns, and no more.

In each test something raises, or tells nonsense. Then an innocent run completes, and the
orchestrator is left in peace.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import connect_unix, create_task_group, fail_after

from asyncflow import (
    Configuration,
    Job,
    Orchestrator,
    OrchestratorFailed,
    SubmissionFailed,
    SubmissionStatus,
    UsageError,
)
from asyncflow.abc import (
    Call,
    Crashed,
    Executor,
    Killed,
    Outcome,
    Returned,
    Store,
    Watch,
)
from asyncflow.events import Event
from asyncflow.notify.listener import Listener, Notification
from asyncflow.plan.plan import Plan
from asyncflow.records import JobRecord, Record, SubmissionRecord
from asyncflow.runtime import wiring
from asyncflow.stores.memory import MemoryStore
from tests.support import flows
from tests.support.flows import chain, configuration, single, statuses

pytestmark = pytest.mark.anyio

BAD = "work"
"""The task that something happens to."""


async def check_innocent(orchestrator: Orchestrator, config: Configuration) -> None:
    """See a run complete that has nothing to do with what failed."""
    given = config.configure_data_node("given", default_data=1)
    doubled = config.configure_data_node("doubled")
    task = config.configure_task("innocent", flows.double, given, doubled)
    cfg = config.configure_scenario("peaceful", task)

    with fail_after(20):
        await (await orchestrator.create_scenario(cfg)).submit()


# ------------------------------------------------------------------------- executors


class Toy(Executor):
    """Runs all but one task as another executor does; that one it misuses.

    :param misuse: what it does instead
    """

    def __init__(self, inner: Executor, misuse: Callable[..., Any]) -> None:
        self.inner = inner
        self.misuse = misuse
        self.max_batch = inner.max_batch  # type: ignore[misc]  # as the other says

    async def begin(self) -> None:
        raise RuntimeError("it cannot begin")

    async def warm(self, count: int) -> None:
        raise RuntimeError("it cannot get ready")

    async def shrink(self, count: int) -> None:
        raise RuntimeError("it cannot shrink")

    @property
    def workers(self) -> int:
        return self.inner.workers

    def kill(self, call: Call, *, now: bool = False) -> None:
        if call.task == BAD:
            raise RuntimeError("it cannot kill")

        self.inner.kill(call, now=now)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        if calls[0].task != BAD:
            await self.inner.run(calls, watch)
            return

        await anyio.lowlevel.checkpoint()
        await self.misuse(calls, watch)


@contextmanager
def misused(misuse: Callable[..., Any]) -> Iterator[None]:
    """Have jobs of one task misused by the orchestrators that are opened meanwhile."""

    class Around:
        def wrap_store(self, store: Store) -> Store:
            return store

        def wrap_executor(self, executor: Executor) -> Executor:
            return Toy(executor, misuse)

    one = Around()
    wiring.wrappers.append(one)

    try:
        yield
    finally:
        wiring.wrappers.remove(one)


async def raise_error(calls: Sequence[Call], watch: Watch) -> None:
    raise RuntimeError("it went wrong")


async def raise_group(calls: Sequence[Call], watch: Watch) -> None:
    raise ExceptionGroup("it went wrong", [RuntimeError("twice")])


async def raise_cancelled(calls: Sequence[Call], watch: Watch) -> None:
    raise asyncio.CancelledError("it went wrong")


async def raise_exit(calls: Sequence[Call], watch: Watch) -> None:
    raise SystemExit("it went wrong")


async def tell_nothing(calls: Sequence[Call], watch: Watch) -> None:
    pass


def telling(*outcomes: object) -> Callable[..., Any]:
    async def tell(calls: Sequence[Call], watch: Watch) -> None:
        for outcome in outcomes:
            watch.ended(calls[0], outcome)  # type: ignore[arg-type]  # on purpose

    return tell


def telling_together(*outcomes: Any) -> Callable[..., Any]:
    async def tell(calls: Sequence[Call], watch: Watch) -> None:
        watch.all_ended(calls, outcomes)

    return tell


async def tell_of_others(calls: Sequence[Call], watch: Watch) -> None:
    stranger = calls[0]._replace(job_id="JOB_nobody_0")
    watch.started(stranger, None)
    watch.ended(stranger, Returned((b"",)))
    watch.returned([stranger])
    watch.all_ended([stranger], [Returned((b"",))])


@pytest.mark.parametrize(
    ("misuse", "why"),
    [
        pytest.param(raise_error, "it went wrong", id="raises"),
        pytest.param(raise_group, "it went wrong", id="raises a group"),
        pytest.param(raise_cancelled, "CancelledError", id="raises a cancel"),
        pytest.param(raise_exit, "SystemExit", id="raises an exit"),
        pytest.param(tell_nothing, "told no outcome", id="tells nothing"),
        pytest.param(telling(None), "an outcome that is none: None", id="tells None"),
        pytest.param(telling("done"), "outcome that is none", id="tells a text"),
        pytest.param(telling(Killed()), "nobody had asked for", id="tells a kill"),
        pytest.param(telling(Returned(())), "0 of 1 outputs", id="too few outputs"),
        pytest.param(telling_together(), "0 outcomes of 1 jobs", id="too few"),
        pytest.param(
            telling_together(Returned(()), Returned(())), "2 outcomes", id="too many"
        ),
        pytest.param(telling_together(None), "an outcome", id="tells None of all"),
        pytest.param(tell_of_others, "which it was not given", id="tells of others"),
    ],
)
@pytest.mark.parametrize("retries", [0, 2])
async def test_an_executor_without_sense_costs_crashes(
    misuse: Callable[..., Any], why: str, retries: int
) -> None:
    config = configuration()
    cfg = single(config, flows.double, crash_retries=retries)

    with misused(misuse):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)

            with fail_after(20):
                submission = await scenario.submit().wait()

            (job,) = submission.jobs
            await check_innocent(orchestrator, config)

    assert job.status == "FAILED"
    assert why in job.reason
    assert len(job.attempts) == retries


@pytest.mark.parametrize("tell", [telling, telling_together], ids=["one", "all"])
@pytest.mark.parametrize("value", [[1], 3], ids=["list", "number"])
async def test_outputs_that_cannot_be_kept_fail_the_job(
    tell: Callable[..., Any], value: Any, config: Configuration, tmp_path: Path
) -> None:
    with misused(tell(Returned((value,)))):
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            cfg = single(config, flows.double)
            submission = (await orchestrator.create_scenario(cfg)).submit()

            with (
                fail_after(20),
                pytest.raises(SubmissionFailed, match="cannot be kept"),
            ):
                await submission

            await check_innocent(orchestrator, config)


@pytest.mark.smoke
async def test_an_outcome_told_twice_counts_once(config: Configuration) -> None:
    first: list[Outcome] = [Returned((b"\x80\x04K\x07.",)), Crashed(3)]

    with misused(telling(*first)):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, flows.double))

            with fail_after(20):
                await scenario.submit()

            assert await scenario.result.read() == 7
            await check_innocent(orchestrator, config)


async def test_a_kill_that_fails_cancels_the_executor(config: Configuration) -> None:
    running = anyio.Event()

    async def block(calls: Sequence[Call], watch: Watch) -> None:
        watch.started(calls[0], None)
        running.set()
        await anyio.sleep_forever()

    with misused(block):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, flows.double))
            submission = scenario.submit()

            with fail_after(20):
                await running.wait()
                submission.cancel()
                await submission.wait()

            assert submission.status is SubmissionStatus.CANCELED
            await check_innocent(orchestrator, config)


async def test_workers_that_cannot_get_ready_or_end() -> None:
    config = configuration(prewarm=True)

    with misused(raise_error):
        async with Orchestrator(config) as orchestrator:
            orchestrator.max_nb_of_workers = 1
            await check_innocent(orchestrator, config)


# ------------------------------------------------------------------------------ stores


class BadStore(MemoryStore):
    """Raises what no store should."""

    async def claim(
        self, record: SubmissionRecord, inputs: object = ()
    ) -> SubmissionRecord:
        raise RuntimeError("it cannot claim")


class BadSaves(MemoryStore):
    """Cannot save what one task has done, nor a run of its scenario."""

    def save(self, *records: Record) -> None:
        for record in records:
            if (isinstance(record, JobRecord) and f"_{BAD}_" in record.id) or (
                isinstance(record, SubmissionRecord)
                and record.finished_at is not None
                and "_single_" in record.entity_id
            ):
                raise RuntimeError("it cannot save")

        super().save(*records)


async def test_a_claim_that_fails_ends_its_run(config: Configuration) -> None:
    cfg = single(config, flows.double)

    async with Orchestrator(config, BadStore()) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(idempotency_key="k")

        with fail_after(20):
            with pytest.raises(RuntimeError, match="it cannot claim"):
                await submission

            with pytest.raises(RuntimeError, match="it cannot claim"):
                await submission.accepted()

            await orchestrator.drain()

        assert statuses(submission.jobs) == ["CANCELED"]
        assert scenario.submit(idempotency_key="k") is not submission
        await check_innocent(orchestrator, config)


async def test_a_save_that_fails_ends_its_run(config: Configuration) -> None:
    cfg = single(config, flows.double)

    async with Orchestrator(config, BadSaves()) as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()

        with fail_after(20), pytest.raises(RuntimeError, match="it cannot save"):
            await submission

        assert statuses(submission.jobs) == ["FAILED"]
        await check_innocent(orchestrator, config)


# ------------------------------------------------------------------------------ submit


async def test_a_key_with_a_lone_surrogate_is_refused(config: Configuration) -> None:
    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))

        with pytest.raises(ValueError, match="surrogate"):
            scenario.submit(idempotency_key="\ud800")


# --------------------------------------------------------------------- who is told


class BadListener(Listener):
    def run_started(self, submission: object) -> None:
        raise RuntimeError("in begins")

    def wants(self, kind: type[Event] | None) -> bool:
        return True

    def take(self, news: Notification) -> None:
        raise RuntimeError("in take")

    def end(self, failure: Exception | None) -> None:
        raise RuntimeError("in end")


class BadTaste(BadListener):
    def wants(self, kind: type[Event] | None) -> bool:
        raise RuntimeError("in wants")


@pytest.mark.parametrize("listener", [BadListener(), BadTaste()])
async def test_a_listener_that_raises_is_logged(
    config: Configuration, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Orchestrator(config) as orchestrator,
        orchestrator.listen(listener),
    ):
        await check_innocent(orchestrator, config)

    assert "RuntimeError: in " in caplog.text


async def test_a_trace_that_cannot_be_continued(config: Configuration) -> None:
    class BadTrace(BadListener):
        def traceparent(self, job: Job) -> str | None:
            raise RuntimeError(f"no trace of {job.id}")

    async with (
        Orchestrator(config) as orchestrator,
        orchestrator.listen(BadTrace()),
    ):
        await check_innocent(orchestrator, config)


# ------------------------------------------------------------------------------- peers


@pytest.fixture
async def shared(config: Configuration, tmp_path: Path) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        yield orchestrator


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\xff\xfe\n",
        b"{}\n",
        b"[" * 60000 + b"\n",
        b'{"wait": 5}\n',
        b"x" * 70000,
        b'{"cancel": "SUBMISSION_0", "reason": "\\ud800"}\n',
    ],
)
async def test_a_stranger_ends_nothing(
    shared: Orchestrator, config: Configuration, request_: bytes
) -> None:
    (record,) = await shared.store.orchestrators()

    with fail_after(20):
        for _ in range(3):
            async with await connect_unix(record.address) as stream:
                with suppress(anyio.BrokenResourceError):
                    await stream.send(request_)

    await check_innocent(shared, config)


async def test_a_watcher_that_dies_as_the_run_ends(
    shared: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    (record,) = await shared.store.orchestrators()
    cfg = single(config, flows.wait_for_file, str(go))
    submission = await (await shared.create_scenario(cfg)).submit().accepted()

    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(record.address)
        peer.send(b'{"wait": "%s"}\n' % submission.id.encode())
        await anyio.wait_all_tasks_blocked()
        peer.shutdown(socket.SHUT_RD)
        go.touch()

        with fail_after(20):
            await submission

        await check_innocent(shared, config)


# -------------------------------------------------------------------------- the engine


PLANS = ["submitted", "admitted", "offered_together", "ended"]


@pytest.mark.parametrize("event", PLANS)
async def test_where_the_plan_fails_all_are_told(
    config: Configuration, monkeypatch: pytest.MonkeyPatch, event: str, tmp_path: Path
) -> None:
    told: list[BaseException] = []

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no plan")

    async def watch(verb: Callable[[], Awaitable[object]]) -> None:
        try:
            await verb()
        except OrchestratorFailed as error:
            told.append(error)

    async def run() -> None:
        async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
            blocked = await orchestrator.create_scenario(chain(config, flows.block))
            other = await orchestrator.create_scenario(single(config, flows.double))
            innocent = await blocked.submit().accepted()

            async def read() -> None:
                async with orchestrator.events() as events:
                    async for _ in events:
                        pass

            async with create_task_group() as group:
                for verb in (innocent._result, innocent.wait, orchestrator.drain, read):
                    group.start_soon(watch, verb)

                await anyio.wait_all_tasks_blocked()
                monkeypatch.setattr(Plan, event, fail)

                with suppress(RuntimeError):  # those of what it calls itself
                    other.submit()

            assert innocent.is_finished

            with pytest.raises((UsageError, OrchestratorFailed)):
                other.submit()

    with fail_after(20), pytest.raises(RuntimeError, match="no plan"):
        await run()

    assert len(told) == 3
    assert all(isinstance(error.__cause__, RuntimeError) for error in told)
