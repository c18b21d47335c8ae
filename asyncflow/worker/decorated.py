"""Functions under whose names their modules have their tasks, by ``@task``."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any

from asyncflow.worker import local_modules


def task_of(function: object) -> object | None:
    """Return the task that a module has under the name of its function; else None."""
    if type(function) is not FunctionType:
        return None

    module = sys.modules.get(function.__module__ or "")
    found = local_modules.named(module, function.__qualname__)

    if found is None or found is function or isinstance(found, FunctionType):
        return None

    is_task = getattr(type(found), "__reduce__", None) is not object.__reduce__
    is_its_own = is_task and getattr(found, "function", None) is function
    return found if is_its_own else None


def reduced(function: Any) -> tuple[Any, ...]:
    """Reduce a task to its function: to its name, where a worker can import that."""
    where = getattr(function, "__module__", None)
    is_there = (
        where not in local_modules.MAINS
        and not local_modules.is_local(where)
        and task_of(function) is not None
    )
    return (found, (where, function.__qualname__)) if is_there else (same, (function,))


def found(module: str, name: str) -> Any:
    """Return the function whose task a module has under a name."""
    __import__(module)
    task = local_modules.named(sys.modules[module], name)
    return getattr(task, "function", task)


def same(function: Any) -> Any:
    """Return a function that came whole."""
    return function
