"""Kinds of sections: what one is told of holds for all that differ in names alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Generic, TypeVar

import attrs

from asyncflow.config.section import Section
from asyncflow.errors import Problem

S = TypeVar("S", bound=Section)


class Kinds(Generic[S]):
    """Checks one section of each kind: a scenario may have thousands of each.

    :param section: their class
    :param check: says what is wrong with one, its label and the fields `apart` aside
    :param apart: the fields that make no kind
    """

    def __init__(
        self,
        section: type[S],
        check: Callable[[S], Iterator[Problem]],
        apart: frozenset[str],
    ) -> None:
        names = [field.name for field in attrs.fields(section)]
        self._parts = attrgetter(*(name for name in names if name not in apart))
        self._check = check
        self._right: dict[tuple[int, ...], tuple[Any, ...]] = {}
        """The kinds that are right, and what has their identities."""

    def problems(self, section: S) -> Iterator[Problem]:
        """Yield what is wrong with a section, unless one of its kind is right."""
        parts = self._parts(section)
        kind = tuple(
            [0 if type(part) is dict and not part else id(part) for part in parts]
        )

        if kind in self._right:
            return

        is_right = True

        for problem in self._check(section):
            is_right = False
            yield problem

        if is_right:
            self._right[kind] = parts
