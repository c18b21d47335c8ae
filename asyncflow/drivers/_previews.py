"""Forms of files of which the first rows are read alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, BinaryIO

from asyncflow.abc import StoredValue
from asyncflow.drivers._file import FileDriver

if TYPE_CHECKING:
    from asyncflow.selection import Preview


class RowFileDriver(FileDriver):
    """Keep rows in files, and show the first of them without reading the others."""

    @abstractmethod
    def first_rows(self, file: str | BinaryIO, rows: int) -> Preview:
        """Return the first rows of a file, to be shown.

        :param file: see `load`
        """

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        file = self._file(kept)

        with self.reading(file if isinstance(file, str) else ""):
            return self.first_rows(file, rows)
