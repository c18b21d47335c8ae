"""The forms of files at addresses: what is asked of the drivers that know them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol, runtime_checkable

from asyncflow.abc import StoredValue

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview


class Form(Protocol):
    """What is asked of the driver whose form a file has."""

    storage_type: ClassVar[str]
    extra: ClassVar[str | None]
    appends: ClassVar[bool]
    suffix: ClassVar[str]
    reads_parts: ClassVar[bool]
    parses_in_process: int
    address: str | None

    @property
    def is_cached(self) -> bool: ...

    def __init__(self, path: str | None, options: Any) -> None: ...

    def parsed_size(self, kept: StoredValue) -> int | None: ...

    def reading(self, file: str) -> AbstractContextManager[None]: ...

    def load(
        self, file: BinaryIO, columns: Sequence[str] | None, where: Where | None
    ) -> object: ...

    def load_file(self, file: str) -> object: ...

    def dump(self, value: object, file: BinaryIO, name: str) -> None: ...

    def append(
        self, value: object, kept: StoredValue, path: str, name: str
    ) -> StoredValue: ...


@runtime_checkable
class FolderForm(Protocol):
    """A form of which several files are one value."""

    def load_folder(
        self,
        files: Any,
        names: list[str],
        folder: str,
        columns: Sequence[str] | None,
        where: Where | None,
    ) -> object: ...

    def preview_folder(
        self, files: Any, names: list[str], folder: str, rows: int
    ) -> Preview: ...


@runtime_checkable
class RowForm(Protocol):
    """A form of which the first rows are read alone."""

    def first_rows(self, file: BinaryIO, rows: int) -> Preview: ...
