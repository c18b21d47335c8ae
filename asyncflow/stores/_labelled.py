"""Data nodes of versions of an application, among some in memory."""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from asyncflow.records import DataNodeRecord
from asyncflow.stores._tables import Tables, has_label


def labelled(
    tables: Tables, nodes: list[DataNodeRecord], labels: Collection[str]
) -> list[DataNodeRecord]:
    """Return the data nodes that belong to some versions of the application: what scenarios
    share, then what scenarios have, in the order of these.
    """
    scenarios, places = tables.scenarios.records, tables.scenarios.places

    def key(node: DataNodeRecord) -> tuple[float, int]:
        owner = scenarios.get(node.owner_id or "")
        return (-inf, 0) if owner is None else (owner.created, places[owner.id])

    found = [
        node
        for node in nodes
        if (node.owner_id or "") < "S" or has_label(tables, node.owner_id, labels)
    ]
    return sorted(found, key=key)
