"""Paths that give each scenario a file of its own: ``{scenario_id}``, ``{name}``,
``{cycle}`` and ``{date}`` in a ``default_path``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from asyncflow.entities.cycle import Cycle
from asyncflow.errors import UsageError
from asyncflow.records import ScenarioRecord

_UNSAFE = re.compile(r"[^\w. -]|^\.+")
"""What the name of a file should not have."""


def placed(
    path: str,
    node: str,
    record: ScenarioRecord,
    cycle: Cycle | None,
    date: datetime | None,
) -> str:
    """Return the path that a template stands for.

    :param node: the config id of the data node
    :param date: when the scenario was created, in the time zone that counts; None for UTC
    :raises UsageError: where the scenario has no name, or no cycle, and it is needed
    """
    moment = datetime.fromtimestamp(record.created, UTC) if date is None else date
    values = {
        "scenario_id": record.id,
        "name": record.name,
        "cycle": None if cycle is None else cycle.name,
        "date": f"{moment:%Y-%m-%d}",
    }

    for field, value in values.items():
        if f"{{{field}}}" not in path:
            continue

        if not value:
            what = {"name": "a name", "cycle": "a frequency in its config"}[field]
            raise UsageError(
                f"the default_path of data node {node!r} has {{{field}}} in it: give the "
                f"scenario {what}"
            )

        path = path.replace(f"{{{field}}}", _UNSAFE.sub("_", value))

    return path
