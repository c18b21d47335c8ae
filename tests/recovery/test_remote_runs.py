"""A run as another orchestrator on its store sees it: the truth, and soon."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after
from anyio.abc import ByteStream

from asyncflow import (
    Configuration,
    Event,
    JobAttemptFailed,
    JobFinished,
    JobPending,
    JobProgressed,
    JobStarted,
    Orchestrator,
    Scenario,
    Status,
    Submission,
    SubmissionFinished,
    SubmissionStarted,
    SubmissionStatus,
    current_job,
    report,
)
from asyncflow.abc import Progress
from asyncflow.entities.job import state_of
from asyncflow.entities.submission import run_of
from asyncflow.recovery import run_feed
from tests.support import flows
from tests.support.flows import fan, seen_by, statuses
from tests.support.programs import environment

pytestmark = pytest.mark.anyio

PATIENCE = 40.0
"""How long whatever may take, in seconds."""


def first(folder: str) -> str:
    """Fail once; report, wait for the file ``first``, and report again."""
    job = current_job()
    assert job is not None

    if job.attempt == 1:
        raise ValueError("no rows")

    report(1, 3, "one")
    flows.wait_for_file(f"{folder}/first")
    report(3, 3, "all")
    return folder


def second(folder: str) -> int:
    """Wait for the file ``second``."""
    flows.wait_for_file(f"{folder}/second")
    return 2


async def row(
    orchestrator: Orchestrator, config: Configuration, folder: Path
) -> Scenario:
    """Make two tasks in a row."""
    source = config.configure_data_node("source", default_data=str(folder))
    middle, result = [config.configure_data_node(one) for one in ("middle", "result")]
    tasks = [
        config.configure_task("first", first, source, middle, retry=2),
        config.configure_task("second", second, middle, result),
    ]
    return await orchestrator.create_scenario(config.configure_scenario("row", tasks))


async def until(submission: Submission, is_there: Callable[[Event], bool]) -> None:
    async for event in submission:
        if is_there(event):
            return


def reports(event: Event) -> bool:
    return isinstance(event, JobProgressed)


def starts(task: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, JobStarted) and event.task == task


@pytest.mark.smoke
async def test_another_sees_status_progress_and_every_event(
    one: Orchestrator, other: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    scenario = await row(one, config, tmp_path)
    submission = await scenario.submit().accepted()
    events: list[Event] = []

    async def follow(seen: Submission) -> None:
        events.extend([event async for event in seen])

    with fail_after(PATIENCE):
        await until(submission, reports)
        seen = await seen_by(other, submission)  # as it is, at once
        assert str(seen.status) == "RUNNING"
        assert statuses(seen.jobs) == ["RUNNING", "BLOCKED"]
        job = seen.jobs[0]
        assert job.progress == Progress(1, 3, "one")
        assert job.run_at == submission.jobs[0].run_at
        assert job.attempt == submission.jobs[0].attempt
        assert job.attempts == submission.jobs[0].attempts

        async with create_task_group() as group:
            group.start_soon(follow, seen)
            (tmp_path / "first").touch()
            await until(seen, starts("second"))
            assert await seen_by(other, submission) is seen
            assert statuses(seen.jobs) == ["COMPLETED", "RUNNING"]
            assert job.usage is not None
            assert job.finished_at == submission.jobs[0].finished_at
            (tmp_path / "second").touch()
            await seen

    own = [event async for event in submission]
    assert [one for one in events if not isinstance(one, JobProgressed)] == own
    assert [type(event) for event in events] == [
        SubmissionStarted,
        JobPending,
        JobStarted,
        JobAttemptFailed,
        JobStarted,
        JobProgressed,
        JobFinished,
        JobPending,
        JobStarted,
        JobFinished,
        SubmissionFinished,
    ]


async def test_what_has_failed_is_seen_with_its_error(
    one: Orchestrator, other: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    node = config.configure_data_node("node", default_data=str(tmp_path))
    tasks = [
        config.configure_task("fail", flows.fail, node),
        config.configure_task("second", second, node),
    ]
    scenario = await one.create_scenario(config.configure_scenario("two", tasks))
    submission = scenario.submit()

    with fail_after(PATIENCE):
        seen = await seen_by(other, await submission.accepted())
        await until(seen, lambda event: isinstance(event, JobFinished))
        await until(seen, starts("second"))
        failed = seen.jobs[0]
        assert failed.status is Status.FAILED
        assert failed.reason == submission.jobs[0].reason
        assert failed.stacktrace == submission.jobs[0].stacktrace != ""
        assert str(seen.status) == "RUNNING"
        (tmp_path / "second").touch()
        await seen.wait()

    assert seen.status is SubmissionStatus.FAILED
    assert seen.finished_at == submission.finished_at
    assert submission.error() is not None


async def test_a_program_sees_what_another_one_runs(
    one: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    program = """
