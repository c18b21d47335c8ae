"""Boarding: which jobs get the next seat.

One job, or several that are known to be short: those whose turn it is, and the next links
of their chains. No seat takes more than its share of what is ready.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from asyncflow.abc import Executor, Store
from asyncflow.entities.job import Status
from asyncflow.scheduler import _skips
from asyncflow.scheduler._flight import Flight
from asyncflow.scheduler._instructions import Instruction, Ref
from asyncflow.scheduler._pace import TOGETHER
from asyncflow.scheduler._plan import Plan
from asyncflow.scheduler._runs import Runs
from asyncflow.scheduler._travel import Travel

if TYPE_CHECKING:
    from asyncflow.scheduler._fingerprint import Fingerprint

CarryOut: TypeAlias = Callable[[Sequence[Instruction]], None]


@attrs.define(eq=False, repr=False)
class Boarding:
    """Gives seats to jobs; from then on these can be killed.

    :param flights: the jobs that have a seat
    :param executors: by name
    :param carry_out: does what the plan says
    :param fail: ends jobs with an error of ours
    """

    plan: Plan
    runs: Runs
    store: Store
    flights: dict[Ref, Flight]
    executors: Mapping[str, Executor]
    carry_out: CarryOut
    fail: Callable[[Sequence[Flight], Exception], None]
    is_held: bool = attrs.field(init=False, default=False)
    """Whether no job is started any more."""
    is_paused: bool = attrs.field(init=False, default=False)
    """Whether none is for now."""

    def next_load(self, seats: int) -> list[Flight]:
        """Give a seat to the jobs whose turn it is; there may be none.

        Those that would do nothing new are skipped on the way.

        :param seats: how many seats there are in all
        """
        ready = self.plan.ready
        load: list[Flight] = []

        if self.is_held or self.is_paused or not ready:
            return load

        now = time.monotonic()

        if self._gathers(ready, now):
            return load

        while not load:
            refs = self.plan.offered_together(1, now)

            if not refs:
                return load

            self._board_all(refs, load)

        first = load[0].travel
        most = self.executors[first.executor].carries

        if most > 1 and first.may_share and first.pace.is_short:
            share = max(_worth(first), -(-ready // seats))
            self._fill(load, most, share, now)

        return load

    def links_after(self, last: Flight, most: int) -> list[Flight]:
        """Give the seat of a job that is under way to the next links of its chain,
        unless somebody else waits for one.

        :param most: how many travel at most
        """
        load = [last]
        left = TOGETHER

        if self.is_held or self.is_paused or self.plan.ready:
            return []

        while left > 0 and len(load) <= most and (link := self._link(load[-1])):
            load.append(link)
            left -= link.travel.pace.seconds or 0.0

        return load[1:]

    def _gathers(self, ready: int, now: float) -> bool:
        """Tell whether what is ready waits for more.

        To send it would take longer than to run it, and jobs are under way that are over
        in a moment: others may become ready then.
        """
        ref = self.plan.next(now)

        if ref is None or self.plan.follower(ref) is not None:
            return False

        travel = self.runs.travel(ref)
        return (
            travel.may_share
            and travel.pace.is_short
            and ready < _worth(travel)
            and any(
                flight.travel.pace.is_short and flight.status is not Status.RUNNING
                for flight in self.flights.values()
            )
        )

    def _fill(self, load: list[Flight], most: int, share: int, now: float) -> None:
        """Add what travels with a first job.

        :param most: how many travel at most
        :param share: how many of them may have been ready
        """
        like = load[0].travel
        left = TOGETHER - (like.pace.seconds or 0.0)
        share -= 1

        while left > 0 and (known := len(load)) < most:
            if link := self._link(load[-1]):
                load.append(link)
                left -= link.travel.pace.seconds or 0.0
                continue

            count = min(share, most - known, _fit(left, like.pace.seconds))
            is_chain = known > 1 and load[-2].follower is load[-1]
            # Of chains one at a time: the links of each come right after it.
            refs = self._offered_with(like, min(1, count) if is_chain else count, now)
            share -= len(refs)

            if not refs:
                return

            self._board_all(refs, load)
            left -= sum([one.travel.pace.seconds or 0.0 for one in load[known:]])

    def _offered_with(self, like: Travel, count: int, now: float) -> list[Ref]:
        """Give seats to those that may travel with others, as long as it is their turn."""

        def accepts(ref: Ref) -> bool:
            travel = self.runs.travel(ref)
            return travel is like or _goes_with(travel, like)

        return self.plan.offered_together(count, now, accepts) if count > 0 else []

    def _link(self, last: Flight) -> Flight | None:
        """Give the same seat to the next link of a chain, if it may travel with it."""
        ref = self.plan.follower(last.ref)

        if ref is None:
            return None

        travel = self.runs.travel(ref)

        if not (travel.may_follow and _goes_with(travel, last.travel)):
            return None

        self.plan.followed(ref)
        last.follower = link = self._board(ref, travel, "")
        return link

    def _board_all(self, refs: Sequence[Ref], load: list[Flight]) -> None:
        for ref in refs:
            travel = self.runs.travel(ref)

            if travel.fingerprint is None:
                load.append(self._board(ref, travel, ""))
                continue

            try:
                reason = self._reason_to_run(ref, travel, travel.fingerprint)

                if not reason:
                    self._skip(ref)
            except Exception as error:
                self.fail([self._board(ref, travel, "")], error)
                continue

            if reason:
                load.append(self._board(ref, travel, reason))

    def _board(self, ref: Ref, travel: Travel, reason: str) -> Flight:
        flight = Flight(ref, self.runs[ref[0]], travel, reason)
        self.flights[ref] = flight
        return flight

    def _reason_to_run(self, ref: Ref, travel: Travel, function: Fingerprint) -> str:
        """Say why a skippable job runs; ``""`` if it need not."""
        if travel.force:
            return "the run is forced"

        pins = self.runs[ref[0]].pins
        return _skips.reason_to_run(self.runs.job(ref).task, function, pins)

    def _skip(self, ref: Ref) -> None:
        job = self.runs.job(ref)
        job.move(Status.SKIPPED, time.time(), _skips.NOTHING_NEW)
        _skips.reuse(job.task, job.submission)
        self.store.save(job.record())
        self.carry_out(self.plan.ended(ref, Status.SKIPPED, time.monotonic()))


def _goes_with(travel: Travel, like: Travel) -> bool:
    """Tell whether a job may travel with others."""
    return (
        travel.may_share
        and travel.executor == like.executor
        and travel.pace.is_short
        and travel.pinned is like.pinned
    )


def _worth(travel: Travel) -> int:
    """Tell how many jobs are worth a trip of their own."""
    return int(SENDING / (CALLING + (travel.pace.seconds or 0.0)))


def _fit(left: float, each: float | None) -> int:
    """Tell how many jobs fit into a time, all in seconds."""
    return 1 + int(left / each) if each else MOST


SENDING = 0.0008
"""How much work is worth a load of its own, in seconds: to send it and to take the
outcomes takes some 0.3 ms, of which a part holds up the other seats. As much goes
together even if that leaves a seat free."""

CALLING = 0.00001
"""What a worker needs for a job beside its function, in seconds."""

MOST = 1_000_000
"""More than ever travel together."""
