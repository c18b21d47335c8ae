"""Configs of what this program does not declare, as far as a store tells of them.

With these, what a scenario was, and what its runs have done, can be read. It cannot run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NoReturn

import attrs

from asyncflow.config.sections import (
    DataNodeConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.errors import NotDeclared


@attrs.frozen(kw_only=True, eq=False, repr=False)
class UndeclaredScenario(ScenarioConfig):
    """A scenario config that this program does not declare, or not as it was then."""

    is_declared: ClassVar[bool] = False


@attrs.frozen(kw_only=True, eq=False, repr=False)
class UndeclaredDataNode(DataNodeConfig):
    """A data node of one: nobody knows its storage type, nor where it is."""

    is_declared: ClassVar[bool] = False
    storage_type: str = "undeclared"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class UndeclaredTask(TaskConfig):
    """A task of one: its function is not here."""

    is_declared: ClassVar[bool] = False


@attrs.frozen(eq=False, repr=False)
class MissingDeclaration:
    """Stands for the function of a task whose code is not here."""

    entity_id: str
    config_id: str
    why: str

    def __call__(self, *_: object) -> NoReturn:
        """Refuse to run.

        :raises NotDeclared: always
        """
        raise NotDeclared(self.entity_id, self.config_id, self.why)


def scenario_config(
    scenario_id: str,
    config_id: str,
    why: str,
    *,
    scopes: Mapping[str, Scope],
    graphs: Iterable[str],
) -> UndeclaredScenario:
    """Make the config of a scenario.

    :param why: what a task says that is to run
    :param scopes: those of the data nodes that are the scenario's alone, or its cycle's,
        by their config ids; any other is shared by all
    :param graphs: those of its runs that tell of its tasks, the newest first
    """
    function = MissingDeclaration(scenario_id, config_id, why)
    nodes = {
        name: UndeclaredDataNode(id=name)
        for name, scope in scopes.items()
        if scope is Scope.SCENARIO
    }
    tasks: dict[str, TaskConfig] = {}

    def named(names: Sequence[str]) -> tuple[DataNodeConfig, ...]:
        for name in names:
            if name not in nodes:  # its scenario has none: it is a shared one
                scope = scopes.get(name, Scope.GLOBAL)
                nodes[name] = UndeclaredDataNode(id=name, scope=scope)

        return tuple(nodes[name] for name in names)

    for graph in graphs:
        for name, read, written in json.loads(graph):
            if name not in tasks:
                tasks[name] = UndeclaredTask(
                    id=name,
                    function=function,
                    input=named(read),
                    output=named(written),
                )

    return UndeclaredScenario(
        id=config_id,
        task_configs=tuple(tasks.values()),
        additional_data_node_configs=tuple(nodes.values()),
    )
