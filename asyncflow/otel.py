"""Spans for OpenTelemetry: one for each submission, and in it one for each job.

A job that is tried again has one for each attempt in it.

::

    from asyncflow.otel import tracing

    async with Orchestrator() as orchestrator, tracing(orchestrator):
        ...

It needs the extra ``otel``: the API of OpenTelemetry alone. Which SDK the program sets up,
if any, decides what becomes of the spans. Times are those that asyncflow has recorded; but
the span of a job that runs begins when it is sent to where it runs. Where OpenTelemetry is
installed there too, that span is the current one while the function runs.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import attrs
from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from asyncflow.entities.job import Job
from asyncflow.entities.submission import Submission
from asyncflow.events import (
    Event,
    JobAttemptFailed,
    JobFinished,
    JobStarted,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.log import logger as _logger
from asyncflow.notify.listener import Listener, Notification
from asyncflow.orchestrator import Orchestrator
from asyncflow.status import Status

_TOLD = (
    SubmissionStarted,
    JobStarted,
    JobAttemptFailed,
    JobFinished,
    SubmissionFinished,
)
_W3C = TraceContextTextMapPropagator()

_tracings: list[Tracing] = []
"""Those that are entered."""


@attrs.define(eq=False, repr=False)
class Tracing(Listener):
    """Makes spans of what happens in the runs of an orchestrator; see `tracing`."""

    _tracer: Tracer
    _submissions: dict[str, Span] = attrs.field(init=False, factory=dict)
    """The open spans, by the ids of their submissions."""
    _jobs: dict[str, Span] = attrs.field(init=False, factory=dict)
    _attempts: dict[str, Span] = attrs.field(init=False, factory=dict)
    """By the ids of their jobs."""

    def run_started(self, submission: Submission) -> None:
        """Begin the span of a submission, in the span of who submits it."""
        with self._guarded():
            context = Context() if submission.is_adopted else get_current()
            self._begin(submission, context)

    def wants(self, kind: type[Event] | None) -> bool:
        """Tell whether an event begins or ends a span."""
        return kind in _TOLD

    def take(self, news: Notification) -> None:
        """Begin or end a span."""
        with self._guarded():
            match news.event, news.job:
                case JobStarted(), Job() as job:
                    self._start_job(job)
                case JobAttemptFailed() as failed, Job() as job:
                    self._end_attempt(job, failed)
                case JobFinished(), Job() as job:
                    self._end_job(job)
                case SubmissionFinished(), None:
                    self._end_submission(news.submission)

    def end(self, failure: Exception | None) -> None:  # noqa: ARG002
        """End the spans of what has not ended: nobody else will."""
        for spans in (self._attempts, self._jobs, self._submissions):
            while spans:
                with self._guarded():
                    spans.popitem()[1].end()

    def traces(self, job: Job) -> bool:
        """Tell whether the run of a job is under way, and this makes its spans."""
        return job.submission.id in self._submissions

    def carrier(self, job: Job) -> dict[str, str]:
        """Return what continues a job's trace elsewhere: ``traceparent`` and the like.

        It is that of its attempt, where one is under way.
        """
        return _headers(self._attempts.get(job.id) or self._span_of(job))

    def traceparent(self, job: Job) -> str | None:
        """Return what goes with a job to where it runs: that of its span."""
        headers: dict[str, str] = {}

        with self._guarded():
            headers = _headers(self._span_of(job))

        return headers.get("traceparent")

    def attempt_started(self, job: Job, number: int, at: float) -> None:
        """Begin the span of an attempt to run a job.

        :param number: from 1
        :param at: when it began, in seconds since the epoch
        """
        self._attempts[job.id] = self._tracer.start_span(
            f"attempt {number}",
            trace.set_span_in_context(self._span_of(job), Context()),
            attributes={**_facts(job), "asyncflow.attempt": number},
            start_time=_ns(at),
        )

    def attempt_ended(self, job: Job, at: float, error: str = "") -> None:
        """End the span of an attempt.

        :param at: when it ended, in seconds since the epoch
        :param error: why it failed; ``""`` if it did not
        """
        span = self._attempts.pop(job.id)

        if error:
            span.set_status(StatusCode.ERROR, error)

        span.end(_ns(at))

    def _begin(self, submission: Submission, context: Context) -> Span:
        span = self._submissions[submission.id] = self._tracer.start_span(
            f"submission {_name(submission)}",
            context,
            attributes={
                "asyncflow.submission.id": submission.id,
                "asyncflow.entity.id": submission.entity_id,
                "asyncflow.scenario.id": submission.entity.scenario_id,
            },
            start_time=_ns(submission.submitted_at.timestamp()),
        )
        return span

    def _span_of(self, job: Job) -> Span:
        """Return the span of a job; begin it, where that was not done."""
        if job.id in self._jobs:
            return self._jobs[job.id]

        submission = job.submission
        parent = self._submissions.get(submission.id) or self._begin(
            submission, Context()
        )
        start = job.run_at or job.finished_at
        span = self._jobs[job.id] = self._tracer.start_span(
            f"job {job.task.config_id}",
            trace.set_span_in_context(parent, Context()),
            attributes=_facts(job),
            start_time=_ns(start.timestamp() if start else time.time()),
        )
        return span

    def _start_job(self, job: Job) -> None:
        """Begin the span of a job; where it was tried before, that of its attempt."""
        self._span_of(job)

        if job.attempts and job.run_at is not None:
            self.attempt_started(job, job.attempt, job.run_at.timestamp())

    def _end_attempt(self, job: Job, failed: JobAttemptFailed) -> None:
        """End the span of an attempt that failed: that of the first begins here."""
        number, at = failed.attempt, failed.at.timestamp()
        kept = (attempt for attempt in job.attempts if attempt.number == number)
        record = next(kept, None)  # of very many the middle is not kept

        if job.id not in self._attempts:
            self.attempt_started(job, number, (record and record.started) or at)

        self.attempt_ended(job, record.ended if record else at, failed.reason)

    def _end_job(self, job: Job) -> None:
        """End the span of a job: it is short, where it has not run."""
        assert job.finished_at is not None

        if job.id in self._attempts:
            error = job.reason if job.status is Status.FAILED else ""
            self.attempt_ended(job, job.finished_at.timestamp(), error)

        span = self._span_of(job)
        at = _ns(job.finished_at.timestamp())
        span.set_attribute("asyncflow.job.status", str(job.status))
        span.set_attribute("asyncflow.job.reason", job.reason)

        if job.status is Status.FAILED:
            span.set_status(StatusCode.ERROR, job.reason)
            span.add_event("exception", _exception(job), at)

        span.end(at)
        del self._jobs[job.id]

    def _end_submission(self, submission: Submission) -> None:
        assert submission.finished_at is not None
        span = self._submissions.get(submission.id) or self._begin(
            submission, Context()
        )
        span.set_attribute("asyncflow.submission.status", str(submission.status))

        if failed := submission.counts().get(Status.FAILED, 0):
            jobs = "job" if failed == 1 else "jobs"
            span.set_status(StatusCode.ERROR, f"{failed} {jobs} failed")

        span.end(_ns(submission.finished_at.timestamp()))
        del self._submissions[submission.id]

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Log what a span processor raises: runs go on."""
        try:
            yield
        except Exception as error:
            _logger.error("a span could not be told to OpenTelemetry", exc_info=error)


