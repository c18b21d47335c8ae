"""What a data node is asked for besides its whole value, as its driver is asked.

Each function returns what is called in a thread: with the driver and the value that is
there, and, to write, with the file that it may make and the name of the data node.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias
from zipfile import ZipFile

import attrs

from asyncflow.abc import Driver, StoredValue
from asyncflow.entities.reasons import (
    HasNoFile,
    IsBeingEdited,
    Reason,
    Reasons,
    WasNeverWritten,
)
from asyncflow.errors import (
    DataNodeWritingError,
    NoData,
    PackageMissing,
    UsageError,
    ValueMissing,
)
from asyncflow.filters import JoinOperator, Where, as_where
from asyncflow.runs.node import NodeState
from asyncflow.selection import Preview, column_of, plain_preview
from asyncflow.selection import preview as preview_of
from asyncflow.worker.outputs import published
from asyncflow.worker.replacing import REMEDIES, Draft, replace_file, unreadable
from asyncflow.worker.validation import validated
from asyncflow.worker.values import fetch, keep

Make: TypeAlias = Callable[[Driver, StoredValue, str, str], StoredValue]


class Ask(Protocol):
    """What a driver is asked for. It can be pickled, where it `is_parsed`."""

    is_parsed: ClassVar[bool]
    """Whether the value is read for it."""
    remedy: ClassVar[str | None] = None
    """What to do where the worker dies that is asked; None for reading less."""

    def __call__(self, driver: Driver, kept: StoredValue) -> Any: ...


@attrs.frozen
class Part(Ask):
    """Some columns, and some rows."""

    is_parsed: ClassVar[bool] = True
    columns: Sequence[str] | None
    where: Where | None

    def __call__(self, driver: Driver, kept: StoredValue) -> Any:
        return driver.read(kept, columns=self.columns, where=self.where)


@attrs.frozen
class ReadWith(Ask):
    """The value, read with options of the library that reads it."""

    is_parsed: ClassVar[bool] = True
    given: Mapping[str, Any]

    def __call__(self, driver: Driver, kept: StoredValue) -> Any:
        before = getattr(driver.options, "read_options", None)

        if before is None:
            raise UsageError(
                f"a {driver.storage_type!r} data node has no options of a library that "
                "reads it: read it, and take what you need of that"
            )

        other = copy(driver)
        read_options = {**before, **self.given}
        other.options = attrs.evolve(driver.options, read_options=read_options)
        return other.read(kept)


@attrs.frozen
class Column(Ask):
    """One column as what it is by itself."""

    is_parsed: ClassVar[bool] = True
    name: str | int

    def __call__(self, driver: Driver, kept: StoredValue) -> Any:
        columns: Any = [self.name]
        return column_of(driver.read(kept, columns=columns), self.name)


@attrs.frozen
class FirstRows(Ask):
    """The first rows, to be shown."""

    is_parsed: ClassVar[bool] = True
    count: int
    where: Where | None
    is_plain: bool

    def __call__(self, driver: Driver, kept: StoredValue) -> Preview:
        found = (
            driver.preview(kept, self.count)
            if self.where is None
            else preview_of(driver.read(kept, where=self.where), self.count)
        )
        return plain_preview(found) if self.is_plain else found


class Parsing(ABC):
    """What makes a value of one that it has to parse: a worker does so, of a large one."""

    @abstractmethod
    def __call__(
        self, driver: Driver, kept: StoredValue, path: str, name: str
    ) -> StoredValue: ...

    @abstractmethod
    def parsed_size(self, driver: Driver, kept: StoredValue) -> int:
        """Return how many bytes are parsed. Blocks."""

    def to_send(self, path: str) -> Parsing:  # noqa: ARG002  # little is sent
        """Return the same as a worker is given it. Blocks.

        :param path: a file that it may make
        """
        return self


@attrs.frozen
class Append(Parsing):
    """Add to the value that is there."""

    value: object
    is_kept: bool = False
    """Whether it is where `fetch` finds it."""

    def __call__(
        self, driver: Driver, kept: StoredValue, path: str, name: str
    ) -> StoredValue:
        if not driver.appends:
            raise UsageError(
                f"nothing can be appended to data node {name!r}: it is "
                f"{driver.storage_type!r}: read it, add to the value, and write that"
            )

        value: Any = fetch(self.value) if self.is_kept else self.value  # type: ignore[arg-type]  # `keep` has returned it
        more = _validated(driver, value, name)

        try:
            made = driver.append(more, kept, path, name)
        except DataNodeWritingError as error:
            if type(error) is not DataNodeWritingError or repr(name) in str(error):
                raise

            raise DataNodeWritingError(f"data node {name!r}: {error}") from error

        return published(driver, made, path)

    def parsed_size(self, driver: Driver, kept: StoredValue) -> int:
        return driver.parsed_size(kept) or 0

    def to_send(self, path: str) -> Append:
        return Append(keep(self.value, path, "value", sync=False), is_kept=True)


@attrs.frozen
class Upload(Parsing):
    """Take a copy of a file for the value."""

    file: str

    def __call__(
        self,
        driver: Driver,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        if not driver.takes_files:
            raise UsageError(
                f"data node {name!r} is {driver.storage_type!r}, and takes no file: "
                "write the value"
            )

        staged = driver.upload(self.file, path, name)

        if driver.validator is None:
            return published(driver, staged, path)

        return _valid(driver, staged, path, name, self.file)

    def to_send(self, path: str) -> Upload:  # noqa: ARG002
        return Upload(os.path.abspath(self.file))

    def parsed_size(self, driver: Driver, kept: StoredValue) -> int:  # noqa: ARG002
        try:
            return os.stat(self.file).st_size
        except OSError:  # reading it tells what is wrong
            return 0


@attrs.frozen
class Made(Ask):
    """A value that is made of the one that is there, by a worker."""

    is_parsed: ClassVar[bool] = True
    remedy: ClassVar[str | None] = "see that there is memory for it, and do it again"
    make: Parsing
    path: str
    name: str

    def __call__(self, driver: Driver, kept: StoredValue) -> StoredValue:
        driver.locate()
        return self.make(driver, kept, self.path, self.name)


@attrs.frozen
class Download(Ask):
    """The file of the value: a copy, or where it is."""

    is_parsed: ClassVar[bool] = False
    to: str | os.PathLike[str] | None

    def __call__(self, driver: Driver, kept: StoredValue) -> Path:
        file = driver.file_of(kept)

        if file is None:
            raise UsageError(
                f"a {driver.storage_type!r} data node has no file that others read: "
                "read the value, and write it where you want it"
            )

        if self.to is not None:
            try:
                return _copied(file, Path(self.to).expanduser())
            except OSError as error:
                if isinstance(error, FileNotFoundError) or error.filename != file:
                    raise

                raise unreadable(error.filename, driver.storage_type, error) from error

        if isinstance(file, bytes):
            raise UsageError(
                "the value is small, and kept in the store: say where its file is to be, "
                "as in download('value')"
            )

        return Path(file)


def part(
    columns: str | Sequence[str] | None,
    where: object,
    join: object = JoinOperator.AND,
) -> Ask:
    """Ask for some columns, and some rows.

    :raises ValueError: where the conditions are none
    """
    wanted = [columns] if isinstance(columns, str | int) else columns
    return Part(wanted, as_where(where, join))


@attrs.frozen
class HasFile(Ask):
    """Whether the file of the value is there; None where others can read none."""

    is_parsed: ClassVar[bool] = False

    def __call__(self, driver: Driver, kept: StoredValue) -> bool | None:
        file = driver.file_of(kept)
        return file if file is None else isinstance(file, bytes) or os.path.exists(file)


async def is_downloadable(node_id: str, has_file: Awaitable[bool | None]) -> Reasons:
    """Tell whether there is a file; see `DataNode.is_downloadable`."""
    try:
        is_there = await has_file
    except (NoData, ValueMissing):
        is_there = False

    if is_there:
        return Reasons()

    kind = HasNoFile if is_there is None else WasNeverWritten
    return Reasons((kind(entity_id=node_id),))


def is_uploadable(node: NodeState) -> Reasons:
    """Tell whether a file can be taken; see `DataNode.is_uploadable`."""
    found: list[Reason] = []

    if not node.driver.takes_files:
        found.append(HasNoFile(entity_id=node.id))

    if node.is_locked:
        found.append(IsBeingEdited(entity_id=node.id, editor_id=node.editor_id or ""))

    return Reasons(tuple(found))


def with_columns(value: Any, columns: Sequence[str]) -> Any:
    """Return rows as a table that has these columns. Blocks.

    :raises PackageMissing: where pandas is not installed
    """
    try:
        pandas = import_module("pandas")
    except ImportError:
        raise PackageMissing("a table with named columns", "pandas", "pandas") from None

    return pandas.DataFrame(value, columns=list(columns))


def column(name: object) -> Ask:
    """Ask for one column as what it is by itself, or for several as a table.

    :raises TypeError: where it is the name of no column
    """
    if isinstance(name, list):
        return part(name, None)

    if not isinstance(name, str) and type(name) is not int:
        raise TypeError(
            f"{name!r} is no column: give its name, a list of names, or read the value "
            "and take what you need of that"
        )

    return Column(name)


def preview(rows: int, where: object, *, is_plain: bool) -> Ask:
    """Ask for the first rows, of those that conditions pick.

    :raises ValueError: where the conditions are none
    """
    if type(rows) is not int or rows < 0:
        raise ValueError(f"rows is how many rows are shown; got {rows!r}")

    return FirstRows(rows, as_where(where), is_plain)


def download(to: str | os.PathLike[str] | None) -> Ask:
    """Ask for the file of the value: a copy, or where it is."""
    return Download(to)


def append(value: object) -> Make:
    """Add to the value that is there."""
    return Append(value)


def track(driver: Driver, kept: StoredValue, path: str, name: str) -> StoredValue:  # noqa: ARG001
    """Make a version of what is in the place of the user's now."""
    if driver.keeps_versions:
        raise UsageError(
            f"asyncflow chooses where the values of data node {name!r} are: write() "
            "writes one, and makes an edit"
        )

    return None


