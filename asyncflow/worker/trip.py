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
from types import TracebackType
from typing import Protocol, TypeAlias, TypeVar

from asyncflow.worker import process
from asyncflow.worker.codec import dumps
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.outcome import Kept, Outcome, Raised, Returned
from asyncflow.worker.values import fetch

REMEMBERED = 256
"""How many functions and drivers a worker keeps between calls."""

T = TypeVar("T")


class ValueDriver(Protocol):
    """What a call asks of the driver of an input or output."""

    def read(self, kept: Kept) -> object: ...

    def write(self, value: object, path: str, name: str) -> Kept: ...

    def publish(self, kept: Kept, path: str) -> Kept: ...


Port: TypeAlias = tuple[str, bytes, Kept]
"""An input or an output, as it travels: the data node's name, for errors; the pickled
driver; an input's value or, for an output, the file to make where the value is large."""

RemoteCall: TypeAlias = tuple[
    str, bytes, tuple[Port, ...], tuple[Port, ...], dict[str, str] | None
]
"""A call, as it travels, in plain tuples because there are many: the task; the pickled
function; the inputs; the outputs; the text of source files that exist nowhere (notebook
cells), for tracebacks."""

_remembered: OrderedDict[bytes, object] = OrderedDict()


def settle(folder: str, path: Sequence[str], main_path: str | None) -> tuple[int, str]:
    """Make this process a worker; return its id and the path of its log.

    :param path: the parent's ``sys.path``, to import what it can
    """
    sys.path[:] = path
    settled = process.settle(folder, main_path)
    return settled.pid, settled.log_path


def run(request: bytes) -> bytes:
    """Run calls, one after the other.

    :param request: a pickled list of `RemoteCall`
    :return: a pickled list, in the same order: for each the fields of its `Returned`,
        or its `Raised`
    """
    settled = process.settled
    assert settled is not None
    return pickle.dumps([_run(settled, call) for call in pickle.loads(request)], 5)


def _run(settled: process.Settled, call: RemoteCall) -> tuple[object, ...]:
    settled.begin_job()

    try:
        outcome = execute(call)
    finally:
        log = settled.end_job()

    if isinstance(outcome, Raised):
        return outcome._replace(log=log)

    return outcome.kept, log


def read_answer(answer: bytes) -> list[Outcome]:
    """Read what `run` returned."""
    return [
        outcome if isinstance(outcome, Raised) else Returned(*outcome)
        for outcome in pickle.loads(answer)
    ]


def execute(call: RemoteCall) -> Returned | Raised:
    """Read the inputs, call the function, keep the outputs."""
    task, code, inputs, outputs, sources = call

    if sources:
        for name, text in sources.items():
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)

    try:
        function = _remember(code, _load_code)
        arguments = [_read(task, port) for port in inputs]
    except BaseException as error:
        return raised(error, error.__traceback__)

    try:
        result = function(*arguments)
    except BaseException as error:
        return raised(error, beyond_ours(error))

    try:
        loaded = [
            (name, _remember(driver, _load_driver), str(path))
            for name, driver, path in outputs
        ]
        return Returned(keep_result(task, loaded, result))
    except BaseException as error:
        return raised(
            error,
            None if isinstance(error, DataNodeWritingError) else error.__traceback__,
        )


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
    return Raised(summary_of(error), "".join(lines), _survivor(error))


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


def _read(task: str, port: Port) -> object:
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
