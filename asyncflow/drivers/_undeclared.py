"""Values of data nodes that this program does not declare: they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NoReturn

from asyncflow.abc import Driver, StoredValue
from asyncflow.alternatives import DRIVERS
from asyncflow.drivers._file import FileDriver
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview

_PICKLE = b"\x80"
"""How what is pickled begins, and no text does."""

_DECLARE = "import the module that declares it, or load its TOML file, before"


class UndeclaredDriver(Driver):
    """Read a value as what it was kept as: its file, or its bytes, tell that.

    What is in a place of the user's, or on a server, cannot be found: the store does not
    say where that is.
    """

    storage_type: ClassVar[str] = "undeclared"

    def parsed_size(self, kept: StoredValue) -> int | None:
        return None if kept is None else _driver_of(kept).parsed_size(kept)

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        return _driver_of(kept).read(kept, columns=columns, where=where)

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        return _driver_of(kept).preview(kept, rows)

    def file_of(self, kept: StoredValue) -> str | bytes | None:
        return _driver_of(kept).file_of(kept)

    def write(self, value: object, path: str, name: str) -> NoReturn:  # noqa: ARG002
        why = "this program does not declare it, and so has no form for it"
        raise DataNodeWritingError(f"{name} cannot be written: {why}: {_DECLARE}")

    def upload(self, file: str, path: str, name: str) -> NoReturn:
        self.write(file, path, name)


def _driver_of(kept: StoredValue) -> Driver:
    """Return the driver of what kept a value, with the options that it has by itself.

    :raises DataNodeReadingError: where only its declaration tells that
    """
    if kept is None:
        why = "it is where its declaration says, and this program does not declare it"
        raise DataNodeReadingError("", why, _DECLARE)

    if isinstance(kept, bytes) and kept.startswith(_PICKLE):
        return _made(DRIVERS.load("pickle"))

    for name in DRIVERS.names():
        found = DRIVERS.find(name)

        if found is None or not issubclass(found, FileDriver):
            continue

        if found.is_inline if isinstance(kept, bytes) else kept.endswith(found.suffix):
            return _made(found)

    return _made(DRIVERS.load("pickle"))


def _made(found: type[Driver]) -> Driver:
    options = found.options_at(None)
    return found.at(None, None if options is None else options())
