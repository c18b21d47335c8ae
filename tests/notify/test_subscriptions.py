"""Callbacks: called when the status of a job changes."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from anyio import Event as Signal
from anyio import fail_after

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    Job,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Status,
)
from asyncflow.notify import subscriptions
from tests.support import flows
from tests.support.flows import chain, single

pytestmark = pytest.mark.anyio

RUN = ["PENDING", "RUNNING", "COMPLETED"]


@pytest.fixture
def cfg(config: Configuration) -> ScenarioConfig:
    return single(config, flows.double)


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


class Calls:
    """What callbacks were called with, and a wait for a number of calls."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []
        self.threads: set[threading.Thread] = set()
        self._wanted = 0
        self._loop = asyncio.get_running_loop()
        self._reached = Signal()

    def plain(self, *given: object) -> None:
        self.threads.add(threading.current_thread())
        self._loop.call_soon_threadsafe(self._note, given)

    async def on_the_loop(self, *given: object) -> None:
        await asyncio.to_thread(lambda: None)
        self._note(given)

    def _note(self, given: tuple[object, ...]) -> None:
        self.made.append(given)

        if len(self.made) == self._wanted:
            self._reached.set()

    async def reach(self, count: int) -> None:
        self._wanted = count

        if len(self.made) < count:
            with fail_after(20):
                await self._reached.wait()

        self._reached = Signal()

    def statuses(self) -> list[str]:
        return [given[-1].status.value for given in self.made]


@pytest.mark.parametrize("kind", ["plain", "on_the_loop"])
@pytest.mark.both_loops
async def test_each_change_of_each_job_in_order(
    config: Configuration, orchestrator: Orchestrator, kind: str
) -> None:
    scenario = await orchestrator.create_scenario(
        chain(config, flows.double, flows.fail, flows.double)
    )
    calls = Calls()
    orchestrator.subscribe_scenario(getattr(calls, kind), ["a", 2])

    await scenario.submit().wait()
    await calls.reach(9)

    assert [
        (given[-1].task.config_id, given[-1].status.value) for given in calls.made
    ] == [
        ("t0", "PENDING"),
        ("t1", "BLOCKED"),
        ("t2", "BLOCKED"),
        ("t0", "RUNNING"),
        ("t0", "COMPLETED"),
        ("t1", "PENDING"),
        ("t1", "RUNNING"),
        ("t1", "FAILED"),
        ("t2", "ABANDONED"),
    ]
    assert {given[:-1] for given in calls.made} == {("a", 2, scenario)}
    assert threading.current_thread() not in calls.threads


