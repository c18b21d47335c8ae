"""In which values two scenarios differ."""

from __future__ import annotations

from asyncflow.entities.scenario import Scenario
from asyncflow.selection import Preview
from asyncflow.web.first_rows import first_rows


async def differing(
    one: Scenario, other: Scenario
) -> list[tuple[str, Preview | str, Preview | str]]:
    """Return the data nodes whose first rows differ; a worker reads them, not this process.

    Instead of what cannot be shown there is the reason.
    """
    found: list[tuple[str, Preview | str, Preview | str]] = []

    for name in one.data_nodes.keys() & other.data_nodes.keys():
        nodes = one.data_nodes[name], other.data_nodes[name]

        if nodes[0].id != nodes[1].id:
            shown = [await first_rows(node) for node in nodes]
            texts = [preview or problem for preview, problem in shown]

            if texts[0] != texts[1]:
                found.append((name, texts[0], texts[1]))

    return sorted(found, key=lambda pair: pair[0])


def attributes(one: Scenario, other: Scenario) -> list[tuple[str, str, str]]:
    """Return what else two scenarios have otherwise, their names aside."""
    first, second = _attributes(one), _attributes(other)
    return [
        (name, first.get(name, ""), second.get(name, ""))
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    ]


def _attributes(scenario: Scenario) -> dict[str, str]:
    found = {
        "config": scenario.config_id,
        "tags": ", ".join(sorted(scenario.tags)),
        "cycle": scenario.cycle.name if scenario.cycle else "",
    }
    return found | {key: str(part) for key, part in scenario.properties.items()}
