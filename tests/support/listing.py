"""What the query of a list of scenarios is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

    wanted: dict[str, Any] = dict.fromkeys(OF_LIST) | {"sort_key": "creation_date"}
    wanted |= {name: given[name] for name in OF_LIST if name in given}
    newest_first = given.get("newest_first", False)
    rest = {
        name: part
        for name, part in given.items()
        if name not in (*OF_LIST, *_scenario_list.COLUMNS)
    }
    asked = (wanted.pop(name) for name in ("tag", "is_primary", "properties", "value"))
    tag, is_primary, properties, value = asked
    found = _scenario_list.parts(given, tag, is_primary, properties, value)

    if counts is None:
        is_clear = _scenario_list.is_clear(found, wanted["sort_key"])
        counts = [] if is_clear else [1] * len(found)

    return rest | _scenario_list.filters(
        found, counts, newest_first=newest_first, is_primary=is_primary, **wanted
    )
