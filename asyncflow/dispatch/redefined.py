"""Functions that a session has defined anew, while a task has the one of before.

A cell of a notebook is run again, and the next one submits: what the function calls is
that of now, and the function itself is that with which the task was declared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, MutableSet

from asyncflow.config.sections import TaskConfig
from asyncflow.log import logger as _logger
from asyncflow.worker.local_modules import named

_WARNING = (
    "task %r runs `%s` as it was when the task was declared; it was defined anew since. "
    "Declare the task and its scenario again, and create a scenario of that, to run the "
    "new one"
)


def warn(kinds: Iterable[TaskConfig], warned: MutableSet[TaskConfig]) -> None:
    """Warn once of each task whose function was defined anew.

    :param warned: the tasks of which that was said
    """
    for config in kinds:
        if config not in warned and is_redefined(config.function):
            warned.add(config)
            _logger.warning(_WARNING, config.id, config.function.__qualname__)


def is_redefined(function: object) -> bool:
    """Tell whether the main script has another function under the name of one."""
    name = getattr(function, "__qualname__", None)

    if getattr(function, "__module__", None) != "__main__" or not isinstance(name, str):
        return False

    found = named(sys.modules.get("__main__"), name)

    if isinstance(found, TaskConfig):  # of @task
        found = found.function

    return (
        found is not None
        and found != function  # a method is another object each time
        and (getattr(found, "__module__", None), getattr(found, "__qualname__", None))
        == ("__main__", name)
    )
