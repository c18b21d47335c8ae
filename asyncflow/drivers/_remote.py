"""Files elsewhere: any address that fsspec has a file system for."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import has_magic
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, TypeVar

from asyncflow.abc import StoredValue
from asyncflow.drivers._file_systems import (
    MEMORY,
    OfOneProcess,
    file_system,
    is_directory,
    is_local,
    is_there,
    is_whole,
    move,
    refusal,
    remedy_of,
)
from asyncflow.drivers._joining import check_partitions, columns_of
from asyncflow.drivers._remote_folders import TRIES, counted, zipped
from asyncflow.drivers._remote_forms import FolderForm, Form, RowForm
from asyncflow.drivers._remote_marks import mark_of, mark_of_all
from asyncflow.drivers._remote_packages import same_address
from asyncflow.drivers._server import ServerDriver, Told, unwritten
from asyncflow.secret import Secret, concealed, masked, secrets_in
from asyncflow.worker import current
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.worker.replacing import Draft, check_kind, copy, copy_all, unwritable

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview

T = TypeVar("T")

PREVIEWED = 1 << 18
"""How many bytes are asked for at a time where a few rows are shown."""


class RemoteDriver(ServerDriver):
    """Keep the value in a file at an address, in the form of another driver.

    A write uploads a file beside it, which is then moved there, by the server where it can:
    who reads sees the old value or the new one.

    :param kind: the class of that other driver
    :param path: the address
    :param options: those of the other driver, with ``storage_options`` for fsspec
    """

    takes_default_data: ClassVar[bool] = True
    path: str

    def __init__(self, kind: type[Form], path: str, options: Any) -> None:
        super().__init__(path, options)
        self.form: Form = kind(None, options)
        self.form.address = path
        self.storage_type = kind.storage_type  # type: ignore[misc]  # it stands for it
        self.extra = kind.extra  # type: ignore[misc]  # the same
        self.appends = kind.appends  # type: ignore[misc]  # the same
        self.parses_in_process = self.form.parses_in_process
        self.is_of_process = path.startswith(MEMORY)

    def __reduce__(self) -> tuple[Any, ...]:
        given = (type(self.form), self.path, self.options)
        kept = {"validator", "makes_folder", "is_moved"} & vars(self).keys()
        return type(self), given, {name: vars(self)[name] for name in kept}

    @property
    def place(self) -> str:
        return same_address(self.path)

    @property
    def secrets(self) -> set[Secret]:
        return {*super().secrets, *secrets_in(concealed("", self.path))}

    # -------------------------------------------------------------------------- reading

    def parsed_size(self, kept: StoredValue) -> int | None:  # noqa: ARG002
        if self.form.parsed_size(b"") is None or self.is_of_process:
            return None

        with suppress(Exception):  # reading it tells what is wrong
            files, at = self._files()

            if self._is_folder(files, at):
                names = files.glob(at) if has_magic(at) else files.find(at)
                return int(sum(files.sizes(names)))

            return int(files.size(at) or 0)

        return None

    def exists(self) -> bool:
        with self.reading():
            files, at = self._files()

            if has_magic(at):
                return bool(files.glob(at))

            return is_there(files, at)

    def fingerprint(self) -> str | None:
        try:
            files, at = self._files()
            files.invalidate_cache()

            if self._is_folder(files, at):
                return mark_of_all(files, at)

            return mark_of(files, at)
        except Exception:  # nobody can tell
            return None

    def _is_folder(self, files: Any, at: str) -> bool:
        """Tell whether its place has several files: a folder, or a pattern of them."""
        return isinstance(self.form, FolderForm) and bool(
            has_magic(at) or is_directory(files, at)
        )

    def read(
        self,
        kept: StoredValue,  # noqa: ARG002
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        is_whole = columns is None and where is None

        if not (current.is_worker and self.form.is_cached and is_whole):
            return self._read(columns, where)

        from asyncflow.drivers._table_cache import cache

        key = type(self.form), self.path, repr(self.options)
        return cache.read(key, self.fingerprint, self._read)

    def _read(
        self, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> object:
        if isinstance(form := self.form, FolderForm) and (
            found := self._of_folder(
                lambda files, names, at: form.load_folder(
                    files, names, at, columns, where
                )
            )
        ):
            return found[0]

        with self._opened(form.reads_parts) as file, self._parsing():
            return form.load(file, columns, where)

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        form: object = self.form

        if not isinstance(form, RowForm):
            return super().preview(kept, rows)

        if isinstance(form, FolderForm) and (
            found := self._of_folder(
                lambda files, names, at: form.preview_folder(files, names, at, rows)
            )
        ):
            return found[0]

        with self._opened(in_parts=True, at_once=PREVIEWED) as file, self._parsing():
            return form.first_rows(file, rows)

    def _of_folder(self, read: Callable[[Any, list[str], str], T]) -> tuple[T] | None:
        """Return what is read of a folder, or of the files of a pattern; None where its
        place is one file, or nothing.
        """
        for left in reversed(range(TRIES)):
            if (found := self._folder()) is None:
                return None

            try:
                with self._parsing():
                    return (read(*found),)
            except FileNotFoundError:  # it was replaced meanwhile
                if not left:
                    raise

        raise AssertionError("the last one returns, or raises")

    def _folder(self) -> tuple[Any, list[str], str] | None:
        """Return the file system, the files of a folder or a pattern, and that folder, or
        ``""``; None where its place is one file, or nothing.
        """
        with self.reading():
            files, at = self._files()
            files.invalidate_cache()

            if not self._is_folder(files, at):
                return None

            if has_magic(at):
                names = sorted(files.glob(at))
                return (files, names, "") if names else None

            return files, counted(files, at), at

    @contextmanager
    def _opened(self, in_parts: bool, at_once: int | None = None) -> Iterator[BinaryIO]:
        """Open the file.

        :param in_parts: whether it is read in part
        :param at_once: how many bytes are asked for at a time; None for as many as its
            file system would
        """
        try:
            with self.reading_but(FileNotFoundError):
                opened = self._open(in_parts, at_once)
        except FileNotFoundError:
            why = "it is not there: bring it back, or run the task that writes it"
            raise FileNotFoundError(errno.ENOENT, why, self.shown_place) from None

        with opened:
            yield opened

    def _open(self, in_parts: bool, at_once: int | None) -> BinaryIO:
        files, at = self._files()

        if is_local(files):
            check_kind(at)

        try:
            if in_parts:
                found: BinaryIO = files.open(at, "rb", block_size=at_once)
                return found

            return BytesIO(files.cat_file(at))
        except FileNotFoundError as error:
            raise refusal(error) from None

    @contextmanager
    def reading_but(self, *passed: type[Exception]) -> Iterator[None]:
        """Have errors told as those of a read, but for some."""
        with self.reading():
            try:
                yield
            except passed as error:
                raised = error
            else:
                return

        raise raised

    @contextmanager
    def _parsing(self) -> Iterator[None]:
        try:
            with self.form.reading(""):
                yield
        except DataNodeReadingError as error:
            error.place = error.place or self.shown_place
            error.why = masked(error.why, self.secrets)
            raise

    def file_of(self, kept: StoredValue) -> bytes:  # noqa: ARG002
        if (found := self._folder()) is not None:
            with self.reading():
                return zipped(*found)

        with self.reading():
            files, at = self._files()
            return bytes(files.cat_file(at))

    # -------------------------------------------------------------------------- writing

    def write(self, value: object, path: str, name: str) -> StoredValue:
        with self.writing(name):
            files, at = self._files()
            is_folder = self._is_folder(files, at)

            if not (is_folder or is_whole(files)) and is_directory(files, at):
                raise IsADirectoryError("it is a folder")

        if is_folder:
            remedy = "give the address of a file, or append to a folder"
            why = "it is a folder or a pattern, which is not replaced"
            raise unwritten(name, self.shown_place, why, remedy)

        return self._stage(lambda file: self.form.dump(value, file, name), path, name)

    def load_file(self, file: str) -> object:
        return self.form.load_file(file)

    def upload(self, file: str, path: str, name: str) -> StoredValue:
        self.form.load_file(file)
        return self._stage(lambda draft: copy(file, draft), path, name)

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        old = f"{path}.old{self.form.suffix}"  # of which the name says whose it is, after a kill

        with self.writing(name):
            files, at = self._files()
            is_there = files.exists(at)
            is_folder = self._is_folder(files, at)

        if is_folder and not has_magic(at):  # another file
            self._check_columns(files, at, value, name)
            return self._stage(
                lambda file: self.form.dump(value, file, name), path, name
            )

        if not is_there:
            return self.write(value, path, name)

        try:
            with self.writing(name):
                files.get_file(at, old)

            both = self._appended(value, old, path, name)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(old)

        if isinstance(both, bytes):
            return self._stage(lambda file: file.write(both), path, name)

        assert both is not None

        try:
            return self._stage(lambda file: copy(both, file), path, name)
        finally:
            os.unlink(both)

    def _check_columns(self, files: Any, at: str, value: object, name: str) -> None:
        try:
            check_partitions(at, files.find(at), columns_of(value, "pyarrow"))
        except DataNodeWritingError as error:
            raise DataNodeWritingError(f"data node {name!r}: {error}") from error

    def _appended(self, value: object, old: str, path: str, name: str) -> StoredValue:
        try:
            return self.form.append(value, old, path, name)
        except DataNodeReadingError as error:
            error.place = self.shown_place
            raise

    def _stage(
        self, write: Callable[[BinaryIO], object], path: str, name: str
    ) -> StoredValue:
        draft = Draft(write)

        try:
            with tempfile.TemporaryFile() as file:
                draft.write(file)
                file.seek(0)
                self._upload(file, path, name)
        except OSError as error:  # of this machine, where there may be no room
            if draft.is_foreign:
                raise

            where = f"{tempfile.gettempdir()}, on the way to {self.shown_place}"
            raise unwritable(error, where, name) from error

        return None

    def _upload(self, draft: BinaryIO, path: str, name: str) -> None:
        with self.staging(path, name):
            files, at = self._files(path)

            with files.open(at, "wb") as file:
                copy_all(draft, file)

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        with self.publishing(path):
            files, staged = self._files(path)
            at = self._files()[1]

            if self._is_folder(files, at):
                at = f"{at}/{_name_of(path)}{self.form.suffix}"

            move(files, staged, at)

        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        with suppress(Exception):
            files, staged = self._files(path)

            try:
                files.rm_file(staged)
            except FileNotFoundError:
                pass
            except OSError:  # a disk that is read-only says so, whatever is there
                if not is_local(files) or os.path.lexists(staged):
                    raise

            self.end(path)

    def is_published(self, kept: StoredValue, path: str) -> bool:  # noqa: ARG002
        files, staged = self._files(path)
        files.invalidate_cache()
        return not files.exists(staged)

    # --------------------------------------------------------------------- the file system

    def _files(self, staged: str = "") -> tuple[Any, str]:
        """Return the file system, and the place in it.

        :param staged: the path that `write` was given, for what is not published yet
        """
        given = getattr(self.options, "storage_options", None) or {}
        files, at = file_system(self.path, given, self.secrets)
        at = f"{at}.{os.path.basename(staged)}" if staged else at
        return files, concealed("", at)

    def tell(self, error: Exception) -> Told:
        if isinstance(error, OfOneProcess):
            return Told(str(error), "have executor='thread', or use another address")

        if isinstance(error, NotImplementedError):
            why = "its file system cannot do that: it may be one to be read alone"
            return Told(why, "give an address that can be written")

        why = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        return Told(why, remedy_of(error))


def _name_of(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
