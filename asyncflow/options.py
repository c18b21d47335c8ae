"""The options of a run, and of a list: made once, where a user gives them, and passed
whole. Those of a task are in `config/task.py`.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import attrs

T = TypeVar("T")

OnFailure: TypeAlias = Literal["continue", "stop"]
"""Whether a failed job ends the rest of a run."""


class Page(NamedTuple):
    """A part of a list."""

    newest_first: bool = False
    limit: int | None = None
    """How many at most; None for all."""
    offset: int = 0
    """How many to leave out at the beginning."""

    def of(self, whole: Sequence[T]) -> list[T]:
        """Return this part of a list that is in its order."""
        ordered = [*reversed(whole)] if self.newest_first else [*whole]
        end = None if self.limit is None else self.offset + self.limit
        return ordered[self.offset : end]


class SubmissionFilter(NamedTuple):
    """Which submissions a list has, and in which order: what needs more than a look at
    each of them. What is None lets everything pass.
    """

    labels: Collection[str] | None = None
    """The versions of the application that their scenarios belong to."""
    config_id: str | None = None
    """That of their scenarios; the same for the next two."""
    cycle_id: str | None = None
    tag: str | None = None
    text: str | None = None
    """Part of their id, their reason, that of a failed job, or the name of their scenario,
    in large or small letters (of the alphabet of ASCII)."""
    submitted_from: float | None = None
    """The first time, in seconds since the epoch."""
    submitted_to: float | None = None
    """The time before which they were submitted."""
    by_duration: bool = False
    """Sort them by how long they took; those that have not ended come last."""
    after_id: str | None = None
    """That which comes right before the first of them; where it is not there, none."""


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
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    keywords: Mapping[str, Any] | None = None
    """Inputs and properties that were given beside the options, by their names."""
    lets_fail: bool = False
    """Whether a run begins that lacks data: the jobs that read it fail, with a warning."""

    def kept(self) -> "RunOptions":
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
