"""The section of a scenario: its tasks, and what it has besides."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import attrs

from asyncflow.config.converters import as_tuple
from asyncflow.config.data_node import DataNodeConfig
from asyncflow.config.section import Section
from asyncflow.config.task import TaskConfig

if TYPE_CHECKING:
    from asyncflow.display.picture import DagPicture


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ScenarioConfig(Section):
    """A graph of tasks, joined by the data nodes that they read and write."""

    kind: ClassVar[str] = "SCENARIO"

    task_configs: tuple[TaskConfig, ...] = ()
    """Its tasks."""

    additional_data_node_configs: tuple[DataNodeConfig, ...] = ()
    """The data nodes it has besides those of its tasks."""

    sequences: Mapping[str, tuple[TaskConfig, ...]] = attrs.field(
        factory=dict[str, tuple[TaskConfig, ...]]
    )
    """Its named subsets of tasks."""

    comparators: Mapping[str, tuple[Callable[..., object], ...]] = attrs.field(
        factory=dict[str, tuple[Callable[..., object], ...]]
    )
    """By the ids of data nodes, what compares their values in several scenarios."""

    frequency: object = None
    """Into which cycles its scenarios fall: a `Frequency`, a `Calendar`, or an object with
    ``period(instant)``; None for no cycles."""

    authorized_tags: tuple[str, ...] = attrs.field(default=(), converter=as_tuple)
    """The tags that its scenarios may have; none for any."""

    def dag(self) -> DagPicture:
        """Return a picture of its tasks and data nodes: SVG, Mermaid or text.

        A notebook shows it; ``print`` writes its text; ``save("dag.svg")`` keeps it.
        """
        from asyncflow.display.tasks import picture

        return picture(self.task_configs, self.id)

    def _repr_svg_(self) -> str:
        return self.dag().svg()

    def add_comparator(
        self, dn_config_id: DataNodeConfig | str, comparator: Callable[..., object]
    ) -> None:
        """Have `Orchestrator.compare` call another function for a data node.

        :param dn_config_id: its id, or its config
        :raises ConfigError: where that is none of the scenario, or no function is given
        """
        from asyncflow.config import amending

        amending.add_comparator(self, dn_config_id, comparator)

    def delete_comparator(self, dn_config_id: DataNodeConfig | str) -> None:
        """Have a data node compared by no function any more; nothing happens where none
        does.
        """
        from asyncflow.config import amending

        amending.delete_comparator(self, dn_config_id)

    def add_sequences(
        self, sequences: Mapping[str, TaskConfig | Iterable[TaskConfig]]
    ) -> None:
        """Add named subsets of its tasks, which scenarios have that are created from now
        on.

        :raises ConfigError: where a task is none of the scenario, or a name cannot be one
        """
        from asyncflow.config import amending

        amending.add_sequences(self, sequences)

    def remove_sequences(self, sequence_names: str | Iterable[str]) -> None:
        """Remove sequences by their names; nothing happens where there is none."""
        from asyncflow.config import amending

        amending.remove_sequences(self, sequence_names)

    @property
    def tasks(self) -> tuple[TaskConfig, ...]:
        """Its tasks."""
        return self.task_configs

    @property
    def additional_data_nodes(self) -> tuple[DataNodeConfig, ...]:
        """The data nodes it has besides those of its tasks."""
        return self.additional_data_node_configs

    @property
    def data_nodes(self) -> tuple[DataNodeConfig, ...]:
        """All its data nodes, once each."""
        return self.data_node_configs

    @functools.cached_property
    def data_node_configs(self) -> tuple[DataNodeConfig, ...]:
        """All its data nodes, once each, as they are first met."""
        nodes: dict[str, DataNodeConfig] = {}
        for task in self.task_configs:
            for node in (*task.input, *task.output):
                nodes.setdefault(node.key, node)

        for node in self.additional_data_node_configs:
            nodes.setdefault(node.key, node)

        return tuple(nodes.values())
