"""``asyncflow diff``."""

from __future__ import annotations

from typing import Any

import attrs
import click

from asyncflow import ids
from asyncflow.cli.group import FAILED
from asyncflow.cli.ids import completion, resolve
from asyncflow.cli.output import json_option, print_json
from asyncflow.cli.records import Reader, reader, store_option
from asyncflow.cli.running import run
from asyncflow.config import Config, Configuration
from asyncflow.entities.difference import ScenarioDiff
from asyncflow.orchestrator import Orchestrator

KINDS = (ids.SCENARIO, ids.SUBMISSION)


@click.command(short_help="Say what two scenarios have otherwise.")
@click.argument("one", metavar="ID", shell_complete=completion(*KINDS))
@click.argument("other", metavar="ID", shell_complete=completion(*KINDS))
@click.option(
    "-m",
    "--module",
    metavar="MODULE",
    help="The module that declares them: for values of classes of yours.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something differs.")
@json_option
@store_option
def command(one: str, other: str, as_json: bool, **given: Any) -> None:
    """Compare two scenarios: attributes, and the values of their data nodes now.

    Give ids of scenarios, or of submissions for their scenarios; `last` is the newest
    scenario.
    """
    with reader(given["store"]) as store:
        pair = [scenario_of(store, text) for text in (one, other)]

    config = _declared(given["module"])

    async def main() -> ScenarioDiff:
        async with Orchestrator(config, given["store"], adopt=False) as orchestrator:
            return await orchestrator.diff(pair[0], pair[1])

    found = run(main)

    if as_json:
        print_json({"is_same": found.is_same, **_plain(attrs.asdict(found))})
    else:
        click.echo(str(found))

    if given["exit_code"] and not found.is_same:
        raise click.exceptions.Exit(FAILED)


def scenario_of(store: Reader, text: str) -> str:
    """Return the id of the scenario that is meant: by its id, or by that of a run."""
    found = resolve(store, text, KINDS)

    if ids.kind_of(found) == ids.SCENARIO:
        return found

    return str(store.find(found).scenario_id)


def _declared(module: str | None) -> Configuration:
    if module is None:
        return Config

    from asyncflow.cli.code import load

    return load(module)[0].config


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}

    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]

    if value is None or isinstance(value, str | int | float | bool):
        return value

    return repr(value)
