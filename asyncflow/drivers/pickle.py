"""The ``pickle`` storage type."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pickle import loads
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from asyncflow.abc import StoredValue, is_address
from asyncflow.drivers._file import ANOTHER, FileDriver
from asyncflow.gc_pause import pause_gc
from asyncflow.worker import current
from asyncflow.worker.codec import PLAIN, dumps
from asyncflow.worker.errors import DataNodeReadingError
from asyncflow.worker.replacing import check_packed, unreadable
from asyncflow.worker.values import INLINE, fetch, keep

if TYPE_CHECKING:
    from asyncflow.filters import Where


class PickleDriver(FileDriver):
    """Keep any value that can be pickled.

    :param path: the user's own file, a plain pickle, replaced as a whole at each write,
        with the mode and the owner that it had; a link is followed. None keeps versions
        where asyncflow keeps its values
    """

    storage_type: ClassVar[str] = "pickle"
    suffix: ClassVar[str] = ".value"
    runs_code: ClassVar[bool] = True
    keeps_plain_at_once: ClassVar[bool] = True
    damages: ClassVar[tuple[type[Exception], ...]] = (
        # All else is raised by the value itself.
        IsADirectoryError,
        PermissionError,
    )

    @classmethod
    def options_at(cls, path: str | None) -> type[Any] | None:
        if path is None or not (is_address(path) or path.startswith("ENV[")):
            return None

        from asyncflow.drivers._options import StorageOptions

        return StorageOptions

    def parsed_size(self, kept: StoredValue) -> None:  # noqa: ARG002
        """Return None: to come back from a worker, it would be pickled again."""
        return

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        if self.path is not None or kept is None:
            return super().read(kept, columns=columns, where=where)

        try:
            value = loads(kept) if type(kept) is bytes else fetch(kept)
        except (pickle.UnpicklingError, EOFError) as error:
            why = f"it was not kept as {self.storage_type!r} ({error})"
            raise DataNodeReadingError("", why, ANOTHER) from error

        if columns is None and where is None:
            return value

        return self.select(value, columns, where)

    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        if isinstance(file, str):
            with open(file, "rb") as opened:
                value = self._loaded(opened, file)
        else:
            value = self._loaded(file, "")

        return self.select(value, columns, where)

    def _loaded(self, file: BinaryIO, place: str) -> object:
        try:
            with pause_gc():  # the lock is free while its frames are read
                return pickle.load(file)
        except (pickle.UnpicklingError, EOFError) as error:
            raise unreadable(place, self.storage_type, error) from error
        except (ValueError, IndexError, KeyError) as error:
            if not _is_own(error):
                raise

            failure = pickle.UnpicklingError(str(error))
            raise unreadable(place, self.storage_type, failure) from error

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        check_packed(self.path or self.address, name)
        file.write(_dumped(value, name))

    def write(self, value: object, path: str, name: str) -> StoredValue:
        if self.path is None:
            if type(value) in PLAIN and len(data := pickle.dumps(value, 5)) <= INLINE:
                return data  # what `keep` does of it, as most are like that

            return keep(value, path, name, sync=True)

        check_packed(self.path, name)
        data = _dumped(value, name)
        return self.stage(lambda file: file.write(data), path, name)

    def file_of(self, kept: StoredValue) -> str | bytes | None:
        if self.path is None:
            return None  # what asyncflow keeps is in a form of its own

        return super().file_of(kept)

    def staging_path(self, path: str) -> str:
        return path if self.path is None else super().staging_path(path)


def _dumped(value: object, name: str) -> bytes:
    return dumps(value, name=name, in_steps=not current.is_worker)


def _is_own(error: Exception) -> bool:
    """Tell whether pickle has raised an error, and no Python that a value has called."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None
