"""A carrier: traces jobs, and has their traces go on where they run."""

from __future__ import annotations

from typing import Protocol

from asyncflow.entities.job import Job


class Carrier(Protocol):
    """Traces jobs."""

    def traceparent(self, job: Job) -> str | None:
        """Return the span that the function of a job continues, as W3C has it."""
