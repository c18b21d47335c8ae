"""A trip: calls that travel to a host together, as the submitter sees them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence

import attrs
from anyio import CancelScope, Event

from asyncflow.abc import Call, Crashed, Killed, Log, Outcome, Printed, Progress, Watch
from asyncflow.executors.dask.relay import Message
from asyncflow.executors.dask.seats import Member
from asyncflow.worker.outcome import read_slice

ORPHANED = (
    "it was ended there, as its Dask worker leaves, or has lost the connection with the "
    "submitter"
)

KEPT = 65_536
"""How many bytes are kept of what a job has printed whose host has gone."""


@attrs.define(eq=False, repr=False)
class Trip:
    """Some calls on their way, and what is told of them.

    :param folder: where what they print is kept while they run
    """

    number: int
    calls: Sequence[Call]
    watch: Watch
    folder: str
    member: Member | None = attrs.field(init=False, default=None)
    """Where they are; None before they are sent."""
    is_adopted: bool = attrs.field(init=False, default=False)
    """Whether it was sent by an orchestrator that has died."""
    waiting: CancelScope | None = attrs.field(init=False, default=None)
    """Ends its waiting for a seat; it may have one already. None where it waits for none."""
    over: Event = attrs.field(init=False, factory=Event)
    """Tells that nothing more is told."""
    kills: set[str] = attrs.field(init=False, factory=set)
    """The ids of the jobs that are to end."""
    _left: list[int] = attrs.field(init=False)
    """The places of the calls of which no end was told."""
    _started: set[int] = attrs.field(init=False, factory=set)
    _has_died: bool = attrs.field(init=False, default=False)
    """Whether it was told that a process has died with a call: no other has begun since."""
    _logs: dict[int, int] = attrs.field(init=False, factory=dict)
    """The files of what they print, open, by their places."""
    _workers: dict[int, str | None] = attrs.field(init=False, factory=dict)
    """The names of the processes that they run in, by their places."""
    _paths: list[str] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._left = list(range(len(self.calls)))

    def take(self, data: bytes) -> None:
        """Take messages of the worker's; see `Relay`. Those that come twice count once."""
        for word, places, content in pickle.loads(data):
            if self.over.is_set():
                return

            if word == "over":
                self.end()
            elif found := [place for place in places if place in self._left]:
                self._take(Message(word, found, content), places)

    def end(self) -> None:
        """Take note that nothing more is told: what is left was not started."""
        self.over.set()

        for file in self._logs.values():
            os.close(file)

        self._logs.clear()

    @property
    def has_files(self) -> bool:
        """Whether there is something to remove."""
        return bool(self._paths)

    def remove_files(self) -> None:
        """Remove what was printed: it came with the outcomes. Blocks."""
        for path in self._paths:
            os.unlink(path)

    def end_with(self, data: bytes) -> None:
        """Take what has become of all, and end."""
        if data:
            self.take(data)
        else:
            self.give_back()

        if not self.over.is_set():
            self.end()

    def give_back(self) -> None:
        """Tell that what is left was not started."""
        self._return([*self._left])

    def lose(self, why: str, *, is_charged: bool = True) -> None:
        """Tell that the worker has gone: what ran has crashed, and all else runs again.

        :param why: what is known of it
        :param is_charged: whether it may be the fault of a job
        """
        if self.over.is_set():
            return

        ran = [place for place in self._left if place in self._started]

        for place in ran if ran or self._has_died else self._left[:1]:
            call = self.calls[place]
            log = self._printed(place)
            worker = self._workers.get(place)
            killed = call.job_id in self.kills
            crashed = Crashed(None, why, log, None, is_charged, worker)
            self._end(place, Killed(log, worker=worker) if killed else crashed)

        self.give_back()
        self.end()

    def _take(self, message: Message, places: Sequence[int]) -> None:
        word, found, content = message
        call = self.calls[found[0]]

        if word == "ended":
            outcomes = dict(zip(places, map(self._meant, places, content), strict=True))
            self._left = [place for place in self._left if place not in outcomes]
            died = (
                isinstance(outcome, Crashed | Killed) for outcome in outcomes.values()
            )
            self._has_died = self._has_died or any(died)
            calls = [self.calls[place] for place in found]
            self.watch.all_ended(calls, [outcomes[place] for place in found])
        elif word == "returned":
            self._return(found)
        elif word == "started":
            self._started.add(found[0])
            self.watch.started(call, self._log(found[0], *content) if content else None)
        elif word == "printed":
            self._print(found[0], *content)
        elif word == "reported":
            self.watch.reported(call, Progress(*content))
        elif word == "logged":
            self.watch.logged(call, content)
        else:
            getattr(self.watch, word)(call)  # loading, called

    def _meant(self, place: int, outcome: Outcome) -> Outcome:
        """Return an outcome; a kill that nobody has asked for here is a crash."""
        if isinstance(outcome, Killed) and self.calls[place].job_id not in self.kills:
            return Crashed(
                None, ORPHANED, outcome.log, outcome.usage, False, outcome.worker
            )

        return outcome

    def _return(self, places: Sequence[int]) -> None:
        self._left = [place for place in self._left if place not in places]

        if places:
            self.watch.returned([self.calls[place] for place in places])

    def _end(self, place: int, outcome: Outcome) -> None:
        self._left.remove(place)
        self.watch.ended(self.calls[place], outcome)

    def _log(self, place: int, worker: str | None) -> Log:
        """Make the file of what a call prints."""
        path = os.path.join(self.folder, f"{self.number}-{place}.log")
        self._workers[place] = worker

        if place not in self._logs:  # it is told again where one is to be ended
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
            self._logs[place] = os.open(path, flags, 0o600)
            self._paths.append(path)

        return Log(path, 0, -1, worker)

    def _print(self, place: int, at: int, data: bytes) -> None:
        """Keep what a call has printed: where something is left out, there is a hole."""
        if (file := self._logs.get(place)) is not None:
            os.pwrite(file, data, at)

    def _printed(self, place: int) -> Printed | None:
        """Return what is known of what a call has printed."""
        if (file := self._logs.get(place)) is None:
            return None

        return read_slice(file, 0, os.lseek(file, 0, os.SEEK_END), KEPT)
