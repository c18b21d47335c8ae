"""What the blocking handles have in common: they wrap an async one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, overload

import attrs

from asyncflow.sync.loop import Loop

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

        value: T = getattr(handle._inner, self._name)  # pyright: ignore[reportPrivateUsage]  # its part
        return value


@attrs.frozen(repr=False)
class Handle(Generic[Inner]):
    """What the blocking handles have in common; two of the same thing are equal."""

    _inner: Inner
    _loop: Loop

    def __init_subclass__(cls, of: type[Any] | None = None) -> None:
        """Take note of the class whose handles it wraps; None for those of no class."""
        if of is not None:
            _WRAPPERS[of] = cls

    if not TYPE_CHECKING:  # or each name would be one that is there

        def __getattr__(self, name: str) -> NoReturn:
            problem = f"{type(self).__name__!r} object has no attribute {name!r}"

            if not (name.startswith("_") or hasattr(type(self._inner), name)):
                with blocking_remedies():
                    getattr(self._inner, name)

            raise AttributeError(problem)

    def __repr__(self) -> str:
        return repr(self._inner)


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
