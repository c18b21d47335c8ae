"""Lists of handles and records in a notebook: a table, with a row for each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from asyncflow.display import html
from asyncflow.display.durations import duration

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "Submission": ("id", "status", "submitted_at", "finished_at"),
    "Job": ("id", "config_id", "status", "run_at", "execution_duration", "reason"),
    "Scenario": ("id", "name", "creation_date", "tags"),
    "Cycle": ("id", "name", "start_date", "end_date"),
    "Sequence": ("id", "name"),
    "Task": ("id", "config_id", "skippable"),
    "DataNode": ("id", "config_id", "storage_type", "last_edit_date"),
    "DataNodeConfig": ("id", "storage_type", "scope"),
    "TaskConfig": ("id", "function", "skippable"),
    "ScenarioConfig": ("id", "frequency"),
}
"""What is shown of each kind of handle, of both faces."""


LEFT_OUT = ("graph", "revision")
"""What is shown of no record."""


def register() -> None:
    """Have the notebook that runs show lists of ours as tables; without one, nothing.

    A form that somebody has given to lists or tuples stays.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython and ipython.get_ipython()

    if not hasattr(shell, "kernel"):
        return

    formatter = shell.display_formatter.formatters["text/html"]

    for kind in (list, tuple):
        if kind not in formatter.type_printers:
            formatter.for_type(kind, table)


def table(items: Sequence[object]) -> str | None:
    """Show a list; None for one that is of something else, or mixed."""
    if _is_ours(items) or not all(map(_is_ours, items)):
        return None

    rows = [*map(_row, items[: html.ROWS])]
    known = [row for row in rows if row is not None]

    if not known or len(known) < len(rows):
        return None

    heads = [
        name
        for name in dict.fromkeys(name for row in known for name in row)
        if any(_text(row.get(name)) for row in known)
    ]
    cells = [[_text(row.get(name)) for name in heads] for row in known]
    rest = len(items) - len(rows)
    return html.table(heads, cells) + (html.note(f"and {rest} more") if rest else "")


def _is_ours(item: object) -> bool:
    return type(item).__module__.partition(".")[0] == __name__.partition(".")[0]


def _row(item: object) -> dict[str, object] | None:
    """Return what is shown of a handle or a record; nothing is asked for it."""
    held: Any = getattr(item, "_held", item)  # of the blocking face
    facts: Any = getattr(held, "record", held)  # what a list has told

    if hasattr(facts, "as_dict"):
        found: dict[str, object] = facts.as_dict()
        return {name: fact for name, fact in found.items() if name not in LEFT_OUT}

    names = ATTRIBUTES.get(type(facts).__name__)
    return None if names is None else {name: getattr(facts, name) for name in names}


def _text(value: object) -> str:
    if value is None:
        return ""

    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"

    if isinstance(value, float):
        return duration(value)

    if isinstance(value, frozenset | set | tuple | list):
        return ", ".join(sorted(map(str, value)))

    return (
        value.__name__ if callable(value) and hasattr(value, "__name__") else f"{value}"
    )
