"""``asyncflow logs``."""

from __future__ import annotations

from collections import deque
from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.ids import completion, given, resolve
from asyncflow.cli.output import json_option, note, print_json, print_line
from asyncflow.cli.owners import advice, is_left
from asyncflow.cli.records import Reader, reader, store_option
from asyncflow.options import Page
from asyncflow.worker.streams import parts, plain

KINDS = (ids.SUBMISSION, ids.JOB)
STREAMS = ("stdout", "stderr", "log")


@click.command(short_help="Print what jobs have printed.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*KINDS))
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "--tail", type=click.IntRange(0), metavar="N", help="The last N lines alone."
)
@click.option("--stream", type=click.Choice(STREAMS), help="Only what went there.")
@click.option("--jsonl", is_flag=True, help="Print each line as a JSON object.")
@json_option
@store_option
def command(
    names: tuple[str, ...], follow: bool, as_json: bool, **options: Any
) -> None:
    """Print what jobs printed to stdout and stderr, and their log records.

    Give ids of jobs or of submissions, beginnings of ids, `last` for the newest
    submission, or `-` to read ids from standard input. Without any it is the newest
    submission. Of several jobs each line begins with the task: `[train] epoch 1`.

    A job that runs has no output in the store yet: -f prints it as it comes, whichever
    process runs it.
    """
    if as_json and follow:
        raise click.UsageError("--json waits for the end: give --jsonl with --follow")

    with reader(options["store"]) as store:
        found = [resolve(store, text, KINDS) for text in given(names or ("last",))]
        jobs = [job for entity_id in found for job in _jobs(store, entity_id)]

        if not follow:
            _print(store, jobs, as_json, options)
            return

        for entity_id in found:
            _tell_left(store, entity_id)

    from asyncflow.cli.following import follow as follow_runs

    follow_runs(options["store"], found, jsonl=options["jsonl"], tail=options["tail"])


def _tell_left(store: Reader, entity_id: str) -> None:
    """Say so where nobody runs what is followed."""
    record = store.find(entity_id)
    run = store.find(getattr(record, "submission_id", entity_id))

    if is_left(store, run):
        note(
            f"{run.id}: its process has ended, so nothing is printed until it goes on: "
            f"{advice(run.id)}"
        )


def _print(
    store: Reader, jobs: list[str], as_json: bool, options: dict[str, Any]
) -> None:
    lines = [line for job in jobs for line in _lines(store, job, options["stream"])]

    if options["tail"] is not None:
        lines = [*deque(lines, options["tail"])]

    if as_json:
        print_json([_facts(*line) for line in lines])
        return

    if options["jsonl"]:
        for line in lines:
            print_line(_facts(*line))

        return

    for job, text in lines:
        prefix = f"[{ids.config_of(job)}] " if len(jobs) > 1 else ""
        click.echo(f"{prefix}{text}")


def _jobs(store: Reader, entity_id: str) -> list[str]:
    if ids.kind_of(entity_id) == ids.JOB:
        return [entity_id]

    filters = {"submission": entity_id}
    return [record.id for record in store.listed("job", filters, "date", Page())]


def _lines(store: Reader, job_id: str, stream: str | None) -> list[tuple[str, str]]:
    record = store.log(job_id)

    if record is None:
        return []

    if stream is None:
        text = plain(record.text)
    else:
        text = "".join(part for name, part in parts(record.text) if name == stream)

    return [(job_id, line) for line in text.splitlines()]


def _facts(job_id: str, text: str) -> dict[str, str]:
    return {"job_id": job_id, "task": ids.config_of(job_id), "line": text}
