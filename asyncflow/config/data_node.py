"""The section of a data node: how a value is stored, and who shares it."""

from __future__ import annotations

import enum
import functools
import reprlib
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

import attrs

from asyncflow.alternatives import DRIVERS
from asyncflow.config.converters import as_concealed, as_place, refers
from asyncflow.config.section import (
    REFERENCES,
    Section,
    as_given,
    evolved,
    names_of,
)

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from asyncflow.abc import Driver


def _looked_up(value: Any) -> Any:
    """Return a value with what it refers to in the environment; see `config.lookup`."""
    if not refers(value):
        return value

    from asyncflow.config import lookup

    return lookup.found(value)


class NotGiven(enum.Enum):
    """Tells that nothing was given, where None is a value like any other."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "<not given>"


NOT_GIVEN = NotGiven.NOT_GIVEN


@functools.total_ordering
class Scope(enum.Enum):
    """How widely a data node is shared: ``Scope.SCENARIO < Scope.CYCLE < Scope.GLOBAL``."""

    SCENARIO = "SCENARIO"
    """Each scenario has its own."""

    CYCLE = "CYCLE"
    """The scenarios of one cycle have one together."""

    GLOBAL = "GLOBAL"
    """All scenarios have one together."""

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented

        order = [*Scope]
        return order.index(self) < order.index(other)


if TYPE_CHECKING:  # the default, which says that without one it may be any, is later's
    T = TypeVar("T", default=Any)
    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    T = typing.TypeVar("T")
    T_co = typing.TypeVar("T_co", covariant=True)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DataNodeConfig(Section, Generic[T_co]):
    """A named value: how it is stored, and who shares it.

    ``DataNodeConfig[int]`` tells type checkers what its values are: what `default_data`
    is, or what an annotation says. Nothing is checked when it runs.
    """

    kind: ClassVar[str] = "DATA_NODE"

    storage_type: str = "pickle"
    """How values are kept: the name of a storage type."""

    scope: Scope = Scope.SCENARIO
    """Who shares it."""

    default_data: object = attrs.field(default=NOT_GIVEN, repr=reprlib.repr)
    """Its first value, which may be None; where none is given it is unwritten."""

    default_path: str | None = attrs.field(default=None, converter=as_place)
    """The user's own file or address; None lets asyncflow choose where values are."""

    validity_period: timedelta | None = None
    """How long a value is valid after it was written; None for ever."""

    keep_versions: int = 1
    """How many versions are kept beside the current one."""

    properties: Mapping[str, object] = attrs.field(factory=dict, converter=as_concealed)
    """Whatever else was given for it, by name."""

    validator: object = None
    """What is asked of each value before it is written: a callable, or what has a method
    ``validate``; None for nothing."""

    options: Mapping[str, object] = attrs.field(factory=dict, converter=as_concealed)
    """What was given of the options that its storage type alone has, by name."""

    @property
    def driver(self) -> type[Driver] | None:
        """The class of its storage type; None where there is none."""
        if refers(as_given(self, "storage_type")):  # it is not known yet
            return None

        return DRIVERS.find(self.storage_type)

    @property
    def owns_place(self) -> bool:
        """Whether values are in a place of the user's, such as a file."""
        driver = self.driver
        return driver is not None and driver.owns_place(
            _looked_up(self.default_path), self.driver_options()
        )

    @property
    def options_class(self) -> type[Any] | None:
        """The class of its options; None where it takes none."""
        if (driver := self.driver) is None:
            return None

        path: object = as_given(self, "default_path")
        return driver.options_at(path if isinstance(path, str) else None)

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that its storage type alone has."""
        return names_of(self.options_class)

    def driver_options(self) -> object:
        """Return the options as the driver has them; None where it has none.

        :raises Unresolved: where the environment lacks what they refer to
        :raises Exception: where they are wrong: what their class raises
        """
        if (options_class := self.options_class) is None:
            return None

        made: object = options_class(**_looked_up(self.options))
        return made

    def unused_options(self) -> Iterator[str]:
        """Say which options have no effect, each in one sentence.

        :raises Exception: where its options are wrong
        """
        unused = getattr(self.driver_options(), "unused", None)
        yield from () if unused is None else unused()

    def driver_needs(self) -> dict[str, str | None]:
        """Return the modules that its values need, and the extra that installs each.

        :raises Exception: where its options are wrong, or nothing reaches its path
        """
        if (driver := self.driver) is None:
            return {}

        path = _looked_up(self.default_path)
        reached = driver.reached_by(path) if isinstance(path, str) else {}
        return {**driver.needs(self.driver_options()), **reached}

    def sorted_out(self) -> Self:
        """Return it with what is an option of its storage type among the options, and all
        else among the properties.
        """
        if not self.properties and not self.options:
            return self

        known = self.option_names
        given = {
            name if (own := _TAIPYS.get(name)) not in known else own: value
            for name, value in {**self.options, **self.properties}.items()
        }
        names = {name for name in known if name in given}

        if names == self.options.keys() and names.isdisjoint(self.properties):
            return self

        return evolved(
            self,
            options={name: value for name, value in given.items() if name in names},
            properties={
                name: value for name, value in given.items() if name not in names
            },
        )


def owning(nodes: Iterable[DataNodeConfig[Any]]) -> Iterator[DataNodeConfig[Any]]:
    """Yield those of many data nodes whose values are in places of the user's: of those
    that are alike, one is asked.
    """
    known: dict[tuple[str, str | None], bool] = {}
    is_plain = not len(REFERENCES)

    for node in nodes:
        if node.options or not is_plain:
            owns = node.owns_place
        else:
            kind = node.storage_type, node.default_path
            found = known.get(kind)
            owns = known[kind] = node.owns_place if found is None else found

        if owns:
            yield node


_TAIPYS = {"read_kwargs": "read_options", "write_kwargs": "write_options"}
"""Options that Taipy calls otherwise."""
