"""The two functions that are sent to a worker process: bytes in, bytes out.

`run` never raises: it answers with what came of each call, and with what was raised
outside of them.
"""

from __future__ import annotations

import gc
import linecache
import os
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from importlib import import_module
from types import CoroutineType, TracebackType
from typing import NamedTuple

from asyncflow.worker import current, main, parent, pinned, process, world
from asyncflow.worker.codec import is_by_value
from asyncflow.worker.current import Progress, job_of, running
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError, NoData
from asyncflow.worker.failure import beyond_ours, raised, summary_of, traceback_of
from asyncflow.worker.outcome import Raised, StoredValue, Usage
from asyncflow.worker.outputs import keep_result
from asyncflow.worker.shortened import REASON, shortened
from asyncflow.worker.usage import Meter, memory_limited
from asyncflow.worker.values import fetch
from asyncflow.worker.wire import Answer, Input, Output, RemoteCall, Row, ValueDriver

REMEMBERED = 256
"""How many functions a worker keeps between calls."""

STRAYS = 8
"""How often a trip is tried to be ended although something is raised meanwhile."""

LONG = 0.0002
"""From how many seconds on a job is worth a closer look at what it has left: no process
is started in less. A shorter one is, too, where its function is new here, one in this
process has left something, or it has failed: others before it may be to blame; or where
its code names what changes its process."""

INTERRUPTED = 70
"""The exit code of a worker that cannot end a trip: ``EX_SOFTWARE`` of sysexits.h."""

REMEMBERED_BYTES = 16 * 1024 * 1024
"""How many bytes they may have together when they travel; the last one is kept always."""

_modules = sys.modules

_functions: dict[bytes, tuple[Callable[..., object], Mapping[str, object]]] = {}
"""Those functions, by what they were pickled to, with what each came with of the main
script; the oldest one first."""

_meddling: set[bytes] = set()
"""Those of them after which it is looked closely each time."""

_meter = Meter()

_sources: dict[str, None] = {}
"""The names of the files of which the text is remembered; the oldest one first."""


def settle(
    folder: str,
    parent_world: bytes,
    main_path: str | None,
    parent_pid: int,
    mark: str,
    is_moved: bool,
) -> tuple[int, str]:
    """Make this process a worker; return its id and the path of its log.

    :param parent_world: the parent's world; see `world.apply`
    :param mark: marks what it starts, in the environment
    """
    world.apply(parent_world)
    os.environ[parent.MARK] = mark
    settled = process.settle(folder, main_path, parent_pid, is_moved=is_moved)
    return settled.pid, settled.log_path


def load(modules: Sequence[str], is_called: Callable[[], bool]) -> None:
    """Load what jobs are likely to need, while nobody waits; a job tells what fails.

    :param is_called: whether somebody waits: a job loads what it needs itself
    """
    for name in modules:
        if is_called():
            break

        with suppress(Exception):
            import_module(name)

    gc.freeze()  # as `process.settle` does


def run(request: bytes) -> bytes:
    """Run calls, one after the other, as long as there are tokens.

    A call that needs the value of one that failed is not run.

    :param request: a pickled `wire.Request`
    :return: what came of those that there was a token for; see `wire.read_answer`
    """
    settled = process.settled
    assert settled is not None
    answer = Answer()
    stray: list[str] = []

    for _ in range(STRAYS):
        try:
            if stray:
                settled.state.put_right()
            elif not settled.left:
                _run_calls(settled, request, answer)

            return answer.pack(settled.logged, "".join(stray[:1]), settled.left)
        except BaseException as error:  # of a signal, of a thread: whenever they like
            stray.append(summary_of(error))

    os._exit(INTERRUPTED)


def after_answer() -> None:
    """Put right what `run` has left for when its answer is sent.

    What cannot be put right shows in the next answer: nothing is run then.
    """
    assert process.settled is not None

    for _ in range(STRAYS):
        try:
            process.settled.put_rest_right()
        except BaseException:  # noqa: S112  # of a signal, of a thread: done once more
            continue

        return

    os._exit(INTERRUPTED)


