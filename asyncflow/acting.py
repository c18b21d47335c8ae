"""Who asks for what is done: a web app says it once, and the events of entities tell it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_USER: ContextVar[str | None] = ContextVar("asyncflow.acting", default=None)

SUBMITTED_BY = "submitted_by"
"""The property of a run that names who has started it."""


@contextmanager
def acting_as(user: str) -> Generator[None]:
    """Name who asks for what is done in a ``with`` block: `EntityEvent.user` tells it.

    It holds for the block's own task, and for the tasks that are started there.

    :param user: what that person, or program, is called
    :raises TypeError: where it is no text, or an empty one
    """
    given: object = user

    if not isinstance(given, str) or not given:
        raise TypeError(
            f"user is the name of who asks, a text that is not empty; got {user!r:.100}"
        )

    token = _USER.set(user)

    try:
        yield
    finally:
        _USER.reset(token)


def acting_user() -> str | None:
    """Return who asks for what is done now; None where nobody was named."""
    return _USER.get()
