"""What a worker has in place of modules that only its parent has.

Those are not run a second time in a worker (they open an orchestrator), or cannot be
imported there. What has travelled of them by value is put here under their names, as for
the main script, for whoever looks it up by name: pickle, type hints, ``multiprocessing``.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Mapping
from typing import Any

from asyncflow.worker import current, local_modules

_LOOKING = frozenset(
    {"pickle", "copyreg", "inspect", "typing", "cloudpickle.cloudpickle", "dill._dill"}
)
"""Modules that look for a name in all that are loaded, and import nothing for it."""

_files: dict[str, str] = {}
"""The files of such modules, as far as they have some."""

_run: dict[str, types.ModuleType] = {}
"""Those that were imported after all, as far as that goes."""


class StandIn(types.ModuleType):
    """Stands for a module of the parent's. It has no method: its names are users'."""

    def __getattr__(self, name: str) -> Any:
        own = self.__name__

        if (
            name == "__file__" and own in _files
        ):  # `inspect` finds the source of classes
            return _files[own]

        asks = sys._getframe(1).f_globals.get("__name__", "")
        is_import = not (asks in _LOOKING or str(asks).startswith("asyncflow."))

        if not name.startswith("__") and is_import and current.is_worker:
            return getattr(_imported(self, name), name)

        raise AttributeError(_lacks(own, name))

    def __repr__(self) -> str:
        return (
            f"<module {self.__name__!r} of a worker process: what has travelled of it>"
        )


def _lacks(module: str, name: str) -> str:
    return (
        f"module {module!r} has no attribute {name!r} in a worker process: the module is "
        "not run there, and nothing of this name has travelled with the job; name it in "
        "the task's function, or move it to another module"
    )


def _imported(stand_in: StandIn, asked: str) -> types.ModuleType:
    """Import the module as far as that goes: a job asks for what has not travelled."""
    name = stand_in.__name__

    if name in _run:
        return _run[name]

    sys.modules.pop(name, None)

    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise AttributeError(_lacks(name, asked)) from error
    finally:
        sys.modules.setdefault(name, stand_in)

    own = {
        key: value for key, value in vars(stand_in).items() if not key.startswith("__")
    }
    vars(module).update(own)  # these have travelled: there is one of each
    _run[name] = module
    return module


def put(module: str, name: str, value: object) -> None:
    """Have something under its name, where this is a worker."""
    if not current.is_worker or "." in name or name.startswith("__"):
        return

    setattr(of(module), name, value)


def of(module: str) -> types.ModuleType:
    """Return what stands for a module here; make it where there is none."""
    found = sys.modules.get(module)

    if found is None:
        found = sys.modules[module] = StandIn(module)
        local_modules.register(module)

    return found


def take(space: Mapping[str, object]) -> None:
    """Have the globals of a function that has travelled under the names they have."""
    module = str(space["__name__"])

    if current.is_worker and isinstance(file := space.get("__file__"), str):
        _files[module] = file

    for name, value in space.items():
        put(module, name, value)


def copies() -> dict[str, dict[str, object]]:
    """Return what is here, by module and name, for a copy of the main script."""
    return {
        name: {key: value for key, value in vars(module).items() if key[:2] != "__"}
        for name, module in [*sys.modules.items()]
        if isinstance(module, StandIn)
    }


def install(copied: Mapping[str, Mapping[str, object]]) -> None:
    """Have in this process what `copies` returned in another one."""
    for name, names in copied.items():
        module = sys.modules[name] = StandIn(name)
        vars(module).update(names)
