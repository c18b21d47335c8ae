"""Spans for OpenTelemetry, as the SDK's exporter gets them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from asyncflow import Configuration, NotOpen, Orchestrator, Submission, current_job
from asyncflow.otel import carrier, tracing
from tests.programs.recovery_program import declare
from tests.recovery.test_recovery import killed
from tests.support import flows
from tests.support.flows import chain, fan, single

pytestmark = pytest.mark.anyio


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert len(spans) == len(exporter.get_finished_spans())
    return spans


def ns(date: datetime | None) -> int:
    assert date is not None
    return int(date.timestamp() * 1e9)


async def test_a_span_for_the_submission_and_each_job(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    cfg = chain(config, flows.double, flows.fail, flows.double)
    scenario = await orchestrator.create_scenario(cfg)

    async with tracing(orchestrator, tracer_provider=provider):
        submission = await scenario.submit().wait()

    spans = by_name(exporter)
    assert set(spans) == {"submission chain", "job t0", "job t1", "job t2"}
    top = spans["submission chain"]
    assert top.parent is None
    assert top.attributes == {
        "asyncflow.submission.id": submission.id,
        "asyncflow.entity.id": scenario.id,
        "asyncflow.scenario.id": scenario.id,
        "asyncflow.submission.status": "FAILED",
    }
    assert top.start_time == ns(submission.submitted_at)
    assert top.end_time == ns(submission.finished_at)
    assert top.status.status_code is StatusCode.ERROR
    assert top.status.description == "1 job failed"

    for job in submission.jobs:
        span = spans[f"job {job.task.config_id}"]
        assert span.parent == top.get_span_context()
        assert span.attributes == {
            "asyncflow.job.id": job.id,
            "asyncflow.task": job.task.config_id,
            "asyncflow.submission.id": submission.id,
            "asyncflow.job.status": job.status.value,
            "asyncflow.job.reason": job.reason,
        }
        assert span.start_time is not None
        assert ns(submission.submitted_at) <= span.start_time
        assert span.start_time <= ns(job.run_at or job.finished_at)
        assert span.end_time == ns(job.finished_at)

    assert spans["job t0"].status.status_code is StatusCode.UNSET
    assert spans["job t2"].status.status_code is StatusCode.UNSET


async def test_the_error_of_a_job(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    raising = await orchestrator.create_scenario(chain(config, flows.fail))
    crashing = await orchestrator.create_scenario(single(config, flows.kill_self))

    async with tracing(orchestrator, tracer_provider=provider):
        failed = await raising.submit().wait()
        crashed = await crashing.submit().wait()

    spans = by_name(exporter)
    (raised,) = spans["job t0"].events
    assert raised.name == "exception"
    assert raised.timestamp == ns(failed.jobs[0].finished_at)
    assert raised.attributes is not None
    assert raised.attributes["exception.type"] == "ValueError"
    assert raised.attributes["exception.message"] == "no 1"
    assert raised.attributes["exception.stacktrace"] == failed.jobs[0].stacktrace
    assert spans["job t0"].status.description == "ValueError: no 1"

    (killed,) = spans["job work"].events
    assert killed.attributes == {"exception.message": crashed.jobs[0].reason}
    assert "SIGKILL" in crashed.jobs[0].reason


@pytest.mark.parametrize("key", [None, "a key"])
async def test_the_span_of_who_submits_is_the_parent(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
    key: str | None,
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))
    tracer = provider.get_tracer("test")

    async with tracing(orchestrator, tracer_provider=provider):
        with tracer.start_as_current_span("request") as request:
            submission = scenario.submit(idempotency_key=key)

        with tracer.start_as_current_span("another"):
            await submission

    span = by_name(exporter)["submission single"]
    assert span.parent == request.get_span_context()


async def test_the_headers_of_a_job(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))

    async with tracing(orchestrator, tracer_provider=provider) as spans:
        (job,) = scenario.submit().jobs
        early = carrier(job)
        spans.attempt_started(job, 1, 1000.5)
        during = carrier(job)
        spans.attempt_ended(job, 1001.5, "ValueError: no rows")
        spans.attempt_started(job, 2, 1002.5)
        spans.attempt_ended(job, 1003.5)
        late = carrier(job)
        await job.submission

    assert carrier(job) == {}
    ended = by_name(exporter)
    assert early == late == {"traceparent": header(ended["job work"])}
    assert during == {"traceparent": header(ended["attempt 1"])}

    for number, code in ((1, StatusCode.ERROR), (2, StatusCode.UNSET)):
        span = ended[f"attempt {number}"]
        assert span.parent == ended["job work"].get_span_context()
        assert span.attributes is not None
        assert span.attributes["asyncflow.attempt"] == number
        assert span.start_time == int((998.5 + 2 * number) * 1e9)
        assert span.end_time == span.start_time + int(1e9)
        assert span.status.status_code is code


def header(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    trace, own = format_trace_id(context.trace_id), format_span_id(context.span_id)
    return f"00-{trace}-{own}-{context.trace_flags:02x}"


def fail_twice(value: int) -> int:
    job = current_job()
    assert job is not None

    if job.attempt < 3:
        raise ConnectionResetError(f"at attempt {job.attempt}")

    return value


async def test_a_span_for_each_attempt_of_a_job_that_is_tried_again(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    cfg = single(config, fail_twice, retry=3)
    scenario = await orchestrator.create_scenario(cfg)

    async with tracing(orchestrator, tracer_provider=provider):
        submission = await scenario.submit()

    (job,) = submission.jobs
    spans = by_name(exporter)
    attempts = [spans[f"attempt {number}"] for number in (1, 2, 3)]
    assert set(spans) - {span.name for span in attempts} == {
        "submission single",
        "job work",
    }
    assert [span.status.description for span in attempts] == [
        "ConnectionResetError: at attempt 1",
        "ConnectionResetError: at attempt 2",
        None,
    ]
    ends = [*(int(one.ended * 1e9) for one in job.attempts), ns(job.finished_at)]
    assert [span.end_time for span in attempts] == ends
    assert spans["job work"].status.status_code is StatusCode.UNSET

    for span in attempts:
        assert span.parent == spans["job work"].get_span_context()


async def test_the_last_attempt_fails_with_its_job(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    cfg = single(config, fail_twice, retry=2)
    scenario = await orchestrator.create_scenario(cfg)

    async with tracing(orchestrator, tracer_provider=provider):
        await scenario.submit().wait()

    spans = by_name(exporter)
    why = "ConnectionResetError: at attempt 2"
    assert spans["attempt 2"].status.description == why
    assert spans["job work"].status.description == why
    assert spans["attempt 2"].end_time == spans["job work"].end_time


def know_trace(_: object) -> tuple[str | None, int, int]:
    """Return the traceparent of the job, and the ids of the current trace and span."""
    job = current_job()
    assert job is not None
    context = trace.get_current_span().get_span_context()
    return job.traceparent, context.trace_id, context.span_id


async def know_trace_async(value: object) -> tuple[str | None, int, int]:
    await checkpoint()
    return know_trace(value)


@pytest.mark.parametrize(
    ("executor", "function"),
    [
        ("process", know_trace),
        ("thread", know_trace),
        ("inline", know_trace),
        ("process", know_trace_async),
    ],
)
async def test_the_trace_goes_on_where_the_job_runs(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
    executor: str,
    function: flows.Function,
) -> None:
    cfg = single(config, function, executor=executor)
    scenario = await orchestrator.create_scenario(cfg)

    async with tracing(orchestrator, tracer_provider=provider):
        await scenario.submit()

    span = by_name(exporter)["job work"].get_span_context()
    assert span is not None
    expected = header(by_name(exporter)["job work"]), span.trace_id, span.span_id
    assert await scenario.result.read() == expected

    await scenario.submit()  # nobody traces it; the same worker has it
    assert await scenario.result.read() == (None, 0, 0)


async def test_jobs_that_travel_together_have_each_their_own_trace(
    config: Configuration,
    orchestrator: Orchestrator,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    scenario = await orchestrator.create_scenario(fan(config, know_trace, 20))
    await flows.make_short(orchestrator, scenario)

    async with tracing(orchestrator, tracer_provider=provider):
        await scenario.submit()

    spans = by_name(exporter)
    known = [await scenario.data_nodes[f"r{index}"].read() for index in range(20)]
    headers = [header(spans[f"job f{index}"]) for index in range(20)]
    assert [traceparent for traceparent, _, _ in known] == headers


async def test_what_has_not_ended_ends_with_the_tracing(
    config: Configuration, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    cfg = single(config, flows.wait_for_file, str(tmp_path / "go"))
    scenario = await orchestrator.create_scenario(cfg)
    before = scenario.submit()
    await flows.until_started(before)

    async with tracing(orchestrator, tracer_provider=provider):
        within = scenario.submit()

    ids = {
        span.attributes and span.attributes["asyncflow.submission.id"]
        for span in exporter.get_finished_spans()
    }
    assert ids == {within.id}
    exporter.clear()

    async with tracing(orchestrator, tracer_provider=provider):
        (tmp_path / "go").touch()
        await before

    spans = exporter.get_finished_spans()
    ids = {
        span.attributes and span.attributes["asyncflow.submission.id"] for span in spans
    }
    assert before.id in ids
    await orchestrator.drain()


async def test_an_adopted_run_is_a_trace_of_its_own(
    provider: TracerProvider, exporter: InMemorySpanExporter, tmp_path: Path
) -> None:
    submission_id = await killed(tmp_path)
    config, _ = declare(tmp_path)

    with provider.get_tracer("test").start_as_current_span("the lifespan"):
        async with (
            Orchestrator(config, tmp_path / "runs.db") as orchestrator,
            tracing(orchestrator, tracer_provider=provider),
        ):
            (tmp_path / "go").touch()
            submission = await orchestrator.get(submission_id)
            assert isinstance(submission, Submission)

            with fail_after(20):
                await submission

    span = by_name(exporter)["submission row"]
    assert span.parent is None
    assert span.start_time == ns(submission.submitted_at)


async def test_without_an_sdk_nothing_happens(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))

    async with tracing(orchestrator):
        submission = scenario.submit()
        assert carrier(submission.jobs[0]) == {}
        await submission


async def test_an_orchestrator_that_is_closed(config: Configuration) -> None:
    with pytest.raises(NotOpen):
        async with tracing(Orchestrator(config)):
            pass


class Broken(SpanProcessor):
    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        raise RuntimeError("no connection")


async def test_what_a_span_processor_raises_is_logged(
    config: Configuration,
    orchestrator: Orchestrator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken())
    scenario = await orchestrator.create_scenario(single(config, flows.double))

    async with tracing(orchestrator, tracer_provider=provider):
        await scenario.submit()

    await orchestrator._opened().scheduler.runs.drain()
    assert "could not be told to OpenTelemetry" in caplog.text
    assert {record.thread for record in caplog.records} != {threading.get_ident()}
