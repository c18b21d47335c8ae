"""``asyncflow plan``."""

from __future__ import annotations

from typing import Any

import attrs
import click

from asyncflow import ids
from asyncflow.cli.code import TARGET, Code, complete_module, load
from asyncflow.cli.ids import completion, resolve
from asyncflow.cli.output import (
    json_option,
    note,
    print_json,
    print_table,
    shown_duration,
)
from asyncflow.cli.records import address_of, reader, store_option
from asyncflow.cli.run_command import parsed
from asyncflow.cli.running import run
from asyncflow.config import ScenarioConfig
from asyncflow.config.dag import Dag
from asyncflow.entities.scenario import Scenario
from asyncflow.errors import AsyncflowError, NoData, StoreFailed
from asyncflow.orchestrator import Orchestrator

LONGEST = 60
"""How many characters of a value are shown."""


@attrs.frozen(kw_only=True)
class _Step:
    """What a run would do with a task."""

    step: int
    task: str
    runs: bool
    reason: str
    reads: dict[str, str]
    writes: list[str]
    last_duration: float | None

    def as_row(self) -> tuple[str, ...]:
        reads = ", ".join(f"{name}={value}" for name, value in self.reads.items())
        return (
            str(self.step),
            self.task,
            "run" if self.runs else "skip",
            shown_duration(self.last_duration),
            reads,
            ", ".join(self.writes),
            self.reason,
        )


@click.command(short_help="Say what a run would do, and why.", epilog=TARGET)
@click.argument("target", metavar="MODULE:SCENARIO", shell_complete=complete_module)
@click.option(
    "--of",
    "scenario_id",
    metavar="ID",
    shell_complete=completion(ids.SCENARIO),
    help="A scenario of the store that would run again; else a new one would be made.",
)
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="NODE=VALUE",
    help="As `asyncflow run` has it, for a new scenario.",
)
@click.option("--force", is_flag=True, help="As if nothing could be skipped.")
@json_option
@store_option
def command(target: str, scenario_id: str | None, as_json: bool, **given: Any) -> None:
    """Say which tasks a run would run, in which order, and why: nothing runs.

    Tasks of one step can run at once. What is known of the values that they read is
    shown, and how long the last job of each task took.

    \b
      asyncflow plan flows:sales --set year=2026
      asyncflow plan flows:sales --of last
    """
    code, name = load(target)
    config = code.scenario(name)
    inputs = dict(parsed(text, config) for text in given["values"])

    if scenario_id and inputs:
        raise click.UsageError("--set is for a new scenario: leave out --of, or --set")

    if scenario_id:
        with reader(given["store"]) as store:
            scenario_id = resolve(store, scenario_id, [ids.SCENARIO])

    durations = _durations(given["store"], [task.id for task in config.task_configs])
    facts = {**given, "inputs": inputs, "durations": durations}
    plan = run(lambda: _plan(code, config, scenario_id, facts))
    _show(plan, as_json)


def _show(plan: list[_Step], as_json: bool) -> None:
    if as_json:
        print_json([attrs.asdict(step) for step in plan])
        return

    columns = ("STEP", "TASK", "WILL", "LAST TOOK", "READS", "WRITES", "WHY")
    print_table(columns, [step.as_row() for step in plan])
    known = [step.last_duration for step in plan if step.runs]
    total = sum(duration for duration in known if duration is not None)
    runs = sum(step.runs for step in plan)
    lasts = f", {shown_duration(total)} of work by the last runs" if total else ""
    note(f"{runs} of {len(plan)} tasks would run{lasts}")


async def _plan(
    code: Code, config: ScenarioConfig, scenario_id: str | None, given: dict[str, Any]
) -> list[_Step]:
    address = address_of(given["store"]) if scenario_id else ":memory:"

    async with Orchestrator(code.config, address, adopt=False) as orchestrator:
        if scenario_id is None:
            scenario = await orchestrator.create_scenario(
                config, inputs=given["inputs"]
            )
        else:
            scenario = await orchestrator.get_scenario(scenario_id)

        planned = scenario.plan(force=given["force"])
        values = await _values(scenario)

    steps = _steps(config)
    tasks = {task.id: task for task in config.task_configs}
    found = [
        _Step(
            step=steps[step.task],
            task=step.task,
            runs=step.runs,
            reason=step.reason,
            reads={
                node.id: values.get(node.id, "?") for node in tasks[step.task].input
            },
            writes=[node.id for node in tasks[step.task].output],
            last_duration=given["durations"].get(step.task),
        )
        for step in planned
    ]
    return sorted(found, key=lambda step: step.step)


async def _values(scenario: Scenario) -> dict[str, str]:
    """Return what is known of the values that a run reads, as short texts."""
    found: dict[str, str] = {}

    for node in scenario.get_inputs():
        try:
            text = repr(await node.read())
        except NoData:
            text = "(never written)"
        except AsyncflowError as error:
            text = f"({type(error).__name__})"

        found[node.config_id] = (
            text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        )

    written = scenario.get_intermediate() | scenario.get_outputs()
    return {**found, **{node.config_id: "(made by the run)" for node in written}}


def _durations(store: str | None, tasks: list[str]) -> dict[str, float | None]:
    try:
        with reader(store) as records:
            return {task: records.duration(task) for task in tasks}
    except StoreFailed:  # nothing ran yet
        return {}


def _steps(config: ScenarioConfig) -> dict[str, int]:
    """Return for each task after how many others it comes at least, from 1."""
    dag = Dag.of(config.task_configs)
    return {
        dag.ids[place]: step
        for step, level in enumerate(dag.levels, 1)
        for place in level
    }
