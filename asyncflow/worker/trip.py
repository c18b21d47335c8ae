"""The two functions that are sent to a worker process: bytes in, bytes out.

Neither raises for what a job does: `run` answers with an `Outcome` for each call.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import pickle
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Protocol, TypeAlias, TypeVar

from asyncflow.worker import process
from asyncflow.worker.codec import dumps
from asyncflow.worker.current import Progress, job_of, running
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.outcome import Kept, Outcome, Raised, Returned, Usage
from asyncflow.worker.usage import Meter, forget_peak, memory_limited
from asyncflow.worker.values import fetch

REMEMBERED = 256
"""How many functions and drivers a worker keeps between calls."""

T = TypeVar("T")


class ValueDriver(Protocol):
    """What a call asks of the driver of an input or output."""

    def read(self, kept: Kept) -> object: ...

    def write(self, value: object, path: str, name: str) -> Kept: ...

    def publish(self, kept: Kept, path: str) -> Kept: ...


Made: TypeAlias = tuple[int, int]
"""A value that an earlier call of the same trip makes: the places of that call, and of
the value among its outputs."""

Port: TypeAlias = tuple[str, bytes, Kept | Made]
"""An input or an output, as it travels: the data node's name, for errors; the pickled
driver; an input's value or, for an output, the file to make where the value is large."""

RemoteCall: TypeAlias = tuple[
    str,
    str,
    int,
    bytes,
    tuple[Port, ...],
    tuple[Port, ...],
    dict[str, str] | None,
    int | None,
    str | None,
]
"""A call, as it travels, in plain tuples because there are many: the job's id; the task;
the number of the attempt; the pickled function; the inputs; the outputs; the text of
source files that exist nowhere (notebook cells), for tracebacks; how many bytes of memory
it may take; the trace that it continues."""

Request: TypeAlias = tuple[int, int, bool, list[RemoteCall]]
"""The number of the trip, 0 where it needs no spool; how many bytes are kept of what a
job prints; whether a job's own peak of memory is worth a look; the calls."""

_remembered: OrderedDict[bytes, object] = OrderedDict()


def settle(
    folder: str, path: Sequence[str], main_path: str | None, log_level: int
) -> tuple[int, str]:
    """Make this process a worker; return its id and the path of its log.

    :param path: the parent's ``sys.path``, to import what it can
    """
    sys.path[:] = path
    settled = process.settle(folder, main_path, log_level)
    return settled.pid, settled.log_path


def run(request: bytes) -> list[bytes]:
    """Run calls, one after the other, as long as there are tokens.

    A call that needs the value of one that failed is not run.

    :param request: a pickled `Request`
    :return: what came of those that there was a token for; see `read_outcome`
    """
    settled = process.settled
    assert settled is not None
    trip, most, looks, calls = pickle.loads(request)
    settled.begin_trip(trip)
    made: list[tuple[Kept, ...] | None] = []
    answer: list[bytes] = []

    if looks:
        forget_peak()

    meter = Meter()

    for call in calls:
        if not settled.tokens.take():
            break

        kept, outcome = _run(settled, call, made, meter, most, looks=looks)
        made.append(kept)
        answer.append(outcome)

        if trip:
            settled.spool.append(outcome)

    return answer


def _run(
    settled: process.Settled,
    call: RemoteCall,
    made: Sequence[tuple[Kept, ...] | None],
    meter: Meter,
    most: int,
    *,
    looks: bool,
) -> tuple[tuple[Kept, ...] | None, bytes]:
    """Run a call; return what it kept, and its outcome, pickled."""
    inputs = _inputs(call, made)

    if inputs is None:
        return None, _NOT_RUN

    meter.begin()

    try:
        outcome = execute(call, inputs, settled.channel.send)
    finally:
        usage = meter.end(looks=looks)
        log, end = settled.end_job(most)

    if isinstance(outcome, Raised):
        told = outcome._replace(log=log, usage=usage)
        return None, pickle.dumps((end, told), 5)

    kept = outcome.kept
    return kept, pickle.dumps((end, (kept, log, tuple(usage))), 5)


_NOT_RUN = pickle.dumps((0, None), 5)


def read_outcome(data: bytes) -> tuple[int, Outcome | None]:
    """Read an outcome of `run`.

    :return: where the log ended then; and the outcome, None where the call was not run
    """
    end, told = pickle.loads(data)

    if told is None or isinstance(told, Raised):
        return end, told

    kept, log, usage = told
    return end, Returned(kept, log, Usage._make(usage))


def _inputs(
    call: RemoteCall, made: Sequence[tuple[Kept, ...] | None]
) -> tuple[tuple[str, bytes, Kept], ...] | None:
    """Put in what earlier calls have made; None where one of them has not."""
    inputs: tuple[Port, ...] = call[4]
    found: list[tuple[str, bytes, Kept]] = []

    for name, driver, kept in inputs:
        if isinstance(kept, tuple):
            outputs = made[kept[0]]

            if outputs is None:
                return None

            kept = outputs[kept[1]]  # noqa: PLW2901  # the value that is meant

        found.append((name, driver, kept))

    return tuple(found)


