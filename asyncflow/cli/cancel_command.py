"""``asyncflow cancel``."""

from __future__ import annotations

from typing import Any

import click

from asyncflow.cli.filters import finite
from asyncflow.cli.group import FAILED
from asyncflow.cli.ids import completion
from asyncflow.cli.output import json_option, note, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.selecting import RUNS, is_confirmed, selection, unfinished_runs

REASON = "asyncflow cancel was called"


@click.command(short_help="End runs, wherever they run.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*RUNS))
@selection
@click.option(
    "--reason", default=REASON, metavar="TEXT", help="Why: it is kept with them."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    callback=finite,
    default=30.0,
    show_default=True,
    help="How many seconds to wait for the end.",
)
@json_option
@store_option
def command(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """End runs: their processes are killed, and only then they are CANCELED.

    Give ids of submissions, or of scenarios for all runs of these; `last` is the newest
    submission. The process that runs them is told; where it has died, the runs end here.

    \b
      asyncflow cancel last
      asyncflow cancel --config sales --status RUNNING --yes
    """
    with reader(given["store"]) as store:
        going = unfinished_runs(store, names, given)

    if not is_confirmed("Cancel", going, given, as_json=as_json):
        return

    from asyncflow.cli.running import run

    statuses = run(lambda: _cancel(going, given))

    if as_json:
        print_json(
            [{"id": run_id, "status": status} for run_id, status in statuses.items()]
        )
    else:
        for run_id, status in statuses.items():
            click.echo(f"{run_id} {status}")

    if any(status not in _ENDED for status in statuses.values()):
        note("some have not ended yet: asyncflow show tells; --timeout waits longer")
        raise click.exceptions.Exit(FAILED)


_ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED"})


async def _cancel(run_ids: list[str], given: dict[str, Any]) -> dict[str, str]:
    """Cancel runs; return their statuses then."""
    from anyio import create_task_group

    from asyncflow.orchestrator import Orchestrator

    statuses: dict[str, str] = {}

    async with Orchestrator(store=given["store"], adopt=False) as orchestrator:

        async def cancel(run_id: str) -> None:
            submission = await orchestrator.get_submission(run_id)
            submission.cancel(given["reason"])
            await submission.wait(given["timeout"])
            statuses[run_id] = str(submission.status)

        async with create_task_group() as group:
            for run_id in run_ids:
                group.start_soon(cancel, run_id)

    return statuses
