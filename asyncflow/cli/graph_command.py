"""``asyncflow graph``."""

from __future__ import annotations

import json
import os
from enum import Enum
from typing import Any

import attrs
import click

from asyncflow import ids
from asyncflow.cli.ids import completion, resolve
from asyncflow.cli.output import json_option, note, print_json, unwritten
from asyncflow.cli.records import Reader, reader, store_option
from asyncflow.display.picture import DagPicture
from asyncflow.display.tasks import picture
from asyncflow.options import Page
from asyncflow.status import Status

KINDS = (ids.SUBMISSION, ids.SCENARIO)
FORMS = ("text", "svg", "mermaid")


class _Scope(Enum):
    """What is shown of the scope of a data node: a store does not tell it."""

    SCENARIO = "SCENARIO"
    GLOBAL = "GLOBAL"


@attrs.frozen
class _Node:
    id: str
    storage_type: str
    scope: _Scope


@attrs.frozen
class _Task:
    id: str
    input: list[_Node]
    output: list[_Node]
    function: object = None


@click.command(short_help="Draw the graph of a scenario, or of a run.")
@click.argument(
    "target", metavar="MODULE:SCENARIO|ID", shell_complete=completion(*KINDS)
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default="text",
    show_default=True,
    help="As what.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    help="The file: .svg, .mmd or .txt says the form.",
)
@json_option
@store_option
def command(target: str, form: str, output: str | None, **given: Any) -> None:
    """Draw tasks and data nodes: of a scenario that a module declares, or of a run.

    Of a run (a submission, or the newest one of a scenario) the statuses of its jobs are
    drawn too. Text has a line for each task: its step, its name, what it reads → writes.

    \b
      asyncflow graph flows:sales
      asyncflow graph last -o run.svg
    """
    if given["as_json"]:
        print_json(_facts(*_parts(target, given["store"])))
        return

    drawn = _drawn(target, given["store"])

    if output is not None:
        try:
            note(f"{drawn.save(output)} is written")
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        except OSError as error:
            raise unwritten(output, error) from None

        return

    forms = {"text": drawn.text, "svg": drawn.svg, "mermaid": drawn.mermaid}
    click.echo(forms[form]().rstrip("\n"))


def _drawn(target: str, store: str | None) -> DagPicture:
    if _is_code(target):
        from asyncflow.cli.code import load

        code, name = load(target)
        return code.scenario(name).dag()

    title, graph, statuses = _parts(target, store)
    tasks = [
        _Task(task, [*map(_node, read)], [*map(_node, written)])
        for task, read, written in graph
    ]
    return picture(tasks, title, [*statuses.values()])


def _is_code(target: str) -> bool:
    if ids.kind_of(target) in KINDS:
        return False

    return ":" in target or os.path.exists(f"{target.removesuffix('.py')}.py")


def _parts(
    target: str, store: str | None
) -> tuple[str, list[tuple[str, list[str], list[str]]], dict[str, Status]]:
    """Return the title, the tasks, and the statuses of what is to be drawn."""
    if _is_code(target):
        from asyncflow.cli.code import load

        code, name = load(target)
        scenario = code.scenario(name)
        graph = [
            (
                task.id,
                [node.id for node in task.input],
                [node.id for node in task.output],
            )
            for task in scenario.task_configs
        ]
        return scenario.id, graph, {}

    with reader(store) as records:
        run = _run(records, resolve(records, target, KINDS))
        filters = {"submission": run.id}
        jobs = records.listed("job", filters, "date", Page())
        status = {ids.config_of(job.id): job.status for job in jobs}
        found = json.loads(run.graph)
        unknown = Status.SUBMITTED if run.finished is None else Status.CANCELED
        known = {task: Status(status.get(task, unknown)) for task, *_ in found}
        return f"{run.id} {run.status}", found, known


def _run(store: Reader, entity_id: str) -> Any:
    if ids.kind_of(entity_id) == ids.SUBMISSION:
        return store.find(entity_id)

    page = Page(True, 1)
    runs = store.listed("submission", {"scenario": entity_id}, "date", page)

    if not runs:
        raise click.UsageError(
            f"{entity_id} has not run: draw what declares it, asyncflow graph "
            f"MODULE:{ids.config_of(entity_id)}"
        )

    return runs[0]


def _node(name: str) -> _Node:
    return _Node(name, "", _Scope.SCENARIO)


def _facts(
    title: str,
    graph: list[tuple[str, list[str], list[str]]],
    statuses: dict[str, Status],
) -> dict[str, Any]:
    tasks = [
        {
            "task": task,
            "reads": read,
            "writes": written,
            "status": str(statuses[task]) if task in statuses else None,
        }
        for task, read, written in graph
    ]
    return {"title": title, "tasks": tasks}
