"""What blocking handles have that can be set: properties, and blocks that collect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from asyncflow.entities.handle import LiveMapping


class Properties(LiveMapping, MutableMapping[str, Any]):
    """The user's own values of an entity: setting one changes it in the store.

    :param change: changes them, with the parameters of `Scenario.update`
    """

    __slots__ = ("_change",)

    def __init__(
        self, values: Callable[[], Mapping[str, Any]], change: Callable[..., None]
    ) -> None:
        super().__init__(values)
        self._change = change

    def __setitem__(self, name: str, value: object) -> None:
        self._change(properties={name: value})

    def __delitem__(self, name: str) -> None:
        if name not in self._values():
            raise KeyError(name)

        self._change(without=[name])

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Set several at once: one change."""
        self._change(properties={**dict(other), **more})


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
