"""A section: what all kinds of them have, and when two say the same."""

from __future__ import annotations

import pickle
import types
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import compress
from operator import attrgetter, is_not
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import attrs

from asyncflow.config.converters import any_refers, refers
from asyncflow.facts import Shown

A = TypeVar("A", bound="Attributes")
T = TypeVar("T")


def same_function(left: object, right: object) -> bool:
    """Tell whether two functions are the same definition, perhaps executed twice."""
    if not isinstance(left, types.FunctionType):
        return False

    if not isinstance(right, types.FunctionType):
        return False

    if _identity(left) != _identity(right):
        return False

    # Every lambda of a function has one and the same name: it identifies nothing.
    return left.__name__ != "<lambda>" or left.__code__ == right.__code__


def _identity(function: types.FunctionType) -> tuple[str, ...]:
    # A wrapper has the name of what it wraps; its code has its own.
    code = function.__code__.co_qualname
    return (function.__module__, function.__qualname__, code)


def same_value(left: object, right: object) -> bool:
    """Tell whether two values of a field are the same; never raise.

    Sections are the same if they have one kind and id: what they hold is compared where
    they are configured themselves.
    """
    if left is right or same_function(left, right):
        return True

    if type(left) is not type(right):
        return False

    if isinstance(left, Section) and isinstance(right, Section):
        return left.key == right.key

    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(map(same_value, left, right))

    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same_value(value, right[key]) for key, value in left.items()
        )

    if hasattr(type(left), "__array__"):
        return _same_content(left, right)

    try:
        return bool(left == right)
    except Exception:  # what has no single truth, as arrays and frames have none
        return _same_content(left, right)


def _same_content(left: object, right: object) -> bool:
    try:
        return pickle.dumps(left, 5) == pickle.dumps(right, 5)
    except Exception:
        return False


_NO_OPTIONS = frozenset({"id", "properties", "options"})
"""Fields of sections that are no options of them."""


def names_of(kind: type[Any] | None) -> tuple[str, ...]:
    """Return the names of the options that the fields of a class are, in their order.

    These are what a section can be given, by parameters and in TOML.
    """
    fields = () if kind is None else attrs.fields(kind)
    return tuple(field.name for field in fields if field.name not in _NO_OPTIONS)


def key_of(section_id: object) -> str:
    """Return the key of an id in a registry; also of one that is not a string."""
    return section_id if isinstance(section_id, str) else repr(section_id)


