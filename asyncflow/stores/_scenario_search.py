"""Searches: which query a list of scenarios is, by what there is of each part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import TypeVar

import attrs

from asyncflow.records import ScenarioRecord
from asyncflow.stores._command import Command
from asyncflow.stores._open_database import OpenDatabase
from asyncflow.stores._rows import KINDS, Row
from asyncflow.stores._scenario_list import (
    FEW,
    LAST,
    Given,
    Part,
    filters,
    forms,
    is_clear,
    parts,
)
from asyncflow.stores._scenario_list import Asked as Asked

T = TypeVar("T")


@attrs.define(eq=False, repr=False)
class ScenarioSearch:
    """Lists scenarios; loaded by the first list.

    :param patience: how long to try where the store cannot be read for now, in seconds
    """

    opened: OpenDatabase
    patience: float
    _searched: set[str] = attrs.field(init=False, factory=set)
    """The configs of data nodes by whose values scenarios were searched here."""

    async def found(self, asked: Asked) -> list[ScenarioRecord]:
        """Return the scenarios."""
        if asked.value is not None:
            await self._find_values(asked.value[0])

        wanted = parts(asked)
        counts: list[int] = []

        if not is_clear(wanted, asked.sort_key):
            wanted, counts = await self._counted(wanted)

            if 0 in counts:
                return []

            # What all scenarios have in common they all have.
            kept = [part.kind != "global_value" for part in wanted]
            wanted, counts = [*compress(wanted, kept)], [*compress(counts, kept)]

        limit = LAST if asked.page.limit is None else asked.page.limit
        paged = {**asked.page._asdict(), "limit": limit}
        given = {**filters(asked, wanted, counts), **paged}
        return await self._ask("scenario", given, KINDS[ScenarioRecord].load)

    async def _find_values(self, config_id: str) -> None:
        """Have scenarios found by the values of a data node, from the first search on."""
        if config_id not in self._searched:
            command = Command("find_values", [{"config_id": config_id}])
            self.opened.writer.put((command,))
            await self.opened.writer.settle()
            self.opened.raise_failure()
            self._searched.add(config_id)

    async def _counted(self, found: Sequence[Part]) -> tuple[list[Part], list[int]]:
        """Count of how many scenarios each part is, up to more than a few.

        Of two forms that a value may have, that stays alone which something has.
        """
        kept: list[Part] = []
        counts: list[int] = []

        for part in found:
            each = [await self._count(form) for form in forms(part)]
            there = [*compress(forms(part), each)]
            kept.append(there[0] if len(there) == 1 else part)
            counts.append(min(sum(each), FEW + 1))

        return kept, counts

    async def _count(self, part: Part) -> int:
        given = {**part.given, "limit": FEW + 1}
        return sum(await self._ask(f"count_{part.kind}", given, _number))

    async def _ask(self, name: str, given: Given, load: Callable[[Row], T]) -> list[T]:
        return await self.opened.answer(
            self.patience, lambda database: database.read(name, given, load)
        )


def _number(row: Row) -> int:
    (count,) = row
    assert isinstance(count, int)
    return count
