"""How calls travel to a worker, and what comes of them back: as columns of plain tuples.

There are many calls, and their parent has the least time: it neither looks at a call nor
makes an object for it that it does not need itself.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import io
import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeAlias

from asyncflow.worker.codec import dumps
from asyncflow.worker.loaded import Sign
from asyncflow.worker.outcome import (
    Outcome,
    Placed,
    Printed,
    Raised,
    Returned,
    StoredValue,
    Usage,
)

if TYPE_CHECKING:
    from asyncflow.worker.replacing import Former


class ValueDriver(Protocol):
    """What a call asks of the driver of an input or output."""

    validator: Any
    is_durable: ClassVar[bool]

    @property
    def keeps_versions(self) -> bool: ...

    def read(self, kept: StoredValue) -> object: ...

    def write(self, value: object, path: str, name: str) -> StoredValue: ...

    def publish(self, kept: StoredValue, path: str) -> StoredValue: ...

    def former(self, kept: StoredValue, path: str) -> "Former | None": ...

    def discard(self, kept: StoredValue, path: str) -> None: ...

    def is_published(self, kept: StoredValue, path: str) -> bool | None: ...

    def fingerprint(self) -> str | None: ...

    def staging_path(self, path: str) -> str: ...


def seen(driver: ValueDriver, kept: StoredValue) -> StoredValue:
    """Look at a place of the user's that was written just now."""
    if kept is not None or driver.keeps_versions:
        return kept

    with suppress(Exception):  # it is written all the same
        if (fingerprint := driver.fingerprint()) is not None:
            return Placed(fingerprint)

    return None


Made: TypeAlias = tuple[int, int]
"""A value that an earlier call of the same trip makes: the places of that call, and of
the value among its outputs."""

Input: TypeAlias = tuple[str, ValueDriver, StoredValue | Made]
"""The data node's name, for errors; its driver; the value."""

Output: TypeAlias = tuple[str, ValueDriver, str]
"""The same, with the file to make where the value is large."""

RemoteCall: TypeAlias = tuple[
    str,
    str,
    int,
    bytes,
    tuple[Input, ...],
    tuple[Output, ...],
    dict[str, str] | None,
    int | None,
    str | None,
]
"""A call, as its worker sees it: the job's id; the task; the number of the attempt; the
pickled function; the inputs; the outputs; the text of source files that exist nowhere
(notebook cells), for tracebacks; how many bytes of memory it may take; the trace that it
continues."""

Request: TypeAlias = tuple[
    int,
    int,
    bool,
    bool | str,
    tuple[tuple[object, ...], ...],
    bytes | None,
    bytes | None,
]
"""The number of the trip, 0 where it needs no spool; how many bytes are kept of what a
job prints; whether a job's own peak of memory is worth a look; whether it tells when
the function is called, or the file that it removes before; for each part of a
`RemoteCall`, that part of all calls; the parent's world where it has changed, for
`world.apply`; the user's modules where they are
those of another moment, for `Finder.apply`."""

Row: TypeAlias = tuple[
    tuple[StoredValue, ...], Printed | None, float, float, float, int
]
"""A `Returned`, as it travels: what it kept, what it printed, and its `Usage`."""

End: TypeAlias = Row | Raised | None
"""What came of a call; None where it was not run, as what it needs has failed."""

_NOTHING: Row = ((), None, 0.0, 0.0, 0.0, 0)
"""Stands among rows for what is none."""

_usage = partial(tuple.__new__, Usage)
_returned = partial(tuple.__new__, Returned)
"""Both from an iterable of their parts, without a line of Python for each."""


def pack(request: Request) -> bytes:
    """Pickle a request.

    A driver is pickled on its own: one that cannot be loaded there fails its own call.
    """
    with io.BytesIO() as file:
        _Pickler(file, 5).dump(request)
        return file.getvalue()


class _Pickler(pickle.Pickler):
    """Is asked once for each driver, however many calls have it."""

    def reducer_override(
        self, value: object
    ) -> tuple[Callable[[bytes], ValueDriver], tuple[bytes]]:
        if value is load_driver:
            return NotImplemented  # type: ignore[no-any-return]  # pickle as any other

        return load_driver, (_pickled(value),)


@lru_cache(1024)
def _pickled(driver: object) -> bytes:
    return dumps(driver)  # what it holds of a main script goes by value


@lru_cache(256)
def load_driver(data: bytes) -> ValueDriver:
    """Load a driver; one that cannot be is tried again when it is used."""
    try:
        return _load(data)
    except BaseException:
        return _Unloaded(data)


