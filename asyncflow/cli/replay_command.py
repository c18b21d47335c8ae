"""``asyncflow replay``."""

from __future__ import annotations

import inspect
import pdb  # noqa: T100  # it is what --pdb asks for
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import Any

import anyio
import click

from asyncflow import ids
from asyncflow.cli.code import declaring, load, module_option
from asyncflow.cli.group import FAILED
from asyncflow.cli.ids import completion, resolve
from asyncflow.cli.output import json_option, note, print_json, shown_duration
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.running import run
from asyncflow.config import Configuration
from asyncflow.entities.job import Job
from asyncflow.errors import NoData
from asyncflow.orchestrator import Orchestrator

LONGEST = 2000
"""How many characters of a result are shown."""


@click.command(short_help="Call a job's function again, with its stored inputs, here.")
@click.argument("job", metavar="JOB", shell_complete=completion(ids.JOB))
@module_option
@click.option("--pdb", "with_pdb", is_flag=True, help="Debug what it raises.")
@json_option
@store_option
def command(job: str, module: str | None, as_json: bool, **given: Any) -> None:
    """Call the function of a job again, with the values that it read: in this process.

    Nothing is written to the store. What it returns is shown. With --pdb the debugger
    stands where it has raised. The function is that of today: edit it, and try again.

    \b
      asyncflow list jobs --status FAILED
      asyncflow replay JOB_total_01a2 -m flows --pdb
    """
    with reader(given["store"]) as records:
        job_id = resolve(records, job, [ids.JOB])

    module = module or declaring([ids.config_of(job_id)])
    config = load(module)[0].config
    function, values = run(lambda: _call(config, given["store"], job_id))
    read = {name: _short(value) for name, value in values.items()}

    if not as_json:
        for name, text in read.items():
            note(f"{name} = {text}")

    began = time.perf_counter()
    result, trace = "", ""

    try:
        # Its prints are not the answer to --json.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            result = _short(_called(function, [*values.values()]))
    except Exception as error:
        trace = _trace(error)

        if not as_json:
            note(trace)

        if given["with_pdb"]:
            pdb.post_mortem(error.__traceback__)

    took = time.perf_counter() - began

    if as_json:
        facts = {"id": job_id, "reads": read, "returned": result or None}
        print_json({**facts, "traceback": trace, "duration": took})

    if trace:
        raise click.exceptions.Exit(FAILED)

    if not as_json:
        note(f"it returned after {shown_duration(took)}:")
        click.echo(result)


async def _call(
    config: Configuration, store: str | None, job_id: str
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return the function of a job, and what it read, by the names of the data nodes."""
    async with Orchestrator(config, store, adopt=False) as orchestrator:
        job = await orchestrator.get_job(job_id)
        values = {name: await _read(job, name) for name in job.task.input}
        return job.task.function, values


async def _read(job: Job, name: str) -> Any:
    try:
        return await job.submission.read(name)
    except NoData as error:
        raise click.UsageError(
            f"{name} as {job.id} read it is not kept any more: {error}. Keep more "
            "versions with `keep_versions` of the data node"
        ) from error


def _called(function: Callable[..., Any], values: list[Any]) -> Any:
    if inspect.iscoroutinefunction(function):

        async def main() -> Any:
            return await function(*values)

        return anyio.run(main)

    return function(*values)


def _trace(error: Exception) -> str:
    """Return the traceback, from the user's function on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    lines = traceback.format_list(own) + traceback.format_exception_only(error)
    return "Traceback (most recent call last):\n" + "".join(lines).rstrip()


def _short(value: object) -> str:
    text = repr(value)
    return (
        text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
    )
