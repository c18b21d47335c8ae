"""What the query of a list of scenarios is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncflow.options import Page
from asyncflow.stores import _scenario_list

OF_LIST = ("tag", "is_primary", "properties", "value", "after", "sort_key")
"""What is no column of a scenario."""


def listing(
    query: str, given: dict[str, Any], counts: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return the parameters of a query that are made of the filters of a list.

    :param counts: of how many scenarios each part is; None for the same of all
    """
    if query != "scenario" or "id" in given:
        return given

    names = {*OF_LIST} & given.keys()
    columns = {name: given[name] for name in _scenario_list.COLUMNS if name in given}
    rest = {
        name: part for name, part in given.items() if name not in {*names, *columns}
    }
    asked = _scenario_list.Asked(
        columns=columns,
        page=Page(newest_first=given.get("newest_first", False)),
        **{name: given[name] for name in names},
    )
    found = _scenario_list.parts(asked)

    if counts is None:
        is_clear = _scenario_list.is_clear(found, asked.sort_key)
        counts = [] if is_clear else [1] * len(found)

    return rest | _scenario_list.filters(asked, found, counts)
