"""The blocking scenario."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, overload

from asyncflow import ids
from asyncflow.config.checks.values import id_of_kind, verbs_name_arguments
from asyncflow.config.sections import (
    NOT_GIVEN,
    DataNodeConfig,
    NotGiven,
    ScenarioConfig,
    T,
    TaskConfig,
)
from asyncflow.entities.cycle import Cycle as AsyncCycle
from asyncflow.entities.data_node import DataNode as AsyncDataNode
from asyncflow.entities.difference import ScenarioDiff
from asyncflow.entities.exported import ExportedScenario
from asyncflow.entities.job import Job as AsyncJob
from asyncflow.entities.reasons import Reasons
from asyncflow.entities.scenario import Scenario as AsyncScenario
from asyncflow.entities.sequence import Sequence as AsyncSequence
from asyncflow.entities.submission import Submission as AsyncSubmission
from asyncflow.entities.task import Task as AsyncTask
from asyncflow.sync.changes import Properties, merged
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forwarding import Forwarded, assign, wrap
from asyncflow.sync.handles import (
    Job,
    Observable,
    Runnable,
    Sequence,
    Submission,
    Task,
)
from asyncflow.sync.loop import Loop


@verbs_name_arguments
class Scenario(Runnable[AsyncScenario], Observable[AsyncScenario], of=AsyncScenario):
    """A scenario; see `asyncflow.Scenario`. Its parts are attributes here too."""

    __slots__ = ()

    config_id: Forwarded[str] = Forwarded()
    config: Forwarded[ScenarioConfig] = Forwarded()
    creation_date: Forwarded[datetime] = Forwarded()
    owner_id: Forwarded[str | None] = Forwarded()
    is_primary: Forwarded[bool] = Forwarded()
    version: Forwarded[str | None] = Forwarded()

    @property
    def cycle(self) -> Cycle | None:
        """The cycle that it belongs to; None where its config has no frequency."""
        found: Cycle | None = wrap(self._inner.cycle, self._loop)
        return found

    def is_deletable(self) -> Reasons:
        """Tell whether it can be deleted; see `asyncflow.Scenario.is_deletable`."""
        return self._loop.call(self._inner.is_deletable)

    def set_primary(self) -> None:
        """Make it the primary one of its cycle; see `asyncflow.Scenario.set_primary`."""
        self._change(self._inner.set_primary)

    @property
    def name(self) -> str | None:
        """What people call it; setting it changes it, as ``update(name=...)`` does."""
        name: str | None = self._told("name")
        return name

    @name.setter
    def name(self, name: str | None) -> None:
        self.update(name=name)

    @property
    def properties(self) -> Properties:
        """The user's own values; setting one changes it, as `update` does."""
        return Properties(lambda: self._told("properties"), self)

    @property
    def tags(self) -> frozenset[str]:
        """Its tags; setting them changes them, as ``update(tags=...)`` does."""
        tags: frozenset[str] = self._told("tags")
        return tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self.update(tags=tags)

    def update(
        self,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        properties: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
        tags: Iterable[str] | None = None,
    ) -> None:
        """Change attributes; see `asyncflow.Scenario.update`."""
        self._change(
            self._inner.update,
            name=name,
            properties=properties,
            without=without,
            tags=tags,
        )

    def add_sequence(
        self,
        name: str,
        tasks: Iterable[Task | TaskConfig | str],
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a sequence; see `asyncflow.Scenario.add_sequence`."""
        self._loop.call(self._inner.add_sequence, name, _parts(tasks), properties)

    def add_sequences(
        self, sequences: Mapping[str, Iterable[Task | TaskConfig | str]]
    ) -> None:
        """Add several sequences; see `asyncflow.Scenario.add_sequences`."""
        given = {name: _parts(tasks) for name, tasks in sequences.items()}
        self._loop.call(self._inner.add_sequences, given)

    def update_sequence(
        self,
        name: str,
        tasks: Iterable[Task | TaskConfig | str] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Change a sequence; see `asyncflow.Scenario.update_sequence`."""
        parts = None if tasks is None else _parts(tasks)
        self._loop.call(self._inner.update_sequence, name, parts, properties)

    def rename_sequence(self, old_name: str, new_name: str) -> None:
        """Rename a sequence; see `asyncflow.Scenario.rename_sequence`."""
        self._loop.call(self._inner.rename_sequence, old_name, new_name)

    def remove_sequence(self, name: str) -> None:
        """Remove a sequence; see `asyncflow.Scenario.remove_sequence`."""
        self._loop.call(self._inner.remove_sequence, name)

    def remove_sequences(self, sequence_names: Iterable[str]) -> None:
        """Remove several sequences; see `asyncflow.Scenario.remove_sequences`."""
        self._loop.call(self._inner.remove_sequences, sequence_names)

    def add_tag(self, tag: str) -> None:
        """Give it a tag; see `asyncflow.Scenario.add_tag`."""
        self._change(self._inner.add_tag, tag)

    def remove_tag(self, tag: str) -> None:
        """Take a tag away; see `asyncflow.Scenario.remove_tag`."""
        self._change(self._inner.remove_tag, tag)

    def has_tag(self, tag: str) -> bool:
        """Tell whether it has a tag; see `asyncflow.Scenario.has_tag`."""
        return tag in self.tags

    def duplicate(
        self,
        creation_date: datetime | None = None,
        name: str | NotGiven | None = NOT_GIVEN,
        data: Iterable[str | DataNodeConfig] | bool = True,
        *,
        paths: Mapping[Any, str | os.PathLike[str]] | None = None,
        properties: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
    ) -> Scenario:
        """Make one that has what this one has; see `asyncflow.Scenario.duplicate`."""
        made = self._loop.call(
            self._inner.duplicate,
            creation_date,
            name,
            data,
            paths=paths,
            properties=properties,
            tags=tags,
        )
        return Scenario(made, self._loop)

    def diff(self, other: Scenario | str) -> ScenarioDiff:
        """Return what both have otherwise; see `asyncflow.Scenario.diff`."""
        return self._loop.call(self._inner.diff, id_of_kind(other, ids.SCENARIO))

    def export(
        self,
        path: str | os.PathLike[str],
        data: bool = True,
        *,
        overwrite: bool = False,
    ) -> ExportedScenario:
        """Write it to a file; see `asyncflow.Scenario.export`."""
        return self._loop.call(self._inner.export, path, data, overwrite=overwrite)

    def __enter__(self) -> Scenario:
        """Return it as one whose name, properties and tags can be set together.

        They are changed when the block is left, with one ``update``; not at all where it
        is left by an error.
        """
        return _open_block(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        changes = _blocks[self._inner].pop().changes

        if not _blocks[self._inner]:
            del _blocks[self._inner]

        if error is None and changes:
            self.update(**changes)

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks, by config id."""
        return self._tasks(self._inner.tasks)

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """Its data nodes, by config id."""
        return self._nodes(self._inner.data_nodes)

    @property
    def additional_data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes that no task uses, by config id."""
        return self._nodes(self._inner.additional_data_nodes)

    @property
    def sequences(self) -> Mapping[str, Sequence]:
        """Its sequences, by name."""
        parts = self._inner.sequences
        return {name: Sequence(part, self._loop) for name, part in parts.items()}

    def read(self, *names: str) -> tuple[Any, ...]:
        """Read several data nodes at one moment; see `asyncflow.Scenario.read`."""
        return self._loop.call(self._inner.read, *names)

    if TYPE_CHECKING:  # its parts

        def __getattr__(self, name: str) -> Any: ...

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            assign(self, name, value, ("name", "tags"))

    @overload
    def __getitem__(self, name: DataNodeConfig[T]) -> DataNode[T]: ...

    @overload
    def __getitem__(self, name: TaskConfig) -> Task: ...

    @overload
    def __getitem__(self, name: str) -> Any: ...

    def __getitem__(self, name: str | DataNodeConfig | TaskConfig) -> Any:
        """Return a sequence, a task or a data node, whatever it is called; see
        `asyncflow.Scenario`.
        """
        return wrap(self._inner[name], self._loop)

    def __contains__(self, name: object) -> bool:
        """Tell whether it has a part of a name, or of a config."""
        return name in self._inner

    if not TYPE_CHECKING:  # it is not iterable, and says what is

        def __iter__(self) -> NoReturn:
            iter(self._inner)

    def __dir__(self) -> list[str]:
        parts = (self._inner.sequences, self._inner.tasks, self._inner.data_nodes)
        return [*super().__dir__(), *(name for part in parts for name in part)]


def _parts(tasks: Any) -> list[Any]:
    """Return tasks as the async verb takes them."""
    given: list[Any] = (
        [*tasks]
        if isinstance(tasks, Iterable) and not isinstance(tasks, str)
        else [tasks]
    )
    return [part._inner if isinstance(part, Task) else part for part in given]  # pyright: ignore[reportPrivateUsage]  # its part


class ScenarioBlock(Scenario):
    """A scenario in a ``with`` block, which collects what is set of it."""

    __slots__ = ("changes",)
    changes: dict[str, Any]

    @property
    def name(self) -> str | None:
        """What people call it."""
        name: str | None = self.changes.get("name", self._inner.name)
        return name

    @name.setter
    def name(self, name: str | None) -> None:
        self.update(name=name)

    @property
    def properties(self) -> Properties:
        """The user's own values."""
        return Properties(self._values, self)

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        return frozenset(self.changes.get("tags", self._inner.tags))

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self.update(tags=tags)

    def update(self, **changes: Any) -> None:
        """Have attributes changed when the block is left."""
        merged(self.changes, changes)

    def add_tag(self, tag: str) -> None:
        """Have a tag given when the block is left."""
        self.update(tags=self.tags | {tag})

    def remove_tag(self, tag: str) -> None:
        """Have a tag taken away when the block is left."""
        self.update(tags=self.tags - {tag})

    def has_tag(self, tag: str) -> bool:
        """Tell whether it has a tag, or is about to."""
        return tag in self.tags

    def _values(self) -> Mapping[str, Any]:
        without = self.changes.get("without", ())
        found = {**self._inner.properties, **self.changes.get("properties", {})}
        return {name: value for name, value in found.items() if name not in without}


_blocks: dict[AsyncScenario, list[ScenarioBlock]] = {}
"""The blocks that scenarios are in, the inner ones last."""


def _open_block(scenario: Scenario) -> ScenarioBlock:
    block = ScenarioBlock(scenario._inner, scenario._loop)  # pyright: ignore[reportPrivateUsage]  # its part
    object.__setattr__(block, "changes", {})
    _blocks.setdefault(scenario._inner, []).append(block)  # pyright: ignore[reportPrivateUsage]  # its part
    return block


Entity: TypeAlias = Scenario | Cycle | Sequence | Task | DataNode | Submission | Job


def handle(
    entity: AsyncScenario
    | AsyncCycle
    | AsyncSequence
    | AsyncTask
    | AsyncDataNode
    | AsyncSubmission
    | AsyncJob,
    loop: Loop,
) -> Entity:
    """Wrap an async handle."""
    wrapped: Entity = wrap(entity, loop)
    return wrapped
