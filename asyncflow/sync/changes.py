"""What blocking handles have that can be set: properties, and blocks that collect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any


class Properties(MutableMapping[str, Any]):
    """The user's own values of an entity: setting one changes it in the store.

    :param values: gives those of now
    :param change: changes them, with the parameters of `Scenario.update`
    """

    __slots__ = ("_change", "_values")

    def __init__(
        self, values: Callable[[], Mapping[str, Any]], change: Callable[..., None]
    ) -> None:
        self._values = values
        self._change = change

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._change(properties={name: value})

    def __delitem__(self, name: str) -> None:
        if name not in self._values():
            raise KeyError(name)

        self._change(without=[name])

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Set several at once: one change."""
        self._change(properties={**dict(other), **more})

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return repr(self._values())


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
