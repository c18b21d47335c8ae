"""Values in files: what the storage types that keep them so have in common."""

from __future__ import annotations

import errno
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from asyncflow.abc import Driver, StoredValue, is_address
from asyncflow.gc_pause import pause_gc
from asyncflow.worker import current
from asyncflow.worker.errors import (
    DataNodeReadingError,
    DataNodeWritingError,
    NoData,
    PackageMissing,
    ValueMissing,
)
from asyncflow.worker.replacing import (
    BRING_BACK,
    NO_FILE,
    OF_FILE,
    Draft,
    Former,
    check_kind,
    check_link,
    copy,
    is_special,
    locate,
    place_of,
    put_in_place,
    replace_file,
    unreadable,
    unwritable,
)
from asyncflow.worker.values import (
    INLINE,
    LARGE,
    forget_staged,
    former_name,
    note_staged,
    temporary_name,
)

if TYPE_CHECKING:
    from asyncflow.filters import Where

_names: dict[str, str] = {}
"""How errors call what is staged, by its file, until it is published."""

ANOTHER = "declare it as it was then, or run the task that writes it"
"""What to do where the storage type of a data node has changed."""

LOCAL = "file://"
"""How an address begins that is a path of this machine."""


class FileDriver(Driver):
    """Keep each value in a file of one form, which `load` and `dump` know.

    With a path that is the user's own file, replaced as a whole at each write, with the
    mode and the owner that it had; a link is followed. Without one, each version is a
    file where asyncflow keeps its values.
    """

    address: str | None = None
    """The address that what it writes is uploaded to."""
    takes_path: ClassVar[bool] = True
    suffix: ClassVar[str]
    """How the names of the files end that are not the user's: ``.csv``."""
    is_inline: ClassVar[bool] = False
    """Whether small values that are not in files of the user's are kept in the store."""
    reads_parts: ClassVar[bool] = False
    """Whether it reads only those parts of a file that it is asked for."""
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

    @classmethod
    def at(cls, path: str | None, options: Any) -> Driver:
        if path is None or not is_address(path):
            return cls(path, options)

        if path.startswith(LOCAL) and not getattr(options, "storage_options", None):
            return cls(path.removeprefix(LOCAL), options)

        from asyncflow.drivers._remote import RemoteDriver

        return RemoteDriver(cls, path, options)

    @classmethod
    def reached_by(cls, path: str) -> dict[str, str | None]:
        if not is_address(path) or path.startswith(LOCAL):
            return {}

        from asyncflow.drivers._remote_packages import needs

        return needs(path)

    @property
    def is_cached(self) -> bool:
        """Whether a worker keeps what it has read, for the next job that reads it."""
        return bool(getattr(self.options, "is_cached", False))

    @property
    def keeps_versions(self) -> bool:
        return self.path is None

    @property
    def place(self) -> str | None:
        return None if self.path is None else place_of(self.path)

    def locate(self) -> None:
        if self.path is not None:
            locate(self.path)

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
        return None if self.path is None else mark_of(self.path)

    # -------------------------------------------------------------------------- reading

    def parsed_size(self, kept: StoredValue) -> int | None:
        if isinstance(file := self.path or kept, bytes):
            return len(file)

        try:
            return None if file is None else os.stat(file).st_size
        except OSError:
            return None

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        file = self._file(kept)

        with self.reading(file if isinstance(file, str) else ""):
            if (
                current.is_worker
                and self.is_cached
                and isinstance(file, str)
                and columns is None
                and where is None
            ):
                return self._cached(file)

            is_large = (self.parsed_size(kept) or 0) >= LARGE

            with pause_gc() if is_large else nullcontext():
                return self.load(file, columns, where)

    def _cached(self, file: str) -> object:
        from asyncflow.drivers._table_cache import cache

        key = type(self), file, repr(self.options)
        return cache.read(key, lambda: self._mark(file), lambda: self.load(file))

    def _mark(self, file: str) -> str | None:
        return self.fingerprint() if file == self.path else mark_of(file)

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
        except OSError as error:
            if file and error.filename == file:
                raise unreadable(file, self.storage_type, error) from error

            raise  # the value itself has asked for another

    def _file(self, kept: StoredValue) -> str | BinaryIO:
        if self.path is not None:
            check_kind(self.path)
            return self.path

        if kept is None:
            raise NoData("")

        if isinstance(kept, bytes):
            return BytesIO(kept)

        if not kept.endswith(self.suffix):
            why = f"it was kept as another storage type than {self.storage_type!r}"
            raise DataNodeReadingError(kept, why, ANOTHER)

        return kept

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
            check_kind(self.path)
            return self.path if self.exists() else None

        assert not isinstance(kept, bytes)
        return kept

    def file_of(self, kept: StoredValue) -> str | bytes | None:
        if self.path is not None:
            check_kind(self.path)

            if os.path.isdir(self.path):
                raise unreadable(self.path, self.storage_type, IsADirectoryError())

        return self.path or kept

    # -------------------------------------------------------------------------- writing

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return self.stage(lambda file: self.dump(value, file, name), path, name)

    def load_file(self, file: str) -> object:
        os.stat(file)  # the error of a wrong name is no missing value
        check_kind(file)

        try:
            with self.reading(file), pause_gc():
                return self.load(file)
        except DataNodeReadingError as error:
            if error.remedy == BRING_BACK:  # it was none of the data node's yet
                error.remedy = f"upload a whole {self.storage_type}, or write a value"

            raise

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

        if not self.is_moved:
            return self._staged(write, path, name)

        note_staged(path, name, self.path or "")

        try:
            return self._staged(write, path, name)
        except BaseException:
            forget_staged(path)
            raise

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

            if self.path is None or self.makes_folder:  # or somebody has removed it
                mode = 0o700 if self.path is None else 0o777
                os.makedirs(os.path.dirname(staged), mode, exist_ok=True)
                replace_file(staged, draft.write, temporary_name(staged), sync=True)
                return staged

            raise unwritable(error, self.path, name) from error
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
        what = f"data node {name!r} at {self.path} cannot be written"

        if os.path.isdir(self.path):
            remedy = "move it away, or give the path of a file"
            raise DataNodeWritingError(f"{what}: it is a folder: {remedy}")

        if is_special(self.path):
            raise DataNodeWritingError(f"{what}: {NO_FILE}: {OF_FILE}")

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

        return [os.path.join(folder, name) for name in names if name.startswith(begin)]

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        if self.path is None:
            return kept

        assert isinstance(kept, str)
        name = _names.pop(kept, self.storage_type)

        try:
            put_in_place(kept, self.path)
        except OSError as error:
            raise unwritable(error, self.path, name) from error

        self._forget(path)
        return None

    def _forget(self, path: str) -> None:
        """Note that nothing waits any more."""
        if self.is_moved:
            forget_staged(path)

    def former(self, kept: StoredValue, path: str) -> Former | None:
        if self.path is None or not isinstance(kept, str) or os.path.isdir(self.path):
            return None

        try:
            return Former(self.path, kept, former_name(self.staging_path(path)))
        except OSError:  # there are no links on that file system
            return None

    def discard(self, kept: StoredValue, path: str) -> None:
        if isinstance(kept, str):
            _names.pop(kept, None)
        elif self.is_moved:  # who has found the note knows no more
            staged = self.staging_path(path)
            kept = staged if os.path.lexists(staged) else temporary_name(staged)

        super().discard(kept, path)
        self._forget(path)

    def is_published(self, kept: StoredValue, path: str) -> bool | None:  # noqa: ARG002
        return not (isinstance(kept, str) and os.path.exists(kept))


def mark_of(path: str) -> str | None:
    """Return what changes whenever a file is written; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None

    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def gone(path: str) -> str:
    """Say that a file has to come back, and what a link leads to."""
    link = f" (a link to {os.path.realpath(path)!r})" if os.path.islink(path) else ""
    return (
        f"its file{link} is not there: bring it back, write to the data node, or run "
        "the task that writes it"
    )
