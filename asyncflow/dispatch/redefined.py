"""Functions that a session has defined anew, while a task has the one of before.

A cell of a notebook is run again, and the next one creates a scenario and submits it: that
runs the function of now, as what it calls is that of now, too. Scenarios that were created
before have the function with which their task was declared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, MutableSet
from inspect import unwrap
from typing import Any
from weakref import WeakSet

import attrs

from asyncflow.config import Configuration
from asyncflow.config.sections import ScenarioConfig, TaskConfig
from asyncflow.log import logger as _logger
from asyncflow.worker.local_modules import named

_WARNING = "task %r runs `%s` as it was when the task was declared; it was defined anew since. %s"
_CREATE = "Create a scenario to run the new one"
_DECLARE = (
    "Declare the task and its scenario again, and create a scenario of that, to run the "
    "new one"
)
_RENEWED = (
    "task %r runs `%s` as it is defined now, in scenarios that are created from now on"
)

_renewed: MutableSet[TaskConfig] = WeakSet()
"""Tasks that were declared anew here: of scenarios that have them another warning tells."""


def renew(config: Configuration, scenario: ScenarioConfig) -> None:
    """Declare the tasks of a scenario anew whose functions a later cell has defined anew.

    Each is told in the log. Not those whose function of now another task has: a program
    may call several functions alike.
    """
    for task in scenario.task_configs:
        function = redefined(task.function)

        if function is None or not _is_of_another_cell(function, task.function):
            continue

        if any(other.function is function for other in config.tasks.values()):
            continue

        names = [field.name for field in attrs.fields(TaskConfig)]
        options = {name: getattr(task, name) for name in names}
        properties = options.pop("properties")
        config.configure_task(**{**properties, **options, "function": function})
        _renewed.add(task)
        _logger.warning(_RENEWED, task.id, task.function.__qualname__)


def _is_of_another_cell(
    function: Callable[..., object], other: Callable[..., object]
) -> bool:
    """Tell whether two functions come from texts of which each has a name of its own."""
    codes = (getattr(unwrap(each), "__code__", None) for each in (function, other))
    names = {getattr(code, "co_filename", None) for code in codes}
    return len(names) > 1 and None not in names


def warn(kinds: Iterable[TaskConfig], warned: MutableSet[TaskConfig]) -> None:
    """Warn once of each task whose function was defined anew.

    :param warned: the tasks of which that was said
    """
    for config in kinds:
        if config in warned or config in _renewed:
            continue

        if (function := redefined(config.function)) is None:
            continue

        warned.add(config)
        is_renewed = _is_of_another_cell(function, config.function)
        remedy = _CREATE if is_renewed else _DECLARE
        _logger.warning(_WARNING, config.id, config.function.__qualname__, remedy)


def redefined(function: object) -> Callable[..., object] | None:
    """Return the other function that the main script has under the name of one now."""
    name = getattr(function, "__qualname__", None)

    if getattr(function, "__module__", None) != "__main__" or not isinstance(name, str):
        return None

    found: Any = named(sys.modules.get("__main__"), name)

    if isinstance(found, TaskConfig):  # of @task
        found = found.function

    is_another = (
        callable(found)
        and found != function  # a method is another object each time
        and (getattr(found, "__module__", None), getattr(found, "__qualname__", None))
        == ("__main__", name)
    )
    return found if is_another else None
