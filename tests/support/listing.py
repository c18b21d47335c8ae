"""What the query of a list of scenarios is given."""

from __future__ import annotations

from typing import Any

from asyncflow.stores import _scenario_list

OF_LIST = ("tag", "is_primary", "properties", "value", "after", "sort_key")
"""What is no column of a scenario."""


def listing(query: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a query that are made of the filters of a list."""
    if query != "scenario" or "id" in given:
        return given

    filters: dict[str, Any] = dict.fromkeys(OF_LIST) | {"sort_key": "creation_date"}
    filters |= {name: given[name] for name in OF_LIST if name in given}
    newest_first = given.get("newest_first", False)
    columns = {name: part for name, part in given.items() if name not in OF_LIST}
    return columns | _scenario_list.filters(newest_first=newest_first, **filters)
