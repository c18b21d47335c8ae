"""Values that stay where jobs run, as long as the orchestrator: whoever reads one here, in
any thread, has it brought.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from asyncflow.abc import Driver, HeldValues
from asyncflow.drivers._held import HeldDriver
from asyncflow.errors import DataNodeReadingError
from asyncflow.folder import temporary
from asyncflow.worker.values import place_of

T = TypeVar("T")


class ReadableValues:
    """The values that an executor holds. All methods but `wrapped` block."""

    is_home: bool = True

    def __init__(self, held: HeldValues) -> None:
        self.held = held
        self._loop = asyncio.get_running_loop()
        self._wrapped: dict[Driver, Driver] = {}

    def wrapped(self, driver: Driver) -> Driver:
        """Return a driver that reads what stays where it was made."""
        if driver.is_durable or not driver.keeps_versions:
            return driver

        if (found := self._wrapped.get(driver)) is None:
            found = self._wrapped[driver] = HeldDriver(driver, self)

        return found

    @contextmanager
    def here(self, path: str) -> Iterator[str]:
        """Have a value in a file here while it is read.

        :raises ValueMissing: where it is lost
        """
        if place_of(path) is None:
            yield path
            return

        name = os.path.basename(path)
        self._check_waits(name)

        with self.temporary() as folder:
            file = os.path.join(folder, name)
            self._await(self.held.bring(name, file))
            yield file

    def temporary(self) -> AbstractContextManager[str]:
        """Have a folder for what does not stay here."""
        return temporary("values")

    def put(self, file: str) -> None:
        """Leave what is written here where it is: who writes it sees to the rest."""

    def remove(self, names: Sequence[str]) -> None:
        """Forget those of some values that stay where they were made."""
        if found := [os.path.basename(name) for name in names if place_of(name)]:
            self._await(self.held.drop(found))

    def names(self) -> Collection[str]:
        """List the values."""
        return self._await(self.held.names())

    def _await(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _check_waits(self, name: str) -> None:
        if asyncio._get_running_loop() is self._loop:
            raise DataNodeReadingError(
                name,
                "it is on a host of the cluster, and the event loop cannot wait for it",
                "give its task another executor than 'inline'",
            )
