"""What belongs to versions of an application, among some in memory."""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from asyncflow.records import DataNodeRecord
from asyncflow.stores._tables import Tables


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


def has_label(tables: Tables, scenario_id: str | None, labels: Collection[str]) -> bool:
    """Tell whether a scenario belongs to one of some versions of the application."""
    scenario = tables.scenarios.records.get(scenario_id or "")
    return scenario is not None and scenario.version in labels