def _load(data: bytes) -> ValueDriver:
    driver: ValueDriver = pickle.loads(data)
    return driver


class _Unloaded:
    """A driver that could not be loaded: who uses it is told why."""

    validator: Any = None
    is_durable: ClassVar[bool] = True

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, kept: StoredValue) -> object:
        return _load(self._data).read(kept)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return _load(self._data).write(value, path, name)

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        return _load(self._data).publish(kept, path)

    def former(self, kept: StoredValue, path: str) -> "Former | None":
        return _load(self._data).former(kept, path)

    def discard(self, kept: StoredValue, path: str) -> None:
        _load(self._data).discard(kept, path)

    @property
    def keeps_versions(self) -> bool:
        return _load(self._data).keeps_versions

    def is_published(self, kept: StoredValue, path: str) -> bool | None:
        return _load(self._data).is_published(kept, path)

    def staging_path(self, path: str) -> str:
        return _load(self._data).staging_path(path)

    def fingerprint(self) -> str | None:
        return _load(self._data).fingerprint()


class Answer:
    """What came of the calls of a trip, in their order."""

    __slots__ = ("_others", "_rows", "has_failed", "has_sent", "loaded")

    def __init__(self) -> None:
        self.has_failed: bool = False
        self.has_sent: bool = True
        """Whether there may be something in the channel."""
        self.loaded: dict[str, Sign] | None = None
        self._rows: list[Row] = []
        self._others: dict[int, Raised | None] = {}

    def lacks(self, inputs: Sequence[Input]) -> bool:
        """Tell whether an input is missing, as the call that makes it has failed."""
        return any(
            isinstance(kept, tuple) and kept[0] in self._others for _, _, kept in inputs
        )

    def made(self, made: Made) -> StoredValue:
        """Return a value that an earlier call has made."""
        call, output = made
        kept = self._rows[call][0][output]
        return None if isinstance(kept, Placed) else kept

    def add(self, ended: End) -> None:
        """Add what came of the next call."""
        if ended is not None and not isinstance(ended, Raised):
            self._rows.append(ended)
        else:
            self.has_failed = True
            self._others[len(self._rows)] = ended
            self._rows.append(_NOTHING)

    def pack(self, end: int, stray: str = "", left: str = "") -> bytes:
        """Pickle it for `read_answer`.

        :param end: where the log ends
        :param stray: what was raised outside of the calls, and ended the trip
        :param left: what a call has left that ends the worker
        """
        columns = tuple(zip(*self._rows, strict=True))
        content = end, columns, self._others, stray, left, self.loaded, self.has_sent
        return pickle.dumps(content, 5)


class ReadAnswer(NamedTuple):
    """An `Answer`, as it was read."""

    end: int
    """Where the log ends."""
    outcomes: list[Outcome | None]
    """None for a call that was not run."""
    stray: str
    left: str
    """See `Answer.pack`."""
    loaded: dict[str, Sign] | None
    """The user's modules that the worker has newly loaded, by their files."""
    has_sent: bool
    """Whether a call may have reported something that is not heard yet."""


def read_answer(data: bytes, worker: str | None = None) -> ReadAnswer:
    """Read an `Answer`.

    :param worker: the name of who has given it
    :raises Exception: of any kind, where it makes no sense
    """
    end, columns, others, *rest = pickle.loads(data)

    if not columns:
        return ReadAnswer(end, [], *rest)

    kept, printed, *use = columns
    usages = map(_usage, zip(*use, repeat(worker, len(kept)), strict=True))
    returned = map(_returned, zip(kept, printed, usages, strict=True))
    found: list[Outcome | None] = list(returned)

    for place, outcome in others.items():
        found[place] = _raised_in(worker, outcome)

    return ReadAnswer(end, found, *rest)


def read_outcomes(
    spooled: Sequence[bytes], worker: str | None = None
) -> tuple[int, list[Outcome | None]]:
    """Read outcomes that a worker has spooled: where the log ended, and what was told.

    See `read_answer`.
    """
    end = 0
    found: list[Outcome | None] = []

    for data in spooled:
        end, content = pickle.loads(data)

        if content is None or isinstance(content, Raised):
            found.append(_raised_in(worker, content))
        else:
            kept, printed, *use = content
            found.append(Returned(kept, printed, _usage((*use, worker))))

    return end, found


def _raised_in(worker: str | None, outcome: Raised | None) -> Raised | None:
    if outcome is None or outcome.usage is None:
        return outcome

    return outcome._replace(usage=outcome.usage._replace(worker=worker))
