"""A whole orchestrator under a machine that submits, cancels, breaks and restarts."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

import anyio
import attrs
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from asyncflow import (
    JobFinished,
    Orchestrator,
    Status,
    StoreFailed,
    Submission,
    SubmissionFailed,
    SubmissionFinished,
    UsageError,
)
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.entities.job import Job
from asyncflow.entities.submission import run_of
from asyncflow.executors.process.executor import ProcessExecutor
from asyncflow.status import DONE, FINAL
from asyncflow.testing import Faults
from tests.support import machine
from tests.support.machine import MortalStore

BROKEN = frozenset({Status.FAILED, Status.CANCELED, Status.ABANDONED})
PATIENCE = 120.0
"""How long all that was begun may take to end, in seconds."""


@attrs.define(eq=False)
class Run:
    """What the machine knows of a submission."""

    name: str
    """Of its scenario's config."""
    handle: Submission | None
    key: str | None = None
    is_accepted: bool = False
    """Whether it was seen to be durable: from then on it ends."""
    is_disturbed: bool = False
    """Whether anything was done that may keep it from completing at the first try."""
    is_whole: bool = True
    """Whether it has all the jobs of its scenario."""
    attempts: int | None = None
    """How many attempts had failed when it was cancelled; None where it was not."""
    ended: dict[str, str] | None = None
    """How its jobs have ended, once that was seen to be durable."""

    @property
    def id(self) -> str:
        assert self.handle is not None
        return self.handle.id


@attrs.frozen
class Order:
    """A submission, and what becomes of it."""

    place: int
    """Which scenario config, of those that are used."""
    is_new: bool
    priority: int
    on_failure: str
    run_timeout: float | None
    key: str | None
    ends: str
    """``"run"`` or ``"job"`` where that is cancelled at once."""
    jobs: dict[int, list[int]]
    """What jobs are told to do, at each attempt: the places of words that are used."""


ORDERS = st.builds(
    Order,
    place=st.integers(0, 9),
    is_new=st.booleans(),
    priority=st.sampled_from([0, 0, 1, 5]),
    on_failure=st.sampled_from(["continue", "stop"]),
    run_timeout=st.sampled_from([*[None] * 6, 0.02, 0.2]),
    key=st.sampled_from([None, None, None, "a"]),
    ends=st.sampled_from([*[""] * 8, "run", "job"]),
    jobs=st.dictionaries(
        st.integers(0, 3),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
        max_size=2,
    ),
)


