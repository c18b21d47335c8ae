"""Searches: which submissions a filter finds, and those of a text by what has it."""

from __future__ import annotations

from asyncflow.options import Page, SubmissionFilter
from asyncflow.records import SubmissionRecord
from asyncflow.stores._command import Parameters, keys
from asyncflow.stores._open_database import OpenDatabase
from asyncflow.stores._rows import KINDS, Row
from asyncflow.stores._scenario_list import FEW, LAST
from asyncflow.stores._submission_list import asked

_load = KINDS[SubmissionRecord].load


async def searched(
    opened: OpenDatabase,
    patience: float,
    columns: Parameters,
    where: SubmissionFilter,
    page: Page | None,
) -> list[SubmissionRecord]:
    """Return the submissions.

    Where few have a text, these are found first: what a text is looked for in takes
    less to read than all submissions do. Where many have it, those that are wanted are
    met soon by who goes through all in their order.

    :param patience: how long to try where the store cannot be read for now, in seconds
    :param columns: what they have, besides the filter
    """
    page = page or Page()
    limit = LAST if page.limit is None else page.limit
    given = {**columns, **asked(where, page), **page._asdict(), "limit": limit}

    if where.text is not None:
        text = {name: given[name] for name in ("text", "of_id")}
        found = await opened.answer(
            patience,
            lambda database: database.read(
                "with_text", {**text, "limit": FEW + 1}, _first
            ),
        )

        if not found:
            return []

        if len(found) <= FEW:
            given |= {"text": None, "of_id": None, "numbers": keys(found)}

    return await opened.answer(
        patience, lambda database: database.read("submission_list", given, _load)
    )


def _first(row: Row) -> str:
    return str(row[0])
