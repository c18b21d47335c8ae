"""A list of scenarios: what the query is given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import attrs

from asyncflow import ids
from asyncflow.options import Page
from asyncflow.records import ScenarioRecord
from asyncflow.stores._command import keys
from asyncflow.stores._properties import listed
from asyncflow.stores._rows import Cell, dump_tags

Given: TypeAlias = dict[str, Cell]

NodeValue: TypeAlias = tuple[str, str, Collection[bytes]]
"""The config id of a data node, its scope, and what its value is kept as: any of these."""

LAST = 2**63 - 1
"""More than the number of any row."""

FEW = 4000
"""So many scenarios are sorted in no time. Where there are more, those that are wanted are
met soon by who goes through all in their order."""

COLUMNS = ("cycle_id", "name", "version", "config_id")
"""The columns of scenarios that are asked for, each with an index."""

OF_VALUES = {"SCENARIO": "value", "CYCLE": "cycle_value", "GLOBAL": "global_value"}
"""Who has a value that is asked for, by the scope of its data node."""

LOOKED_AT = "looked_value"
"""The kind of a value that many scenarios have, and no index yet."""

NOT_JOINED = {*COLUMNS, "cycle_value"}
"""The kinds by which the query begins without another table."""

NOT_LISTED = {"cycle_value", LOOKED_AT}
"""The kinds of which nothing lists the scenarios in the order of their dates."""

HEAD = 256
"""By how many bytes values are found first."""


class Part(NamedTuple):
    """A part of what is asked, for which there is an index."""

    kind: str
    """A column, or a table that lists the scenarios that have it."""
    given: Given
    """Which scenarios these are."""
    total: int | None = None
    """Of how many it is; None where that is not known."""


@attrs.frozen(kw_only=True, eq=False)
class Asked:
    """What is asked of the scenarios; see `Store.scenarios`.

    :param columns: those that have indexes, of `COLUMNS`
    :param others: other parameters of the query
    """

    columns: Mapping[str, str | None] = {}
    tag: str | None = None
    is_primary: bool | None = None
    properties: Mapping[str, object] | None = None
    value: NodeValue | None = None
    sort_key: str = "creation_date"
    after: ScenarioRecord | None = None
    page: Page = attrs.field(factory=Page)
    others: Mapping[str, Cell] = {}


def parts(asked: Asked) -> list[Part]:
    """Return the parts of what is asked.

    :raises ValueError: where a property has a value by which nothing is found
    """
    properties = asked.properties or {}
    pairs = {name: listed(name, value) for name, value in properties.items()}
    found = [] if asked.tag is None else [Part("tag", {"tag": asked.tag})]
    found += (
        Part("property", {"property_name": name, "property_value": text})
        for name, text in pairs.items()
    )

    if asked.is_primary is True:
        found.append(Part("primary", {}))

    if asked.value is not None:
        found.append(_of_value(*asked.value))

    given = {name: asked.columns.get(name) for name in COLUMNS}
    found += (
        Part(name, {name: text}) for name, text in given.items() if text is not None
    )
    return found


def forms(part: Part) -> list[Part]:
    """Return the same part for each form that a value may have; itself for one form."""
    if part.given.get("other_head") is None:
        return [part]

    none = {"other_head": None, "other_whole": None}
    given = part.given
    other: Given = {"head": given["other_head"]}

    if "whole" in given:
        other["whole"] = given["other_whole"]

    return [Part(part.kind, given | none), Part(part.kind, given | other | none)]


def is_clear(found: Sequence[Part], sort_key: str) -> bool:
    """Tell whether it is known without counting by which index to begin."""
    if any(part.kind in (*OF_VALUES.values(), LOOKED_AT) for part in found):
        return False

    return not found or (sort_key == "creation_date" and len(found) == 1)


def filters(asked: Asked, found: Sequence[Part], counts: Sequence[int]) -> Given:
    """Return the parameters of the query, besides those that have no index.

    :param counts: for each part, of how many scenarios it is: one more than `FEW` for
        more. None are needed where it `is_clear`
    """
    by_date = asked.sort_key == "creation_date"
    newest_first = asked.page.newest_first
    lead = _lead(found, counts, by_date=by_date)
    given: Given = {"is_secondary": asked.is_primary is False, "order": True}

    if lead is not None:
        given |= lead.given | {f"by_{lead.kind}": True}

        if lead.kind == "value":
            has_two = lead.given["other_head"] is not None
            given |= {"one_form": not has_two, "two_forms": has_two}

    is_joined = lead is not None and lead.kind not in NOT_JOINED
    given["is_led"] = is_joined
    pairs: dict[str, str] = {}

    for part in found:
        if part is lead:
            continue

        if part.kind == "property":
            pairs[str(part.given["property_name"])] = str(part.given["property_value"])
        elif part.kind in COLUMNS:
            given[f"other_{part.kind}"] = part.given[part.kind]
        else:
            kind, facts = _looked_at(part)
            given |= facts | {f"has_{kind}": True}
            given["looks"] = given.get("looks") or kind in NOT_LISTED

    given |= _of_pairs(pairs)
    order = "date" if by_date else asked.sort_key

    if lead is not None and is_joined and by_date:
        order = lead.kind

    given |= {**asked.others, **_ordered(order, newest_first=newest_first)}

    if asked.after is None:
        return given

    return given | _after(asked.after, order, newest_first)


def _lead(
    found: Sequence[Part], counts: Sequence[int], *, by_date: bool
) -> Part | None:
    """Return the part by which to begin; None to go through all scenarios in order."""
    if not counts:
        return found[0] if found else None

    count, place = min(zip(counts, range(len(counts)), strict=True))
    lists_by_date = by_date and found[place].kind not in NOT_LISTED
    return found[place] if lists_by_date or count <= FEW else None


def _of_value(config_id: str, scope: str, kept: Collection[bytes]) -> Part:
    """Return what finds a value.

    :param kept: as what it may be kept: one or two forms
    """
    one, other = _forms_of(kept)
    node = ids.of_node(config_id, "")

    if scope != "SCENARIO":
        return Part(OF_VALUES[scope], {"node": node, "kept": one, "other_kept": other})

    given: Given = {"node_config_id": config_id, "node": node}

    for name, form in (("", one), ("other_", other)):
        given[f"{name}head"] = None if form is None else form[:HEAD]

    if any(len(form) > HEAD for form in kept):
        given |= {"whole": one, "other_whole": other}

    return Part(OF_VALUES[scope], given)


def scan_for(value: NodeValue) -> Given:
    """Return the parameters of a search through all values."""
    config_id, _, kept = value
    one, other = _forms_of(kept)
    node = ids.of_node(config_id, "")
    return {
        "node": node,
        "length_of_node": len(node),
        "kept": one,
        "length": len(one),
        "other_kept": other,
        "other_length": None if other is None else len(other),
        "limit": FEW + 1,
    }


def scanned(value: NodeValue, found: Sequence[int]) -> Part:
    """Return what finds a value that is not indexed yet.

    :param found: the versions that are that value, or more than a few of these
    """
    part = _of_value(*value)
    one, other = _forms_of(value[2])
    given = {**part.given, "kept": one, "other_kept": other}
    given["scanned"] = keys(map(str, found))
    made = Part(part.kind, given, len(found))
    return made if len(found) <= FEW else Part(*_looked_at(made), FEW + 1)


def _looked_at(part: Part) -> tuple[str, Given]:
    """Return as what each scenario is looked at for a part by which it is not found."""
    if "scanned" not in part.given:
        return part.kind, part.given

    names = ("node", "kept", "other_kept")
    return LOOKED_AT, {name: part.given[name] for name in names}


def _forms_of(kept: Collection[bytes]) -> tuple[bytes, bytes | None]:
    one, *others = kept
    return one, others[0] if others else None


def _of_pairs(pairs: Mapping[str, str]) -> Given:
    if not pairs:
        return {}

    if len(pairs) == 1:
        ((name, value),) = pairs.items()
        return {"pair_name": name, "pair_text": value}

    texts = [f"{len(name)} {name}{value}" for name, value in pairs.items()]
    return {"pairs": keys(texts), "count": len(pairs)}


def _ordered(order: str, *, newest_first: bool) -> Given:
    is_keyed = _is_keyed(order)
    return {
        f"on_{order}": True,
        "on_own_seq": order not in WITH_SEQ,
        "is_keyed": is_keyed,
        "is_keyed_down": is_keyed and newest_first,
    }


WITH_SEQ = ("tag", "property", "value")
"""The tables that have the numbers of scenarios themselves."""


def _is_keyed(order: str) -> bool:
    """Tell whether it is not by their dates."""
    return order in ("name", "config_id", "id", "tags")


def _after(after: ScenarioRecord, order: str, newest_first: bool) -> Given:
    return {
        f"from_{order}": True,
        f"{order}_{'down' if newest_first else 'up'}": True,  # which an index can begin at
        "from_own_seq": order not in WITH_SEQ,
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