def _run_calls(settled: process.WorkerState, request: bytes, answer: Answer) -> None:
    assert main.here is not None
    main.here.is_ours = True
    trip, max_bytes, is_measured, current.is_watched, columns, parent_world, pins = (
        pickle.loads(request)
    )
    settled.begin_trip(trip)
    begun = time.time_ns()

    if parent_world is not None:
        world.apply(parent_world)
        settled.remember()

    if pins is not None:
        pinned.here.apply(pins)

    if current.is_watched:
        current.sent(is_loaded=columns[3][0] in _functions)

    _meter.begin(measure_peak=is_measured)

    try:
        for call in zip(*columns, strict=True):
            if not settled.tokens.take():
                break

            lacks = answer.has_failed and answer.lacks(call[4])
            row = None if lacks else _run(settled, call, answer, max_bytes)

            if trip:
                settled.spool.append(pickle.dumps((settled.logged, row), 5))

            answer.add(row)

            if settled.left:
                break

        answer.has_sent = settled.channel.has_sent
        settled.end_trip()

        if not settled.answers_first:
            settled.put_rest_right()

        if len(_modules) != settled.loaded.count:
            answer.loaded = settled.loaded.news(begun, pinned.here.signs)
    finally:
        current.end()
        main.here.is_ours = False


def _run(
    settled: process.WorkerState,
    call: RemoteCall,
    answer: Answer,
    max_bytes: int,
    *,
    is_anew: bool = False,
) -> Row | Raised:
    """Run a call.

    :param answer: what came of earlier ones
    :param max_bytes: how many bytes are kept of what it prints
    :param is_anew: whether it has failed before where others had changed this process
    """
    settled.records.job_id = call[0]
    logged, outcome = settled.logged, None
    at, start = time.time(), time.perf_counter()

    try:
        outcome = execute(call, answer, settled.channel.send)
    finally:
        wall = time.perf_counter() - start
        is_long = (
            wall > LONG
            or settled.looks_closely
            or type(outcome) is Raised
            or (bool(_meddling) and call[3] in _meddling)
            or _meter.looks
        )
        cpu, peak = (_meter.measured if is_long else _meter.passed)(wall)
        log = settled.end_job(max_bytes, is_long=is_long)

    if isinstance(outcome, Raised):
        if settled.has_met_others and not is_anew:
            settled.runs_anew(call[0], logged, log)
            return _run(settled, call, answer, max_bytes, is_anew=True)

        return outcome._replace(log=log, usage=Usage(at, wall, cpu, peak))

    return outcome, log, at, wall, cpu, peak


def execute(
    call: RemoteCall, answer: Answer, send: Callable[[str, Progress | None], None]
) -> tuple[StoredValue, ...] | Raised:
    """Read the inputs, call the function, keep the outputs.

    :param answer: what came of earlier calls of the trip
    :param send: passes on how far a job, by its id, has come
    """
    job_id, task, attempt, code, inputs, outputs, sources, limit, trace = call

    if not sources and limit is None and trace is None:
        current.begin((job_id, task, attempt), send)
        outcome = _call(task, code, inputs, outputs, answer)
        return (
            outcome.described(outputs, None)
            if isinstance(outcome, Failure)
            else outcome
        )

    if sources:
        _remember_sources(sources)

    job = job_of(job_id, task, attempt, trace)

    try:
        with running(job, partial(send, job_id)), memory_limited(limit):
            outcome = _call(task, code, inputs, outputs, answer)
    except MemoryError as error:
        outcome = Failure(error, traceback_of(error))

    # With the limit gone there is memory again, to say what was raised.
    return (
        outcome.described(outputs, limit) if isinstance(outcome, Failure) else outcome
    )


class Failure(NamedTuple):
    """What was raised while a call was run, before it is described."""

    error: BaseException
    shown: TracebackType | None
    """Where its traceback begins."""
    is_keeping: bool = False
    """Whether the function had returned."""

    def described(self, outputs: Sequence[Output], limit: int | None) -> Raised:
        """Describe it; where memory ran out, say of what.

        :param limit: how much memory there was
        """
        outcome = raised(self.error, self.shown)

        if not isinstance(self.error, MemoryError):
            return outcome

        why = outcome.summary

        if self.is_keeping:
            names = ", ".join(repr(name) for name, _, _ in outputs)
            why = f"{why}: while its value was kept ({names})"

        if limit is not None:
            why = f"it took more than its memory_limit of {limit} bytes ({why})"

        return outcome._replace(summary=shortened(why, REASON))