@pytest.mark.smoke
async def test_a_job_stays_as_it_was_then(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(chain(config, flows.fail))
    calls = Calls()
    scenario.subscribe(calls.plain)

    submission = await scenario.submit().wait()
    await calls.reach(3)

    pending, running, failed = (given[-1] for given in calls.made)
    (job,) = submission.jobs
    assert (pending.status, pending.run_at, pending.reason) == (
        Status.PENDING,
        None,
        "",
    )
    assert (running.run_at, running.finished_at) == (job.run_at, None)
    assert (failed.run_at, failed.finished_at) == (job.run_at, job.finished_at)
    assert (pending.stacktrace, running.stacktrace) == ("", "")
    assert failed.reason == job.reason == "ValueError: no 1"
    assert failed.stacktrace == job.stacktrace != ""
    assert {one.id for one in (pending, running, failed)} == {job.id}
    assert failed.submission is submission


async def test_one_scenario_or_all(
    cfg: ScenarioConfig, orchestrator: Orchestrator
) -> None:
    one = await orchestrator.create_scenario(cfg)
    every, mine = Calls(), Calls()
    one.subscribe(mine.plain)
    orchestrator.subscribe_scenario(every.plain)
    later = await orchestrator.create_scenario(cfg)

    await one.submit()
    await later.submit()
    await every.reach(6)
    await mine.reach(3)

    assert [given[0] for given in every.made] == [one] * 3 + [later] * 3
    assert [given[0] for given in mine.made] == [one] * 3


async def test_the_parts_of_a_scenario_are_its_own(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    cfg = single(config, flows.double)
    cfg = config.configure_scenario(
        "parts", cfg.task_configs, sequences={"part": cfg.task_configs}
    )
    scenario = await orchestrator.create_scenario(cfg)
    every, mine = Calls(), Calls()
    scenario.subscribe(mine.plain)
    orchestrator.subscribe_scenario(every.plain)

    await scenario.part.submit()
    await scenario.work.submit()
    await every.reach(6)
    await mine.reach(6)

    assert {given[0] for given in [*every.made, *mine.made]} == {scenario}


async def test_callbacks_of_one_submission(
    cfg: ScenarioConfig, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    calls, others = Calls(), Calls()

    submission = scenario.submit(callbacks=[calls.plain, others.on_the_loop])
    await scenario.submit()
    await calls.reach(3)
    await others.reach(3)

    assert calls.statuses() == others.statuses() == RUN
    assert {len(given) for given in calls.made} == {1}
    assert {given[0].submission for given in calls.made} == {submission}
    assert submission.properties == {}


async def test_callbacks_of_a_run_that_is_under_way(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Any
) -> None:
    path = tmp_path / "go"
    cfg = single(config, flows.wait_for_file, str(path))
    scenario = await orchestrator.create_scenario(cfg)
    calls = Calls()
    one = await scenario.submit(idempotency_key="k").accepted()

    await flows.until_started(one)

    same = scenario.submit(idempotency_key="k", callbacks=[calls.plain])
    path.touch()
    await same
    await calls.reach(1)
    scenario.submit(idempotency_key="k", callbacks=[calls.plain])

    assert same is one
    assert calls.statuses() == ["COMPLETED"]


async def test_unsubscribe(cfg: ScenarioConfig, orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    calls = Calls()
    callback = calls.plain
    orchestrator.subscribe_scenario(callback, ["a"])
    orchestrator.subscribe_scenario(callback, ["b"])
    orchestrator.subscribe_scenario(callback, ["c"], scenario)

    orchestrator.unsubscribe_scenario(callback, ["b"])
    await scenario.submit()
    await calls.reach(6)
    assert sorted(given[0] for given in calls.made) == ["a"] * 3 + ["c"] * 3

    scenario.unsubscribe(callback)
    orchestrator.unsubscribe_scenario(callback)
    await scenario.submit()

    with pytest.raises(ValueError, match=r"not subscribed to all scenarios$"):
        orchestrator.unsubscribe_scenario(callback)

    with pytest.raises(ValueError, match=rf"to {scenario.id} with the params \(1,\)"):
        scenario.unsubscribe(callback, [1])

    assert len(calls.made) == 6


async def test_what_was_not_called_yet_is_not_called_any_more(
    cfg: ScenarioConfig, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    calls = Calls()

    async def once(_: Scenario, job: Job) -> None:
        await job.submission.wait()
        scenario.unsubscribe(once)
        calls.plain(job)

    scenario.subscribe(once)
    scenario.subscribe(calls.plain)
    await scenario.submit()
    await calls.reach(4)

    assert sorted(calls.statuses()) == sorted([*RUN, "PENDING"])


# ----------------------------------------------------------------------------- errors


def raise_value_error(*_: object) -> None:
    raise ValueError("of the callback")


def leave(*_: object) -> None:
    sys.exit(3)


async def raise_on_the_loop(*_: object) -> None:
    raise ValueError("of the callback")


async def leave_on_the_loop(*_: object) -> None:
    sys.exit(3)


async def raise_cancelled(*_: object) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("callback", "error"),
    [
        (raise_value_error, ValueError),
        (leave, SystemExit),
        (raise_on_the_loop, ValueError),
        (leave_on_the_loop, SystemExit),
        (raise_cancelled, asyncio.CancelledError),
    ],
)
async def test_an_error_is_logged_and_changes_nothing(
    cfg: ScenarioConfig,
    orchestrator: Orchestrator,
    caplog: pytest.LogCaptureFixture,
    callback: Callable[..., Any],
    error: type[BaseException],
) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    calls = Calls()
    scenario.subscribe(callback)
    scenario.subscribe(calls.plain)

    submission = await scenario.submit()
    await calls.reach(3)
    await orchestrator._opened().drain_notifications()

    assert [record.getMessage() for record in caplog.records] == [
        f"the callback {callback.__name__} failed for job {submission.jobs[0].id}, "
        f"which is {status}"
        for status in RUN
    ]

    for record in caplog.records:
        assert record.name == "asyncflow"
        assert record.thread != threading.get_ident()
        assert record.exc_info is not None
        assert record.exc_info[0] is error


async def test_a_name_is_found_for_whatever_can_be_called(
    cfg: ScenarioConfig,
    orchestrator: Orchestrator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit(callbacks=[functools.partial(raise_value_error, 1)])
    await orchestrator._opened().drain_notifications()

    assert "the callback functools.partial(<function raise_value" in caplog.text


async def test_what_returns_a_coroutine_is_awaited(
    cfg: ScenarioConfig, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    calls = Calls()
    scenario.subscribe(lambda *given: calls.on_the_loop(*given))
    await scenario.submit()
    await calls.reach(3)

    assert calls.statuses() == RUN


async def test_what_cannot_be_called_is_refused(
    cfg: ScenarioConfig, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(cfg)
    subscribe: Any = scenario.subscribe

    with pytest.raises(TypeError, match="a callback is a function; got 'print'"):
        subscribe("print")

    with pytest.raises(TypeError, match="got 5"):
        scenario.submit(callbacks=[print, 5])  # type: ignore[list-item]  # that is what is tested

    assert await orchestrator.submissions() == []


# ---------------------------------------------------------------------------- the end


async def test_the_last_calls_come_before_the_orchestrator_is_left(
    config: Configuration, cfg: ScenarioConfig
) -> None:
    read: list[object] = []

    async def read_result(scenario: Scenario, job: Job) -> None:
        if job.status is Status.COMPLETED:
            read.append(await scenario.result.read())

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        calls = Calls()
        scenario.subscribe(read_result)
        await scenario.submit()
        blocked = await orchestrator.create_scenario(chain(config, flows.block))
        blocked.submit(callbacks=[calls.on_the_loop])
        await calls.reach(2)  # it runs

    assert read == [2]
    assert calls.statuses() == ["PENDING", "RUNNING", "CANCELED"]


async def test_a_callback_that_hangs_holds_the_orchestrator_for_some_time_only(
    config: Configuration,
    cfg: ScenarioConfig,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriptions, "GRACE", 0.05)
    end = threading.Event()

    def hang(*_: object) -> None:
        end.wait(20)

    try:
        with fail_after(10):
            async with Orchestrator(config) as orchestrator:
                scenario = await orchestrator.create_scenario(cfg)
                await scenario.submit(callbacks=[hang])
    finally:
        end.set()

    assert "does not wait any longer for callbacks: test_a_callback" in caplog.text


# ------------------------------------------------------------------- the blocking face


def test_the_blocking_face(config: Configuration, cfg: ScenarioConfig) -> None:
    called: list[tuple[Any, ...]] = []
    values: list[object] = []

    def read(job: tp.Job) -> None:
        if job.status is Status.COMPLETED:
            values.append(job.task.output["result"].read())

    with tp.Orchestrator(config) as orchestrator:
        scenario = orchestrator.create_scenario(cfg)
        tp.subscribe_scenario(print)
        tp.unsubscribe_scenario(print)
        scenario.subscribe(print, ["a"])
        scenario.unsubscribe(print)
        orchestrator.subscribe_scenario(called.append, scenario=scenario)
        orchestrator.unsubscribe_scenario(called.append, scenario=scenario)
        orchestrator.subscribe_scenario(lambda *given: called.append(given), ["p"])

        with orchestrator.events() as events:
            submission = scenario.submit(wait=True, callbacks=[read])
            assert next(events).submission_id == submission.id

        assert orchestrator.statistics().finished[Status.COMPLETED] == 1

        with pytest.raises(ValueError, match="len is not subscribed to all"):
            tp.unsubscribe_scenario(len)

        with pytest.raises(TypeError, match="got 5"):
            scenario.submit(callbacks=[5])  # type: ignore[list-item]  # that is what is tested

    assert [given[:2] for given in called] == [("p", scenario)] * 3
    assert [given[2].status.value for given in called] == RUN
    assert isinstance(called[0][2], tp.Job)
    assert values == [2]


def test_a_callback_calls_verbs_while_the_blocking_face_closes(
    config: Configuration, cfg: ScenarioConfig
) -> None:
    closing = threading.Event()
    values: list[object] = []

    def read(job: tp.Job) -> None:
        if job.status is Status.COMPLETED:
            assert closing.wait(20)
            values.append(job.task.output["result"].read())

    with tp.Orchestrator(config) as orchestrator:
        loop = orchestrator._loop
        assert loop is not None
        loop._stack.callback(closing.set)  # the first thing that closing does
        orchestrator.create_scenario(cfg).submit(wait=True, callbacks=[read])

    assert values == [2]


def test_an_error_in_a_callback_of_the_blocking_face(
    config: Configuration, cfg: ScenarioConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with tp.Orchestrator(config) as orchestrator:
        scenario = orchestrator.create_scenario(cfg)
        scenario.subscribe(raise_value_error)
        scenario.submit(wait=True)

    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 3
    assert "the callback raise_value_error failed" in logged[0].getMessage()
