"""``asyncflow retry``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.code import Code, declaring, load, module_option, overridden
from asyncflow.cli.ids import completion
from asyncflow.cli.output import json_option, note, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.running import finish, followed, run, summary
from asyncflow.cli.selecting import is_confirmed, selected, selection
from asyncflow.entities.submission import Submission
from asyncflow.orchestrator import Orchestrator
from asyncflow.status import SubmissionStatus

KINDS = (ids.SUBMISSION,)


@click.command(short_help="Run again what did not complete.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*KINDS))
@module_option
@selection
@click.option("--mode", metavar="MODE", help="How jobs run: development, standalone.")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="How many at once."
)
@json_option
@store_option
def command(
    names: tuple[str, ...], module: str | None, as_json: bool, **given: Any
) -> None:
    """Run again the jobs that failed, were cancelled or abandoned: here, as new runs.

    What has completed stays. A run that was interrupted, and that no process drives any
    more, goes on here instead, as itself.

    \b
      asyncflow retry last -m flows
      asyncflow retry --status FAILED --newer 1d -m flows --yes
    """
    with reader(given["store"]) as store:
        found = selected(store, names, KINDS, given)
        configs = [ids.config_of(store.find(one).scenario_id) for one in found]

    if not is_confirmed("Retry", found, given):
        return

    code, _ = load(module or declaring(configs))
    changes = {"mode": given["mode"], "max_nb_of_workers": given["workers"]}
    overridden(code.config, {**changes, "echo": False if as_json else None})
    ended = run(lambda: _retry(code, found, given["store"]))

    if len(ended) == 1:
        finish(ended[0], as_json=as_json, jsonl=False)
        return

    if as_json:
        print_json([summary(one) for one in ended])
    else:
        for one in ended:
            click.echo(f"{one.id} {one.status}")

    if any(one.status is not SubmissionStatus.COMPLETED for one in ended):
        raise click.exceptions.Exit(1)


async def _retry(
    code: Code, run_ids: Collection[str], store: str | None
) -> list[Submission]:
    """Run again what is left of some runs; return the new ones, once they have ended."""

    def is_meant(record: Any) -> bool:
        return record.id in run_ids

    async with Orchestrator(code.config, store, is_meant) as orchestrator:
        again = []

        for run_id in run_ids:
            submission = await orchestrator.get_submission(run_id)

            if submission.is_adopted or not submission.is_finished:
                note(f"{run_id} goes on")
                again.append(submission)
            else:
                again.append(submission.retry_failed())

        return [
            await followed(one, title=one.entity.scenario_id, jsonl=False)
            for one in again
        ]
