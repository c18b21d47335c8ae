"""What verbs are given: handles, or the ids of what they mean."""

from __future__ import annotations

from typing import Any, Protocol

from asyncflow import ids
from asyncflow.config.checks.values import id_of_kind
from asyncflow.errors import NotFound
from asyncflow.sync.forwarding import Handle
from asyncflow.sync.loop import Loop


class Opened(Protocol):
    """What finds what has an id."""

    @property
    def loop(self) -> Loop:
        """The event loop of its handles."""

    def get(self, entity_id: str) -> Any:
        """Return a handle."""


def handle_of(orchestrator: Opened, entity: Any, *kinds: str) -> Any:
    """Return the handle of what a verb was given: itself, or what has its id.

    :param kinds: of which kinds it may be
    :raises TypeError: where it is of none of these
    :raises NotFound: where there is none with this id
    """
    entity_id = id_of_kind(entity, *kinds)

    if isinstance(entity, Handle) and entity._loop is orchestrator.loop:  # pyright: ignore[reportPrivateUsage]  # its part
        return entity

    if ids.kind_of(entity_id) not in kinds:
        raise NotFound(entity_id)

    return orchestrator.get(entity_id)
