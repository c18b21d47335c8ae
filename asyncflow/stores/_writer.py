"""The writer of a store: one thread, and commits that group themselves.

The thread is woken when the event loop has finished its turn, or when somebody waits:
what is put in one turn is written together. While one transaction is on its way the next
changes gather. Where they come in a stream, and nobody waits for them, the thread rests a
moment after each: for each row of its own transaction it would have to win the interpreter
back from the event loop. So a lone change is written at once, as is what somebody waits
for, and many at a time cost few commits.

A transaction that fails for a reason that may pass is tried again, with growing pauses,
for as long as it takes; what comes after it waits. `StoreOutage` says what is known of that.
"""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence, Sized
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeAlias, TypeVar

from asyncflow.abc import StoreWatcher
from asyncflow.errors import StoreUnavailable
from asyncflow.stores._outage import StoreOutage

Change = TypeVar("Change", bound=Sized)
Change_contra = TypeVar("Change_contra", contravariant=True)
Waiter: TypeAlias = "asyncio.Future[None]"

IDLE = 1.0
"""How often an idle writer looks whether the program has ended without closing its
store, in seconds."""

GROUP = 4000
"""How many rows, or a change more, one transaction has at most: other processes want to
write, too."""

REST = 0.05
"""How long it rests after a transaction while nobody waits, in seconds."""

BETWEEN = 0.01
"""How long it rests while something is to be written bit by bit, in seconds: other
processes want to write, too."""

SLOW = 2.0
"""How long a transaction may take before the store counts as unavailable, in seconds."""


class Target(Protocol[Change_contra]):
    """What changes are written to."""

    def write(self, changes: Sequence[Change_contra]) -> None:
        """Write changes in one transaction. In the writer's thread.

        When it raises, it has written none. After `StoreUnavailable` it is called again
        with the same changes; after anything else nothing is written any more.
        """

    def interrupt(self) -> None:
        """Make a `write` fail that takes for ever. On the event loop."""

    def is_lease_due(self) -> bool:
        """Tell whether `write` is to be called though nothing was put.

        In the writer's thread, every second.
        """


class Gradual(ABC, Generic[Change]):
    """What is written again and again, until it is done: nobody waits for it."""

    def __init__(self, change: Change) -> None:
        self.change = change

    @property
    @abstractmethod
    def is_done(self) -> bool:
        """Whether it is, after it was written. In the writer's thread."""


class Stop:
    """Ends the thread, when what was put before is written."""