class Attributes:
    """Has its properties as attributes, too; what attributes refer to in the environment
    is looked up when they are read.

    A field that refers to it has no value of its own, so that all others are read as fast
    as any: `as_given` returns what it was given.
    """

    __slots__ = ()

    properties: Mapping[str, object]

    __attrs_attrs__: ClassVar[Any]

    def __attrs_post_init__(self) -> None:
        kind: Any = type(self)
        names, read, defaults = _looked_up_in(kind)

        if read is None:
            return

        values = read(self)

        # Most fields have their defaults: to look at all takes long for each section.
        if not any_refers(compress(values, map(is_not, values, defaults))):
            return

        for name in names:
            if refers(value := getattr(self, name)):
                REFERENCES.setdefault(self, {})[name] = value
                object.__delattr__(self, name)

    def differing(self, other: Attributes) -> tuple[str, ...]:
        """Return the names of the fields in which two sections of a class differ."""
        return tuple(
            field.name
            for field in self.__attrs_attrs__
            if not same_value(as_given(self, field.name), as_given(other, field.name))
        )

    def same_content(self, other: Attributes) -> bool:
        """Tell whether both say the same."""
        return type(self) is type(other) and not self.differing(other)

    def _fact(self, name: str) -> Any:
        return as_given(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        facts = {
            field.name: as_given(self, field.name) for field in self.__attrs_attrs__
        }
        return _made, (type(self), facts)

    if not TYPE_CHECKING:  # or each name would be one that is there

        def __init_subclass__(cls) -> None:
            """Have it say more than that it is frozen."""
            super().__init_subclass__()

            if "__attrs_attrs__" in cls.__dict__:  # attrs is done with it
                cls.__setattr__ = _refused

        def __getattr__(self, name: str) -> object:
            if name.startswith("_") or name in _NO_OPTIONS:
                raise AttributeError(name)

            from asyncflow.config import attributes

            return attributes.found(self, name, REFERENCES.get(self, {}))


def _refused(section: Attributes, name: str, _: object) -> None:
    from asyncflow.config import attributes

    raise AttributeError(attributes.fixed(section, name))


class Taken(Generic[T]):
    """An option of Taipy's that is taken without effect: it tells what it was given."""

    name: str

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    def __get__(self, section: Any, owner: type[Any]) -> T | None:
        """Return what it was given; None where it was given nothing."""
        if section is None or self.name not in section.properties:
            return None

        found: T = section.__getattr__(self.name)  # as the environment has it now
        return found


class TakenOptions(Attributes):
    """Those of `CoreConfig`."""

    __slots__ = ()

    core_version: Taken[str] = Taken()
    read_entity_retry: Taken[int] = Taken()
    repository_properties: Taken[Mapping[str, Any]] = Taken()
    repository_type: Taken[str] = Taken()
    root_folder: Taken[str] = Taken()
    storage_folder: Taken[str] = Taken()
    taipy_storage_folder: Taken[str] = Taken()


NOT_LOOKED_UP = frozenset({"default_data", "function", "input", "output", "id"})
"""Fields that hold values or sections: a text of theirs is itself."""

REFERENCES: weakref.WeakKeyDictionary[Attributes, dict[str, Any]] = (
    weakref.WeakKeyDictionary()
)
"""By section and field, the texts that refer to the environment."""


def as_given(section: Any, name: str) -> Any:
    """Return what a field of a section was given: a text may refer to the environment."""
    references = REFERENCES.get(section)

    if references is not None and name in references:
        return references[name]

    return getattr(section, name)


def check_source(given: object, kind: type[Section]) -> None:
    """Refuse what is no section that another one can be made from.

    :raises TypeError: where it is something else, say its id
    """
    if not isinstance(given, kind):
        raise TypeError(
            f"source_configuration is a {kind.__name__}, as configure_{kind.kind.lower()}() "
            f"returns it; got {given!r:.100}"
        )


def evolved(section: A, **changes: Any) -> A:
    """Return a section with some fields changed; the others are as they were given."""
    made: Any = section
    evolved: A = attrs.evolve(made, **{**REFERENCES.get(section, {}), **changes})
    return evolved


def has_references(section: Any) -> bool:
    """Tell whether something that a section has been given is found in the environment."""
    if section in REFERENCES:
        return True

    kind: Any = type(section)
    return _has_options(kind) and refers(section.options)


def any_has_references(sections: Iterable[Any]) -> bool:
    """Tell the same of many sections, most of which have been given nothing of the kind."""
    if len(REFERENCES):
        return any(map(has_references, sections))

    for section in sections:
        kind: Any = type(section)

        if _has_options(kind) and section.options and refers(section.options):
            return True

    return False


@cache
def _has_options(kind: Any) -> bool:
    return any(field.name == "options" for field in kind.__attrs_attrs__)


@cache
def _looked_up_in(
    kind: type[Any],
) -> tuple[Sequence[str], Callable[[Any], tuple[Any, ...]] | None, Sequence[Any]]:
    """Return the fields of a class that may refer to the environment, what takes them
    from a section, None where there are none, and their defaults.
    """
    names = [name for name in names_of(kind) if name not in NOT_LOOKED_UP | _OTHERS]
    defaults = {field.name: field.default for field in attrs.fields(kind)}
    read = attrgetter(*names) if names else None
    return names, read, [defaults[name] for name in names]


_OTHERS = frozenset(
    {"task_configs", "additional_data_node_configs", "sequences", "comparators"}
)
"""Fields of scenarios that hold sections, of which there may be thousands."""


def _made(kind: type[Any], facts: Mapping[str, Any]) -> Any:
    return kind(**facts)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Section(Attributes, Shown):
    """What every section with an id has. Equal only to itself; see `differing`."""

    kind: ClassVar[str]
    """The table of the section's kind in a TOML file: ``DATA_NODE``."""

    if TYPE_CHECKING:  # options and properties are attributes, too

        def __getattr__(self, name: str) -> Any: ...

    @property
    def name(self) -> str:
        """The same; a name of its own is a property."""
        return self.kind

    is_declared: ClassVar[bool] = True
    """Whether this program declares it: what only a store tells of is not."""

    id: str
    """What it is called; unique among the sections of a configuration."""

    properties: Mapping[str, object] = attrs.field(factory=dict)
    """Whatever else was given for it, by name."""

    @property
    def key(self) -> str:
        """The id as a string, whatever was given for it."""
        given = self.id
        return given if type(given) is str else key_of(given)

    @property
    def label(self) -> str:
        """How problems name the section: ``TASK.double``."""
        return f"{self.kind}.{self.key}"


class Home(Protocol):
    """Where sections are kept."""

    def current(self, reference: Any) -> Any:
        """Return the section that is in the place of one."""


HOMES: weakref.WeakKeyDictionary[Section, weakref.ref[Home]] = (
    weakref.WeakKeyDictionary()
)
"""Where scenario sections were put: to amend the one that is there now."""
