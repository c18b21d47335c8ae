"""What users hold: handles, and those of a scenario's parts by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    NoReturn,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
)
from weakref import ReferenceType, ref

from asyncflow.worker.errors import not_passed_on

StateT = TypeVar("StateT")
HandleT = TypeVar("HandleT")
Verbs = TypeVar("Verbs")
HandleT_co = TypeVar("HandleT_co", covariant=True)


class Handle:
    """Answers a name that it does not have with what does what was meant."""

    __slots__ = ()

    _kinds: ClassVar[tuple[str, ...]] = ()
    """The attributes with its parts by name: each part is an attribute, too."""

    @property
    def _called(self) -> str:
        """How a program calls it."""
        return type(self).__name__.lower()

    def _missing(self, name: str) -> str:
        """Say that it has no attribute of a name, and what was meant."""
        from asyncflow.entities.remedies import unknown

        return unknown(self, name, self._called)

    def _shown(self) -> object:
        """Return what a notebook shows of it, as `asyncflow.entities.rich` knows it."""
        return None

    def _repr_html_(self) -> str | None:
        from asyncflow.entities import rich

        return rich.html_of(self._shown())

    def _ipython_display_(self) -> object:
        from asyncflow.entities import notebook

        return notebook.show(self, self._shown())

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise not_passed_on(self)

    if not TYPE_CHECKING:  # or each name would be one that is there

        def __getattr__(self, name: str) -> object:
            if name.startswith("_") or hasattr(type(self), name):  # it has failed
                return object.__getattribute__(self, name)

            for kind in self._kinds:
                parts = getattr(self, kind)

                if name in parts:
                    return parts[name]

            raise AttributeError(self._missing(name))


Parents: TypeAlias = dict[str, set[Any]]
"""What an entity is a part of, by its kind."""


class Owned(Protocol):
    """What has a label, and may belong to something that has one too."""

    def get_simple_label(self) -> str: ...

    async def _owner(self) -> Owned | None: ...


class Labeled:
    """Has a label, for people."""

    __slots__ = ()

    def get_simple_label(self) -> str:
        """Return how people call it: its property ``label``, its name, the id of its
        config, or its id.
        """
        properties = getattr(self, "properties", None) or {}
        names = (getattr(self, name, None) for name in ("name", "config_id", "id"))
        found = (properties.get("label"), *names)
        return str(next(label for label in found if label))

    async def get_label(self) -> str:
        """Return its label after those of what it belongs to: ``2026-05 > forecast``.

        :raises NotFound: where what it belongs to was deleted
        """
        labels = [self.get_simple_label()]
        owner = await self._owner()

        while owner is not None:
            labels.append(owner.get_simple_label())
            owner = await owner._owner()

        return " > ".join(reversed(labels))

    async def _owner(self) -> Owned | None:
        """Return what it belongs to."""
        return None


class State(Protocol):
    """What a handle shows."""

    handle: ReferenceType[Any] | None


def handle_on(
    state: State, kind: type[HandleT], make: Callable[..., HandleT], *args: Any
) -> HandleT:
    """Return the handle of a state: there is one at a time.

    :param make: makes one where nobody has any, of the arguments
    """
    handle = state.handle and state.handle()

    if not isinstance(handle, kind):
        handle = make(*args)
        state.handle = ref(handle)

    return handle


def shown_by(state: State, verbs: object, kind: type[HandleT]) -> HandleT:
    """Do the same for a kind of handle that has a state and verbs, and nothing else.

    It is not made by its class, which takes twice as long: reads make one each.
    """
    if (known := state.handle) is not None and (found := known()) is not None:
        shown: HandleT = found
        return shown

    handle = kind.__new__(kind)
    object.__setattr__(handle, "_state", state)
    object.__setattr__(handle, "_verbs", verbs)
    state.handle = ref(handle)
    return handle


class ReadOnlyHandle(Handle):
    """Answers also who sets what cannot be set: nothing can, once it is made."""

    __slots__ = ()

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __init_subclass__(cls) -> None:
            """Have a frozen one say more than that it is frozen."""
            super().__init_subclass__()

            if "__attrs_attrs__" in cls.__dict__:  # attrs is done with it
                cls.__setattr__ = ReadOnlyHandle.__setattr__

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_"):
                object.__setattr__(self, name, value)
                return

            from asyncflow.entities.remedies import read_only

            raise AttributeError(read_only(self, name, self._called))


class HasNames:
    """Answers names in brackets, and is not iterable.

    Without this, Python would ask it for 0, 1, 2 and so on.
    """

    __slots__ = ()

    _instead: ClassVar[str]
    """What is iterated in its place."""

    if not TYPE_CHECKING:  # or type checkers would take it for an iterable

        def __iter__(self) -> NoReturn:
            name = type(self).__name__
            raise TypeError(f"a {name} cannot be iterated: {self._instead}")


class HasParts(HasNames):
    """Has its parts by their names, or by their configs."""

    __slots__ = ()

    _instead = "iterate its data_nodes, tasks or sequences, which are mappings by name"

    def __contains__(self, name: object) -> bool:
        """Tell whether it has a part of a name, or of a config."""
        try:
            self[name]  # type: ignore[index]  # of whose parts these are
        except KeyError:
            return False

        return True


class LiveMapping(Mapping[str, Any]):
    """A mapping as it is now, whenever it is looked at.

    :param values: gives it
    """

    __slots__ = ("_values",)

    def __init__(self, values: Callable[[], Mapping[str, Any]]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return repr(self._values())


class Properties(LiveMapping):
    """The user's own values of an entity. A verb changes them.

    :param owner: whose they are, as a program calls it
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: str, values: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__(values)
        self._owner = owner

    if not TYPE_CHECKING:  # or it would look as if that worked

        def __setitem__(self, name: str, value: object) -> None:
            verb = f"{self._owner}.update(properties={{{name!r}: ...}})"
            raise TypeError(f"properties are not set: `await {verb}` does that")

        def __delitem__(self, name: str) -> None:
            verb = f"{self._owner}.update(without=[{name!r}])"
            raise TypeError(f"properties are not deleted: `await {verb}` does that")


class Named(dict[str, HandleT]):
    """Says which names there are, where it is asked for another one."""

    def __missing__(self, name: object) -> NoReturn:
        from asyncflow.entities.remedies import no_part

        raise KeyError(no_part(name, self))


class HandleMap(Mapping[str, HandleT_co], Generic[StateT, Verbs, HandleT_co]):
    """Gives the handles of states: each is made when it is asked for.

    :param states: by name
    :param verbs: what the handles ask
    :param handle_of: makes a handle, or finds the one that somebody has
    """

    __slots__ = ("_handle_of", "_states", "_verbs")

    def __init__(
        self,
        states: Mapping[str, StateT],
        verbs: Verbs,
        handle_of: Callable[[StateT, Verbs], HandleT_co],
    ) -> None:
        self._states = states
        self._verbs = verbs
        self._handle_of = handle_of

    def __getitem__(self, name: str) -> HandleT_co:
        try:
            state = self._states[name]
        except KeyError:
            from asyncflow.entities.remedies import no_part

            raise KeyError(no_part(name, self._states)) from None

        return self._handle_of(state, self._verbs)

    def __contains__(self, name: object) -> bool:
        return name in self._states

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def __repr__(self) -> str:
        return repr(dict(self))
