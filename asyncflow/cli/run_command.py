"""``asyncflow run``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from asyncflow.cli.code import TARGET, Code, complete_module, load, overridden
from asyncflow.cli.filters import finite
from asyncflow.cli.group import FAILED, INTERRUPTED, USAGE, Failure
from asyncflow.cli.output import json_option
from asyncflow.cli.records import store_option
from asyncflow.cli.running import finish, followed, run
from asyncflow.config import ScenarioConfig
from asyncflow.entities.submission import Submission
from asyncflow.errors import AsyncflowError, NoData
from asyncflow.orchestrator import Orchestrator


@click.command(
    short_help="Run a scenario, and show how it goes.",
    epilog=f"{TARGET} Exit codes: 0 completed, 1 failed or cancelled, 2 nothing was run, "
    "3 what it prints cannot be written, 130 interrupted.",
)
@click.argument("target", metavar="MODULE:SCENARIO", shell_complete=complete_module)
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="NODE=VALUE",
    help="Give a data node a value: JSON, or else a text (may be repeated).",
)
@click.option(
    "--mode", metavar="MODE", help="How jobs run: development, standalone, cluster."
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="How many at once."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    callback=finite,
    metavar="SECONDS",
    help="End the run, and let it fail, after so long.",
)
@click.option("--name", metavar="TEXT", help="What the new scenario is called.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TEXT",
    help="A tag of it (may be repeated).",
)
@click.option("--force", is_flag=True, help="Run also what could be skipped.")
@click.option("--quiet", is_flag=True, help="Do not show what jobs print.")
@click.option("--jsonl", is_flag=True, help="Print each event as a line of JSON.")
@json_option
@store_option
def command(target: str, as_json: bool, jsonl: bool, **given: Any) -> None:
    """Create a scenario of a module, run it, and show how it goes.

    \b
      asyncflow run flows:sales
      asyncflow run flows.py:sales --set year=2026 --workers 4 --tag nightly

    On a terminal bars show how far the run and its jobs have come. The summary goes to
    standard output. Ctrl-C lets running jobs end for some seconds; once more kills them.
    """
    code, name = load(target)
    scenario = code.scenario(name)
    inputs = dict(parsed(text, scenario) for text in given["values"])
    changes = {
        "mode": given["mode"],
        "max_nb_of_workers": given["workers"],
        "echo": False if given["quiet"] or as_json or jsonl else _echo(code),
    }
    overridden(code.config, changes)

    started: list[Submission] = []

    async def main() -> None:
        await _run(code, scenario, {**given, "inputs": inputs, "jsonl": jsonl}, started)

    try:
        run(main)
    except Failure as error:
        raise _told_of(error, started, target) from None
    except AsyncflowError as error:
        raise Failure(_advised(error), FAILED if started else USAGE) from error

    module = target.partition(":")[0]
    finish(started[0], as_json=as_json, jsonl=jsonl, module=module)


def _advised(error: AsyncflowError) -> str:
    """Return what an error says, and what helps on the command line."""
    if isinstance(error, NoData):
        return f"{error}; here --set {error.node}=VALUE does it"

    return str(error)


def _told_of(error: Failure, started: list[Submission], target: str) -> Failure:
    """Say what can be done with a run that was interrupted."""
    left = [
        submission.id
        for submission in started
        if not submission.is_finished or submission.error()
    ]

    if error.exit_code != INTERRUPTED or not left:
        return error

    module = target.partition(":")[0]
    return Failure(
        f"interrupted: `asyncflow retry {left[0]} -m {module}` goes on with it, "
        f"`asyncflow cancel {left[0]}` ends it",
        INTERRUPTED,
    )


def _echo(code: Code) -> str | None:
    """Show on a terminal what jobs print at once, unless the module says otherwise."""
    is_usual = code.config.job_config.echo is True
    return "live" if is_usual and sys.stdout.isatty() else None


def parsed(text: str, scenario: ScenarioConfig) -> tuple[str, Any]:
    """Take ``NODE=VALUE`` apart.

    :raises click.UsageError: where it has another form, or names no data node
    """
    name, equals, value = text.partition("=")
    known = [node.id for node in scenario.data_node_configs]

    if not equals:
        raise click.UsageError(f"--set {text} has no value: write --set {text}=VALUE")

    if name not in known:
        has = ", ".join(known)
        raise click.UsageError(f"{scenario.id} has no data node {name!r}: it has {has}")

    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


async def _run(
    code: Code,
    scenario: ScenarioConfig,
    given: Mapping[str, Any],
    started: list[Submission],
) -> None:
    async with Orchestrator(code.config, given["store"], adopt=False) as orchestrator:
        made = await orchestrator.create_scenario(
            scenario, name=given["name"], inputs=given["inputs"]
        )

        for tag in given["tags"]:
            await made.add_tag(tag)

        submission = made.submit(run_timeout=given["timeout"], force=given["force"])
        started.append(submission)
        await followed(submission, title=scenario.id, jsonl=given["jsonl"])
