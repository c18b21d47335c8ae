"""The history of a run: its changes, and which events these are."""

from __future__ import annotations

from typing import Any, TypeAlias

from asyncflow import events
from asyncflow.status import FINAL, Status

Change: TypeAlias = tuple[int | None, Status | None, float, str]
"""The place of the job (None: the run itself), its new status, when, and why."""


class History:
    """The changes of a run, in their order.

    Their parts lie in one list: the garbage collector has fewer objects to look at.
    """

    __slots__ = ("_parts",)

    def __init__(self, first: Change | tuple[()] = ()) -> None:
        self._parts: list[Any] = [*first]

    def append(self, change: Change) -> None:
        """Add a change."""
        self._parts += change

    def append_end(
        self, place: int, began: float, ended: float, *, was_blocked: bool
    ) -> None:
        """Add all changes of a job that is known to have completed.

        :param was_blocked: whether it was not even known to be ready
        """
        parts = self._parts

        if was_blocked:
            parts += place, Status.PENDING, began, ""

        parts += place, Status.RUNNING, began, "", place, Status.COMPLETED, ended, ""

    def kind(self, index: int) -> type[events.Event] | None:
        """Tell which event a change is; None for one that is none."""
        return kind_of(index, self[index])

    def __len__(self) -> int:
        return len(self._parts) // 4

    def __getitem__(self, index: int) -> Change:
        place, status, at, reason = self._parts[4 * index : 4 * index + 4]
        return place, status, at, reason


_KINDS: dict[Status, type[events.JobEvent]] = {
    Status.PENDING: events.JobPending,
    Status.RUNNING: events.JobStarted,
    **dict.fromkeys(FINAL, events.JobFinished),
}


def kind_of(index: int, change: Change) -> type[events.Event] | None:
    """Tell which event a change is; None for one that is no event.

    :param index: its place in the history
    """
    place, status, _, reason = change

    if place is None or status is None:
        return events.SubmissionFinished if index else events.SubmissionStarted

    if status is Status.PENDING and reason:
        return events.JobAttemptFailed

    return _KINDS.get(status)
