"""Values in files: what the storage types that keep them so have in common."""

from __future__ import annotations

import errno
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from asyncflow.abc import Driver, StoredValue
from asyncflow.worker.errors import (
    DataNodeReadingError,
    DataNodeWritingError,
    PackageMissing,
    ValueMissing,
)
from asyncflow.worker.replacing import put_in_place, replace_file, unwritable
from asyncflow.worker.values import INLINE, temporary_name

if TYPE_CHECKING:
    from asyncflow.filters import Where

_places: dict[str, str] = {}
"""What paths mean, links followed. It stays as it was first: runs are ordered by it."""

MOST_PLACES = 10_000
"""Of how many paths that is kept; of others, links are not followed."""

_names: dict[str, str] = {}
"""How errors call what is staged, by its file, until it is published."""

COPIED = 1 << 20
"""How many bytes are copied at a time."""


class FileDriver(Driver):
    """Keep each value in a file of one form, which `load` and `dump` know.

    With a path that is the user's own file, replaced as a whole at each write, with the
    mode and the owner that it had; a link is followed. Without one, each version is a
    file where asyncflow keeps its values.
    """

    takes_path: ClassVar[bool] = True
    suffix: ClassVar[str]
    """How the names of the files end that are not the user's: ``.csv``."""
    is_inline: ClassVar[bool] = False
    """Whether small values that are not in files of the user's are kept in the store."""
    damages: ClassVar[tuple[type[Exception], ...]] = (Exception,)
    """What `load` raises where a file cannot be read."""

    @abstractmethod
    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        """Read a file.

        :param file: its path, or what its content is read from
        :param columns: see `read`
        :param where: see `read`
        :raises Exception: of any kind, where it has not the form that is read
        """

    @abstractmethod
    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        """Write a value to a file.

        :param name: how an error calls the value
        """

    # ------------------------------------------------------------------------ the place

    @property
    def keeps_versions(self) -> bool:
        return self.path is None

    @property
    def place(self) -> str | None:
        if self.path is None:
            return None

        return _places.get(self.path) or os.path.normpath(self.path)

    def locate(self) -> None:
        if self.path is not None and len(_places) < MOST_PLACES:
            _places.setdefault(self.path, os.path.realpath(self.path))

    def exists(self) -> bool:
        return self.path is not None and os.path.exists(self.path)

    def changed_ns(self) -> int | None:
        if self.path is None:
            return None

        try:
            return os.stat(self.path).st_ctime_ns  # it may not be set, as others may
        except OSError:
            return None

    def fingerprint(self) -> str | None:
        if self.path is None:
            return None

        try:
            found = os.stat(self.path)
        except OSError:
            return None

        return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"

    # -------------------------------------------------------------------------- reading

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        file = self._file(kept)

        with self.reading(file if isinstance(file, str) else ""):
            return self.load(file, columns, where)

    @contextmanager
    def reading(self, file: str) -> Iterator[None]:
        """Have errors told as those of a file that is read; ``""`` for none."""
        try:
            yield
        except DataNodeReadingError as error:
            error.place = error.place or file
            raise
        except (DataNodeWritingError, ImportError, MemoryError, PackageMissing):
            raise
        except FileNotFoundError as error:
            if not file or os.path.exists(file):
                raise  # the value itself has asked for another

            if self.path is None:
                raise ValueMissing(file) from None

            raise FileNotFoundError(errno.ENOENT, gone(file), file) from error
        except self.damages as error:
            raise unreadable(file, self.storage_type, error) from error

    def _file(self, kept: StoredValue) -> str | BinaryIO:
        if self.path is not None:
            return self.path

        if kept is None:
            raise LookupError("the data node was never written")

        return BytesIO(kept) if isinstance(kept, bytes) else kept

    def open(self, file: str | BinaryIO) -> BinaryIO:
        """Open a file that `load` is given; what is open already is as it is."""
        return open(file, "rb") if isinstance(file, str) else file

    def before(self, kept: StoredValue) -> object:
        """Return the value that is there, to append to; None for none."""
        if self.path is None and kept is None:
            return None

        return self.read(kept) if self.path is None or self.exists() else None

    def file_before(self, kept: StoredValue) -> str | None:
        """Return the file that is there, to append to; None for none."""
        if self.path is not None:
            return self.path if self.exists() else None

        assert not isinstance(kept, bytes)
        return kept

    def file_of(self, kept: StoredValue) -> str | bytes | None:
        return self.path or kept

    # -------------------------------------------------------------------------- writing

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return self.stage(lambda file: self.dump(value, file, name), path, name)

    def load_file(self, file: str) -> object:
        os.stat(file)  # the error of a wrong name is no missing value

        with self.reading(file):
            return self.load(file)

    def upload(self, file: str, path: str, name: str) -> StoredValue:
        self.load_file(file)
        return self.stage(lambda draft: copy(file, draft), path, name)

    def stage(
        self, write: Callable[[BinaryIO], object], path: str, name: str
    ) -> StoredValue:
        """Have a file written where no reader sees it yet.

        :param path: the path that `Driver.write` was given
        :param name: how an error calls the value
        """
        if self.path is None and self.is_inline:
            with BytesIO() as memory:
                write(memory)

                if len(data := memory.getvalue()) <= INLINE:
                    return data

            return self._staged(lambda file: file.write(data), path, name)

        return self._staged(write, path, name)

    def _staged(
        self, write: Callable[[BinaryIO], object], path: str, name: str
    ) -> StoredValue:
        self.check_place(name)
        staged = self.staging_path(path)
        draft = Draft(write)

        try:
            replace_file(staged, draft.write, temporary_name(staged), sync=True)
        except FileNotFoundError as error:
            if os.path.isdir(os.path.dirname(staged) or os.curdir):
                raise

            if self.path is None:  # somebody has removed the folder, with all it had
                os.makedirs(os.path.dirname(staged), 0o700, exist_ok=True)
                replace_file(staged, draft.write, temporary_name(staged), sync=True)
                return staged

            why = f"make the folder of data node {name!r} first, there is none for"
            raise FileNotFoundError(errno.ENOENT, why, self.path) from error
        except OSError as error:
            if draft.is_foreign:
                raise

            raise unwritable(error, self.path or staged, name) from error

        if self.path is not None:
            _names[staged] = name

        return staged

    def check_place(self, name: str) -> None:
        """Refuse a place that no file can be put in, before it is written."""
        if self.path is None:
            return

        check_link(self.path, name)

        if os.path.isdir(self.path):
            raise DataNodeWritingError(
                f"data node {name!r} at {self.path} cannot be written: it is a folder: "
                "move it away, or give the path of a file"
            )

    def staging_path(self, path: str) -> str:
        if self.path is not None:
            return f"{self.path}.{os.path.basename(path)}"

        return os.path.splitext(path.removesuffix(".compared"))[0] + self.suffix

    def staged(self, maker: str) -> Sequence[str]:
        if self.path is None:
            return ()

        folder, name = os.path.split(self.path)
        begin = f"{name}.{maker}-"

        try:
            names = os.listdir(folder or os.curdir)
        except OSError:  # there is no folder
            return ()

        return [os.path.join(folder, one) for one in names if one.startswith(begin)]

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        if self.path is None:
            return kept

        assert isinstance(kept, str)
        name = _names.pop(kept, self.storage_type)

        try:
            put_in_place(kept, self.path)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(kept)

            if isinstance(error, OSError):
                raise unwritable(error, self.path, name) from error

            raise

        return None

    def discard(self, kept: StoredValue, path: str) -> None:
        if isinstance(kept, str):
            _names.pop(kept, None)

        super().discard(kept, path)

    def is_published(self, kept: StoredValue, path: str) -> bool | None:  # noqa: ARG002
        return not (isinstance(kept, str) and os.path.exists(kept))


