"""``asyncflow delete``."""

from __future__ import annotations

from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.group import FAILED
from asyncflow.cli.ids import completion
from asyncflow.cli.output import json_option, note, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.selecting import is_confirmed, selected, selection
from asyncflow.errors import AsyncflowError

KINDS = (ids.SUBMISSION, ids.SCENARIO, ids.JOB, ids.CYCLE)


@click.command(short_help="Delete scenarios, runs or jobs.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*KINDS))
@click.option("--scenarios", is_flag=True, help="Filters mean scenarios, not runs.")
@selection
@json_option
@store_option
def command(
    names: tuple[str, ...], scenarios: bool, as_json: bool, **given: Any
) -> None:
    """Delete scenarios with all that is their own, runs with their jobs, or jobs.

    Filters mean runs; with --scenarios, scenarios. What still runs is not deleted. Files
    of yours stay. It cannot be undone: `asyncflow store backup` keeps a copy.

    \b
      asyncflow delete SCENARIO_sales_01a2
      asyncflow delete --older 30d --status FAILED --dry-run
      asyncflow delete --scenarios --tag draft --yes
    """
    kinds = (ids.SCENARIO, *KINDS) if scenarios else KINDS

    with reader(given["store"]) as store:
        found = selected(store, names, kinds, given)

    if not found:
        note("nothing is found to delete")

    if not is_confirmed("Delete", found, given, as_json=as_json):
        return

    from asyncflow.cli.running import run

    results = run(lambda: _delete(found, given["store"]))

    if as_json:
        print_json(
            [{"id": entity_id, "error": error} for entity_id, error in results.items()]
        )
    else:
        for entity_id, error in results.items():
            click.echo(
                f"{entity_id} is not deleted: {error}"
                if error
                else f"deleted {entity_id}"
            )

    if any(results.values()):
        raise click.exceptions.Exit(FAILED)


async def _delete(entity_ids: list[str], store: str | None) -> dict[str, str | None]:
    """Delete some things; return why one was not, or None."""
    from asyncflow.orchestrator import Orchestrator

    results: dict[str, str | None] = {}

    async with Orchestrator(store=store, adopt=False) as orchestrator:
        for entity_id in entity_ids:
            try:
                await orchestrator.delete(entity_id)
                results[entity_id] = None
            except AsyncflowError as error:
                results[entity_id] = str(error)

    return results
