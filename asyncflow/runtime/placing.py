"""Places of a scenario's own: what its paths have of its name, its date, its cycle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from anyio import to_thread

from asyncflow.config.checks.data_nodes import fields_of, filled
from asyncflow.entities.cycle import Cycle
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import nodes_of
from asyncflow.errors import UsageError
from asyncflow.runs.node import NodeState


async def place(
    identity_map: IdentityMap, scenario: Scenario, date: datetime | None
) -> None:
    """Give the data nodes of a new scenario the paths that are meant for it alone.

    :param date: that of the scenario, in the zone in which it is told; None for here
    :raises UsageError: where the scenario lacks what a path is to have of it
    """
    try:
        moved = [*_moved(identity_map, scenario, date)]
    except BaseException:
        identity_map.forget(scenario.id)
        raise

    await to_thread.run_sync(_locate, moved)


def _locate(nodes: Iterable[NodeState]) -> None:
    for node in nodes:
        node.driver.locate()


def _moved(
    identity_map: IdentityMap, scenario: Scenario, date: datetime | None
) -> Iterable[NodeState]:
    facts = _facts(scenario, scenario.cycle, date)

    for node in nodes_of(scenario).values():
        path = node.config.default_path

        if path is None or node.path != path or not (names := fields_of(path)):
            continue

        text = filled(path, {name: _part(facts, name, node) for name in names})
        text = identity_map.directory.placed(text)
        node.initial = json.dumps({"path": text})
        identity_map.take(node, node.record())
        yield node


def _facts(
    scenario: Scenario, cycle: Cycle | None, date: datetime | None
) -> Mapping[str, str | None]:
    created = scenario.creation_date
    there = created.astimezone(None if date is None else date.tzinfo)
    return {
        "scenario_id": scenario.id,
        "name": scenario.name,
        "cycle": None if cycle is None else cycle.name,
        "date": f"{there:%Y-%m-%d}",
    }


def _part(facts: Mapping[str, str | None], name: str, node: NodeState) -> str:
    """Return what stands in a path for a fact of the scenario.

    :raises UsageError: where that is no part of a path
    """
    what = f"the path of data node {node.config_id!r} has {{{name}}} in it"

    if (text := facts[name]) is None:
        remedy = {
            "name": "create_scenario(config, name=...)",
            "cycle": "configure_scenario(..., frequency=...)",
        }[name]
        raise UsageError(f"{what}, and the scenario has none: {remedy}")

    if text.strip(". ") == "" or any(character in text for character in "/\\\0"):
        raise UsageError(
            f"{what}, and {text!r} is no name of a file: have neither slashes in it "
            "nor dots alone"
        )

    return text