class Draft:
    """Writes a file, and finds out why it could not where a library does not tell."""

    def __init__(self, write: Callable[[BinaryIO], object]) -> None:
        self._write = write
        self.is_foreign: bool = False
        """Whether what was raised is not the file's: there was room for more."""

    def write(self, file: BinaryIO) -> None:
        """Write; where there is no room, raise that."""
        try:
            self._write(file)
        except (DataNodeReadingError, DataNodeWritingError, PackageMissing):
            raise
        except Exception:
            file.write(bytes(COPIED))
            file.flush()
            self.is_foreign = True
            raise


def copy(path: str, file: BinaryIO) -> None:
    """Copy a file to the end of another."""
    with open(path, "rb") as source:
        while data := source.read(COPIED):
            file.write(data)


def gone(path: str) -> str:
    """Say that a file has to come back, and what a link leads to."""
    link = f" (a link to {os.path.realpath(path)!r})" if os.path.islink(path) else ""
    return (
        f"its file{link} is not there: bring it back, write to the data node, or run "
        "the task that writes it"
    )


def unreadable(place: str, storage_type: str, error: Exception) -> DataNodeReadingError:
    """Make the error of a file that is there, and cannot be read."""
    if isinstance(error, IsADirectoryError):
        remedy = "move it away, or give the path of a file"
        return DataNodeReadingError(place, "it is a folder", remedy)

    if isinstance(error, PermissionError):
        remedy = "give the user of this program the right to read it"
        return DataNodeReadingError(place, "reading it is not permitted", remedy)

    if isinstance(error, UnicodeError):
        why = f"its text has another encoding ({error})"
        return DataNodeReadingError(place, why, "name that with encoding=")

    why = f"it is no whole {storage_type} ({type(error).__name__}: {error})"
    remedy = "bring back the file that was there, or write to the data node"
    return DataNodeReadingError(place, why, remedy)


def check_link(path: str, name: str) -> None:
    """Refuse a link that leads where there is not even a folder."""
    if not os.path.islink(path):
        return

    target = os.path.realpath(path)

    if not os.path.isdir(os.path.dirname(target)):
        why = (
            f"data node {name!r} is a link into a folder that is not there: make "
            f"the folder of {target!r}, or mend the link"
        )
        raise FileNotFoundError(errno.ENOENT, why, path)