@asynccontextmanager
async def tracing(
    orchestrator: Orchestrator, *, tracer_provider: TracerProvider | None = None
) -> AsyncIterator[Tracing]:
    """Make spans of the runs of an open orchestrator, as long as this is entered.

    The span that is current where somebody calls ``submit`` is the parent of the
    submission's. Spans of what has not ended when this is left end then.

    :param tracer_provider: where spans go; None for the global one
    :raises NotOpen: where the orchestrator is not open
    """
    tracer = trace.get_tracer("asyncflow", tracer_provider=tracer_provider)
    listener = Tracing(tracer)

    try:
        async with orchestrator.listen(listener):
            _tracings.append(listener)
            yield listener
    finally:
        if listener in _tracings:
            _tracings.remove(listener)

        listener.end(None)


def carrier(job: Job) -> dict[str, str]:
    """Return the W3C headers that continue the trace of a job in another process.

    Empty where nobody traces the runs of its orchestrator, or no SDK is set up.
    """
    for listener in _tracings:
        if listener.traces(job):
            return listener.carrier(job)

    return {}


def _headers(span: Span) -> dict[str, str]:
    """Return what continues a trace below a span: nothing without an SDK."""
    headers: dict[str, str] = {}
    _W3C.inject(headers, trace.set_span_in_context(span, Context()))
    return headers


def _facts(job: Job) -> dict[str, str]:
    return {
        "asyncflow.job.id": job.id,
        "asyncflow.task": job.task.config_id,
        "asyncflow.submission.id": job.submission.id,
    }


def _exception(job: Job) -> dict[str, str]:
    """Return the attributes that OpenTelemetry's conventions give an exception."""
    kind, _, message = job.reason.partition(": ")

    if not job.stacktrace:
        return {"exception.message": job.reason}

    return {
        "exception.type": kind,
        "exception.message": message,
        "exception.stacktrace": job.stacktrace,
    }


def _name(submission: Submission) -> str:
    """Return the name of what was submitted: few, as spans are grouped by it."""
    entity = submission.entity
    return str(getattr(entity, "config_id", None) or getattr(entity, "name", ""))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
