"""Drivers whose versions are at an address, and not on one host alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol

from asyncflow.abc import Driver, StoredValue
from asyncflow.worker.errors import DataNodeWritingError

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview


class Address(Protocol):
    """What is asked of an address."""

    @property
    def is_home(self) -> bool: ...

    def put(self, file: str) -> None: ...

    def here(self, path: str) -> AbstractContextManager[str]: ...

    def temporary(self) -> AbstractContextManager[str]: ...

    def remove(self, names: Sequence[str]) -> None: ...


class MirroredDriver(Driver):
    """Keep versions as another driver does, with large ones at an address.

    That driver writes a file on this host, which is put there before anybody is told of
    it. The host of the orchestrator keeps its copies; others have them only while they
    write or read.

    :param driver: the other one, which keeps versions
    """

    def __init__(self, driver: Driver, address: Address) -> None:
        self.driver = driver
        self.address = address
        self.validator = driver.validator
        self.storage_type = driver.storage_type  # type: ignore[misc]  # it stands for it
        self.is_durable = driver.is_durable  # type: ignore[misc]  # the same
        self.runs_code = driver.runs_code  # type: ignore[misc]  # the same
        self.extra = driver.extra  # type: ignore[misc]  # the same
        self.appends = driver.appends  # type: ignore[misc]  # the same
        self.keeps_plain_at_once = driver.keeps_plain_at_once  # type: ignore[misc]
        self.takes_default_data = driver.takes_default_data  # type: ignore[misc]
        self.parses_in_process = driver.parses_in_process

    def __reduce__(self) -> tuple[Any, ...]:
        return MirroredDriver, (self.driver, self.address)

    @property
    def options(self) -> Any:
        """Those of the other one; who sets others gives it to a copy of that."""
        return self.driver.options

    @options.setter
    def options(self, options: Any) -> None:
        self.driver = copy(self.driver)
        self.driver.options = options

    @property
    def keeps_versions(self) -> bool:
        return True

    @property
    def is_home(self) -> bool:
        return self.address.is_home

    @property
    def on_host(self) -> Driver:
        return self.driver.on_host

    @property
    def takes_files(self) -> bool:
        return self.driver.takes_files

    def describe(self) -> dict[str, object]:
        return self.driver.describe()

    # -------------------------------------------------------------------------- reading

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        if type(kept) is not str:
            return self.driver.read(kept, columns=columns, where=where)

        with self.address.here(kept) as file:
            return self.driver.read(file, columns=columns, where=where)

    def parsed_size(self, kept: StoredValue) -> int | None:
        if type(kept) is not str or os.path.exists(kept):
            return self.driver.parsed_size(kept)

        return None  # a thread of who asks fetches it

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        if type(kept) is not str:
            return self.driver.preview(kept, rows)

        with self.address.here(kept) as file:
            return self.driver.preview(file, rows)

    def file_of(self, kept: StoredValue) -> str | bytes | None:
        if type(kept) is not str or os.path.exists(kept):
            return self.driver.file_of(kept)

        with self.address.here(kept) as here:
            if not isinstance(file := self.driver.file_of(here), str):
                return file

            with open(file, "rb") as opened:
                return opened.read()

    def load_file(self, file: str) -> object:
        return self.driver.load_file(file)

    # -------------------------------------------------------------------------- writing

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return self._put(lambda to: self.driver.write(value, to, name), path, name)

    def upload(self, file: str, path: str, name: str) -> StoredValue:
        return self._put(lambda to: self.driver.upload(file, to, name), path, name)

    def append(
        self, value: object, kept: StoredValue, path: str, name: str
    ) -> StoredValue:
        def append(to: str) -> StoredValue:
            if type(kept) is not str:
                return self.driver.append(value, kept, to, name)

            with self.address.here(kept) as file:
                return self.driver.append(value, file, to, name)

        return self._put(append, path, name)

    def _put(
        self, write: Callable[[str], StoredValue], path: str, name: str
    ) -> StoredValue:
        """Have a value written to a file here, if it is large, and put it there.

        :param write: writes it, to the path that it is given
        """
        if self.address.is_home:
            kept = write(path)

            if type(kept) is str:
                self._send(kept, name)

            return kept

        with self.address.temporary() as folder:
            kept = write(os.path.join(folder, os.path.basename(path)))

            if type(kept) is not str:
                return kept

            self._send(kept, name)
            return os.path.join(os.path.dirname(path), os.path.basename(kept))

    def _send(self, file: str, name: str) -> None:
        try:
            self.address.put(file)
        except BaseException as error:
            self.driver.discard(file, file)

            if isinstance(error, OSError):
                raise DataNodeWritingError(f"data node {name!r}: {error}") from None

            raise

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        return self.driver.publish(kept, path)

    def discard(self, kept: StoredValue, path: str) -> None:
        self.driver.discard(kept, path)

        if type(kept) is str:
            with suppress(Exception):
                self.address.remove([os.path.basename(kept)])

    def staging_path(self, path: str) -> str:
        return self.driver.staging_path(path)