def _call(
    task: str,
    code: bytes,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    answer: Answer,
) -> tuple[StoredValue, ...] | Failure:
    """Do what `execute` does, where all is set up."""
    try:
        function, names = _functions.get(code) or _load_function(code)

        if main.here is not None and main.here.shown is not names:
            main.here.show(names)

        arguments = []

        for name, driver, kept in inputs:
            value = answer.made(kept) if isinstance(kept, tuple) else kept
            arguments.append(read_input(task, name, driver, value))

        settled = process.settled

        if settled is not None and len(_modules) != settled.state.modules:
            if world.lacks_filters():
                world.set_filters()

            settled.state.remember()  # what a module sets as it is loaded stays
    except BaseException as error:
        return Failure(error, traceback_of(error))

    if current.is_watched:
        current.called()

    try:
        context = copy_context()  # what it sets of its context goes with it
        result = context.run(function, *arguments)

        if type(result) is CoroutineType:  # a plain wrapper of an `async def`
            result = run_coroutine(result)
    except BaseException as error:
        return Failure(error, beyond_ours(error))

    try:
        return context.run(keep_result, task, outputs, result)
    except MemoryError as error:
        del result, arguments  # what there is to say needs some itself
        traceback.clear_frames(error.__traceback__)
        return Failure(error, traceback_of(error), is_keeping=True)
    except BaseException as error:
        is_ours = isinstance(error, DataNodeWritingError)
        return Failure(error, None if is_ours else traceback_of(error), is_keeping=True)


def run_coroutine(coroutine: Coroutine[object, object, object]) -> object:
    """Run a coroutine on an event loop of its own, in a thread that has none."""
    import asyncio

    return asyncio.run(_awaited(coroutine))


async def _awaited(coroutine: Coroutine[object, object, object]) -> object:
    return await coroutine


def read_input(task: str, name: str, driver: ValueDriver, kept: StoredValue) -> object:
    """Read an input; an error says which one it was."""
    try:
        return driver.read(kept)
    except NoData:  # as nothing was asked where the run was submitted
        raise NoData(name) from None
    except Exception as error:
        note = f"while reading input {name!r} of task {task!r}"

        with suppress(Exception):  # it may have notes of its own making
            BaseException.add_note(error, note)

        if type(error) is FileNotFoundError and error.strerror:
            error.strerror = f"input {name!r}: {error.strerror}"
        elif isinstance(error, DataNodeReadingError):
            error.node = name

        raise


def _remember_sources(sources: dict[str, str]) -> None:
    """Have tracebacks show lines of files that exist nowhere: of the last ones."""
    for name, text in sources.items():
        _sources.pop(name, None)
        _sources[name] = None
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)

    while len(_sources) > REMEMBERED:
        oldest = next(iter(_sources))
        del _sources[oldest]
        linecache.cache.pop(oldest, None)


def _load_function(
    code: bytes,
) -> tuple[Callable[..., object], Mapping[str, object]]:
    """Load a function, to keep it, with what it came with of the main script."""
    names = main.NOTHING

    if is_by_value(code):
        from asyncflow.worker.by_value import with_names

        function, names = with_names(partial(fetch, code))
    else:
        function = fetch(code)

    assert callable(function)
    current.begun()
    _functions[code] = function, names

    if process.settled is not None:  # it may leave something each time
        process.settled.looks_closely = True

        if process.settled.state.may_be_changed_by(function):
            _meddling.add(code)

    while len(_functions) > REMEMBERED or (
        len(_functions) > 1 and sum(map(len, _functions)) > REMEMBERED_BYTES
    ):
        oldest = next(iter(_functions))
        del _functions[oldest]
        _meddling.discard(oldest)

    return function, names
