"""Lists of submissions: what users give to list them, as the store takes it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

import attrs

from asyncflow.config.checks.arguments import check_text
from asyncflow.config.checks.values import one_of
from asyncflow.config.sections import NOT_GIVEN, NotGiven
from asyncflow.options import Page, SubmissionFilter
from asyncflow.records import SubmissionRecord
from asyncflow.runtime.listing import cycle_id_of, labels_of, seconds_of

if TYPE_CHECKING:
    from asyncflow.entities.cycle import Cycle
    from asyncflow.runtime.engine import Engine

SORT_KEYS = ("submitted", "duration")


class SubmissionFilters(TypedDict, total=False):
    """What a list of submissions is asked besides; `Orchestrator.submissions` says what
    each means.
    """

    version: str | NotGiven | None
    config_id: str | None
    cycle: Cycle | str | None
    tag: str | None
    text: str | None
    submitted_from: datetime | None
    submitted_to: datetime | None
    sort_key: str
    after: SubmissionRecord | str | None


@attrs.frozen(kw_only=True, eq=False)
class SubmissionListing:
    """What `Orchestrator.submissions` is given; it says what each means."""

    entity_id: str | None
    scenario_id: str | None
    status: str | None
    is_finished: bool | None
    page: Page

    async def found(
        self, engine: Engine, filters: SubmissionFilters
    ) -> list[SubmissionRecord]:
        """Return the submissions: one query."""
        return await engine.store.submissions(
            entity_id=self.entity_id,
            scenario_id=self.scenario_id,
            status=self.status,
            is_finished=self.is_finished,
            where=await _where(engine, filters),
            page=self.page,
        )


async def _where(engine: Engine, filters: SubmissionFilters) -> SubmissionFilter | None:
    for name in filters:
        if name not in SubmissionFilters.__annotations__:
            known = one_of(name, [*SubmissionFilters.__annotations__])
            raise TypeError(f"submissions() has no argument {name!r}: {known}")

    for name in ("config_id", "tag", "text"):
        check_text(name, filters.get(name), optional=True)

    sort_key = filters.get("sort_key", "submitted")

    if sort_key not in SORT_KEYS:
        known = one_of(sort_key, SORT_KEYS)
        raise ValueError(f"there is no sort key {sort_key!r}: {known}")

    after = filters.get("after")
    where = SubmissionFilter(
        labels=await labels_of(engine, filters.get("version", NOT_GIVEN)),
        config_id=filters.get("config_id"),
        cycle_id=cycle_id_of(filters.get("cycle")),
        tag=filters.get("tag"),
        text=filters.get("text"),
        submitted_from=await seconds_of(
            engine, "submitted_from", filters.get("submitted_from")
        ),
        submitted_to=await seconds_of(
            engine, "submitted_to", filters.get("submitted_to")
        ),
        by_duration=sort_key == "duration",
        after_id=after if after is None or isinstance(after, str) else after.id,
    )
    return None if where == SubmissionFilter() else where