import sys
import anyio
from asyncflow import JobFinished, JobStarted, Orchestrator
from tests.support.flows import configuration, statuses

async def main(folder, submission_id):
    async with Orchestrator(configuration(), f"{folder}/runs.db") as orchestrator:
        submission = await orchestrator.get(submission_id)
        print(statuses(submission.jobs), submission.jobs[0].progress.message, flush=True)

        async for event in submission:
            print(type(event).__name__, flush=True)

anyio.run(main, *sys.argv[1:])
"""
    scenario = await row(one, config, tmp_path)
    submission = await scenario.submit().accepted()

    with fail_after(PATIENCE):
        await until(submission, reports)
        command = [sys.executable, "-c", program, str(tmp_path), submission.id]

        async with await anyio.open_process(
            command, stderr=None, env=environment()
        ) as process:
            assert process.stdout is not None
            printed = b""

            while printed.count(b"JobStarted") < 2:
                printed += await process.stdout.receive()

            (tmp_path / "first").touch()

            while printed.count(b"JobStarted") < 3:
                printed += await process.stdout.receive()

            (tmp_path / "second").touch()

            with suppress(anyio.EndOfStream):
                while True:
                    printed += await process.stdout.receive()

        await submission

    lines = printed.decode().splitlines()
    assert lines[0] == "['RUNNING', 'BLOCKED'] one"
    assert lines[1:] == [
        "SubmissionStarted",
        "JobPending",
        "JobStarted",
        "JobAttemptFailed",
        "JobStarted",
        *["JobProgressed", "JobFinished", "JobPending", "JobStarted", "JobFinished"],
        "SubmissionFinished",
    ]


class Odd:
    """An owner as others see it that does not tell what happens: it is older, what it
    says makes no sense, or it cannot be reached.
    """

    def __init__(self, line: bytes | None) -> None:
        self.line = line
        self.asked: list[str] = []

    async def answer(self, stream: ByteStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                request = json.loads(await stream.receive())
                self.asked += request.keys()

                if "watch" in request and self.line is not None:
                    await stream.send(self.line)
                    await anyio.sleep_forever()
                elif "wait" in request:
                    await anyio.sleep_forever()

    async def stand_for(
        self, owner: Orchestrator, folder: Path, group: anyio.abc.TaskGroup
    ) -> None:
        """Answer in the place of an orchestrator."""
        path = folder / "odd"
        listener = await anyio.create_unix_listener(path)
        group.start_soon(self.serve, listener)
        assert owner._session.engine is not None
        owner._session.engine.store.save(
            owner._session.engine.own._replace(address=str(path))
        )
        await owner._session.engine.store.flush()

    async def serve(self, listener: anyio.abc.Listener[ByteStream]) -> None:
        async with listener:
            await listener.serve(self.answer)


@pytest.mark.parametrize(
    "line",
    [
        None,
        b"\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b'{"news": [[9, "RUNNING", 1, ""]], "next": 1, "is_all": true, "reason": null}\n',
        b'{"news": [[0, "RUNNING", 1e99, ""]], "next": 1, "is_all": true, "reason": ""}\n',
        b'{"news": [[0, "COMPLETED", 1, "", []]], "next": 1, "is_all": true, "reason": ""}\n',
    ],
    ids=["older", "empty", "without", "deep", "place", "time", "record"],
)
async def test_of_an_owner_that_does_not_tell_it_the_store_knows_it(
    one: Orchestrator,
    other: Orchestrator,
    config: Configuration,
    tmp_path: Path,
    line: bytes | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scenario = await row(one, config, tmp_path)
    submission = await scenario.submit().accepted()
    owner = Odd(line)
    events: list[Event] = []

    async def follow(seen: Submission) -> None:
        events.extend([event async for event in seen])

    with fail_after(PATIENCE):
        async with create_task_group() as group:
            await owner.stand_for(one, tmp_path, group)
            await until(submission, reports)
            seen = await seen_by(other, submission)

            async with create_task_group() as inner:
                inner.start_soon(follow, seen)
                await until(
                    seen,
                    lambda event: (
                        starts("first")(event) and seen.jobs[0].status is Status.RUNNING
                    ),
                )
                assert seen.status is SubmissionStatus.RUNNING
                (tmp_path / "first").touch()
                await until(seen, starts("second"))
                (tmp_path / "second").touch()
                await seen

            group.cancel_scope.cancel()

    assert owner.asked[:3] == ["watch", "since", "wait"]
    assert ("makes no sense" in caplog.text) == (line is not None)
    kinds = [type(event) for event in events if not isinstance(event, JobPending)]
    assert kinds == [
        SubmissionStarted,
        JobStarted,
        JobAttemptFailed,
        JobStarted,
        JobFinished,
        JobStarted,
        JobFinished,
        SubmissionFinished,
    ]


async def test_who_watches_and_does_not_read_costs_little(
    one: Orchestrator, config: Configuration
) -> None:
    go = anyio.Event()
    lines: list[bytes] = []

    async def wait(_: object) -> None:
        await go.wait()

    node = config.configure_in_memory_data_node("n", default_data=1)
    cfg = config.configure_scenario("s", config.configure_task("t", wait, node))
    submission = (await one.create_scenario(cfg)).submit()
    assert one._session.engine is not None
    store = one._session.engine.store

    async def send(line: bytes) -> None:
        """Take the first line only after much has happened."""
        lines.append(line)

        if len(lines) == 1:
            for count in range(10_000):
                state_of(submission.jobs[0]).reported(
                    Progress(count, None, "x" * 100), 1.0
                )

            assert all(
                len(live._reports) <= 1 for live in run_of(submission).watchers._reports
            )
            go.set()

    with fail_after(PATIENCE):
        await flows.until_started(submission)
        state_of(submission.jobs[0]).reported(Progress(1, None), 1.0)
        await run_feed.RunFeed(run_of(submission), store, send).send_all(0)

    assert b"9999" in b"".join(lines)
    assert len(b"".join(lines)) < 3_000
    assert not any(live.is_whole for live in run_of(submission).watchers._reports)


async def test_many_watch_one_run(
    one: Orchestrator, other: Orchestrator, config: Configuration
) -> None:
    scenario = await one.create_scenario(fan(config, flows.double, 1_000))
    submission = scenario.submit()
    assert one._session.engine is not None
    store = one._session.engine.store
    ends = [0] * 50

    async def watch(number: int) -> None:
        async def send(line: bytes) -> None:
            news = json.loads(line)["news"]
            assert len(news) <= run_feed.AT_ONCE
            ends[number] += sum(one[1] == "COMPLETED" for one in news)

        await run_feed.RunFeed(run_of(submission), store, send).send_all(0)

    with fail_after(PATIENCE):
        seen = await seen_by(other, await submission.accepted())

        async with create_task_group() as group:
            for number in range(50):
                group.start_soon(watch, number)

        await seen

    assert ends == [1_000] * 50
    assert statuses(seen.jobs) == ["COMPLETED"] * 1_000
    assert not run_of(submission).watchers._reports


async def test_who_watches_sees_the_end_of_a_run_that_moves_on(
    one: Orchestrator, other: Orchestrator, config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrator(config, tmp_path / "runs.db") as third:
        scenario = await row(third, config, tmp_path)
        submission = await scenario.submit().accepted()

        with fail_after(PATIENCE):
            await until(submission, reports)
            seen = [await seen_by(one, submission), await seen_by(other, submission)]
            assert third._session.engine is not None
            await third._session.engine.interrupt(0)

    for name in ("first", "second"):
        (tmp_path / name).touch()

    with fail_after(PATIENCE):
        for handle in seen:
            await handle
            events = [event async for event in handle]
            ends = [event.task for event in events if isinstance(event, JobFinished)]
            assert ends == ["first", "second"]
            assert statuses(handle.jobs) == ["COMPLETED"] * 2
