"""Fields that take one of a few values, and arguments that have one of a few names."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

from asyncflow.errors import Problem

C = TypeVar("C", bound=type[Any])


def one_of(value: object, known: Collection[str]) -> str:
    """Make the remedy for a value that is not among the known ones."""
    return f"{meant(value, known)}choose one of {', '.join(map(repr, known))}"


def meant(value: object, known: Iterable[object]) -> str:
    """Ask whether the known value that is most like it was meant, if one is."""
    close = most_like(value, known)
    return "" if close is None else f"did you mean {close!r}? "


def most_like(
    value: object, known: Iterable[object], likeness: float = 0.6
) -> str | None:
    """Return the known text that is most like a value; None where none is.

    :param likeness: how much alike they are at least, from 0 to 1
    """
    if not isinstance(value, str):
        return None

    import difflib

    texts = [text for text in known if isinstance(text, str)]
    close = difflib.get_close_matches(value, texts, 1, likeness)
    return close[0] if close else None


def choice(
    label: str, field: str, value: object, known: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem if a value is not among the known ones."""
    if not isinstance(value, str) or value not in known:
        yield Problem(
            section=label,
            field=field,
            message=f"{value!r} is not known",
            remedy=one_of(value, known),
        )


def flag(label: str, field: str, value: object) -> Iterator[Problem]:
    """Yield a problem if a value is not a bool."""
    if not isinstance(value, bool):
        yield Problem(
            section=label,
            field=field,
            message=f"{value!r} is not a bool",
            remedy="give True or False",
        )


def names_arguments(cls: C) -> C:
    """Have a class name the argument that was meant by one that it has not."""
    init: Any = cls.__init__
    code = init.__code__
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(init)
    def named(self: object, *args: Any, **given: Any) -> None:
        for name in given:
            if name not in names:
                raise TypeError(
                    f"{cls.__name__}() has no argument {name!r}: "
                    f"{meant(name, names)}it takes {', '.join(names)}"
                )

        init(self, *args, **given)

    cls.__init__ = named
    return cls
