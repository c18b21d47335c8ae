"""A request: calls that go to a worker in one trip, as their parent sees them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from operator import attrgetter, eq, itemgetter
from typing import Protocol, cast

from anyio import CancelScope, to_thread

from asyncflow.abc import (
    Call,
    Crashed,
    Killed,
    Log,
    Outcome,
    Progress,
    Raised,
    Returned,
    Watch,
)
from asyncflow.executors.process.anyio_pool import is_of_worker
from asyncflow.executors.process.generation import Generation
from asyncflow.executors.process.log_bounds import LogBounds, WatchedLog
from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.worker import Kill, Worker, WorkerDied, WorkerLimits
from asyncflow.log import logger as _logger
from asyncflow.worker import entry_points, spool, wire
from asyncflow.worker.channel import Message
from asyncflow.worker.failure import summary_of

OVERDUE = 5.0
"""How long a worker that has nothing to run may take to answer, in seconds."""

LEFT = 0.2
"""How long a worker may take to end by itself that goes for what a job has left in it, in
seconds: a thread of that may not let it."""

STILLBORN = 10
"""How many workers in a row may die with calls of which none has begun, until one counts
as what has killed them."""

_NO_ANSWER = "its worker process gave no proper answer"
_INTERRUPTED = "its worker process was interrupted outside of the function"

_KEPT, _OUTPUTS, _JOB_ID = map(attrgetter, ("kept", "outputs", "job_id"))

_PARTS = (
    *("job_id", "task", "attempt", "code", "inputs", "outputs"),
    *("sources", "memory_limit", "carrier"),
)
_columns = itemgetter(*map(Call._fields.index, _PARTS))
"""Those of a `wire.Request`: of each part of calls, that of all."""


class WorkerSource(Protocol):
    """What gives requests their workers."""

    limits: WorkerLimits | None
    requests: dict[str, Request]
    """For the id of each job under way, its request."""
    bound: float
    """After how many seconds what was not started is taken back."""

    async def worker(self, request: Request, pinned: Generation) -> Worker | None:
        """Return a worker; None where it has none, or may not have one any more.

        :param pinned: the user's modules that it has
        """


class Request:
    """Some calls, on their way.

    :param source: gives it a worker
    :param number: tells it from other trips of its worker
    :param grace: how long a job that is killed may take to end by itself, in seconds
    :param logs: bounds what jobs print that run long
    """

    def __init__(
        self,
        source: WorkerSource,
        pool: Pool,
        calls: Sequence[Call],
        watch: Watch,
        number: int,
        grace: float,
        logs: LogBounds,
    ) -> None:
        self.source = source
        self.pool = pool
        self.calls = calls
        self.watch = watch
        self.number = number
        self.grace = grace
        self.logs = logs
        self._worker: Worker | None = None
        """The worker, once it has the calls."""
        self._told = 0
        """Of how many calls the end was told."""
        self._is_bounded = False
        """Whether no call can be started any more."""
        self._log: WatchedLog | None = None
        """The log that is bounded, once a job of it runs long."""
        self._is_answered = False
        """Whether another may have the worker, and its log."""
        self._running: int = -1
        """The place of the call that runs as far as is known, once no other can start."""
        self._is_called = False
        """Whether the function of the only call is known to be called."""
        self._kills: set[int] = set()
        """The places of the calls that are to end."""
        self._kill: Kill | None = None
        """What ends the worker; None where nothing does."""
        self._overdue: asyncio.TimerHandle | None = None
        """Ends a worker that has nothing to run, and does not answer."""
        self._telling: asyncio.Task[None] | None = None
        self.is_refused: bool = False
        """Whether its worker has run nothing of it, for what an earlier job has left, or as
        it has died before."""

        self._started = len(self.calls)
        """How many calls are the worker's: started, or about to be."""

    async def run(self, pinned: Generation) -> None:
        """Have a worker run the calls, and tell what becomes of them.

        On cancel the worker is dead before this raises.

        :param pinned: the user's modules that it has
        """
        source, pool = self.source, self.pool

        try:
            while True:
                worker = pool.ready(pinned) or await source.worker(self, pinned)

                if worker is None:
                    return

                request = self._packed(worker, pinned)
                bound = self._begin(worker)

                try:
                    answer = await pool.call(worker, entry_points.run, request)
                    self._is_answered = True

                    if self._log is not None:
                        self._log.is_over = True
                except WorkerDied as died:
                    if not await self._is_unharmed(worker):
                        await self._tell_death(worker, died.returncode)
                except BaseException as error:
                    if not await self._has_told(worker, error):
                        raise
                else:
                    await self._take(worker, answer)
                finally:
                    if bound is not None:
                        bound.cancel()

                    if self._overdue is not None:
                        self._overdue.cancel()

                    if self._log or self._kill or self._telling:
                        await self._finish()

                if not self.is_refused or self._kills:
                    break

            limits = source.limits

            if limits is not None and await limits.are_reached(worker):
                await pool.workers.retire(worker, self.grace)
        finally:
            for job_id in map(_JOB_ID, self.calls):
                if source.requests.get(job_id) is self:  # it may travel again already
                    del source.requests[job_id]

    def _begin(self, worker: Worker) -> asyncio.TimerHandle | None:
        """Let a worker start the calls; return what bounds how many it starts."""
        count, is_short = len(self.calls), self.calls[0].is_short
        self._worker = worker
        self.is_refused = False
        worker.tokens.give(count)

        if not is_short:
            self._tell_started(worker, 0)

        if count == 1 and not is_short:
            return None

        return asyncio.get_running_loop().call_later(self.source.bound, self.take_back)

    def _packed(self, worker: Worker, pinned: Generation) -> bytes:
        """Return what `trip.run` takes."""
        calls = self.calls
        first, is_alone = calls[0], len(calls) == 1
        known = self.pool.told_to(worker, pinned)
        is_measured = is_alone and not first.is_short
        tells = is_alone and (first.waiting_file or first.is_watched)
        number = 0 if is_alone else self.number
        columns = _columns([*zip(*calls, strict=True)])
        log_size = self.logs.max_bytes
        return wire.pack((number, log_size, is_measured, tells, columns, *known))

    async def _has_told(self, worker: Worker, error: BaseException) -> bool:
        """Tell what becomes of the calls after an error of the call, or a cancel.

        :return: whether that is all, and the error is not to be raised
        """
        count = len(self.calls)

        if self.pool.has(worker):  # it did not get the calls
            worker.tokens.take(count)
            return False

        if isinstance(error, Exception) or is_of_worker(error):
            await self._end(worker, f"{_NO_ANSWER} ({summary_of(error)})")
            return True

        worker.kill_group()

        with CancelScope(shield=True):
            self._kills.update(range(count))
            await self._tell_death(worker, None)

        return False

    async def _is_unharmed(self, worker: Worker) -> bool:
        """Take back what a worker that has died did not begin: that did not kill it.

        :return: whether that is all, to be run by another worker
        """
        if self.has_kills or self._is_bounded:
            return False

        left = worker.tokens.take(len(self.calls))

        if left == len(self.calls):
            self.pool.stillborn += 1

            if self.pool.stillborn > STILLBORN:  # it may be for what it was sent
                return False

            _log(logging.WARNING, worker, "it died before it had begun a job")
            self._worker = None  # a kill now hits nobody: another one is taken
            self.is_refused = True
            await to_thread.run_sync(worker.bury, self._kill_at)
            await worker.forget()
            return True

        self._is_bounded = True
        self._started -= left

        if left:
            self.watch.returned(self.calls[self._started :])

        return False

    async def _finish(self) -> None:
        """Wait for what goes on beside the call: nothing of it outlives the trip."""
        if self._log is not None:
            self.logs.unwatch(self._log)

        if self._kill is not None:
            self._kill.stop()

        begun = {task for task in (self._telling, self._reaching) if task is not None}

        if not begun:
            return

        with CancelScope(shield=True):
            done, _ = await asyncio.wait(begun)

        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                _logger.error("a part of a trip failed", exc_info=error)

    async def _take(self, worker: Worker, answer: bytes) -> None:
        """Tell what a worker has answered; end it if it must not run another job."""
        if self._telling is not None:
            await self._telling

        self.pool.stillborn = 0

        try:
            end, outcomes, stray, left, loaded, has_sent = wire.read_answer(
                answer, worker.name
            )
            self._check(outcomes)
        except (Exception, SystemExit) as error:
            await self._end(worker, f"{_NO_ANSWER} ({summary_of(error)})")
            return

        if has_sent:
            self.pool.workers.hear()  # the last report comes before the end

        if loaded:
            self.pool.today.learn(worker, loaded)

        if self._kill is not None:  # it is dead before that is told
            await self.pool.workers.end(worker, self.grace)

        self._tell(worker, end, outcomes)

        if left and not (stray or outcomes or self.has_kills):
            self._worker = None  # a kill now hits nobody: none has the calls
            self.is_refused = self._started > 0
            await self._retire(worker, left)
            return

        if stray or left:
            self._take_rest(worker)

        if stray:
            await self._end(worker, f"{_INTERRUPTED} ({stray})")
        elif self._told < self._started and self._told:
            self._is_bounded = True
            self.watch.returned(self.calls[self._told : self._started])
            await self._retire(worker, "took the tokens of the jobs after it")
        elif self._told < self._started:
            await self._end(worker, f"{_NO_ANSWER} (it did not run the job)")
        elif self._kill is not None:
            await worker.forget()
        elif left:
            await self._retire(worker, left)

    async def _retire(self, worker: Worker, left: str) -> None:
        """Replace a worker for what the job that it ran last has left."""
        with CancelScope(shield=True):
            await self.pool.workers.retire(worker, min(self.grace, LEFT))
            _log(logging.INFO, worker, f"its job of task {worker.last_task!r} {left}")

    def _check(self, outcomes: Sequence[Outcome | None]) -> None:
        """Check that outcomes are those of the calls.

        :raises ValueError: where they cannot be
        """
        if len(outcomes) > self._started:
            raise ValueError(f"{len(outcomes)} outcomes of {self._started} calls")

        if {*map(type, outcomes)} == {Returned}:  # as it mostly is: fast
            wanted = map(len, map(_OUTPUTS, self.calls))

            if all(map(eq, map(len, map(_KEPT, outcomes)), wanted)):
                return

        for call, outcome in zip(self.calls, outcomes, strict=False):
            if type(outcome) is Returned:
                if len(outcome[0]) != len(call[5]):
                    raise ValueError(f"{len(outcome[0])} values of {call.task!r}")
            elif outcome is not None and type(outcome) is not Raised:
                raise ValueError(f"a {type(outcome).__name__} for {call.task!r}")

    def _take_rest(self, worker: Worker) -> None:
        """Take back what the worker has not begun, and leave that to others."""
        self._is_bounded = True
        left = worker.tokens.take(len(self.calls))
        self._started -= left

        if left:
            self.watch.returned(self.calls[self._started :])

    async def _end(self, worker: Worker, why: str) -> None:
        """End a worker that is not what it was; the call that it had has crashed."""
        with CancelScope(shield=True):
            await self.pool.workers.kill(worker)
            await self._tell_death(worker, None, why)
            _log(logging.WARNING, worker, why)

    def kill(self, index: int, *, now: bool = False) -> None:
        """Have a call end, by its place.

        :param now: without a grace
        """
        self._kills.add(index)

        if self._worker is None or index < self._told:
            return

        self.take_back()

        if index in (self._running, self._started - 1):
            self._end_worker(self._worker, now=now)

    def _end_worker(self, worker: Worker, *, now: bool) -> None:
        self._kill = self._kill or Kill(worker)
        self._kill.begin(self.grace, now=now)

    @property
    def _kill_at(self) -> float:
        """When the worker is killed, as `time.monotonic` has it; long ago if it died."""
        return 0.0 if self._kill is None else self._kill.at

    @property
    def _reaching(self) -> asyncio.Task[None] | None:
        """Sends signals to the worker and all that it started."""
        return None if self._kill is None else self._kill.reaching

    def hear(self, index: int, report: Message) -> None:
        """Pass on what a call, by its place, has told."""
        call = self.calls[index]

        if report is None:
            self._is_called = True
            self.watch.called(call)
        elif isinstance(report, Progress):
            self.watch.reported(call, report)
        else:
            self.watch.logged(call, report)

    @property
    def current(self) -> tuple[int, str] | None:
        """The id of its worker, and the job that this runs as far as is known; None where
        it has none, or all have ended.
        """
        if self._worker is None or self._told >= len(self.calls):
            return None

        return self._worker.pid, self.calls[self._told].job_id

    @property
    def has_kills(self) -> bool:
        """Whether a call is to end."""
        return bool(self._kills)

    def place_of(self, job_id: str) -> int | None:
        """Return the place of the call of a job."""
        for index, call in enumerate(self.calls):
            if call.job_id == job_id:
                return index

        return None

    def take_back(self) -> None:
        """Take back what was not started, and tell what has ended before it runs on."""
        if self._is_bounded or self._worker is None:
            return

        self._take_rest(self._worker)

        if self._started > self._told + 1:
            self._telling = asyncio.ensure_future(self._tell_early(self._worker))
        elif self._started:
            self._tell_running(self._worker)
        else:  # it answers at once, unless a job has made a mess of its tokens
            loop = asyncio.get_running_loop()
            end = partial(self._end_worker, self._worker, now=True)
            self._overdue = loop.call_later(OVERDUE, end)

    async def _tell_early(self, worker: Worker) -> None:
        found = await to_thread.run_sync(spool.read, worker.spool_path, self.number)
        self._tell(worker, *wire.read_outcomes(found, worker.name))
        self._tell_running(worker)

    def _tell_running(self, worker: Worker) -> None:
        """Tell that the first call runs of which no outcome is known.

        It is the last one that was started, unless outcomes are lost on a full disk, or a
        job has taken tokens.
        """
        if self._told < self._started:
            self._running = self._told
            self._tell_started(worker, self._running)

    def _tell_started(self, worker: Worker, place: int) -> None:
        log = Log(worker.log_path, worker.logged, -1, worker.name)

        if not self._is_answered:
            self._log = self.logs.watch(log)

        call = self.calls[place]
        self.watch.started(call, log)

        if call.is_watched and len(self.calls) == 1 and not self._is_called:
            self.watch.loading(call)

    def _tell(
        self, worker: Worker, end: int, outcomes: Sequence[Outcome | None]
    ) -> None:
        """Tell what has ended and was not told yet.

        :param end: where the worker's log ended then
        :param outcomes: those of all calls from the first on
        """
        first = self._told
        found = outcomes[first:]
        self._told += len(found)

        if not found:
            return

        calls = self.calls[first : self._told]
        ended = cast("Sequence[Outcome]", found)

        if None in found:  # what the others need has failed
            ended = [outcome for outcome in found if outcome is not None]
            calls = [
                call
                for call, outcome in zip(calls, found, strict=True)
                if outcome is not None
            ]

        worker.logged = end
        worker.jobs += len(ended)
        worker.last_task = calls[-1].task
        self.watch.all_ended(calls, ended)

    async def _tell_death(
        self, worker: Worker, returncode: int | None, why: str = ""
    ) -> None:
        """Tell what had ended before the worker died, and what died with it.

        :param why: what is known of it beside the exit code
        """
        self._is_bounded = True  # nothing can be taken back any more
        worker.close()

        try:
            await self._tell_rest(worker, returncode, why)
        finally:
            await worker.forget()

    async def _tell_rest(
        self, worker: Worker, returncode: int | None, why: str
    ) -> None:
        if self._telling is not None:
            await self._telling

        self.pool.workers.hear()

        if self._reaching is not None:
            await asyncio.wait({self._reaching})

        await to_thread.run_sync(worker.bury, self._kill_at)

        if len(self.calls) > 1:
            path = worker.spool_path
            found = await to_thread.run_sync(spool.read, path, self.number)
            self._tell(worker, *wire.read_outcomes(found, worker.name))

        if self._told < self._started:
            index = self._told
            call = self.calls[index]
            log, stack, kept = await to_thread.run_sync(
                worker.clean_up, call, self.logs.max_bytes
            )
            self._told += 1

            if kept is not None:
                outcome: Outcome = Returned(kept, log)
            elif index in self._kills:
                outcome = Killed(log, None, stack, worker.name)
            else:
                outcome = Crashed(returncode, why, log, worker=worker.name)

            self.watch.ended(call, outcome)


def _log(level: int, worker: Worker, why: str) -> None:
    _logger.log(level, "worker %s was replaced: %s", worker.pid, why)
