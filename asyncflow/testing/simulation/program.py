"""A program of a trial: it opens an orchestrator, and does what the trial says."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import attrs
from anyio import create_task_group, sleep

from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submission import Submission
from asyncflow.errors import (
    AsyncflowError,
    NoData,
    NotFound,
    NotOpen,
    OrchestratorFailed,
    StoreFailed,
    SubmissionCanceled,
    SubmissionFailed,
    UsageError,
)
from asyncflow.events import Event
from asyncflow.ids import config_of
from asyncflow.notify.listener import Listener, Notification
from asyncflow.orchestrator import Orchestrator
from asyncflow.status import Status
from asyncflow.testing.simulation.asked import Asked, Written
from asyncflow.testing.simulation.audit import Audit
from asyncflow.testing.simulation.declaring import declared
from asyncflow.testing.simulation.jobs import value_of
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.stage import Stage
from asyncflow.testing.simulation.trial import Act

_EXPECTED = (
    StoreFailed,
    NotOpen,
    NotFound,
    OrchestratorFailed,
    SubmissionFailed,
    SubmissionCanceled,
)
"""What a program may meet whose store fails, or whose scenario was deleted."""


@attrs.define(eq=False)
class Program:
    """What runs in a process.

    :param place: the number of the process in the trial
    """

    stage: Stage
    place: int
    process: Process

    async def run(self) -> None:
        """Run it, until its end."""
        process = self.process

        try:
            await self._run()
        except BaseException as error:
            if not is_expected(error):
                self.stage.world.violated(f"{process.name} ended with {error!r}")

            self.stage.world.note("ended", process.name, type(error).__name__)
        finally:
            self.stage.engines.pop(process.name, None)

        if process.is_alive:
            self.stage.world.note("left", process.name)
            process.is_alive = False

    async def _run(self) -> None:
        stage, process = self.stage, self.process
        store, config = stage.store_of(self.place, process), declared(stage.trial)

        async with Orchestrator(store=store, config=config) as orchestrator:
            self.stage.engines[process.name] = orchestrator._session.engine

            async with AsyncExitStack() as stack:
                chance = stage.world.chance.of("listens", process.name)

                if chance.random() < 0.5:  # who listens has jobs told one by one
                    ear = _Ear(stage.audit, process)
                    await stack.enter_async_context(orchestrator.listen(ear))

                group = await stack.enter_async_context(create_task_group())

                for index, act in enumerate(self.stage.trial.acts):
                    if act.process != self.place or index in self.stage.begun:
                        continue

                    await sleep(max(0.0, act.at - self.stage.world.elapsed))
                    self.stage.begun.add(index)
                    group.start_soon(self._do, orchestrator, act)

                while not self.stage.is_over:
                    await sleep(2.0)

                    if store.failure is not None and type(store.failure) is StoreFailed:
                        raise store.failure

                group.cancel_scope.cancel()

    async def _do(self, orchestrator: Orchestrator, act: Act) -> None:
        """Do what the trial says; what may be refused is."""
        self.stage.world.note("act", act.verb, act.subject)

        try:
            await getattr(self, f"_{act.verb}")(orchestrator, act)
        except Exception as error:
            self.stage.world.note("refused", act.verb, type(error).__name__)

            if not is_expected(error):
                self.stage.world.violated(f"{act.verb} raised {error!r}")

    async def _create(self, orchestrator: Orchestrator, act: Act) -> None:
        index = act.subject % len(self.stage.trial.flows)
        flow = self.stage.trial.flows[index]
        config = orchestrator._session.config.scenarios[flow.name]
        scenario = await orchestrator.create_scenario(config)
        await orchestrator.flush()
        self.stage.scenarios.append((scenario.id, index, act.process))

    async def _submit(self, orchestrator: Orchestrator, act: Act) -> None:
        scenario, index = await self._scenario(orchestrator, act)
        flow = self.stage.trial.flows[index]
        options = {**act.options}
        options.pop("any", None)
        submission = scenario.submit(**options)
        nodes = {node.name: scenario.data_nodes[node.name].id for node in flow.nodes}
        world = self.stage.world
        asked = Asked(
            submission.id, flow, world.elapsed, world.moment, self.process, nodes
        )
        asked.has_limit = "run_timeout" in act.options
        asked.is_forgotten = scenario.id in self.stage.audit.deleted
        self.stage.audit.asked[submission.id] = asked
        self.stage.jobs.ordinals[submission.id] = f"{act.at}"
        self.stage.submissions.append(submission.id)
        self.stage.world.note("submits", submission.id)
        await submission.accepted()
        asked.is_accepted = True
        self.stage.world.note("accepted", submission.id)
        await self._watch(submission, asked)

    async def _watch(self, submission: Submission, asked: Asked) -> None:
        """Hear the events of a run, or not; then wait for its end."""
        hears = self.stage.world.chance.of("hears", asked.at).random() < 0.4
        last = await self._hear(submission, asked) if hears else None
        await submission.wait()
        self.stage.world.note("ended", submission.id, submission.status)

        if asked.is_forgotten or self.stage.audit.is_ousted(asked.process):
            return

        if hears and type(last).__name__ != "SubmissionFinished":
            self.stage.world.violated(f"the last event of {submission.id} is {last}")

        run = self.stage.disk.kept._tables.submissions.records.get(submission.id)
        is_open = run is None or run.finished is None

        if is_open and self.stage.make_store is None and not self.stage.is_over:
            engine = self.stage.engines.get(asked.process.name)

            if engine is not None and engine.store.failure is None:
                self.stage.world.violated(
                    f"{submission.id} was awaited, and is not durable"
                )

        with suppress(SubmissionFailed, StoreFailed, OrchestratorFailed):
            await submission

        await self._read_own(submission, asked)

    async def _read_own(self, submission: Submission, asked: Asked) -> None:
        """Read what a run has written, twice, whatever was written since."""
        chance = self.stage.world.chance.of("reads its own", asked.at)

        if len(self.stage.trial.hosts) > 1 or chance.random() < 0.6:
            return

        await sleep(chance.choice([0.02, 0.5, 3.0]) * chance.random())

        made = {
            config_of(job.id): job.status is Status.COMPLETED for job in submission.jobs
        }

        for task in asked.flow.tasks:
            for name in 2 * task.outputs if made[task.name] else ():
                try:
                    value = await submission.read(name)
                except NoData:
                    if asked.is_forgotten:
                        return

                    raise

                if not value["id"].startswith(f"{name}={submission.id}:"):
                    self.stage.world.violated(
                        f"{submission.id} wrote {name}, and reads {value['id']}"
                    )

    async def _hear(self, submission: Submission, asked: Asked) -> Event | None:
        """Hear the events of a run; return the last."""
        ended: list[str] = []
        last: Event | None = None

        async for event in submission:
            last = event
            self.stage.audit.told(event, asked.process)

            if (job_id := getattr(event, "job_id", None)) and (
                type(event).__name__ == "JobFinished"
            ):
                if job_id in ended:
                    self.stage.world.violated(f"the end of {job_id} is told twice")

                ended.append(job_id)

        return last

    async def _write(self, orchestrator: Orchestrator, act: Act) -> None:
        scenario, index = await self._scenario(orchestrator, act)
        sources = [
            node.name
            for node in self.stage.trial.flows[index].nodes
            if node.default and node.scope == "SCENARIO"
        ]

        if not sources:
            return

        name, node = sources[0], scenario.data_nodes[sources[0]]
        written = Written(f"w{act.at}", self.stage.world.moment, self.process)
        self.stage.audit.writes.setdefault(node.id, []).append(written)
        self.stage.world.note("writes", node.id, written.value)
        await node.write(value_of(name, written.value))
        written.ended = self.stage.world.moment
        self.stage.world.note("wrote", node.id, written.value)

    async def _read(self, orchestrator: Orchestrator, act: Act) -> None:
        scenario, index = await self._scenario(orchestrator, act)

        for node in self.stage.trial.flows[index].nodes:
            if node.default:
                value = await scenario.data_nodes[node.name].read()
                self.stage.world.note("read", node.name, value["id"])

    async def _cancel(self, orchestrator: Orchestrator, act: Act) -> None:
        known = self.stage.submissions
        wanted = [known[act.subject % len(known)]] if known else []

        for run_id in [*known] if act.options.get("all") else wanted:
            with suppress(NotFound):  # it, or its scenario, was deleted
                submission = await orchestrator.get_submission(run_id)
                self.stage.audit.asked[run_id].is_canceled = True
                submission.cancel(reason="as told")

    async def _delete(self, orchestrator: Orchestrator, act: Act) -> None:
        if not self.stage.scenarios:
            return

        scenario_id, _, _ = self.stage.scenarios[
            act.subject % len(self.stage.scenarios)
        ]

        # It may take long: what is submitted meanwhile may go as well, once it has ended.
        self.stage.audit.deleted.add(scenario_id)

        for asked in self.stage.audit.asked.values():
            if scenario_id.rpartition("_")[2] in "".join(asked.nodes.values()):
                asked.is_forgotten = True

        with suppress(AsyncflowError):
            await orchestrator.delete(scenario_id)

    async def _scenario(
        self, orchestrator: Orchestrator, act: Act
    ) -> tuple[Scenario, int]:
        mine = [
            scenario
            for scenario in self.stage.scenarios
            if act.options.get("any") or scenario[2] == act.process
        ]

        if not mine:
            raise NotFound("no scenario yet")

        scenario_id, index, _ = mine[act.subject % len(mine)]
        return await orchestrator.get_scenario(scenario_id), index


class _Ear(Listener):
    """Hears what happens in all runs."""

    def __init__(self, audit: Audit, process: Process) -> None:
        self._audit = audit
        self._process = process

    def wants(self, kind: type[Event] | None) -> bool:
        return kind is not None

    def take(self, notification: Notification) -> None:
        self._audit.told(notification.event, self._process)

    def end(self, failure: Exception | None) -> None:
        """Hear no more."""


def is_expected(error: BaseException) -> bool:
    """Tell whether a program may meet an error where things go wrong."""
    if isinstance(error, (*_EXPECTED, asyncio.CancelledError)):
        return True

    if isinstance(error, UsageError) and "was deleted" in str(error):
        return True

    return isinstance(error, BaseExceptionGroup) and all(
        map(is_expected, error.exceptions)
    )
