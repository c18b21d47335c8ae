"""The handles of a scenario's parts, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

State = TypeVar("State")
Verbs = TypeVar("Verbs")
HandleT_co = TypeVar("HandleT_co", covariant=True)


class HandleMap(Mapping[str, HandleT_co], Generic[State, Verbs, HandleT_co]):
    """Gives the handles of states: each is made when it is asked for.

    :param states: by name
    :param verbs: what the handles ask
    :param handle_of: makes a handle, or finds the one that somebody has
    """

    __slots__ = ("_handle_of", "_states", "_verbs")

    def __init__(
        self,
        states: Mapping[str, State],
        verbs: Verbs,
        handle_of: Callable[[State, Verbs], HandleT_co],
    ) -> None:
        self._states = states
        self._verbs = verbs
        self._handle_of = handle_of

    def __getitem__(self, name: str) -> HandleT_co:
        return self._handle_of(self._states[name], self._verbs)

    def __contains__(self, name: object) -> bool:
        return name in self._states

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def __repr__(self) -> str:
        return repr(dict(self))
