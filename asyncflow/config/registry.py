"""The sections of one configuration, by kind and id."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from operator import is_
from typing import Any, TypeAlias, TypeVar, cast

from asyncflow.config.section import HOMES, Section, evolved
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    TaskConfig,
)

S = TypeVar("S", bound=Section)
T = TypeVar("T")

Place: TypeAlias = tuple[str, str, int | None]
"""As what a file counts, which file it is, and the line."""


class View(Mapping[str, S]):
    """The sections of a kind that count at the moment, by id; it cannot be written."""

    __slots__ = ("_sections",)

    def __init__(self, sections: Callable[[], dict[str, S]]) -> None:
        self._sections = sections

    def __getitem__(self, key: str) -> S:
        return self._sections()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections())

    def __len__(self) -> int:
        return len(self._sections())

    def values(self) -> ValuesView[S]:
        """Return the sections, without asking for each what counts."""
        return self._sections().values()

    def __repr__(self) -> str:
        return repr(self._sections())


_OF_KIND = {
    DataNodeConfig.kind: "data_nodes",
    TaskConfig.kind: "tasks",
    ScenarioConfig.kind: "scenarios",
}
"""Where the sections of each kind are."""


class Registry:
    """The sections of one configuration.

    Sections refer to each other as objects. When one is replaced, those that refer to
    it are replaced too, so that a reference always is the current section of its id.
    Only the reference to a section of another configuration stays as it was given.
    """

    def __init__(self) -> None:
        self.data_nodes: dict[str, DataNodeConfig] = {}
        self.tasks: dict[str, TaskConfig] = {}
        self.scenarios: dict[str, ScenarioConfig] = {}
        self.job: JobConfig = JobConfig()
        self.core: CoreConfig = CoreConfig()
        self.app: dict[str, object] = {}
        """What an application keeps there of its own, by name."""
        self.origins: dict[str, dict[str, Place]] = {}
        """What files say, by the label of a section and the field; ``""`` for a section that
        a file has added."""
        self._replaced: weakref.WeakSet[Section] = weakref.WeakSet()
        """Those that were here, or are in a snapshot: the user may hold them still."""
        self._is_snapshot = False

    def snapshot(self) -> Registry:
        """Return a copy that later changes leave alone, to be read in another thread."""
        copy = Registry()
        copy.data_nodes = dict(self.data_nodes)
        copy.tasks = dict(self.tasks)
        copy.scenarios = dict(self.scenarios)
        copy.job = self.job
        copy.core = self.core
        copy.app = self.app
        copy.origins = dict(self.origins)
        copy._replaced = self._replaced
        copy._is_snapshot = True
        return copy

    @property
    def sections(self) -> tuple[Section, ...]:
        """All sections: data nodes, then tasks, then scenarios."""
        return (
            *self.data_nodes.values(),
            *self.tasks.values(),
            *self.scenarios.values(),
        )

    def of_kind(self, kind: type[S]) -> dict[str, S]:
        """Return the sections of one kind, by key."""
        found: dict[str, S] = getattr(self, _OF_KIND[kind.kind])
        return found

    def find(self, section: S) -> S | None:
        """Return the current section of the kind and id of another, or None."""
        return self.of_kind(type(section)).get(section.key)

    def current(self, reference: T) -> T:
        """Return what a reference now means; what is not from here stays as it is."""
        if not isinstance(reference, Section):
            return reference

        found = self.find(reference)
        if found is reference or reference not in self._replaced:
            return reference

        return cast("T", found or reference)

    def put(self, section: S) -> S:
        """Put a section in the place of the one of its kind and id.

        Returns what was put: the section, pointed at the current ones.
        """
        return self.replace(self.find(section), section)

    def replace(self, current: S | None, section: S) -> S:
        """Do the same, where it is known what is there; None for nothing."""
        section = self.place(section)
        if current is not None:
            self.point()

        return section

    def place(self, section: S) -> S:
        """Put one of several sections; `point` follows the last of them."""
        section = self._pointed(section)

        if isinstance(section, DataNodeConfig):
            section = section.sorted_out()

        self._put(self.of_kind(type(section)), section)

        if isinstance(section, ScenarioConfig):
            HOMES[section] = weakref.ref(self)

        return section

    def _put(self, known: dict[str, S], section: S) -> None:
        key = section.key
        before = known.get(key)

        if before is section:
            return

        if before is not None:
            self._replaced.add(before)

        if self._is_snapshot:
            self._replaced.add(section)

        known[key] = section

    def point(self) -> None:
        """Point every section at the current ones."""
        for task in [*self.tasks.values()]:
            self._put(self.tasks, self._pointed(task))

        for scenario in [*self.scenarios.values()]:
            made = self._pointed(scenario)
            self._put(self.scenarios, made)
            HOMES[made] = weakref.ref(self)

    def copy(self) -> Registry:
        """Make another registry with the same sections."""
        twin = Registry()
        twin.update(self)
        return twin

    def update(self, other: Registry) -> None:
        """Take over the sections of another registry."""
        self._replaced.update([*self.sections, *other._replaced])
        self.data_nodes.update(other.data_nodes)
        self.tasks.update(other.tasks)
        self.scenarios.update(other.scenarios)
        self.job = other.job
        self.core = other.core
        self.app = other.app
        self.origins.update(other.origins)

    def clear(self) -> None:
        """Forget every section."""
        self.data_nodes.clear()
        self.tasks.clear()
        self.scenarios.clear()
        self.job = JobConfig()
        self.core = CoreConfig()
        self.app = {}
        self.origins.clear()
        self._replaced.clear()

    def forget(self, label: str) -> bool:
        """Forget what files have said of a section; tell whether they had."""
        return self.origins.pop(label, None) is not None

    def _pointed(self, section: S) -> S:
        """Return the section with current references: itself, if they are already."""
        if self._is_pointed(section):  # as it mostly is: fast
            return section

        references = self._references(section)

        pointed = {name: self._all_current(value) for name, value in references.items()}
        if all(_identical(value, pointed[name]) for name, value in references.items()):
            return section

        return evolved(section, **pointed)

    def _is_pointed(self, section: Section) -> bool:
        """Tell whether all that a section refers to is current, where that is seen at
        once.
        """
        match section:
            case TaskConfig():
                return are_known((*section.input, *section.output), self.data_nodes)
            case ScenarioConfig():
                nodes = section.additional_data_node_configs
                return (
                    not section.sequences
                    and are_known(section.task_configs, self.tasks)
                    and are_known(nodes, self.data_nodes)
                )
            case _:
                return True

    def _references(self, section: Section) -> dict[str, Any]:
        """Return the fields of a section that refer to others."""
        match section:
            case TaskConfig():
                return {"input": section.input, "output": section.output}
            case ScenarioConfig():
                nodes = section.additional_data_node_configs
                return {
                    "task_configs": section.task_configs,
                    "additional_data_node_configs": nodes,
                    "sequences": section.sequences,
                }
            case _:
                return {}

    def _all_current(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self.current, value))

        if isinstance(value, dict):
            return {name: self._all_current(tasks) for name, tasks in value.items()}

        return value


def are_known(members: Iterable[Any], known: Mapping[str, Section]) -> bool:
    """Tell whether each member is the section that is known by its key."""
    for member in members:
        if not isinstance(member, Section) or type(member.id) is not str:
            return False

        if known.get(member.id) is not member:
            return False

    return True


def _identical(left: Any, right: Any) -> bool:
    """Tell whether two tuples, or dicts of tuples, hold the same objects."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(_identical(value, right[name]) for name, value in left.items())

    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(is_, left, right))

    return left is right
