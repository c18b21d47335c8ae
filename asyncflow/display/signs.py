"""The signs of statuses: nobody has to tell them by their colours alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from asyncflow.status import Status

Tone: TypeAlias = Literal["good", "bad", "busy", "off"]

_SIGNS: dict[Status, tuple[str, Tone]] = {
    Status.FAILED: ("✗", "bad"),
    Status.RUNNING: ("▶", "busy"),
    Status.ABANDONED: ("⊘", "bad"),
    Status.CANCELED: ("■", "bad"),
    Status.PENDING: ("…", "busy"),
    Status.BLOCKED: ("‖", "off"),
    Status.SUBMITTED: ("○", "off"),
    Status.COMPLETED: ("✓", "good"),
    Status.SKIPPED: ("↷", "good"),
}
"""Those that matter most come first."""


def sign_of(status: Status) -> tuple[str, Tone]:
    """Return the sign of a status, and the tone of its colour."""
    return _SIGNS[status]


def leading(statuses: Mapping[Status, int]) -> Status:
    """Return the status that matters most of those that some jobs have.

    :param statuses: how many jobs have which; one has any
    """
    return next(status for status in _SIGNS if statuses.get(status))


def words(statuses: Mapping[Status, int]) -> str:
    """Say how many jobs have which status; nothing where there is none."""
    if sum(statuses.values()) == 1:
        return str(leading(statuses))

    return ", ".join(
        f"{statuses[status]} {status}" for status in _SIGNS if statuses.get(status)
    )
