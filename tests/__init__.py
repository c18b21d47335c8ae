"""The tests of asyncflow.

A worker process imports the module of a job's function, so the modules of tests are
imported several thousand times. There they need no pytest, whose import takes as long as
all else: a module stands in for it, until something is asked of it that only pytest has.
Nor do they need the tests themselves: see `tests.support.job_modules`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Mark:
    """Stands in for marks, fixtures, parameters and keys: decorates with nothing."""

    def __getattr__(self, name: str) -> _Mark:
        if name.startswith("__"):
            raise AttributeError(name)

        return self

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        is_decorator = len(arguments) == 1 and callable(arguments[0]) and not options
        return arguments[0] if is_decorator else self

    def __getitem__(self, _: object) -> _Mark:
        return self


class _StandIn(ModuleType):
    mark = fixture = param = StashKey = _Mark()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        if sys.modules.get("pytest") is self:
            del sys.modules["pytest"]

        return getattr(importlib.import_module("pytest"), name)


if "pytest" not in sys.modules and "_pytest" not in sys.modules:
    sys.modules["pytest"] = _StandIn("pytest")
    sys.modules["pytest"].__spec__ = ModuleSpec("pytest", None)

    from tests.support import job_modules

    job_modules.install()
