"""What is shown of a configuration: how much is declared, and in a notebook tables of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from asyncflow.config.section import Section, as_given
from asyncflow.config.sections import (
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    TaskConfig,
)
from asyncflow.display import html
from asyncflow.secret import without_password


class Declared(Protocol):
    """A configuration."""

    @property
    def data_nodes(self) -> Mapping[str, DataNodeConfig]: ...

    @property
    def tasks(self) -> Mapping[str, TaskConfig]: ...

    @property
    def scenarios(self) -> Mapping[str, ScenarioConfig]: ...

    @property
    def job_config(self) -> JobConfig: ...


def told(config: Declared) -> str:
    """Return how much is declared."""
    numbers = {
        "scenario": len(config.scenarios),
        "task": len(config.tasks),
        "data node": len(config.data_nodes),
    }
    parts = (f"{n} {name}{'' if n == 1 else 's'}" for name, n in numbers.items())
    return f"<Configuration: {', '.join(parts)}>"


def shown(config: Declared) -> str:
    """Return what is declared, as tables."""
    nodes = [
        (
            node.id,
            node.storage_type,
            getattr(node.scope, "name", node.scope),
            _path(node),
        )
        for node in config.data_nodes.values()
    ]
    tasks = [
        (
            task.id,
            getattr(task.function, "__name__", task.function),
            _ids(task.input),
            _ids(task.output),
        )
        for task in config.tasks.values()
    ]
    scenarios = [
        (scenario.id, _ids(scenario.task_configs), scenario.frequency)
        for scenario in config.scenarios.values()
    ]
    jobs = config.job_config
    parts = []

    for name, heads, rows in (
        ("data node", ("kept as", "scope", "path"), nodes),
        ("task", ("function", "reads", "writes"), tasks),
        ("scenario", ("tasks", "frequency"), scenarios),
    ):
        cells = [[cell or "" for cell in row] for row in rows]
        parts += [html.table((name, *heads), cells)] if cells else []

    most = jobs.max_nb_of_workers
    how = f"jobs: {jobs.mode}{f', {most} workers at most' if most else ''}"
    return html.card("Config", html.note(how), *parts)


def _path(node: DataNodeConfig) -> str:
    path = as_given(node, "default_path")
    return without_password(str(path)) if path else ""


def _ids(sections: Iterable[Section]) -> str:
    return ", ".join(section.id for section in sections)
