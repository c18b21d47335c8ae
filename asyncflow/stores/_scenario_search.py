"""Searches: which query a list of scenarios is, by what there is of each part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import TypeVar

import attrs

from asyncflow.records import ScenarioRecord
from asyncflow.stores._command import Change, Command
from asyncflow.stores._open_database import OpenDatabase
from asyncflow.stores._rows import KINDS, Row, load_name
from asyncflow.stores._scenario_list import (
    FEW,
    LAST,
    Given,
    Part,
    filters,
    forms,
    is_clear,
    parts,
    scan_for,
    scanned,
)
from asyncflow.stores._scenario_list import Asked as Asked
from asyncflow.stores._writer import Gradual

T = TypeVar("T")

MOST = 250
"""Of how many data nodes the values are brought into their index at a time: in a few
milliseconds."""


class Indexing(Gradual[Change]):
    """Brings the values of the data nodes of a config into their index."""

    def __init__(self, config_id: str) -> None:
        self._part = Command("find_values", [{"config_id": config_id, "most": MOST}])
        super().__init__((self._part,))

    @property
    def is_done(self) -> bool:
        return not self._part.answers["left"]


@attrs.define(eq=False, repr=False)
class ScenarioSearch:
    """Lists scenarios; loaded by the first list.

    :param patience: how long to try where the store cannot be read for now, in seconds
    """

    opened: OpenDatabase
    patience: float
    _indexed: set[str] = attrs.field(init=False, factory=set)
    """The configs of data nodes of which all values are indexed."""
    _begun: set[str] = attrs.field(init=False, factory=set)
    """Those of which they are being indexed."""

    async def found(self, asked: Asked) -> list[ScenarioRecord]:
        """Return the scenarios."""
        if asked.value is None or asked.value[1] != "SCENARIO":
            return await self._found(asked, parts(asked))

        config_id = asked.value[0]

        if await self._is_indexed(config_id):
            return await self._found(asked, parts(asked))

        seqs = await self._ask("scan_values", scan_for(asked.value), _number)
        self._index(config_id)

        if not seqs:
            return []

        others = parts(attrs.evolve(asked, value=None))
        return await self._found(asked, [*others, scanned(asked.value, seqs)])

    async def _is_indexed(self, config_id: str) -> bool:
        """Tell whether all values of the data nodes of a config are indexed."""
        if config_id not in self._indexed:
            given: Given = {"config_id": config_id}
            self._indexed.update(await self._ask("searched", given, load_name))

        return config_id in self._indexed

    def _index(self, config_id: str) -> None:
        """Have all values of the data nodes of a config indexed, part by part."""
        if config_id not in self._begun:
            self._begun.add(config_id)
            self.opened.writer.put_gradually(Indexing(config_id))

    async def _found(
        self, asked: Asked, wanted: Sequence[Part]
    ) -> list[ScenarioRecord]:
        counts: Sequence[int] = []

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

    async def _counted(self, found: Sequence[Part]) -> tuple[list[Part], list[int]]:
        """Count of how many scenarios each part is, up to more than a few.

        Of two forms that a value may have, that stays alone which something has.
        """
        kept: list[Part] = []
        counts: list[int] = []

        for part in found:
            if part.total is not None:
                kept.append(part)
                counts.append(part.total)
                continue

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
