"""The job that is running here, as its function sees it: `current_job`, `report`."""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple, TypeVar

from asyncflow.ids import submission_of

_logger = logging.getLogger("asyncflow")
"""The plain one: here, its only handler puts records into the log of the job, and a worker
imports nothing above it."""


T = TypeVar("T")

is_worker: bool = False
"""Whether this is a worker process."""

INTERVAL = 0.1
"""The least time between two reports that are passed on, in seconds."""

MESSAGE = 1000
"""The most characters of a message that are passed on."""


class CurrentJob(NamedTuple):
    """What a function may know of the job that it runs for."""

    id: str
    submission_id: str
    task: str
    """The id of the task's config."""
    attempt: int = 1
    """1 for the first time that the job runs, 2 where that failed, and so on."""
    traceparent: str | None = None
    """What continues its trace elsewhere, as W3C has it; None where nobody traces it."""


class Progress(NamedTuple):
    """How far a job has come."""

    done: float | None
    """How much is done, in whatever unit; None where that was not said."""
    total: float | None
    """How much there is to do, in the same unit; None where nobody knows."""
    message: str = ""


LOADING = 1
"""The size of that file, in bytes, while the function is loaded; before, it is empty."""

is_watched: bool | str = False
"""Whether the parent wants to know when the function of the job is called; a text is also
the file to be removed as the call begins, with its function loaded."""


class _Running:
    """A job under way, and when it reported last.

    :param about: the job, or what `job_of` makes it of once somebody asks
    :param send: passes its reports on, each with the job's id; None for `called`
    """

    __slots__ = ("_about", "last", "send")

    def __init__(
        self,
        about: CurrentJob | tuple[str, str, int],
        send: Callable[[str, Progress | None], None],
    ) -> None:
        self._about = about
        self.send = send
        self.last = 0.0

    @property
    def job(self) -> CurrentJob:
        if not isinstance(self._about, CurrentJob):
            self._about = job_of(*self._about)

        return self._about


job_here: ContextVar[_Running | None] = ContextVar("asyncflow_running", default=None)
"""The job that the calling function runs for; see `current_job`."""


def current_job() -> CurrentJob | None:
    """Return the job that the calling function runs for; None outside of jobs."""
    running = job_here.get()
    return None if running is None else running.job


def report(
    done: float | None = None, total: float | None = None, message: str = ""
) -> None:
    """Say how far the calling job has come; outside of jobs this does nothing.

    It shows in `Job.progress`. Reports that follow each other within a tenth of a second
    are left out, but not the one where `done` is `total`.

    :param done: how much is done, in whatever unit
    :param total: how much there is to do, in the same unit; None where nobody knows
    :param message: what people are told
    :raises TypeError: where `done` or `total` is no number
    """
    running = job_here.get()

    if running is None:
        return

    now = time.monotonic()

    if now - running.last >= INTERVAL or (done is not None and done == total):
        running.last = now
        progress = Progress(_number(done), _number(total), str(message)[:MESSAGE])
        running.send(running.job.id, progress)


def _number(value: float | None) -> float | None:
    """Return a number as Python has it, whatever library it is of."""
    if value is None or type(value) in (int, float):
        return value

    if not hasattr(type(value), "__float__"):
        raise TypeError(
            f"report(done, total, message) takes numbers, and then a text; got {value!r:.100}"
        )

    return float(value)


def sent(*, is_loaded: bool) -> None:
    """Say in the file, where there is one, how far a call is.

    :param is_loaded: whether its function is there already
    """
    if is_loaded:
        begun()
    elif isinstance(is_watched, str):
        with suppress(OSError):
            os.truncate(is_watched, LOADING)


def begun() -> None:
    """Remove the file, where there is one: from now on a call does what is its own."""
    if isinstance(is_watched, str):
        with suppress(OSError):
            os.unlink(is_watched)


def called() -> None:
    """Say that the function of the job is called now."""
    if (running := job_here.get()) is not None:
        running.send(running.job.id, None)


def progress(
    items: Iterable[T], total: int | None = None, message: str = ""
) -> Iterator[T]:
    """Give items one by one, and report how many are done; see `report`.

    :param total: how many there are; None asks the items for their length
    :raises TypeError: where there are no items: `report` says how far a job has come
    """
    if not hasattr(type(items), "__iter__") and not hasattr(items, "__getitem__"):
        raise TypeError(
            f"progress() gives items one by one, as in `for item in progress(items)`; got "
            f"{items!r:.100}: report(done, total, message) says how far the job has come"
        )

    if not (total is None or hasattr(type(total), "__index__")):
        raise TypeError(
            f"total is how many items there are, or None; got {total!r:.100}"
        )

    if total is None and isinstance(items, Sized):
        total = len(items)

    return _reporting(items, total, message)


def _reporting(items: Iterable[T], total: int | None, message: str) -> Iterator[T]:
    for done, item in enumerate(items, 1):
        yield item
        report(done, total, message)


class running:  # noqa: N801  # a context manager, as a function would be
    """Have the functions that are called in this context run for a job, in its trace.

    :param send: passes its reports on
    """

    __slots__ = ("_running", "_token", "_trace")

    def __init__(
        self, job: CurrentJob, send: Callable[[Progress | None], None]
    ) -> None:
        self._running = _Running(job, lambda _, progress: send(progress))

    def __enter__(self) -> None:
        traceparent = self._running.job.traceparent
        self._trace = None if traceparent is None else continue_trace(traceparent)
        self._token = job_here.set(self._running)

    def __exit__(self, *_: object) -> None:
        job_here.reset(self._token)

        if self._trace is not None:
            self._trace()


def begin(
    about: tuple[str, str, int], send: Callable[[str, Progress | None], None]
) -> None:
    """Have the functions that are called from here on run for a job, until `end`.

    :param about: what `job_of` makes it of
    :param send: passes its reports on, each with the job's id
    """
    job_here.set(_Running(about, send))


def end() -> None:
    """Have the functions that are called from here on run for no job."""
    job_here.set(None)


def job_of(
    job_id: str, task: str, attempt: int, traceparent: str | None = None
) -> CurrentJob:
    """Describe a job by its id."""
    return CurrentJob(job_id, submission_of(job_id), task, attempt, traceparent)


def continue_trace(traceparent: str) -> Callable[[], object] | None:
    """Make a span of another process the current one here; return what ends that.

    None where OpenTelemetry is not installed, or does not work: the job goes on.

    :param traceparent: the span, as W3C has it
    """
    try:
        from opentelemetry import context
        from opentelemetry.trace.propagation import tracecontext

        headers = {"traceparent": traceparent}
        propagator = tracecontext.TraceContextTextMapPropagator()
        trace = propagator.extract(headers, context.Context())
        return partial(context.detach, context.attach(trace))
    except ImportError:
        return None
    except Exception:
        _logger.exception("the trace of the job is not continued")
        return None
