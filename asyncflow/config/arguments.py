"""Arguments of classes that users make: who misspells one is told which was meant."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from asyncflow.config.choices import meant

T = TypeVar("T", bound=type[Any])


def names_arguments(cls: T) -> T:
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
