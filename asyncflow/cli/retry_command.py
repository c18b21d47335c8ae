"""``asyncflow retry``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.code import Code, declaring, load, module_option, overridden
from asyncflow.cli.group import FAILED, INTERRUPTED, Failure
from asyncflow.cli.ids import completion
from asyncflow.cli.output import json_option, note, print_json
from asyncflow.cli.owners import driver_of, orchestrators
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.running import finish, followed, summary
from asyncflow.cli.running import run as run_here
from asyncflow.cli.selecting import is_confirmed, selected, selection
from asyncflow.entities.submission import Submission
from asyncflow.errors import UsageError
from asyncflow.orchestrator import Orchestrator
from asyncflow.records import OrchestratorRecord
from asyncflow.recovery.peers import PeerGone, Refused
from asyncflow.recovery.peers import retry as ask
from asyncflow.status import SubmissionStatus

KINDS = (ids.SUBMISSION,)


@click.command(short_help="Run again what did not complete.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*KINDS))
@module_option
@selection
@click.option(
    "--mode", metavar="MODE", help="How jobs run: development, standalone, cluster."
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="How many at once."
)
@click.option("--jsonl", is_flag=True, help="Print each event as a line of JSON.")
@json_option
@store_option
def command(
    names: tuple[str, ...], module: str | None, as_json: bool, **given: Any
) -> None:
    """Run again the jobs that failed, were cancelled or abandoned, as new runs.

    What has completed stays. Where a program runs that declares the scenario, that
    program runs them. Else, or with -m, they run here: the module is imported. A run
    that was interrupted goes on as itself.

    \b
      asyncflow retry last
      asyncflow retry last -m flows
      asyncflow retry --status FAILED --newer 1d -m flows --yes
    """
    jsonl = given["jsonl"]

    with reader(given["store"]) as store:
        found = selected(store, names, KINDS, given)
        runs = [store.find(run_id) for run_id in found]
        others = orchestrators(store)
        going = {run.id for run in runs if not run.finished and driver_of(store, run)}

    done = {run.id for run in runs if run.status == SubmissionStatus.COMPLETED}

    if done and names:
        raise UsageError(f"{min(done)} has completed: nothing is left to retry")

    runs = [run for run in runs if run.id not in done]
    found = [run.id for run in runs]

    if not found:
        note("nothing is left to retry")

    if not is_confirmed("Retry", found, given, as_json=as_json):
        return

    started = [] if module else [run_id for run_id in found if run_id in going]

    if module:
        code, _ = load(module)
        changes = {"mode": given["mode"], "max_nb_of_workers": given["workers"]}
        echo = False if as_json or jsonl else None
        overridden(code.config, {**changes, "echo": echo})

    try:
        ended = run_here(
            lambda: (
                _retry(code, found, given["store"], jsonl, started)
                if module
                else _ask(runs, others, given["store"], jsonl, started)
            )
        )
    except Failure as error:
        raise _told_of(error, started, module) from None

    if len(ended) == 1:
        finish(ended[0], as_json=as_json, jsonl=jsonl, module=module)
        return

    if as_json:
        print_json([summary(run) for run in ended])
    elif not jsonl:
        for submission in ended:
            click.echo(f"{submission.id} {submission.status}")

    if any(run.status is not SubmissionStatus.COMPLETED for run in ended):
        raise click.exceptions.Exit(FAILED)


def _told_of(error: Failure, started: Sequence[str], module: str | None) -> Failure:
    """Say what becomes of runs that are not watched any more."""
    if error.exit_code != INTERRUPTED or not started:
        return error

    ids_ = " ".join(started)
    what = (
        f"`asyncflow retry {ids_} -m {module}` goes on"
        if module
        else f"what runs goes on where it runs: `asyncflow logs -f {ids_}` follows it"
    )
    return Failure(
        f"interrupted: {what}, `asyncflow cancel {ids_}` ends it", INTERRUPTED
    )


async def _ask(
    runs: Sequence[Any],
    others: list[OrchestratorRecord],
    store: str | None,
    jsonl: bool,
    started: list[str],
) -> list[Submission]:
    """Have the programs that declare them run again what is left of some runs; return
    the new ones, once they have ended. On cancel they go on.

    :param started: has the ids of what runs, and gets those of the new ones
    """
    left: list[str] = []

    for run in runs:
        if run.id in started:
            note(f"{run.id} goes on where it runs")
            continue

        try:
            made = await _retried(others, run) if run.finished else None
        except Refused as error:
            raise UsageError(str(error)) from error

        if made is None:
            left.append(ids.config_of(run.scenario_id))
        else:
            new, owner = made
            note(f"{run.id}: process {owner.pid} of {owner.host} runs {new}")
            started.append(new)

    if left:
        declaring(left)

    async with Orchestrator(store=store, adopt=False) as orchestrator:
        handles = [await orchestrator.get_submission(run_id) for run_id in started]
        return await _followed(handles, jsonl)


async def _retried(
    others: list[OrchestratorRecord], run: Any
) -> tuple[str, OrchestratorRecord] | None:
    """Have one of some orchestrators run again what is left of a run; return the id of
    the new one, and who runs it. None where none of them lives and declares it.

    :param others: that which ran it is asked first
    :raises Refused: where one declares it, and cannot run it
    """
    for other in sorted(others, key=lambda owner: owner.id != run.orchestrator_id):
        try:
            return await ask(other.address, run.id), other
        except PeerGone:
            continue
        except Refused as error:
            if error.is_declared:
                raise

    return None


async def _followed(submissions: list[Submission], jsonl: bool) -> list[Submission]:
    return [
        await followed(
            submission, title=ids.config_of(submission.entity.scenario_id), jsonl=jsonl
        )
        for submission in submissions
    ]


async def _retry(
    code: Code,
    run_ids: Collection[str],
    store: str | None,
    jsonl: bool,
    started: list[str],
) -> list[Submission]:
    """Run again what is left of some runs; return the new ones, once they have ended.

    :param started: gets the ids of these
    """

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

        started += [run.id for run in again]
        return await _followed(again, jsonl)
