"""``asyncflow report``."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from asyncflow import ids
from asyncflow.cli.ids import completion, resolve
from asyncflow.cli.output import json_option, note, print_json, unwritten
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.running import run
from asyncflow.orchestrator import Orchestrator


@click.command(short_help="Write a run as one page of HTML.")
@click.argument(
    "submission",
    metavar="[ID]",
    default="last",
    shell_complete=completion(ids.SUBMISSION),
)
@click.option(
    "-o",
    "--output",
    default="run.html",
    show_default=True,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The file; one that is there is replaced. - prints the page.",
)
@json_option
@store_option
def command(submission: str, output: str, as_json: bool, store: str | None) -> None:
    """Write a run as one page: graph, times, jobs, what they printed and raised.

    The file can be sent as it is: it loads nothing. Without an id it is the newest run.
    """
    if not output:
        raise click.UsageError("-o names no file: give one, such as -o run.html")

    if output == "-" and as_json:
        raise click.UsageError("-o - prints the page: leave out --json, or name a file")

    with reader(store) as records:
        run_id = resolve(records, submission, [ids.SUBMISSION])

    async def write(path: str) -> None:
        async with Orchestrator(store=store, adopt=False) as orchestrator:
            found = await orchestrator.get_submission(run_id)
            await found.report(path)

    if output == "-":
        with TemporaryDirectory() as folder:
            file = Path(folder, "run.html")
            run(lambda: write(str(file)))
            click.echo(file.read_text(encoding="utf-8"), nl=False)

        return

    try:
        run(lambda: write(output))
    except OSError as error:
        raise unwritten(output, error) from None

    if as_json:
        print_json({"id": run_id, "file": os.path.abspath(output)})
    else:
        note(f"{output} is written: {run_id}")
