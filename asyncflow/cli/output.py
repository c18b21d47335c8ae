"""What commands print: tables, facts, JSON; for people, and for other programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

GAP = "  "
COLOURS = {
    "COMPLETED": "green",
    "SKIPPED": "green",
    "FAILED": "red",
    "ABANDONED": "red",
    "CANCELED": "yellow",
    "RUNNING": "cyan",
    "PENDING": "cyan",
}
"""Of statuses; the word says all there is to say without them."""

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: object) -> None:
    """Print a value as JSON, for other programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_line(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below the names of their columns.

    Nothing is cut: where a terminal is too narrow, each row takes several lines.
    """
    if not rows:
        return

    cells = [[_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    room = shutil.get_terminal_size().columns

    if sys.stdout.isatty() and sum(widths) + len(GAP) * (len(widths) - 1) > room:
        _print_stacked(columns, cells)
        return

    head = GAP.join(map(str.ljust, columns, widths)).rstrip()
    click.echo(click.style(head, bold=True))

    for row in cells:
        padded = map(str.ljust, row, widths)
        line = GAP.join(coloured(cell) for cell in padded).rstrip()
        click.echo(line)


def print_facts(facts: Mapping[str, object], indent: str = "") -> None:
    """Print names and what they are, one a line; those that are empty are left out."""
    shown = {
        name: str(value) for name, value in facts.items() if value not in (None, "", [])
    }
    width = max(map(len, shown), default=0)

    for name, value in shown.items():
        first, *others = value.splitlines() or [""]
        label = click.style(f"{name}:".ljust(width + 1), bold=True)
        click.echo(f"{indent}{label} {coloured(first)}")

        for line in others:
            click.echo(f"{indent}{' ' * (width + 2)}{line}")


def coloured(text: str) -> str:
    """Return a status in its colour, anything else as it is."""
    colour = COLOURS.get(text.strip())
    return click.style(text, fg=colour) if colour else text


def note(text: str) -> None:
    """Tell people something beside what a command prints."""
    click.echo(text, err=True)


def is_of_output(error: OSError) -> bool:
    """Tell whether an error says that something cannot be printed; if so, standard output
    leads nowhere from now on, so that what is left of it raises no more errors.
    """
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)

    if frame.f_code is not click.echo.__code__:
        return False

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True


def unwritten(path: str, error: OSError) -> click.UsageError:
    """Make the error of a file that cannot be written."""
    folder = os.path.dirname(os.path.abspath(path))

    if not os.path.isdir(folder):
        why = f"there is no folder {folder}: make it, or name another with -o"
    else:
        why = f"{error.strerror or error}: name a file that you may write with -o"

    return click.UsageError(f"{path} cannot be written: {why}")


def shown_date(seconds: float | None) -> str:
    """Return a time as people read it, in the zone of this computer; "" for None."""
    if seconds is None:
        return ""

    try:
        date = datetime.fromtimestamp(seconds, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return "?"

    return f"{date:%Y-%m-%d %H:%M:%S}"


def shown_duration(seconds: float | None) -> str:
    """Return how long something took as people read it; "" for None."""
    if seconds is None:
        return ""

    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"

    if seconds < 60:
        return f"{seconds:.1f} s"

    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)

    if days:
        return f"{days} d {hours} h"

    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def lasted(began: float | None, ended: float | None) -> float | None:
    """Return the seconds between two times: up to now, where it has not ended."""
    return None if began is None else (ended or time.time()) - began


def properties_of(record: Any) -> dict[str, Any] | None:
    """Return the properties of a record as JSON can hold them; None for those that
    could only be unpickled, which needs the user's code.
    """
    kept = record.properties
    return dict(kept) if isinstance(kept, dict) else None


def facts_of(record: Any) -> dict[str, Any]:
    """Return a record as plain data; see `properties_of`."""
    if not hasattr(record, "properties"):
        facts: dict[str, Any] = record.as_dict()
        return facts

    plain: dict[str, Any] = record._replace(properties={}).as_dict()
    return {**plain, "properties": properties_of(record)}


def _print_stacked(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        click.echo(click.style(row[0], bold=True))

        for name, cell in zip(columns[1:], row[1:], strict=True):
            if cell:
                click.echo(f"{GAP}{name.lower()}: {coloured(cell)}")


def _one_line(text: str) -> str:
    """Return a text in one line, without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
