"""What a trip tells while it runs: from the host of the worker to the submitter.

What has begun and ended is told at once; how far jobs have come, what they log and what
they print a few times a second.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

import attrs

from asyncflow.abc import Call, Log, Outcome, Progress, Watch

PAUSE = 0.1
"""Between two looks at what running jobs have printed, in seconds."""

PIECE = 16_384
"""How many bytes of a log are sent at a time; what is older is left out, and comes with
the outcome as far as it is kept."""

SMALL = 16_384
"""How large an outcome may be, in bytes, to be told as an event: the scheduler keeps the
last thousand events. A larger one is fetched."""


class Message(NamedTuple):
    """Something that is told of calls, by their places in the trip."""

    word: str
    places: Sequence[int]
    content: Any = None


class Sender(Protocol):
    """The way to the submitter."""

    def send(self, data: bytes) -> None:
        """Send messages on."""


@attrs.define(eq=False, repr=False)
class _Tail:
    """The log of a call that runs, as far as it was sent."""

    place: int
    log: Log
    at: int


@attrs.define(eq=False, repr=False)
class Relay(Watch):
    """Tells what becomes of the calls of one trip.

    :param sender: takes messages, pickled
    """

    calls: Sequence[Call]
    sender: Sender
    ended_all: list[Message] = attrs.field(init=False, factory=list)
    """What has become of the calls, from the first on."""
    _places: dict[str, int] = attrs.field(init=False)
    _waiting: list[Message] = attrs.field(init=False, factory=list)
    _progress: dict[int, Progress] = attrs.field(init=False, factory=dict)
    _tails: dict[int, _Tail] = attrs.field(init=False, factory=dict)
    _clock: asyncio.TimerHandle | None = attrs.field(init=False, default=None)

    _begun: dict[int, list[Message]] = attrs.field(init=False, factory=dict)
    """What was told of those that run, by their places, but for what changes all the time."""
    _heirs: dict[int, Sender] = attrs.field(init=False, factory=dict)
    """The ways to who has taken calls over, by their places."""
    _released: set[int] = attrs.field(init=False, factory=set)
    """The places of those of which nobody wants to know any more."""
    _is_over: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._places = {call.job_id: place for place, call in enumerate(self.calls)}

    def held(self) -> dict[str, int]:
        """Return the attempts of the jobs that run, or of which somebody may want to know
        how they ended, by their ids.
        """
        ended, returned = self._told("ended"), self._told("returned")
        held = ended if self._is_over else {*range(len(self.calls))} - returned
        return {
            call.job_id: call.attempt
            for place, call in enumerate(self.calls)
            if place in held - self._released
        }

    def _told(self, word: str) -> set[int]:
        found = [message.places for message in self.ended_all if message.word == word]
        return {place for places in found for place in places}

    def attach(self, job_id: str, heir: Sender) -> None:
        """Tell somebody of one call, from its beginning on."""
        place = self._places[job_id]
        self._heirs[place] = heir

        if (tail := self._tails.get(place)) is not None:
            tail.at = tail.log.start

        _send_one(place, heir, [*self._begun.get(place, ()), *self.ended_all])

    def release(self, job_ids: Collection[str]) -> None:
        """Forget jobs of which nobody wants to know any more."""
        self._released |= {self._places[job_id] for job_id in job_ids}

    def started(self, call: Call, log: Log | None) -> None:
        place = self._places[call.job_id]

        if log is not None and place not in self._tails:
            self._tails[place] = _Tail(place, log, log.start)

        self._begin(Message("started", [place], log and (log.worker,)))

    def loading(self, call: Call) -> None:
        self._begin(Message("loading", [self._places[call.job_id]]))

    def called(self, call: Call) -> None:
        self._begin(Message("called", [self._places[call.job_id]]))

    def reported(self, call: Call, progress: Progress) -> None:
        self._progress[self._places[call.job_id]] = progress
        self._flush_soon()

    def logged(self, call: Call, records: Sequence[bytes]) -> None:
        self._tell(Message("logged", [self._places[call.job_id]], list(records)))
        self._flush_soon()

    def ended(self, call: Call, outcome: Outcome) -> None:
        self.all_ended([call], [outcome])

    def all_ended(self, calls: Sequence[Call], outcomes: Sequence[Outcome]) -> None:
        places = [self._places[call.job_id] for call in calls]

        for place in places:
            self._tails.pop(place, None)
            self._begun.pop(place, None)

        self._settle(Message("ended", places, list(outcomes)))

    def returned(self, calls: Sequence[Call]) -> None:
        self._settle(Message("returned", [self._places[call.job_id] for call in calls]))

    def end(self) -> bytes:
        """Return what has become of all; tell it, too, where it is small."""
        if self._clock is not None:
            self._clock.cancel()

        self._is_over = True
        self._take_progress()
        self._tell(Message("over", ()))
        self._flush()
        return pickle.dumps(self.ended_all, 5)

    def _settle(self, message: Message) -> None:
        self._take_progress()
        self.ended_all.append(message)
        self._tell(message)

        if sum(len(message.places) for message in self.ended_all) < len(self.calls):
            self._flush()  # the rest is not told at once

    def _begin(self, message: Message) -> None:
        self._begun.setdefault(message.places[0], []).append(message)
        self._tell(message)
        self._flush()

    def _tell(self, message: Message) -> None:
        self._waiting.append(message)

    def _take_progress(self) -> None:
        for place, progress in self._progress.items():
            self._tell(Message("reported", [place], tuple(progress)))

        self._progress.clear()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []

        if not waiting:
            return

        for place, heir in self._heirs.items():
            _send_one(place, heir, waiting)

        data = pickle.dumps(waiting, 5)

        if len(data) > SMALL + PIECE:  # all but the outcomes, which are fetched
            left = {"ended", "over"}
            data = pickle.dumps(
                [message for message in waiting if message.word not in left], 5
            )

        self.sender.send(data)

        if self._tails:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._clock is None:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(PAUSE, self._look)

    def _look(self) -> None:
        self._clock = None
        self._take_progress()

        for tail in self._tails.values():
            if piece := _next_piece(tail):
                self._tell(Message("printed", [tail.place], piece))

        self._flush()

        if self._tails:
            self._flush_soon()


def _send_one(place: int, heir: Sender, messages: Sequence[Message]) -> None:
    """Send what concerns one call, as if it had been alone."""
    found: list[Message] = []

    for word, places, content in messages:
        if place in places:
            sent = [content[places.index(place)]] if word == "ended" else content
            found.append(Message(word, [0], sent))

            if word in ("ended", "returned"):
                found.append(Message("over", ()))

    if found:
        heir.send(pickle.dumps(found, 5))


def _next_piece(tail: _Tail) -> tuple[int, bytes] | None:
    """Return what was printed since the last look, and where it begins."""
    try:
        file = os.open(tail.log.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None

    try:
        size = os.fstat(file).st_size
        start = max(tail.at, size - PIECE)
        data = os.pread(file, size - start, start)
    finally:
        os.close(file)

    tail.at = size
    return (start - tail.log.start, data) if data else None
