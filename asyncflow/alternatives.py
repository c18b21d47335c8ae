"""Which alternatives there are: drivers, executors, stores.

Those of asyncflow are listed in `asyncflow.drivers`, `asyncflow.executors` and
`asyncflow.stores`. Each is loaded when it is picked.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from asyncflow import drivers, executors, stores
from asyncflow.gc_pause import pause_gc

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from asyncflow.abc import Driver, Executor, Store

A = TypeVar("A")


class Alternatives(Generic[A]):
    """The alternatives of one kind, by their names: built in, registered here, or found
    as entry points of installed packages. The first of these that has a name counts.

    :param group: the entry points' group
    :param built_in: the names, and where each class is, as ``module:Class``
    """

    def __init__(self, group: str, built_in: Mapping[str, str]) -> None:
        self.group = group
        self._built_in = built_in
        self._registered: dict[str, type[A] | str] = {}
        self._loaded: dict[str, type[A]] = {}
        self._entry_points: dict[str, EntryPoint] | None = None
        self._failures: dict[str, str] = {}

    def register(self, name: str, target: type[A] | str) -> None:
        """Add an alternative, for this process.

        :param target: its class, or where that is, as ``module:Class``
        :raises ValueError: where the name is a built-in one's
        """
        if name in self._built_in:
            raise ValueError(f"{name!r} is built in: choose another name")

        self.unregister(name)
        self._registered[name] = target

    def unregister(self, name: str) -> None:
        """Take away an alternative that was registered; nothing where there is none."""
        for known in (self._registered, self._loaded, self._failures):
            known.pop(name, None)

    def is_built_in(self, name: str) -> bool:
        """Tell whether asyncflow has it."""
        return name in self._built_in

    def is_known(self, name: str) -> bool:
        """Tell whether there is one with this name, whether or not it can be loaded.

        Loads one that is not built in.
        """
        if name in self._built_in:
            return True

        return self.find(name) is not None or name in self._failures

    def names(self) -> tuple[str, ...]:
        """List the names, also those of installed packages: slow at first."""
        names = (*self._built_in, *self._registered, *self._found())
        return tuple(dict.fromkeys(names))

    def modules(self) -> set[str]:
        """Name the modules of those built in that are loaded."""
        return {
            target.partition(":")[0]
            for name, target in self._built_in.items()
            if name in self._loaded
        }

    def find(self, name: object) -> type[A] | None:
        """Return the class of a name; None where there is none, or it fails to load."""
        if not isinstance(name, str):
            return None

        found = self._loaded.get(name)

        if found is not None or name in self._failures:
            return found

        try:
            return self.load(name)
        except LookupError:
            return None
        except Exception as error:  # of its module
            self._failures[name] = f"{type(error).__name__}: {error}"
            return None

    def failure(self, name: str) -> str | None:
        """Say why a class fails to load that `find` was asked for; None elsewhere."""
        return self._failures.get(name)

    def load(self, name: str) -> type[A]:
        """Return the class of a name.

        :raises LookupError: where there is none
        :raises Exception: what its module raises
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)

        return self._loaded[name]

    def _load(self, name: str) -> type[A]:
        target = self._built_in.get(name) or self._registered.get(name)

        if target is None:
            found: type[A] = self._found()[name].load()
            return found

        if not isinstance(target, str):
            return target

        module, _, attribute = target.partition(":")

        with pause_gc():
            there: type[A] = getattr(import_module(module), attribute)

        return there

    def _found(self) -> dict[str, EntryPoint]:
        if self._entry_points is None:
            from importlib.metadata import entry_points

            found = entry_points(group=self.group)
            self._entry_points = {point.name: point for point in found}

        return self._entry_points


DRIVERS: Alternatives[Driver] = Alternatives("asyncflow.drivers", drivers.BUILT_IN)
"""The drivers, by the storage types of data nodes."""

EXECUTORS: Alternatives[Executor] = Alternatives(
    "asyncflow.executors", executors.BUILT_IN
)
"""The executors, by what tasks call them."""

MODES: Alternatives[Executor] = Alternatives("asyncflow.modes", executors.MODES)
"""The executors, by the modes in which they run the jobs that name no other."""

STORES: Alternatives[Store] = Alternatives("asyncflow.stores", stores.BUILT_IN)
"""The stores, by the schemes of addresses."""

READERS: Alternatives[Any] = Alternatives("asyncflow.readers", stores.READERS)
"""What reads some of these without opening them, likewise."""


def executor_of(name: object, mode: object) -> type[Executor] | None:
    """Return the class of the executor that runs jobs; None where there is none.

    :param name: what their task calls it
    :param mode: that of the executions of jobs
    """
    of_mode = MODES.find(mode)

    if of_mode is not None and (of_mode.runs_all or name == executors.DEFAULT):
        return of_mode

    return EXECUTORS.find(name)