def upload(file: str | os.PathLike[str]) -> Make:
    """Take a copy of a file for the value."""
    return Upload(os.path.expanduser(os.fspath(file)))


def _valid(
    driver: Driver, kept: StoredValue, path: str, name: str, source: str
) -> StoredValue:
    """Publish what was uploaded, if it is valid."""
    try:
        _validated(driver, driver.load_file(source), name)
    except BaseException:
        if isinstance(kept, str):
            os.unlink(kept)

        raise

    return published(driver, kept, path)


def _validated(driver: Driver, value: object, name: str) -> object:
    if driver.validator is None:
        return value

    return validated(driver.validator, value, name)


def _copied(file: str | bytes, to: Path) -> Path:
    """Copy a file, or write its content: as a whole, or not at all.

    :raises UsageError: where a folder is there
    :raises DataNodeWritingError: where it cannot be written there
    """

    def write(target: Any) -> None:
        if isinstance(file, bytes):
            target.write(file)
            return

        if os.path.isdir(file):
            _zip(file, target)
            return

        with open(file, "rb") as source:
            while data := source.read(1 << 20):
                target.write(data)

    if to.is_dir():
        raise UsageError(
            f"a copy at {to} cannot be written: it is a folder: give the path of a file "
            "in it"
        )

    draft = to.with_name(f".{to.name}.{os.getpid()}.part")
    writing = Draft(write)

    try:
        replace_file(str(to), writing.write, str(draft), is_users=True)
    except OSError as error:
        if writing.is_foreign:  # the file itself cannot be read
            raise

        why = error.strerror or str(error)
        remedy = REMEDIES.get(error.errno or 0, "give another path")
        text = f"a copy at {to} cannot be written: {why}: {remedy}"
        raise DataNodeWritingError(text) from error

    return to


def _zip(folder: str, target: Any) -> None:
    with ZipFile(target, "w") as packed:
        for each, _, names in os.walk(folder):
            for name in sorted(names):
                path = os.path.join(each, name)
                packed.write(path, os.path.relpath(path, folder))
