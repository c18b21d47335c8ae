"""``asyncflow pause``, and what ``asyncflow resume`` has in common with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from asyncflow.cli.group import FAILED
from asyncflow.cli.ids import completion
from asyncflow.cli.output import json_option, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.selecting import RUNS, is_confirmed, selection, unfinished_runs
from asyncflow.errors import AsyncflowError


@click.command(short_help="Start no more jobs of runs until `resume`.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*RUNS))
@selection
@json_option
@store_option
def command(names: tuple[str, ...], **given: Any) -> None:
    """Start no more jobs of runs, until `asyncflow resume`: what runs goes on.

    Give ids of submissions, or of scenarios for all runs of these; `last` is the newest
    submission. The process that runs them is told, and stays; where it ends, the next
    start on the same store takes them over, still paused.

    \b
      asyncflow pause last
      asyncflow pause --config sales --status RUNNING --yes
    """
    change(names, given, is_paused=True)


def change(names: Sequence[str], given: Mapping[str, Any], *, is_paused: bool) -> None:
    """Pause the runs that are meant, as far as they have not ended, or have them go on.

    :raises click.exceptions.Exit: with 1, where the process of one cannot be asked
    """
    with reader(given["store"]) as store:
        going = unfinished_runs(store, names, given)

    verb, as_json = "Pause" if is_paused else "Resume", given["as_json"]

    if not is_confirmed(verb, going, given, as_json=as_json):
        return

    from asyncflow.cli.running import run

    errors = run(lambda: _change(going, given["store"], is_paused=is_paused))

    if as_json:
        print_json([{"id": run_id, "error": error} for run_id, error in errors.items()])
    else:
        for run_id, error in errors.items():
            click.echo(error or f"{run_id} {'is paused' if is_paused else 'goes on'}")

    if any(errors.values()):
        raise click.exceptions.Exit(FAILED)


async def _change(
    run_ids: Sequence[str], store: str | None, *, is_paused: bool
) -> dict[str, str | None]:
    """Pause some runs, or have them go on; return why one was not, or None."""
    from asyncflow.orchestrator import Orchestrator

    errors: dict[str, str | None] = {}

    async with Orchestrator(store=store, adopt=False) as orchestrator:
        for run_id in run_ids:
            try:
                submission = await orchestrator.get_submission(run_id)
                await (submission.pause() if is_paused else submission.resume())
                errors[run_id] = None
            except AsyncflowError as error:
                errors[run_id] = str(error)

    return errors
