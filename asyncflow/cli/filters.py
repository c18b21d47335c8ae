"""The filters of lists, which other commands take too."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import click

from asyncflow import ids
from asyncflow.cli.ids import TABLES, completion, resolve
from asyncflow.cli.records import Reader
from asyncflow.options import Page
from asyncflow.status import Status

F = TypeVar("F", bound=Callable[..., Any])

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
NAMES = ("status", "config", "name", "tag", "cycle", "newer", "older", "scenario")
"""What the options are called that `filters` adds."""


def age(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Take a time, how long ago or a date, as seconds since the epoch.

    :raises click.BadParameter: where it has another form
    """
    if value is None:
        return None

    if found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", value):
        return time.time() - float(found[1]) * UNITS[found[2]]

    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no age: write 90s, 15m, 2h, 7d or 4w, or a date such as "
            "2026-01-31",
            ctx,
            param,
        ) from None


def filters(command: F) -> F:
    """Add the options that say which are meant."""
    for option in reversed(_OPTIONS):
        command = option(command)

    return command


_OPTIONS = (
    click.option(
        "--status",
        multiple=True,
        metavar="STATUS",
        type=click.Choice([status.value for status in Status], case_sensitive=False),
        help="Only those with this status (may be repeated): "
        f"{', '.join(status.value for status in Status)}.",
    ),
    click.option(
        "--config",
        metavar="ID",
        help="Only of this scenario config; for jobs, task config.",
    ),
    click.option(
        "--name",
        metavar="PATTERN",
        help="Only with this name: * and ? stand for others.",
    ),
    click.option("--tag", metavar="TAG", help="Only of scenarios with this tag."),
    click.option(
        "--cycle",
        metavar="ID",
        shell_complete=completion(ids.CYCLE),
        help="Only of scenarios of this cycle.",
    ),
    click.option(
        "--scenario",
        metavar="ID",
        shell_complete=completion(ids.SCENARIO),
        help="Only of this scenario.",
    ),
    click.option(
        "--newer",
        callback=age,
        metavar="AGE",
        help="Only newer than 90s, 15m, 2h, 7d, a date.",
    ),
    click.option("--older", callback=age, metavar="AGE", help="Only older than that."),
)


def are_given(options: Mapping[str, Any]) -> bool:
    """Tell whether any filter was given."""
    return any(options.get(name) for name in NAMES)


def wanted(store: Reader, table: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader is given for the options of a command.

    :raises click.UsageError: where an id means nothing
    """
    if table == "scenario" and options.get("scenario"):
        raise click.UsageError("--scenario lists the runs, or jobs, of a scenario")

    found = {
        "statuses": options.get("status") or None,
        "config": options.get("config"),
        "name": options.get("name"),
        "tag": options.get("tag"),
        "since": options.get("newer"),
        "until": options.get("older"),
    }

    for name, kind in (("cycle", ids.CYCLE), ("scenario", ids.SCENARIO)):
        if text := options.get(name):
            found[name] = resolve(store, text, [kind])

    return found


def matching(store: Reader, kind: str, options: Mapping[str, Any]) -> list[str]:
    """Return the ids of all that the options of a command mean, the newest first."""
    table = TABLES[kind]
    found = store.listed(table, wanted(store, table, options), "date", Page(True))
    return [record.id for record in found]


def finite(
    ctx: click.Context, param: click.Parameter, value: float | None
) -> float | None:
    """Refuse what is no number of seconds: as click calls it for an option."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds", ctx, param)

    return value
