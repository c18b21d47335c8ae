"""Random generators that functions share: in worker processes each has a copy."""

from __future__ import annotations

import types
from collections.abc import Iterator
from weakref import WeakSet

from anyio import to_thread

from asyncflow.bytecode import names_of
from asyncflow.config.sections import TaskConfig
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks

MAX_FUNCTIONS = 100
"""At how many functions that a task's function uses to look."""

_KINDS = frozenset(
    {
        ("random", "Random"),
        ("numpy.random._generator", "Generator"),
        ("numpy.random.mtrand", "RandomState"),
    }
)

_WARNING = (
    "the function of task %r draws from `%s`, a random generator that is made once: each "
    "worker process has a copy, so jobs in several of them may get the same numbers; make "
    "it in the function, from a seed that is an input"
)


class Generators:
    """Warns once of each function that draws from a shared generator.

    :param group: does that in the background
    """

    def __init__(self, group: Tasks) -> None:
        self.group = group
        self._looked: WeakSet[types.CodeType] = WeakSet()

    def look(self, config: TaskConfig) -> None:
        """Look at the function of a task whose jobs go to worker processes."""
        code = getattr(config.function, "__code__", None)

        if code is not None:
            if code in self._looked:
                return

            self._looked.add(code)

        name = next(_shared(config.function), None)

        if name is not None:
            self.group.start_soon(
                to_thread.run_sync, _logger.warning, _WARNING, config.id, name
            )


def _shared(function: object) -> Iterator[str]:
    """Give the names of the generators that a function finds outside itself."""
    waiting, known = [function], {id(function)}

    while waiting and len(known) < MAX_FUNCTIONS:
        for name, value in _held(waiting.pop()):
            kind = type(value)

            if (kind.__module__, kind.__name__) in _KINDS:
                yield name
            elif isinstance(value, types.FunctionType) and id(value) not in known:
                known.add(id(value))
                waiting.append(value)


def _held(function: object) -> Iterator[tuple[str, object]]:
    """Give what a function holds, by its names."""
    wrapped = getattr(function, "__wrapped__", None) or getattr(function, "func", None)

    if wrapped is not None:
        yield "wrapped", wrapped

    if not isinstance(function, types.FunctionType):
        return

    content = function.__globals__
    yield from (
        (name, content[name])
        for name in sorted(names_of(function.__code__))
        if name in content
    )

    for name, cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), strict=True
    ):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is not filled yet
            continue
