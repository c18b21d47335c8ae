"""The trace that a job is part of: OpenTelemetry's context, where that is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

_logger = logging.getLogger("asyncflow")
"""The plain one: here, its only handler puts records into the log of the job, and a worker
imports nothing above it."""


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