def execute(
    call: RemoteCall,
    inputs: Sequence[tuple[str, bytes, Kept]],
    send: Callable[[str, Progress], None],
) -> Returned | Raised:
    """Read the inputs, call the function, keep the outputs.

    :param send: passes on how far a job, by its id, has come
    """
    job_id, task, attempt, code, _, outputs, sources, limit, trace = call

    if sources:
        for name, text in sources.items():
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)

    job = job_of(job_id, task, attempt, trace)

    with running(job, partial(send, job_id)), memory_limited(limit):
        try:
            function = _remember(code, _load_code)
            arguments = [_read(task, port) for port in inputs]
        except BaseException as error:
            return raised(error, error.__traceback__)

        try:
            result = function(*arguments)
        except BaseException as error:
            return _explained(raised(error, beyond_ours(error)), error, limit)

        try:
            loaded = [
                (name, _remember(driver, _load_driver), str(path))
                for name, driver, path in outputs
            ]
            return Returned(keep_result(task, loaded, result))
        except BaseException as error:
            ours = isinstance(error, DataNodeWritingError)
            return raised(error, None if ours else error.__traceback__)


def _explained(outcome: Raised, error: BaseException, limit: int | None) -> Raised:
    """Name the limit of memory where that was too small."""
    if limit is None or not isinstance(error, MemoryError):
        return outcome

    why = f"it took more than its memory_limit of {limit} bytes ({outcome.summary})"
    return outcome._replace(summary=why)


def beyond_ours(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without its first entry, the frame of ours that
    called the user's function; with it where nothing follows.
    """
    here = error.__traceback__
    return here.tb_next if here and here.tb_next else here


def raised(error: BaseException, shown: TracebackType | None) -> Raised:
    """Describe an error.

    :param shown: where its traceback begins
    """
    kind = type(error)
    lines = traceback.TracebackException(kind, error, shown, compact=True).format()
    return Raised(
        summary_of(error), "".join(lines), _survivor(error), kinds=kinds_of(error)
    )


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """Return the names of the classes of an error, its own first."""
    return tuple(
        f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__
    )


def summary_of(error: BaseException) -> str:
    """Say an error in one line: its type and the first line of its message."""
    try:
        message = str(error)
    except Exception as inner:
        message = f"<its message raised {type(inner).__name__}>"

    first = message.strip().partition("\n")[0]
    name = type(error).__qualname__
    return f"{name}: {first}" if first else name


def read_input(task: str, name: str, driver: ValueDriver, kept: Kept) -> object:
    """Read an input; an error says which one it was."""
    try:
        return driver.read(kept)
    except Exception as error:
        error.add_note(f"while reading input {name!r} of task {task!r}")
        raise


def keep_result(
    task: str, outputs: Sequence[tuple[str, ValueDriver, str]], result: object
) -> tuple[Kept, ...]:
    """Split a result over the outputs of a task, and keep it.

    :param outputs: for each its name, its driver and the file it may make
    :raises DataNodeWritingError: where it does not have one value for each output
    """
    values = split_result(task, [name for name, _, _ in outputs], result)
    return write_all(outputs, values)


def split_result(task: str, names: Sequence[str], result: object) -> Sequence[object]:
    """Split a result over the outputs of a task.

    :raises DataNodeWritingError: where it does not have one value for each output
    """
    if not names:
        return ()

    if len(names) == 1:
        return (result,)

    if not isinstance(result, tuple | list) or len(result) != len(names):
        what = (
            f"{len(result)} values"
            if isinstance(result, tuple | list)
            else f"a {type(result).__qualname__}"
        )
        raise DataNodeWritingError(
            f"task {task!r} has {len(names)} outputs ({', '.join(names)}), "
            f"so its function must return a tuple of {len(names)}; it returned {what}"
        )

    return result


def write_all(
    ports: Sequence[tuple[str, ValueDriver, str]], values: Sequence[object]
) -> tuple[Kept, ...]:
    """Keep values: all are written before the first is published.

    :param ports: for each value its name, its driver and the file it may make
    """
    kept: list[Kept] = []

    try:
        for (name, driver, path), value in zip(ports, values, strict=True):
            kept.append(driver.write(value, path, name))

        return tuple(
            driver.publish(one, path)
            for (_, driver, path), one in zip(ports, kept, strict=True)
        )
    except BaseException:
        for one in kept:
            if isinstance(one, str):
                with suppress(OSError):
                    os.unlink(one)

        raise


def _read(task: str, port: tuple[str, bytes, Kept]) -> object:
    name, driver, kept = port
    return read_input(task, name, _remember(driver, _load_driver), kept)


def _load_code(code: bytes) -> Callable[..., object]:
    function = fetch(code)
    assert callable(function)
    return function


def _load_driver(driver: bytes) -> ValueDriver:
    return fetch(driver)  # type: ignore[return-value]  # the parent pickled a driver


def _remember(key: bytes, load: Callable[[bytes], T]) -> T:
    """Load a function or a driver once."""
    try:
        _remembered.move_to_end(key)
    except KeyError:
        _remembered[key] = load(key)

        if len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)

    return _remembered[key]  # type: ignore[return-value]  # loaded by the same function


def _survivor(error: BaseException) -> bytes | None:
    """Pickle an exception, where what is loaded again is like it."""
    with contextlib.suppress(Exception):
        data = dumps(error)

        if type(fetch(data)) is type(error):
            return data

    return None
