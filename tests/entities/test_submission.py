"""What the verbs of a submission promise: section 4 of the design, line by line."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after, move_on_after, to_thread

from asyncflow import (
    Configuration,
    JobFinished,
    JobPending,
    JobStarted,
    NoData,
    NotFound,
    NotPicklable,
    Orchestrator,
    Status,
    Submission,
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionFinished,
    SubmissionStarted,
    SubmissionStatus,
)
from tests.support import flows
from tests.support.flows import chain, configuration, fan, is_alive, single, statuses

pytestmark = pytest.mark.anyio


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


async def started(path: Path) -> int:
    """Wait until `flows.touch_and_block` runs; return the process id of its child."""

    def wait() -> int:
        while not path.exists():
            time.sleep(0.002)

        return int(path.read_text())

    with fail_after(20):
        return await to_thread.run_sync(wait, abandon_on_cancel=True)


async def gone(process: int) -> None:
    """Wait until a process is dead: a kill is on its way."""

    def wait() -> None:
        while is_alive(process):
            time.sleep(0.002)

    with fail_after(5):
        await to_thread.run_sync(wait, abandon_on_cancel=True)


@pytest.mark.smoke
async def test_submit_is_a_plain_call_and_starts_at_once(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double, 21))

    submission = scenario.submit(user="Zoë")

    assert statuses(submission.jobs) == ["PENDING"]
    assert submission.status.value == "PENDING"
    assert submission.properties == {"user": "Zoë"}
    assert await submission.accepted() is submission
    assert await submission is submission
    assert submission.status is SubmissionStatus.COMPLETED
    assert await scenario.result.read() == 42
    assert await orchestrator.get(submission.id) is submission
    assert await orchestrator.get(scenario.id) is scenario


async def test_awaited_many_times_from_many_tasks(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))
    submission = scenario.submit()
    seen = []

    async def watch() -> None:
        seen.append(await submission)

    async with create_task_group() as group:
        for _ in range(3):
            group.start_soon(watch)

    assert seen == [submission] * 3
    assert await submission is submission


async def test_timeout_ends_the_waiting_only(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "started"
    cfg = single(config, flows.touch_and_block, str(path))
    scenario = await orchestrator.create_scenario(cfg)
    submission = scenario.submit(timeout=0.01)

    with pytest.raises(TimeoutError, match=r"has not ended after 0\.01 s; it goes on"):
        await submission

    await started(path)
    assert submission.jobs[0].status is Status.RUNNING
    assert await submission.wait(timeout=0) is submission
    assert not submission.is_finished


async def test_cancel_of_a_watcher_leaves_the_run_alone(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))
    submission = scenario.submit()

    with move_on_after(0):
        await submission

    await submission
    assert submission.status is SubmissionStatus.COMPLETED


async def test_cancel_kills_the_process_group_and_the_pool_survives(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "started"
    cfg = chain(config, lambda _: flows.touch_and_block(str(path)), flows.double)
    scenario = await orchestrator.create_scenario(cfg)
    submission = scenario.submit()
    child = await started(path)

    submission.cancel(reason="changed my mind")
    submission.cancel(reason="too late to matter")
    await submission.wait()

    assert statuses(submission.jobs) == ["CANCELED", "CANCELED"]
    assert submission.status is SubmissionStatus.CANCELED
    assert submission.jobs[0].reason == "changed my mind"
    await gone(child)

    with pytest.raises(SubmissionCanceled, match="changed my mind"):
        await submission

    sound = await orchestrator.create_scenario(fan(config, flows.double, 4))
    await sound.submit()


async def test_cancel_of_what_has_ended_changes_nothing(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))
    submission = await scenario.submit()

    submission.cancel()

    assert submission.status is SubmissionStatus.COMPLETED
    assert await submission is submission


async def test_a_block_owns_its_run(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double, 21))

    async with scenario.submit() as submission:
        assert not submission.is_finished

    assert submission.status is SubmissionStatus.COMPLETED


async def test_a_block_that_is_left_by_return_waits_for_its_run(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double, 21))

    async def leave() -> Submission:
        async with scenario.submit() as submission:
            return submission

    submission = await leave()
    assert submission.status is SubmissionStatus.COMPLETED


@pytest.mark.parametrize("how", ["error", "cancel", "timeout"])
async def test_leaving_a_block_early_cancels_its_run(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "started"
    cfg = single(config, flows.touch_and_block, str(path))
    scenario = await orchestrator.create_scenario(cfg)

    async def leave() -> None:
        async with scenario.submit(timeout=0.01 if how == "timeout" else None):
            await started(path)

            if how == "error":
                raise KeyError(how)

            if how == "cancel":
                scope.cancel()

    with anyio.CancelScope() as scope:
        if how == "cancel":
            await leave()
        else:
            with pytest.raises(KeyError if how == "error" else TimeoutError):
                await leave()

    (submission,) = await orchestrator.submissions(scenario_id=scenario.id)
    assert submission.status == "CANCELED"
    await gone(int(path.read_text()))


async def test_a_failure_abandons_what_needs_it(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    cfg = chain(config, flows.double, flows.fail, flows.double, flows.double)
    scenario = await orchestrator.create_scenario(cfg)
    submission = await scenario.submit().wait()

    assert statuses(submission.jobs) == [
        "COMPLETED",
        "FAILED",
        "ABANDONED",
        "ABANDONED",
    ]
    assert submission.jobs[2].reason == "it needs t1, which failed"
    assert submission.status is SubmissionStatus.FAILED
    assert "t1: ValueError: no 2" in str(submission.error())
    assert await scenario.n1.read() == 2

    with pytest.raises(NoData):
        await scenario.n2.read()


async def test_independent_branches_go_on(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    source = config.configure_in_memory_data_node("source", default_data=1)
    tasks = [
        config.configure_task(f"bad{index}", flows.fail, source) for index in range(2)
    ]
    tasks.append(config.configure_task("good", flows.double, source))
    cfg = config.configure_scenario("mixed", tasks)
    scenario = await orchestrator.create_scenario(cfg)

    with pytest.raises(SubmissionFailed) as caught:
        await scenario.submit()

    assert len(caught.value.exceptions) == 2
    (record,) = await orchestrator.submissions()
    submission = await orchestrator.get(record.id)
    assert isinstance(submission, Submission)
    assert statuses(submission.jobs) == ["FAILED", "FAILED", "COMPLETED"]


async def test_on_failure_stop_ends_the_rest(tmp_path: Path) -> None:
    config = configuration(workers=2)
    path = tmp_path / "started"
    source = config.configure_in_memory_data_node("source", default_data=1)
    tasks = [
        config.configure_task(
            "long", lambda _: flows.touch_and_block(str(path)), source
        ),
        config.configure_task("bad", lambda _: wait_and_fail(str(path)), source),
        config.configure_task("waiting", flows.double, source),
    ]
    cfg = config.configure_scenario("stops", tasks)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit(on_failure="stop").wait()

    assert statuses(submission.jobs) == ["CANCELED", "FAILED", "CANCELED"]
    assert submission.jobs[2].reason == "the run stops as bad failed"
    assert submission.status is SubmissionStatus.FAILED


def wait_and_fail(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.002)

    raise ValueError("now")


async def test_events_from_the_first_then_live(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(
        chain(config, flows.double, flows.fail, flows.double)
    )
    submission = scenario.submit()
    live = [event async for event in submission]
    again = [event async for event in submission]

    assert live == again
    assert [type(event) for event in live] == [
        SubmissionStarted,
        JobPending,
        JobStarted,
        JobFinished,
        JobPending,
        JobStarted,
        JobFinished,
        JobFinished,
        SubmissionFinished,
    ]
    failed = live[6]
    assert isinstance(failed, JobFinished)
    assert (failed.task, failed.status) == ("t1", "FAILED")
    assert failed.reason == "ValueError: no 2"
    assert [event.at for event in live] == sorted(event.at for event in live)
    assert live[-1].at.tzinfo is not None


async def test_a_short_run_does_not_wait_for_a_long_one(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    long = await orchestrator.create_scenario(fan(config, flows.double, 500))
    short = await orchestrator.create_scenario(
        chain(config, flows.double, flows.double, flows.double)
    )
    slow, quick = long.submit(), short.submit()

    await quick

    assert slow.counts().get(Status.COMPLETED, 0) < 100
    await slow


async def test_the_same_scenario_twice_at_once(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(
        chain(config, flows.double, flows.double)
    )
    runs = [scenario.submit() for _ in range(5)]

    for run in runs:
        await run

    first, second = [run.jobs[0] for run in runs[:2]]
    assert first.finished_at is not None
    assert second.run_at is not None
    assert runs[0].finished_at is not None
    assert runs[0].finished_at <= second.run_at


async def test_shared_nodes_order_the_jobs_of_all_scenarios(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    total = config.configure_data_node("total", scope=flows.GLOBAL, default_data=0)
    task = config.configure_task("add", flows.add_and_read, total)
    writer = config.configure_task("count", flows.increment, None, total)
    reading = config.configure_scenario("reading", task)
    writing = config.configure_scenario("writing", writer)
    one = await orchestrator.create_scenario(reading)
    other = await orchestrator.create_scenario(writing)

    assert one.total is other.total
    runs = [scenario.submit() for scenario in (one, other, one, other)]
    [await run for run in runs]

    for earlier, later in itertools.pairwise(runs):
        assert earlier.finished_at is not None
        assert later.jobs[0].run_at is not None
        assert earlier.finished_at <= later.jobs[0].run_at


async def test_an_input_that_nobody_writes_is_refused(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    source = config.configure_data_node("nothing")
    cfg = config.configure_scenario(
        "empty", config.configure_task("t", flows.double, source)
    )
    scenario = await orchestrator.create_scenario(cfg)

    with pytest.raises(NoData, match="'nothing' was never written"):
        scenario.submit()

    assert await orchestrator.submissions() == []
    await scenario.nothing.write(4)
    await scenario.submit()


async def test_a_function_that_cannot_travel_is_refused(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    holder: list[object] = []
    cfg = single(config, lambda _: holder)
    scenario = await orchestrator.create_scenario(cfg)
    holder.append(1)
    holder.append(threading.Lock())

    with pytest.raises(NotPicklable, match=r"task 'work': .*<closure holder>\[1\]"):
        scenario.submit()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": -1}, ValueError),
        ({"timeout": "5"}, ValueError),
        ({"on_failure": "explode"}, ValueError),
        ({"run_timeout": 0}, ValueError),
        ({"priority": "high"}, ValueError),
        ({"callbacks": ["call me"]}, TypeError),
    ],
)
async def test_wrong_options_are_refused(
    config: Configuration,
    orchestrator: Orchestrator,
    options: dict[str, object],
    error: type[Exception],
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))
    submit: Callable[..., object] = scenario.submit

    with pytest.raises(error):  # the rows name the type
        submit(**options)

    assert await orchestrator.submissions() == []


async def test_unknown_ids(orchestrator: Orchestrator) -> None:
    with pytest.raises(NotFound, match="SCENARIO_x"):
        await orchestrator.get("SCENARIO_x")


async def test_reprs_help(config: Configuration, orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(chain(config, flows.fail), name="Ω")
    submission = await scenario.submit().wait()

    assert "FAILED" in repr(submission)
    assert "1 FAILED" in repr(submission)
    assert repr(submission.jobs[0]) == "<Job t0 FAILED: ValueError: no 1>"
    assert "'Ω'" in repr(scenario)
    assert "never written" in repr(scenario.n1)
    assert repr(scenario.t0) == "<Task t0: n0 -> n1>"


async def test_skippable_runs_once_while_nothing_changes(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    cfg = single(config, flows.pid, skippable=True)
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit()

    again = await scenario.submit()
    assert statuses(again.jobs) == ["SKIPPED"]
    assert again.status is SubmissionStatus.COMPLETED

    assert statuses((await scenario.submit(force=True)).jobs) == ["COMPLETED"]

    await scenario.source.write(2)
    assert statuses((await scenario.submit()).jobs) == ["COMPLETED"]

    await scenario.result.write(0)
    assert statuses((await scenario.submit()).jobs) == ["COMPLETED"]
