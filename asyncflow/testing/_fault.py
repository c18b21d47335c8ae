"""What happens to a job."""

from __future__ import annotations

from typing import TypeAlias

import attrs

Error: TypeAlias = BaseException | type[BaseException]
"""What ``raise`` takes."""


@attrs.define(eq=False)
class Fault:
    """What happens to jobs of a task.

    :param attempt: the number of the job that it happens to; None for every one
    :param error: what is raised instead of a call of its function; None for a crash
    """

    task: str
    attempt: int | None
    error: Error | None
    has_happened: bool = attrs.field(init=False, default=False)
    _started: int = attrs.field(init=False, default=0)

    def strikes(self, task: str) -> bool:
        """Count a job that starts; tell whether it happens to this one."""
        if task != self.task:
            return False

        self._started += 1
        strikes = self.attempt in (None, self._started)
        self.has_happened |= strikes
        return strikes

    def __str__(self) -> str:
        what = "crash" if self.error is None else "failure"
        which = "every job" if self.attempt is None else f"job {self.attempt}"
        return f"the {what} of {which} of task {self.task!r}"
