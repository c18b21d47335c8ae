"""What blocking handles have that can be set: properties, and blocks that collect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Protocol

from asyncflow.entities.handle import LiveMapping


class Updated(Protocol):
    """An entity whose properties can be changed."""

    def update(
        self, *, properties: Mapping[str, Any] = ..., without: Iterable[str] = ...
    ) -> None:
        """Change them; see `Scenario.update`."""


class Properties(LiveMapping, MutableMapping[str, Any]):
    """The user's own values of an entity: setting one changes it in the store.

    :param entity: whose they are
    """

    __slots__ = ("_entity",)

    def __init__(
        self, values: Callable[[], Mapping[str, Any]], entity: Updated
    ) -> None:
        super().__init__(values)
        self._entity = entity

    def __setitem__(self, name: str, value: object) -> None:
        self._entity.update(properties={name: value})

    def __delitem__(self, name: str) -> None:
        if name not in self._values():
            raise KeyError(name)

        self._entity.update(without=[name])

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Set several at once: one change."""
        self._entity.update(properties={**dict(other), **more})


def merged(changes: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add a change to those that are to be made at once; the later one counts.

    :param changes: parameters of `Scenario.update`
    """
    properties = {**changes.get("properties", {}), **(more.get("properties") or {})}
    without = {*changes.get("without", ()), *more.get("without", ())}
    without -= (more.get("properties") or {}).keys()

    for name in more.get("without", ()):
        properties.pop(name, None)

    changes.update(more)
    changes.update(properties=properties, without=without)