class Writer(Generic[Change]):
    """Writes changes in the order in which they are put.

    It is made, and used, on the thread of a running event loop; `start` and `stop`
    block.

    :param name: the thread's name
    :param outage: what is known of a store that cannot be written
    """

    def __init__(
        self, target: Target[Change], name: str, outage: StoreOutage | None = None
    ) -> None:
        self.target = target
        self.name = name
        self.outage = StoreOutage() if outage is None else outage
        self.commits = 0
        """How many transactions were written."""
        self.watcher: StoreWatcher | None = None
        """Is told when the outage begins, ends, or is there for good."""
        self._items: deque[Change | Waiter | Stop | Gradual[Change]] = deque()
        self._gradual: deque[Gradual[Change]] = deque()
        """What is being written bit by bit. The thread alone knows of it."""
        self._alarm: SimpleQueue[None] = SimpleQueue()
        """Wakes the thread, to look at the items."""
        self._rests = False
        """Whether the thread rests: nobody but who waits has to wake it."""
        self._written_at = 0.0
        """When the last transaction ended, as `time.monotonic` has it."""
        self._is_awaited = False
        """Whether somebody waits for what is put."""
        self._is_due = False
        """Whether the alarm goes off at the end of the loop's turn."""
        self._put = 0
        """How many rows the changes have that were put."""
        self._settled = 0
        """How many of them are written, or never will be. Set by the thread alone."""
        self._watch: asyncio.TimerHandle | None = None
        """Looks whether a transaction takes for ever, while there is something to write."""
        self._loop = asyncio.get_running_loop()
        self._owner = threading.current_thread()
        self._thread: threading.Thread

    @property
    def failure(self) -> Exception | None:
        """What `write` raised; nothing is written any more."""
        return self.outage.failure

    @property
    def is_settled(self) -> bool:
        """Whether all that was put is written, or never will be."""
        return self._settled >= self._put

    def start(self) -> None:
        """Start the thread. Not a daemon: what was put is written when Python ends."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=False)
        self._thread.start()

    def stop(self) -> None:
        """Write what was put, and return when the thread has ended."""
        self._items.append(Stop())
        self._is_awaited = True
        self._alarm.put(None)
        self._thread.join()

    def put(self, change: Change) -> None:
        """Have a change written; dropped where an earlier one could not be."""
        if self.outage.failure is not None or not change:
            return

        self._put += len(change)
        self._add(change)

    def put_gradually(self, gradual: Gradual[Change]) -> None:
        """Have something written bit by bit, beside other changes.

        `settle` and `stop` do not wait for its end.
        """
        self._add(gradual)

    def _add(self, item: Change | Gradual[Change]) -> None:
        self._items.append(item)

        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._turn_ended)

    async def settle(self) -> None:
        """Return when all that was put before is written, or has failed for good."""
        if self._settled < self._put and self.outage.failure is None:
            waiter = self._loop.create_future()
            self._items.append(waiter)
            self._is_awaited = True
            self._alarm.put(None)
            await waiter

    def close_soon(self, patience: float) -> None:
        """Try a transaction that fails for so many more seconds only."""
        self.outage.expires(patience)
        self._look()

    def closed(self) -> None:
        """Look after nothing any more; called on the event loop after `stop`."""
        self.watcher = None

        if self._watch is not None:
            self._watch.cancel()

    def _turn_ended(self) -> None:
        self._is_due = False

        if self._watch is None:
            self._watch = self._loop.call_later(SLOW, self._look)

        if self._alarm.empty() and (not self._rests or self._is_enough()):
            self._alarm.put(None)

    def _look(self) -> None:
        """See whether a transaction takes for ever."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

        if self._settled >= self._put:
            return

        if self.outage.takes_long(SLOW):
            self._tell()

        if self.outage.is_over_time() and self.outage.is_trying:
            self.target.interrupt()

        wait = self.outage.time_left(SLOW) or SLOW
        self._watch = self._loop.call_later(wait, self._look)

    def _is_enough(self) -> bool:
        """Tell whether what waits fills a transaction."""
        return self._put - self._settled >= GROUP

    def _run(self) -> None:
        stopped = False

        while not stopped:
            changes, waiters, stopped = self._gather()

            if changes or self.target.is_lease_due():
                self._write_all(changes)

            self._settled += sum(map(len, changes))

            if waiters:
                self._wake(waiters)

            if not stopped and self._gradual:
                self._write_bit()

            self._written_at = time.monotonic()

    def _write_bit(self) -> None:
        """Write a bit of something, in a transaction of its own: none waits for both."""
        gradual = self._gradual.popleft()
        self._write_all([gradual.change])

        if self.outage.failure is None and not gradual.is_done:
            self._gradual.append(gradual)

    def _write_all(self, changes: Sequence[Change]) -> None:
        """Write changes, however long that takes; nothing after a failure."""
        outage = self.outage

        if outage.failure is not None:
            return

        for pause in outage.tries():
            try:
                self.target.write(changes)
            except StoreUnavailable as error:
                if outage.begins(error):
                    self._tell_soon()

                outage.wait(pause, self._is_forgotten)
            except Exception as error:  # told by each flush from now on
                outage.fails(error)
                self._tell_soon()
                return
            else:
                self.commits += 1

                if outage.ends():
                    self._tell_soon()

                return

        outage.gives_up(self._put - self._settled)
        self._tell_soon()

    def _gather(self) -> tuple[list[Change], list[Waiter], bool]:
        """Wait for something, then take what is there."""
        changes: list[Change] = []
        waiters: list[Waiter] = []
        stopped = self._is_alone()
        self._rest()
        was_awaited, self._is_awaited = self._is_awaited, False
        rows = 0

        for _ in range(len(self._items)):
            if rows >= GROUP:
                break

            item = self._items.popleft()

            if isinstance(item, Stop):
                stopped = True
            elif isinstance(item, asyncio.Future):
                waiters.append(item)
            elif isinstance(item, Gradual):
                self._gradual.append(item)
            else:
                changes.append(item)
                rows += len(item)

        if was_awaited and self._items:
            self._is_awaited = True

        return changes, waiters, stopped

    def _is_alone(self) -> bool:
        """Wait until there is something to do. True where there never will be."""
        while not self._items and not self._gradual:
            try:
                self._alarm.get(timeout=IDLE)
            except Empty:
                if self._is_forgotten() and not self._items:
                    return True

                if self.target.is_lease_due():
                    return False

        return False

    def _rest(self) -> None:
        """Let changes gather for a moment, where the last ones have just been written."""
        self._rests = True
        until = self._written_at + (BETWEEN if self._gradual else REST)

        while (
            not self._is_awaited
            and not self._is_enough()
            and (left := until - time.monotonic()) > 0
        ):
            with suppress(Empty):
                self._alarm.get(timeout=left)

        self._rests = False

    def _is_forgotten(self) -> bool:
        """Tell whether Python waits for this thread, to end: nothing will be put."""
        ends = not threading.main_thread().is_alive()
        return ends and (self._owner.daemon or not self._loop.is_running())

    def _wake(self, waiters: Sequence[Waiter]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, waiters)

    def _tell_soon(self) -> None:
        with suppress(RuntimeError):  # likewise
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if self.watcher is not None:
            self.watcher.store_changed()


def _resolve(waiters: Sequence[Waiter]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