class Complaints(logging.Handler):
    """Collects the errors that are only logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None

        # That its store has died is no news to one that is left, nor that a run failed.
        if error is not None and not isinstance(error, StoreFailed | SubmissionFailed):
            self.found.append(self.format(record))

    def hear(self, _loop: object, context: dict[str, Any]) -> None:
        """Take what the event loop tells of a callback, or of a task."""
        error = context.get("exception")

        # A worker was killed in the middle of a write.
        if not isinstance(error, BrokenPipeError | ConnectionResetError):
            self.found.append(f"{context} {error!r}")


class Machine(RuleBasedStateMachine):
    """Drives an orchestrator, on an event loop in a thread of its own."""

    inline: ClassVar[bool]
    workers: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        self.stack.callback(shutil.rmtree, self.folder)
        self.patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        self.patch.setenv(machine.FOLDER, str(self.folder))
        self.complaints = Complaints()
        logger = logging.getLogger("asyncflow")
        logger.addHandler(self.complaints)
        self.stack.callback(logger.removeHandler, self.complaints)
        self.config = machine.declare(self.workers, inline=self.inline)
        self.portal = self.stack.enter_context(start_blocking_portal("asyncio"))
        self.faults = Faults()
        self.session = self.gate = 0
        self.let_go()
        self.has_failed = False
        self.runs: list[Run] = []
        self.faulty: set[str] = set()
        """The scenario configs that a fault was ordered for."""
        self.scenarios: dict[str, str] = {}
        """The id of the last scenario of each config."""
        self.pids: set[int] = set()

    @initialize(
        faults=st.booleans(),
        names=st.lists(st.sampled_from(machine.NAMES), min_size=1, max_size=4),
        words=st.lists(st.sampled_from(machine.ORDERS), min_size=1, max_size=4),
        orders=st.lists(ORDERS, min_size=1, max_size=4),
    )
    def begin(
        self, faults: bool, names: list[str], words: list[str], orders: list[Order]
    ) -> None:
        """Choose what is used, few of all there is, so that much happens to it.

        Where faults can be ordered, each job is a batch of its own.
        """
        self.has_faults, self.names, self.words = faults, names, words

        if faults:
            self.stack.enter_context(self.faults)

        self.call(self.open)
        self.submit(orders)

    # ------------------------------------------------------------------ the rules

    @rule(orders=st.lists(ORDERS, min_size=1, max_size=4))
    def submit(self, orders: list[Order]) -> None:
        for order in orders:
            name = self.names[order.place % len(self.names)]
            told = {
                machine.task_name(name, index): [
                    self.words[place % len(self.words)] for place in attempts
                ]
                for index, attempts in order.jobs.items()
            }
            run = Run(name, None, order.key and f"{order.key}_{name}")
            words = {word for attempts in told.values() for word in attempts}
            run.is_disturbed = bool(
                order.run_timeout or order.ends or words - {"be slow", "wait"}
            )
            self.runs.append(run)
            self.call(self._submit, run, order, told)

    async def _submit(self, run: Run, order: Order, told: dict[str, list[str]]) -> None:
        scenario_id = self.scenarios.get(run.name)

        if scenario_id is None or order.is_new:
            made = await self.orchestrator.create_scenario(run.name)
            scenario_id = self.scenarios[run.name] = made.id

        scenario: Any = await self.orchestrator.get(scenario_id)
        run.key = run.key and f"{run.key}_{scenario_id}"  # a key is of one scenario
        self.hasten()
        run.handle = scenario.submit(
            priority=order.priority,
            on_failure=order.on_failure,
            run_timeout=order.run_timeout,
            idempotency_key=run.key,
        )
        self.hasten()
        others = [one for one in self.runs if one is not run and one.handle]
        same = [one for one in others if one.id == run.id]

        if same:  # a submission with this key is there
            self.runs[self.runs.index(run)] = same[0]
        else:
            (self.folder / run.id).write_text(json.dumps(told))

            if order.ends == "run":
                self._cancel(run)
            elif order.ends == "job":
                self._cancel_job(run, order.priority)

    def hasten(self) -> None:
        """Have functions known to be short: only such jobs share a batch."""
        assert self.orchestrator._session.engine is not None

        for pace in self.orchestrator._session.engine.specs._durations._known.values():
            pace.seconds, pace.is_short = 0.0001, True

    @rule()
    def let_go(self) -> None:
        """Let those go on that wait for it."""
        self.gate += 1
        (self.folder / "gate").write_text(f"{self.gate}")

    @rule()
    def cancel_what_ends(self) -> None:
        """Cancel a run one of whose jobs is just being killed."""
        if run := self.call(self._cancel_what_ends):
            run.is_disturbed = True

    async def _cancel_what_ends(self) -> Run | None:
        with anyio.move_on_after(0.1):
            while True:
                for flight in self.walk.in_flight._by_ref.values():
                    for run in self.runs:
                        if (
                            run.handle
                            and run_of(run.handle) is flight.run
                            and flight.verdict
                        ):
                            self._cancel(run)
                            return run

                await anyio.sleep(0.001)

        return None

    @rule(chance=st.integers(0, 99))
    def cancel(self, chance: int) -> None:
        if run := self.pick(chance):
            run.is_disturbed = True
            self.call(self._cancel, run)

    def _cancel(self, run: Run) -> None:
        assert run.handle is not None
        was_finished = run.handle.is_finished
        asked = self.orchestrator.cancel(run.handle, reason="the machine cancels")
        assert asked is not was_finished

        if run.attempts is None and not was_finished:
            run.attempts = failed_attempts(run.handle)

    @rule(chance=st.integers(0, 99), index=st.integers(0, 3))
    def cancel_job(self, chance: int, index: int) -> None:
        if run := self.pick(chance):
            run.is_disturbed = True
            self.call(self._cancel_job, run, index)

    def _cancel_job(self, run: Run, index: int) -> None:
        assert run.handle is not None
        job = run.handle.jobs[index % len(run.handle.jobs)]

        number = self.walk.runs.number(run_of(run.handle))
        ref = number, run.handle.jobs.index(job)

        if number is not None:
            may_complete = job.is_finished or ref in self.walk.in_flight._by_ref
            job.cancel()

            if not may_complete:
                self.canceled.append(job)

    @rule(chance=st.integers(0, 99))
    def wait_a_moment(self, chance: int) -> None:
        """Let time pass: until a run has ended, or a little."""
        if run := self.pick(chance):
            self.call(self._wait, run, 0.03)

    async def _wait(self, run: Run, seconds: float) -> None:
        assert run.handle is not None

        with anyio.move_on_after(seconds):
            await run.handle.wait()
            self.note_end(run)

    @rule(chance=st.integers(0, 99))
    def accept(self, chance: int) -> None:
        if run := self.pick(chance):
            self.call(self._accept, run)

    async def _accept(self, run: Run) -> None:
        assert run.handle is not None
        await run.handle.accepted()
        run.is_accepted = True

    @rule(chance=st.integers(0, 99))
    def read(self, chance: int) -> None:
        if run := self.pick(chance):
            self.call(self._read, run)

    async def _read(self, run: Run) -> None:
        """Read what a run has written; a value that is there is right."""
        assert run.handle is not None
        scenario: Any = await self.orchestrator.get(run.handle.entity.id)
        kind, shape = machine.kind_of(run.name), machine.shape_of(run.name)

        if run.is_whole and kind not in ("reading", "writing"):
            for index, job in enumerate(jobs_of(run.handle)):
                is_done = job.status in DONE  # before it is read
                node = scenario.data_nodes[f"{run.name}_{index}"]

                if is_done:
                    assert await node.read() == machine.value_of(shape, index)

    @rule(chance=st.integers(0, 99))
    def retry_failed(self, chance: int) -> None:
        run = self.pick(chance)
        again = Run(run.name if run else "", None, is_disturbed=True, is_whole=False)
        self.runs.append(again)

        if run:
            self.call(self._retry_failed, run, again)

    async def _retry_failed(self, run: Run, again: Run) -> None:
        assert run.handle is not None

        with suppress(UsageError):  # nothing is left, or it has not ended
            again.handle = run.handle.retry_failed()

    @precondition(lambda self: self.has_faults)
    @rule(
        place=st.integers(0, 9),
        index=st.integers(0, 3),
        attempt=st.integers(1, 3),
        crashes=st.booleans(),
    )
    def order_fault(self, place: int, index: int, attempt: int, crashes: bool) -> None:
        name = self.names[place % len(self.names)]
        task = machine.task_name(name, index)

        for run in self.runs:
            run.is_disturbed |= run.name == name

        self.faulty.add(name)

        if crashes:
            self.faults.crash(task, attempt=attempt)
        else:
            self.faults.fail(task, ValueError("ordered"), attempt=attempt)

    @rule(count=st.integers(1, 4))
    def resize(self, count: int) -> None:
        self.call(setattr, self.orchestrator, "max_nb_of_workers", count)

    @precondition(lambda self: not self.inline)
    @rule(chance=st.integers(0, 99))
    def kill_worker(self, chance: int) -> None:
        """Kill a worker, whatever it does just now."""
        for run in self.runs:
            run.is_disturbed = True

        self.call(self._kill_worker, chance)

    def _kill_worker(self, chance: int) -> None:
        if workers := self.pool_workers():
            workers[chance % len(workers)].kill_group()

    @rule(how=st.sampled_from(["killed", "killed", "interrupted", "closed"]))
    def restart(self, how: str) -> None:
        for run in self.runs:
            # What must not run twice fails.
            is_fragile = machine.kind_of(run.name) == "fragile"
            run.is_disturbed |= is_fragile or how == "closed"

            if how == "killed":
                run.attempts = None  # the cancel may be forgotten

        self.call(self.die if how == "killed" else self.close, how == "interrupted")
        self.call(self.open)

    # --------------------------------------------------------- the orchestrator

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.complaints.hear)
        self.session += 1
        (self.folder / "session").write_text(str(self.session))
        self.store = MortalStore(self.folder / "runs.db")
        self.orchestrator = Orchestrator(self.config, self.store)
        await self.orchestrator.__aenter__()
        assert self.orchestrator._session.engine is not None
        self.walk: Scheduler = self.orchestrator._session.engine.scheduler
        self.canceled: list[Job] = []
        await self.find_runs()

    async def find_runs(self) -> None:
        """Take the handles that the new orchestrator has."""
        there = {record.id for record in await self.orchestrator.submissions()}

        for run in self.runs:
            if run.handle is None:
                continue

            if run.id in there:
                found = await self.orchestrator.get(run.id)
                assert isinstance(found, Submission)
                run.handle, run.is_accepted = found, True
            else:
                assert not run.is_accepted, f"{run.id} is lost"
                run.handle = None

        if self.scenarios:
            kept = {record.id for record in await self.orchestrator.scenarios()}
            assert set(self.scenarios.values()) <= kept

    async def close(self, is_interrupted: bool = False) -> None:
        """Close it as a program does, after a Ctrl-C too."""
        self.orchestrator._session.signals.has_come = is_interrupted
        handles = [run.handle for run in self.runs if run.handle]
        owned = [one for one in handles if self.walk.runs.drives(run_of(one))]
        await self.orchestrator.__aexit__(None, None, None)
        assert all(one.is_finished for one in owned)
        await self.check_closed()

    async def die(self, _: bool) -> None:
        """Leave it as `kill -9` does."""
        self.store.is_dead = True

        for worker in self.pool_workers():
            worker.kill_group()

        with suppress(StoreFailed):
            await self.orchestrator.__aexit__(None, None, None)

        await self.check_closed()

    def pool_workers(self) -> list[Any]:
        executor: Any = self.walk.executors["process"]
        inner = getattr(executor, "inner", executor)
        assert isinstance(inner, ProcessExecutor)
        return list(inner._pool.workers.by_pid.values())

    # ----------------------------------------------------------- what always holds

    @invariant()
    def holds(self) -> None:
        if self.runs:
            self.call(self.check)

    def check(self) -> None:
        """Check what is true between any two turns of the event loop."""
        walk, plan = self.walk, self.walk._plan
        assert not self.complaints.found, "\n".join(self.complaints.found)
        assert not walk.runs.is_broken
        states = [
            ((run, index), status)
            for run, state in plan._runs.items()
            for index, status in enumerate(state.status)
        ]
        running = {ref for ref, status in states if status is Status.RUNNING}
        assert running == set(walk.in_flight._by_ref)
        ready = [ref for ref, status in states if status is Status.PENDING]
        assert plan.ready == len(ready)
        taken: Counter[str] = Counter()

        for needs in plan._takers.values():
            taken.update(needs)

        assert all(taken[name] <= most for name, most in machine.RESOURCES.items())
        assert set(plan._takers) <= running
        self.pids.update(worker.pid for worker in self.pool_workers())

        for run in self.runs:
            if run.handle is not None:
                check_counts(run.handle)

    def check_idle(self) -> None:
        """Check that nothing is left of what was under way."""
        walk, plan = self.walk, self.walk._plan
        assert walk.limiter.borrowed_tokens == 0
        assert plan.is_idle
        assert not plan.has_arrivals
        assert plan.ready == 0
        assert not plan._takers
        assert not walk.in_flight._by_ref
        assert not len(walk._timeouts)
        assert not walk.in_flight._timeouts.running
        assert not walk.runs.by_number
        assert not walk.runs._numbers
        assert not len(walk._waiting)
        executor: Any = walk.executors["process"]
        inner = getattr(executor, "inner", executor)
        assert not inner.requests

    async def check_closed(self) -> None:
        self.check_idle()
        give_up = anyio.current_time() + PATIENCE

        # Whoever has adopted what is dead may not have waited for it yet.
        while alive := [pid for pid in self.pids if is_group_alive(pid)]:
            assert anyio.current_time() < give_up, f"workers are left: {alive}"
            await anyio.sleep(0.01)

        assert not self.complaints.found, "\n".join(self.complaints.found)

    # ---------------------------------------------------------------- the end

    def teardown(self) -> None:
        with self.stack:
            if self.has_failed:
                self.call(self.abandon)
            elif self.session:
                self.call(self.finish)

    async def abandon(self) -> None:
        """Close what is open, after a failure."""
        self.store.is_dead = True

        with suppress(Exception):
            await self.orchestrator.__aexit__(None, None, None)

    async def finish(self) -> None:
        """Let all end that was begun; hold it against what must be true."""
        (self.folder / "gate").write_text("open")
        runs = [run for run in self.runs if run.handle is not None]

        try:
            with anyio.fail_after(PATIENCE):
                for run in runs:
                    self.cancel_endless(run)

                for run in runs:
                    assert run.handle is not None
                    await run.handle.wait()
                    self.note_end(run)

                await self.orchestrator.drain()
                await self.await_seats()
        except TimeoutError:
            pytest.fail(f"these have not ended: {[run.handle for run in runs]}")

        self.check()
        self.check_idle()

        for job in self.canceled:
            assert job.status in (Status.CANCELED, Status.ABANDONED), job

        for run in runs:
            await self.check_run(run)

        assert await self.orchestrator.jobs(status="RUNNING") == []
        assert await self.orchestrator.jobs(status="PENDING") == []
        assert await self.orchestrator.submissions(is_finished=False) == []
        self.check_started()
        await self.close()

    def cancel_endless(self, run: Run) -> None:
        """Cancel a run with a job that nothing else ends."""
        assert run.handle is not None
        told = self.folder / run.id
        text = told.read_text() if told.exists() else ""
        hangs = any(one in text for one in machine.ENDLESS)

        if hangs and run.name not in machine.LIMITED and run.handle.run_timeout is None:
            run.handle.cancel()

    async def await_seats(self) -> None:
        """Wait until the slots have seen that nothing is left."""
        while self.walk.limiter.borrowed_tokens:
            await anyio.lowlevel.checkpoint()

    def note_end(self, run: Run) -> None:
        """Take note of how a run has ended, for good."""
        assert run.handle is not None
        assert run.handle.is_finished
        ended = {job.id: job.status.value for job in run.handle.jobs}
        assert run.ended in (None, ended), f"{run.id} has changed after its end"
        run.ended = ended

    async def check_run(self, run: Run) -> None:
        handle = run.handle
        assert handle is not None
        check_counts(handle)
        check_needs(handle)
        kept = await self.orchestrator.jobs(submission_id=handle.id)
        assert {job.id: job.status for job in kept} == run.ended
        events = [event async for event in handle]
        ends = Counter(one.job_id for one in events if isinstance(one, JobFinished))
        assert ends == dict.fromkeys(run.ended or {}, 1)
        assert isinstance(events[-1], SubmissionFinished)
        await self._read(run)

        if run.attempts is not None:
            assert failed_attempts(handle) <= run.attempts

        if not run.is_disturbed and run.name not in self.faulty | machine.LIMITED:
            assert {job.status for job in handle.jobs} <= DONE, list(handle.jobs)
            assert failed_attempts(handle) == 0

        for job in handle.jobs:
            assert job.reason or job.status not in BROKEN

            if job.status is Status.SKIPPED:
                assert machine.kind_of(run.name) == "skippable"

    def check_started(self) -> None:
        """Check that no attempt at a job was started twice by one orchestrator."""
        with suppress(FileNotFoundError):
            lines = (self.folder / "started").read_text().splitlines()
            twice = [line for line, count in Counter(lines).items() if count > 1]
            assert not twice

    # -------------------------------------------------------------------- the rest

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return self.portal.call(function, *args)
        except BaseException:
            self.has_failed = True
            raise

    def pick(self, chance: int) -> Run | None:
        """Pick one of the last runs."""
        last = self.runs[-8:]
        run = last[chance % len(last)] if last else None
        return run if run and run.handle else None


def jobs_of(submission: Submission) -> list[Job]:
    """Return the jobs of a whole run, in the order of their tasks."""
    return sorted(submission.jobs, key=lambda job: job.task.config_id)


def failed_attempts(submission: Submission) -> int:
    return sum(len(job.attempts) for job in submission.jobs)


def check_counts(submission: Submission) -> None:
    counts = Counter(job.status for job in submission.jobs)
    assert submission.counts() == counts
    assert sum(counts.values()) == len(submission.jobs)
    assert submission.is_finished == (set(counts) <= FINAL)


def check_needs(submission: Submission) -> None:
    """Check that each job has ended as those that it needs allow."""
    writers = {
        node.id: job for job in submission.jobs for node in job.task.output.values()
    }

    for job in submission.jobs:
        assert job.status in FINAL
        needed = {
            writers[node.id].status
            for node in job.task.input.values()
            if node.id in writers
        }

        if job.status in DONE:
            assert needed <= DONE
        elif job.status is Status.ABANDONED:
            assert needed & BROKEN


def is_group_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(pid, 0)
        return True

    return False


class InlineMachine(Machine):
    inline = True
    workers = 3


class ProcessMachine(Machine):
    inline = False
    workers = 2


def drive(kind: type[Machine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # What is found depends on the moment: it cannot be made smaller.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.limit(3600)
def test_jobs_inline(pytestconfig: pytest.Config) -> None:
    drive(InlineMachine, pytestconfig.getoption("--machine-examples") * 2, 30)


@pytest.mark.limit(3600)
def test_jobs_in_processes(pytestconfig: pytest.Config) -> None:
    drive(ProcessMachine, pytestconfig.getoption("--machine-examples"), 15)
