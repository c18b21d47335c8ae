"""``asyncflow store``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from asyncflow.cli.copying import Copied, copy_store
from asyncflow.cli.group import FAILED
from asyncflow.cli.output import json_option, note, print_facts, print_json
from asyncflow.cli.records import Reader, address_of, reader, store_option
from asyncflow.cli.value_files import files_of, missing, orphans, values_options
from asyncflow.secret import without_password
from asyncflow.stores._reader import schema_version

ELSEWHERE = "where files of values are elsewhere, name that place: --values ADDRESS, or -m MODULE"
"""What helps where some are missing."""


@click.group(short_help="Check, back up and migrate the store.")
def command() -> None:
    """Look after the store: records, and files of large values."""


@command.command(short_help="Check that records and files are whole.")
@json_option
@values_options
@store_option
def check(as_json: bool, store: str | None, **given: Any) -> None:
    """Check that the store is whole: its database, and the files of values.

    Exits with 1 where something is damaged or missing. Others may use it meanwhile.
    """
    with reader(store) as records:
        damaged = records.check()
        sizes = records.sizes() if not damaged else {}
        gone, lost = ([], []) if damaged else _of_values(records, given)
        facts: dict[str, Any] = {
            "store": records.file,
            "damaged": damaged,
            **sizes,
            "missing_files": gone,
            "lost_files": lost,
        }

    if as_json:
        print_json(facts)
    else:
        print_facts(
            {
                "Store": facts["store"],
                **{name.replace("_", " ").title(): str(n) for name, n in sizes.items()},
                "Lost files": f"{len(lost)}: asyncflow gc removes them" if lost else "",
                "Missing files": "\n".join(gone),
                "Damaged": "\n".join(damaged),
                "Result": "damaged"
                if damaged
                else "values are missing"
                if gone
                else "whole",
            }
        )

    if damaged:
        note("bring a backup back, or what `sqlite3 FILE .recover` can save")

    if gone:
        note(ELSEWHERE)

    if damaged or gone:
        raise click.exceptions.Exit(FAILED)


def _of_values(
    records: Reader, given: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Return the files of values that are missing, and those that are lost."""
    gone = missing(records, files_of(records, given))
    own = files_of(records, given, is_own=True)
    return gone, [*orphans(records, own)]


@command.command(short_help="Copy it while others use it.")
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False))
@json_option
@values_options
@store_option
def backup(target: str, as_json: bool, store: str | None, **given: Any) -> None:
    """Copy the store, as it is at one moment, while others use it.

    FILE gets the records, and the folder FILE.values (without .db) the values. Open the
    copy as any store: asyncflow list --store FILE.
    """
    folder = f"{target.removesuffix('.db')}.values"

    for path in (target, folder):
        if os.path.exists(path):
            raise click.UsageError(
                f"{path} is there already: name another, or remove it"
            )

    with reader(store, allows_older=True) as records:
        made = copy_store(records, files_of(records, given), target, folder)

    if as_json:
        found = {"files": made.files, "missing": made.missing, "gone": made.dropped}
        print_json({"store": target, "values": folder, **found})
    else:
        note(f"{target} is written, with {made.files} files of values in {folder}")
        _tell_of_values(made)

    if made.missing:
        raise click.exceptions.Exit(FAILED)


def _tell_of_values(made: Copied) -> None:
    """Say which files of values a copy has not."""
    for name in made.dropped:
        note(f"{name} was dropped meanwhile: the copy has not this version of a value")

    for name in made.missing:
        note(f"{name} is missing: the copy has not this version of a value")

    if made.missing:
        note(f"the copy is incomplete: {ELSEWHERE}")


@command.command(short_help="Bring an older store up to date.")
@json_option
@store_option
def migrate(as_json: bool, store: str | None) -> None:
    """Bring a store of an older asyncflow up to date, in one transaction.

    To open it with an orchestrator does the same. Back it up before: an older asyncflow
    cannot read it any more.
    """
    from asyncflow.cli.running import run
    from asyncflow.runtime.wiring import as_store

    address = address_of(store)
    before, known = _versions(address)

    async def main() -> None:
        async with as_store(address):
            pass

    if before is None or before < known:
        run(main)

    after, _ = _versions(address)
    shown = without_password(address)

    if as_json:
        print_json({"store": shown, "before": before, "after": after})
    elif before == after:
        click.echo(f"{shown} is up to date" + (f": version {after}" if after else ""))
    else:
        click.echo(f"{shown} had version {before} and has version {after} now")


def _versions(address: str) -> tuple[int | None, int]:
    """Return the version of the schema of a file, and the newest; None for a server."""
    if "://" in address:
        return None, 0

    return schema_version(os.path.expanduser(address))
