"""What a worker has as ``__main__``: what travelled with its jobs.

The main script is never run for a job. Its functions and classes travel by value, and are
put here under their names, for whoever looks them up by name: pickle, type hints,
``multiprocessing``. Only the host's own ``anyio.to_process`` calls, which share these
workers, have the script run, when they ask for a name.
"""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Mapping
from typing import Any

NOTHING: Mapping[str, object] = {}

COPY = "ASYNCFLOW_MAIN"
"""The environment variable that names the file of a copy; see `Spec`."""

here: Names | None = None
"""The names of this process, where it is a worker."""


class Main(types.ModuleType):
    """Stands for the parent's ``__main__``. It has no method: its names are users'."""

    def __getattr__(self, name: str) -> object:
        if here is not None and (found := here.asked_for(name)) is not None:
            return found

        raise AttributeError(
            f"module '__main__' has no attribute {name!r} in a worker process: the main "
            "script is not run there, and nothing of this name has travelled with the "
            "job; name it in the task's function, or move it to a module"
        )

    def __repr__(self) -> str:
        return (
            "<module '__main__' of a worker process, which has only what travelled with "
            "its jobs>"
        )


class Names:
    """What is in a worker's ``__main__``.

    :param path: the main script; None where there is none
    :param copy: the file for a copy
    :param host: what anyio found in the script, where it has run it
    """

    is_ours: bool = False
    """Whether a job runs, and not a call of the host's."""

    def __init__(
        self, path: str | None, copy: str, host: Mapping[str, object] = NOTHING
    ) -> None:
        self.main: Main = Main("__main__")
        self.content: dict[str, Any] = vars(self.main)
        self.content["__spec__"] = Spec(self, copy)

        if path is not None:
            self.content["__file__"] = path  # `inspect` finds the source of classes

        self._path = path
        self._host = host
        self.shown: Mapping[str, object] = NOTHING
        self._kept: dict[str, object] = {}

    def show(self, names: Mapping[str, object]) -> None:
        """Have what a job's function came with, instead of what another one did."""
        for name in self.shown:
            self.content.pop(name, None)

        self.content.update(self._kept)
        self.content.update(names)
        self.shown = names

    def keep(self, name: str, value: object) -> None:
        """Have what came with a value, unless a function came with that."""
        self._kept[name] = value

        if name not in self.shown:
            self.content[name] = value

    def is_shown(self, name: str) -> bool:
        """Tell whether the function of the job came with a name."""
        return name in self.shown

    def asked_for(self, name: str) -> object:
        """Return what is not here, for a call of the host's; None for nothing."""
        if self.is_ours or name.startswith("__"):
            return None

        if threading.current_thread() is not threading.main_thread():
            return None  # a thread that a job has left

        if self._path is not None and not self._host:
            import runpy

            path, self._path = self._path, None
            self._host = runpy.run_path(path, run_name="__mp_main__")

        return self._host.get(name)


class Spec:
    """Has ``multiprocessing`` give new processes a copy, and not run the script there.

    :param names: those to copy
    :param path: the file for the copy
    """

    parent = ""
    loader = None
    origin = None
    submodule_search_locations = None

    def __init__(self, names: Names, path: str) -> None:
        self._names = names
        self._path = path

    @property
    def name(self) -> str:
        """Make a copy, and return the module that loads it."""
        from asyncflow.worker.pickler import pickled_names

        with open(self._path, "wb") as file:
            file.write(pickled_names(self._names.content))

        os.environ[COPY] = self._path
        return "asyncflow.worker.copied_main"


def install(path: str | None, copy: str) -> None:
    """Make this process's ``__main__`` that of a worker; see `Names`."""
    global here
    loaded = sys.modules.get("__main__")
    host = NOTHING if loaded is None else vars(loaded)
    here = Names(path and os.path.abspath(path), copy, host)
    sys.modules["__main__"] = here.main
