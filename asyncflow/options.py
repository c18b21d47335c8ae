"""The options of a run, and of a list: made once, where a user gives them, and passed
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import attrs

OnFailure: TypeAlias = Literal["continue", "stop"]
"""Whether a failed job ends the rest of a run."""


class Page(NamedTuple):
    """A part of a list."""

    newest_first: bool = False
    limit: int | None = None
    """How many at most; None for all."""
    offset: int = 0
    """How many to leave out at the beginning."""


@attrs.define(kw_only=True, eq=False, repr=False)  # to freeze it takes 1.5 us a run
class RunOptions:
    """What `Submittable.submit` is given; it says what each means. It never changes."""

    timeout: float | None = None
    run_timeout: float | None = None
    priority: float = 0.0
    force: bool = False
    on_failure: OnFailure = "continue"
    idempotency_key: str | None = None
    callbacks: Iterable[Callable[[Any], object]] = ()
    progress: bool = False
    inputs: Mapping[Any, Any] | None = None
    wait_for_data: bool = False
    properties: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    keywords: Mapping[str, Any] | None = None
    """Inputs and properties that were given beside the options, by their names."""
    lets_fail: bool = False
    """Whether a run begins that lacks data: the jobs that read it fail, with a warning."""

    def kept(self) -> RunOptions:
        """Return what its run keeps of them: for one more, and with nobody's objects."""
        if not (
            self.properties or self.callbacks or self.idempotency_key or self.inputs
        ):
            return self

        return RunOptions(  # for each run: `attrs.evolve` takes several us
            timeout=self.timeout,
            run_timeout=self.run_timeout,
            priority=self.priority,
            force=self.force,
            on_failure=self.on_failure,
            wait_for_data=self.wait_for_data,
            progress=self.progress,
            properties={**self.properties},
        )


NAMES = tuple(field.name for field in attrs.fields(RunOptions))[:-3]
"""What they are called, the properties aside."""
