"""Searches: which query a list of scenarios is, by what there is of each part of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import attrs

from asyncflow.options import Page
from asyncflow.records import ScenarioRecord
from asyncflow.stores._command import Command
from asyncflow.stores._rows import Row
from asyncflow.stores._scenario_list import (
    FEW,
    Given,
    NodeValue,
    Part,
    filters,
    forms,
    is_clear,
    parts,
)


@attrs.define(eq=False, repr=False)
class ScenarioSearch:
    """Lists scenarios; loaded by the first list.

    :param read: reads what a query of a table finds
    :param ask: reads what any query finds, made by a function of each row
    :param put: has something written
    """

    read: Callable[..., Awaitable[list[Any]]]
    ask: Callable[[str, Given, Callable[[Row], int]], Awaitable[list[int]]]
    put: Callable[[Command], Awaitable[object]]
    _searched: set[str] = attrs.field(init=False, factory=set)
    """The configs of data nodes by whose values scenarios were searched here."""

    async def found(
        self,
        columns: Mapping[str, str | None],
        *,
        tag: str | None,
        is_primary: bool | None,
        properties: Mapping[str, object] | None,
        value: NodeValue | None,
        sort_key: str,
        after: ScenarioRecord | None,
        page: Page | None,
        **others: Any,
    ) -> list[ScenarioRecord]:
        """Return the scenarios; see `Store.scenarios`.

        :param columns: those that have indexes, of `_scenario_list.COLUMNS`
        :param others: other parameters of the query
        """
        if value is not None and value[0] not in self._searched:
            await self.put(Command("find_values", [{"config_id": value[0]}]))
            self._searched.add(value[0])

        wanted = parts(columns, tag, is_primary, properties, value)
        counts: list[int] = []

        if not is_clear(wanted, sort_key):
            wanted, counts = await self._counted(wanted)

            if 0 in counts:
                return []

            # What all scenarios have in common they all have.
            kept = [part.kind != "global_value" for part in wanted]
            wanted, counts = [*compress(wanted, kept)], [*compress(counts, kept)]

        return await self.read(
            "scenario",
            page=page,
            **others,
            **filters(
                wanted,
                counts,
                sort_key=sort_key,
                newest_first=page is not None and page.newest_first,
                is_primary=is_primary,
                after=after,
            ),
        )

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
        return sum(await self.ask(f"count_{part.kind}", given, _number))


def _number(row: Row) -> int:
    (count,) = row
    assert isinstance(count, int)
    return count
