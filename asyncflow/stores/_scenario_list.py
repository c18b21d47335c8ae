"""A list of scenarios: what the query is given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

from asyncflow import ids
from asyncflow.records import ScenarioRecord
from asyncflow.stores._command import keys
from asyncflow.stores._properties import listed
from asyncflow.stores._rows import Cell, dump_tags

Given: TypeAlias = dict[str, Cell]

NodeValue: TypeAlias = tuple[str, str, Collection[bytes]]
"""The config id of a data node, its scope, and what its value is kept as: any of these."""

_OWNERS = {"SCENARIO": "is_own", "CYCLE": "is_of_cycle", "GLOBAL": "is_global"}

LAST = 2**63 - 1
"""More than the number of any row."""


def filters(
    *,
    sort_key: str,
    newest_first: bool,
    tag: str | None,
    is_primary: bool | None,
    properties: Mapping[str, object] | None,
    value: NodeValue | None,
    after: ScenarioRecord | None,
) -> Given:
    """Return the parameters of the query, besides those that are columns of scenarios.

    :raises ValueError: where a property has a value by which nothing is found
    """
    pairs = {name: listed(name, part) for name, part in (properties or {}).items()}
    by_date = sort_key == "creation_date"
    leads = {
        "tag": by_date and tag is not None,
        "property": by_date and bool(pairs),
        "primary": is_primary is True,  # they are few
    }
    lead = next((name for name, is_one in leads.items() if is_one), None)
    order = (lead or "date") if by_date else sort_key
    found: Given = {"tag": tag, "is_led": lead is not None, "order": True}
    found |= {f"by_{lead}": lead is not None, "is_secondary": is_primary is False}
    found["has_tag"] = tag is not None and lead != "tag"
    found["has_rank"] = is_primary is True and lead != "primary"
    found |= _of_properties(pairs, is_lead=lead == "property")
    found |= _of_value(value)
    found |= _ordered(order, newest_first=newest_first)
    return found if after is None else found | _after(after, order, newest_first)


def _of_properties(pairs: Mapping[str, str], *, is_lead: bool) -> Given:
    if not pairs:
        return {}

    (name, value), *others = pairs.items()
    found: Given = {"property_name": name, "property_value": value}
    found["has_property"] = not is_lead

    if len(others) == 1:
        ((found["other_name"], found["other_text"]),) = others
    elif others:
        found["pairs"] = keys([f"{len(name)} {name}{value}" for name, value in others])
        found["count"] = len(others)

    return found


def _of_value(value: NodeValue | None) -> Given:
    if value is None:
        return {}

    config_id, scope, accepted = value
    one, *others = accepted
    other = others[0] if others else one
    found: Given = {
        "node": ids.of_node(config_id, ""),
        "value": one,
        "other_value": other,
    }
    return found | {_OWNERS[scope]: True}


def _ordered(order: str, *, newest_first: bool) -> Given:
    is_keyed = _is_keyed(order)
    return {
        f"on_{order}": True,
        "on_own_seq": order not in ("tag", "property"),
        "is_keyed": is_keyed,
        "is_keyed_down": is_keyed and newest_first,
    }


def _is_keyed(order: str) -> bool:
    """Tell whether it is not by their dates."""
    return order in ("name", "config_id", "id", "tags")


def _after(after: ScenarioRecord, order: str, newest_first: bool) -> Given:
    return {
        f"from_{order}": True,
        f"{order}_{'down' if newest_first else 'up'}": True,  # which an index can begin at
        "from_own_seq": order not in ("tag", "property"),
        "after_key": sort_text(after, order) if _is_keyed(order) else None,
        "after_date": after.created,
        "after_id": after.id,
        "after_before": newest_first,
        "after_next": not newest_first,
        "edge": LAST if newest_first else 0,
    }


def sort_text(record: ScenarioRecord, sort_key: str) -> str:
    """Return the text by which a scenario is sorted; of one without a name it is empty."""
    match sort_key:
        case "name":
            return (record.name or "")[:200]
        case "tags":
            return dump_tags(record.tags).rstrip("]")
        case "id":
            return record.id
        case _:
            return record.config_id
