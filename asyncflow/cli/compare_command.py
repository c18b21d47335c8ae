"""``asyncflow compare``."""

from __future__ import annotations

from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.code import declaring, load, module_option
from asyncflow.cli.diff_command import scenario_of
from asyncflow.cli.ids import completion, given
from asyncflow.cli.output import json_option, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.running import run
from asyncflow.orchestrator import Orchestrator

KINDS = (ids.SCENARIO, ids.SUBMISSION)


@click.command(short_help="Compare scenarios by the comparators of their config.")
@click.argument(
    "names", metavar="ID ID...", nargs=-1, shell_complete=completion(*KINDS)
)
@module_option
@click.option("--node", metavar="NAME", help="Only this data node.")
@json_option
@store_option
def command(
    names: tuple[str, ...], module: str | None, as_json: bool, **given_: Any
) -> None:
    """Call the comparators of a scenario config for scenarios of it, and show the results.

    They are given with `Config.configure_scenario(..., comparators={"node": function})`.
    """
    if len(texts := given(names)) < 2:
        raise click.UsageError("give the ids of at least two scenarios")

    with reader(given_["store"]) as store:
        found = [scenario_of(store, text) for text in texts]

    module = module or declaring([ids.config_of(scenario_id) for scenario_id in found])
    config = load(module)[0].config

    async def main() -> dict[str, dict[str, Any]]:
        async with Orchestrator(config, given_["store"], adopt=False) as orchestrator:
            made = [
                await orchestrator.get_scenario(scenario_id) for scenario_id in found
            ]
            return await orchestrator.compare(*made, data_node=given_["node"])

    results = run(main)

    if as_json:
        print_json(
            {
                node: {name: _plain(result) for name, result in each.items()}
                for node, each in results.items()
            }
        )
        return

    for node, each in results.items():
        for name, result in each.items():
            text = str(result)
            many = "\n" in text
            click.echo(f"{node} {name}:" + (f"\n{text}" if many else f" {text}"))


def _plain(value: Any) -> Any:
    """Return what a comparator says as JSON can hold it; other things as texts."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}

    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]

    if value is None or isinstance(value, str | int | float | bool):
        return value

    return str(value)
