"""The two functions that are sent to a worker process: bytes in, bytes out.

Neither raises for what a job does: `run` answers with what came of each call.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType

from asyncflow.worker import current, parent, process
from asyncflow.worker.codec import dumps
from asyncflow.worker.current import Progress, job_of, running
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.outcome import Kept, Raised, Usage
from asyncflow.worker.usage import Meter, forget_peak, memory_limited
from asyncflow.worker.values import fetch
from asyncflow.worker.wire import Answer, Input, Output, RemoteCall, Row, ValueDriver

REMEMBERED = 256
"""How many functions a worker keeps between calls."""

_functions: dict[bytes, Callable[..., object]] = {}
"""Those functions, by what they were pickled to; the oldest one first."""


def settle(
    folder: str,
    path: Sequence[str],
    main_path: str | None,
    log_level: int,
    parent_pid: int,
    mark: str,
    is_moved: bool,
) -> tuple[int, str]:
    """Make this process a worker; return its id and the path of its log.

    :param path: the parent's ``sys.path``, to import what it can
    :param mark: marks what it starts, in the environment
    """
    sys.path[:] = path
    os.environ[parent.MARK] = mark
    settled = process.settle(
        folder, main_path, log_level, parent_pid, is_moved=is_moved
    )
    return settled.pid, settled.log_path


def run(request: bytes) -> bytes:
    """Run calls, one after the other, as long as there are tokens.

    A call that needs the value of one that failed is not run.

    :param request: a pickled `wire.Request`
    :return: what came of those that there was a token for; see `wire.read_answer`
    """
    settled = process.settled
    assert settled is not None
    trip, most, looks, columns = pickle.loads(request)
    settled.begin_trip(trip)
    answer = Answer()

    if looks:
        forget_peak()

    meter = Meter(looks=looks)

    try:
        for call in zip(*columns, strict=True):
            if not settled.tokens.take():
                break

            lacks = answer.has_failed and answer.lacks(call[4])
            told = None if lacks else _run(settled, call, answer, meter, most)
            answer.add(told)

            if trip:
                settled.spool.append(pickle.dumps((settled.logged, told), 5))
    finally:
        current.end()

    return answer.pack(settled.logged)


def _run(
    settled: process.Settled, call: RemoteCall, answer: Answer, meter: Meter, most: int
) -> Row | Raised:
    """Run a call.

    :param answer: what came of earlier ones
    :param most: how many bytes are kept of what it prints
    """
    at, start = time.time(), time.perf_counter()

    try:
        outcome = execute(call, answer, settled.channel.send)
    finally:
        wall = time.perf_counter() - start
        cpu, peak = meter.measured()
        log = settled.end_job(most)

    if isinstance(outcome, Raised):
        return outcome._replace(log=log, usage=Usage(at, wall, cpu, peak))

    return outcome, log, at, wall, cpu, peak


def execute(
    call: RemoteCall, answer: Answer, send: Callable[[str, Progress], None]
) -> tuple[Kept, ...] | Raised:
    """Read the inputs, call the function, keep the outputs.

    :param answer: what came of earlier calls of the trip
    :param send: passes on how far a job, by its id, has come
    """
    job_id, task, attempt, code, inputs, outputs, sources, limit, trace = call

    if not sources and limit is None and trace is None:
        current.begin((job_id, task, attempt), send)
        return _call(task, code, inputs, outputs, answer, None)

    for name, text in (sources or {}).items():
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)

    job = job_of(job_id, task, attempt, trace)

    with running(job, partial(send, job_id)), memory_limited(limit):
        return _call(task, code, inputs, outputs, answer, limit)


def _call(
    task: str,
    code: bytes,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    answer: Answer,
    limit: int | None,
) -> tuple[Kept, ...] | Raised:
    """Do what `execute` does, where all is set up."""
    try:
        function = _functions.get(code) or _load_function(code)
        arguments = []

        for name, driver, kept in inputs:
            value = answer.made(kept) if isinstance(kept, tuple) else kept
            arguments.append(read_input(task, name, driver, value))
    except BaseException as error:
        return raised(error, error.__traceback__)

    try:
        result = function(*arguments)
    except BaseException as error:
        return _explained(raised(error, beyond_ours(error)), error, limit)

    try:
        return keep_result(task, outputs, result)
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
    if len(outputs) == 1:
        ((name, driver, path),) = outputs
        kept = driver.write(result, path, name)

        try:
            return (driver.publish(kept, path),)
        except BaseException:
            _drop([kept])
            raise

    values = split_result(task, [name for name, _, _ in outputs], result)
    return write_all(outputs, values)


def split_result(task: str, names: Sequence[str], result: object) -> Sequence[object]:
    """Split a result over the outputs of a task.

    :raises DataNodeWritingError: where it does not have one value for each output
    """
    if not names:
        return ()

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
        _drop(kept)
        raise


def _drop(kept: Sequence[Kept]) -> None:
    """Remove the files of values that are not to be published."""
    for one in kept:
        if isinstance(one, str):
            with suppress(OSError):
                os.unlink(one)


def _load_function(code: bytes) -> Callable[..., object]:
    """Load a function, to keep it."""
    function = fetch(code)
    assert callable(function)
    _functions[code] = function

    if len(_functions) > REMEMBERED:
        del _functions[next(iter(_functions))]

    return function


def _survivor(error: BaseException) -> bytes | None:
    """Pickle an exception, where what is loaded again is like it."""
    with contextlib.suppress(Exception):
        data = dumps(error)

        if type(fetch(data)) is type(error):
            return data

    return None
