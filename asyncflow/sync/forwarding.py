"""What the blocking handles have in common: they wrap an async one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    NoReturn,
    Self,
    TypeVar,
    cast,
    overload,
)

import attrs

from asyncflow.entities.handle import Parents
from asyncflow.sync.loop import Loop
from asyncflow.worker.errors import not_passed_on

T = TypeVar("T")
Inner = TypeVar("Inner")


_WRAPPERS: dict[type[Any], type[Handle[Any]]] = {}
"""For each class of async handles, the one that wraps them."""


class Forwarded(Generic[T]):
    """An attribute that is the same as that of the wrapped handle."""

    def __set_name__(self, owner: type[Handle[Any]], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, handle: None, owner: type[Handle[Any]]) -> Self: ...

    @overload
    def __get__(self, handle: Handle[Any], owner: type[Handle[Any]]) -> T: ...

    def __get__(self, handle: Handle[Any] | None, owner: type[Handle[Any]]) -> Self | T:
        if handle is None:
            return self

        value: T = handle._told(self._name)  # pyright: ignore[reportPrivateUsage]  # its part
        return value


class Answer(int):
    """True or false: an attribute here that Taipy has as a method, so it can be called."""

    __slots__ = ()

    def __call__(self) -> bool:
        """Return it."""
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


@attrs.frozen(eq=False, repr=False)
class Listed:
    """What a list tells of something: a handle of it is brought back when more is asked.

    :param as_of: how much this face had changed by then
    """

    record: Any
    as_of: int

    fixed: ClassVar[frozenset[str]] = frozenset()
    """The attributes that it tells, and that never change."""
    changing: ClassVar[frozenset[str]] = frozenset()
    """Those that it tells as long as this face has changed nothing since."""

    def tells(self, name: str, changes: int) -> bool:
        """Tell whether an attribute is known without a handle.

        :param changes: how much this face has changed by now
        """
        return name in self.fixed or (name in self.changing and self.as_of == changes)

    def fact(self, name: str) -> Any:
        """Return an attribute that it tells."""
        return getattr(self if hasattr(type(self), name) else self.record, name)


def _refused(handle: Any, name: str, value: object) -> None:
    assign(handle, name, value, ())


@attrs.frozen(eq=False, repr=False)
class Handle(Generic[Inner]):
    """What the blocking handles have in common; two of the same thing are equal."""

    _held: Inner | Listed
    _loop: Loop

    @property
    def _inner(self) -> Inner:
        """The async handle."""
        held = self._held

        if isinstance(held, Listed):
            found: Any = self._loop.call(self._loop.orchestrator.get, held.record.id)
            object.__setattr__(self, "_held", found)
            return cast("Inner", found)

        return held

    def _told(self, name: str) -> Any:
        """Return an attribute of the async handle; one that a list tells without it."""
        held = self._held

        if isinstance(held, Listed) and held.tells(name, self._loop.changes):
            return held.fact(name)

        return getattr(self._inner, name)

    def _change(
        self, verb: Callable[..., Coroutine[Any, Any, None]], *args: Any, **given: Any
    ) -> None:
        """Call a verb that changes attributes: what lists have told may be old then."""
        try:
            self._loop.call(verb, *args, **given)
        finally:
            self._loop.changes += 1

    @property
    def _key(self) -> object:
        """What tells it from others."""
        held: Any = self._held

        if isinstance(held, Listed):
            return held.record.id

        return held.id if hasattr(type(held), "id") else held

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle) or type(other) is not type(self):
            return NotImplemented

        return self._loop is other._loop and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise not_passed_on(self)

    def __init_subclass__(cls, of: type[Any] | None = None) -> None:
        """Take note of the class whose handles it wraps; None for those of no class."""
        if of is not None:
            _WRAPPERS[of] = cls

        if Handle in cls.__bases__:  # what is frozen would only say that it is
            setattr(cls, "__setattr__", _refused)  # noqa: B010  # of no type

    if not TYPE_CHECKING:  # or each name would be one that is there

        def __getattr__(self, name: str) -> Any:
            problem = f"{type(self).__name__!r} object has no attribute {name!r}"

            if not (name.startswith("_") or hasattr(type(self._inner), name)):
                with blocking_remedies():  # a part of it, or what says what was meant
                    return wrap(getattr(self._inner, name), self._loop)

            raise AttributeError(problem)

    def _repr_html_(self) -> str | None:
        inner: Any = self._inner
        page: str | None = inner._repr_html_()
        return page

    def _ipython_display_(self) -> object:
        from asyncflow.entities import notebook

        inner: Any = self._inner
        return notebook.show(inner, inner._shown(), self._loop.start)

    def __repr__(self) -> str:
        held = self._held

        if isinstance(held, Listed):
            return f"<{type(self).__name__} {held.record.id}>"

        return repr(held)


class Labeled(Handle[Inner]):
    """Has a label, for people."""

    __slots__ = ()

    def get_simple_label(self) -> str:
        """Return how people call it; see the async handle."""
        inner: Any = self._inner
        label: str = inner.get_simple_label()
        return label

    def get_label(self) -> str:
        """Return its label after those of what it belongs to; see the async handle."""
        inner: Any = self._inner
        ask: Callable[[], Coroutine[Any, Any, str]] = inner.get_label
        return self._loop.call(ask)


class Block:
    """Is used with ``with`` as a scenario is: what is set there is kept as it is set."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Part(Labeled[Inner]):
    """Is a part of other entities."""

    __slots__ = ()

    def get_parents(self) -> Parents:
        """Return what it is a part of, by its kind; see the async handle."""
        inner: Any = self._inner
        ask: Callable[[], Coroutine[Any, Any, Parents]] = inner.get_parents
        found = self._loop.call(ask)
        return wrap_parents(found, self._loop)

    @property
    def parent_ids(self) -> set[str]:
        """The ids of what it is a part of."""
        return {handle.id for some in self.get_parents().values() for handle in some}


def wrap_parents(found: Parents, loop: Loop) -> Parents:
    """Return the blocking handles of what something is a part of, by its kind."""
    return {
        kind: {wrap(handle, loop) for handle in some} for kind, some in found.items()
    }


def wrap(value: Any, loop: Loop) -> Any:
    """Return the blocking handle of an async one; what is none is returned as it is."""
    for kind in type(value).__mro__:
        if kind in _WRAPPERS:
            return _WRAPPERS[kind](value, loop)

    return value


def assign(
    handle: Handle[Any], name: str, value: object, settable: tuple[str, ...]
) -> None:
    """Set an attribute of a handle that is frozen; where it is none of those that can be
    set, the async handle says what does that.
    """
    if name in settable:
        object.__setattr__(handle, name, value)
        return

    with blocking_remedies():
        setattr(handle._inner, name, value)  # pyright: ignore[reportPrivateUsage]  # its part


@contextmanager
def blocking_remedies() -> Iterator[None]:
    """Have what an async handle says hold for its blocking one."""
    try:
        yield
    except AttributeError as error:
        from asyncflow.entities import remedies

        raise AttributeError(remedies.blocking(str(error))) from None
