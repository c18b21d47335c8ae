"""The seam of drivers. Workers import it too: it needs the standard library only."""

from __future__ import annotations

import os
from abc import ABC
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from asyncflow.worker.errors import NoData
from asyncflow.worker.outcome import StoredValue
from asyncflow.worker.values import fetch, keep

if TYPE_CHECKING:
    from asyncflow.filters import Where
    from asyncflow.selection import Preview
    from asyncflow.worker.replacing import Former


def is_address(path: str) -> bool:
    """Tell whether a path is an address, such as ``s3://bucket/sales.csv``."""
    protocol, colon, _ = path.partition("://")
    return bool(colon) and protocol[:1].isalpha() and "/" not in protocol


class Driver(ABC):
    """How one storage type reads and writes a value.

    A driver runs where the job runs, so its methods are plain blocking functions and the
    driver itself can be pickled. One driver serves every version of one data node.

    Its class says what others need to know of the storage type. It is registered by that:
    in `asyncflow.drivers`, by `asyncflow.alternatives.DRIVERS.register`, or as an entry
    point ``asyncflow.drivers`` of a package. Its module is imported by workers, too.

    :param path: what the data node has as ``default_path``, absolute; None for none
    :param options: an instance of `Options`; None where there are none
    """

    storage_type: ClassVar[str]
    Options: ClassVar[type[Any] | None] = None
    """A frozen attrs class: its fields are further parameters of `configure_data_node` for
    this storage type, and keys in TOML; its validators check them, and what a field has
    as ``metadata={"remedy": "..."}`` says what to do. None for no options."""
    takes_path: ClassVar[bool] = False
    """Whether ``default_path`` may be given."""
    takes_default_data: ClassVar[bool] = True
    """Whether ``default_data`` may be given: whether it can be asked what is there."""
    extra: ClassVar[str | None] = None
    """The extra of asyncflow that installs what it requires."""
    requires: ClassVar[tuple[str, ...]] = ()
    """The modules that must be there; it imports them when it is first used."""
    is_durable: ClassVar[bool] = True
    """Whether its values outlive the orchestrator, and a power failure."""
    runs_code: ClassVar[bool] = False
    """Whether its files can have code in them, which runs whenever one is read."""
    keeps_plain_at_once: ClassVar[bool] = False
    """Whether `write` of a number, or of a short text, touches no file where it has no
    path, and so may be called on the event loop."""
    appends: ClassVar[bool] = False
    """Whether `append` adds to a value."""

    is_held: bool = False
    """Whether its values stay on the hosts where jobs make them; see `HeldValues`."""

    path: str | None = None
    makes_folder: bool = False
    """Whether it makes the folder of its path, where there is none."""
    is_moved: bool = False
    """Whether its path is another one than that of its config: what is staged there is found
    by a note alone; see `asyncflow.worker.values.note_staged`."""
    parses_in_process: int = 32 << 20
    """Up to how many bytes the program itself parses: `parsed_size` says how many there
    are. Of more, a worker does so, as parsing holds Python's lock."""
    is_of_process: bool = False
    """Whether its place is of this process alone: no worker sees it."""
    options: Any = None
    validator: Any = None
    """What is asked of a value before it is written: a callable, or what has a method
    ``validate``, such as a schema of pandera. None for nothing."""

    def __init__(self, path: str | None = None, options: Any = None) -> None:
        if path is not None:
            self.path = path

        if options is not None:
            self.options = options

    @classmethod
    def needs(cls, options: Any) -> Mapping[str, str | None]:  # noqa: ARG003
        """Return the modules that must be there, and the extra that installs each.

        :param options: an instance of `Options`; None where there are none
        """
        return dict.fromkeys(cls.requires, cls.extra)

    @classmethod
    def options_at(cls, path: str | None) -> type[Any] | None:  # noqa: ARG003
        """Return what a data node with such a path has as `Options`."""
        return cls.Options

    @classmethod
    def reached_by(cls, path: str) -> Mapping[str, str | None]:  # noqa: ARG003
        """Return the modules that a path needs, and the extra that installs each.

        :raises ValueError: where nothing reaches it
        """
        return {}

    @classmethod
    def at(cls, path: str | None, options: Any) -> Driver:
        """Make a driver of this storage type.

        :param path: an address, where it is one; see the class
        """
        return cls(path, options)

    @classmethod
    def rooted(cls, options: Any, directory: str) -> Any:  # noqa: ARG003
        """Return the options with relative paths among them made absolute.

        :param directory: where these begin
        """
        return options

    @classmethod
    def owns_place(cls, path: str | None, options: Any) -> bool:  # noqa: ARG003
        """Tell whether values are in a place of the user's, such as a file or a table.

        It may have a value before the first write, and has one version alone.
        """
        return path is not None

    @property
    def keeps_versions(self) -> bool:
        """Whether asyncflow keeps versions of it: not where `owns_place`."""
        return not self.owns_place(self.path, self.options)

    @property
    def place(self) -> str | None:
        """The file of the user's that it writes: who writes the same one takes turns."""
        return None

    @property
    def is_home(self) -> bool:
        """Whether the orchestrator sees what is written to the paths that it gives."""
        return True

    @property
    def on_host(self) -> Driver:
        """What writes and reads files of one host, and nothing elsewhere."""
        return self

    @property
    def takes_files(self) -> bool:
        """Whether `upload` takes a file for a value."""
        return type(self).upload is not Driver.upload

    @property
    def is_remote(self) -> bool:
        """Whether its place is on a server: it is looked at only where that may take
        its time.
        """
        return False

    def locate(self) -> None:  # noqa: B027  # most have no place
        """Look where `place` leads, before it is used. Blocks."""

    def parsed_size(self, kept: StoredValue) -> int | None:  # noqa: ARG002
        """Return how many bytes `read` has to parse: of much, a worker does so.

        None where it parses nothing, or nobody can tell. Blocks.

        :param kept: what `publish` returned for the value
        """
        return None

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        """Read a value, or a part of it: a job reads the whole.

        :param kept: what `write` and `publish` returned for it
        :param columns: the columns to read; None for all
        :param where: which rows to read; None for all
        :raises DataNodeReadingError: where what is in its place cannot be read, or has
            no such column
        """
        if kept is None:
            raise NoData("")

        return self.select(fetch(kept), columns, where)

    def select(
        self, value: object, columns: Sequence[str] | None, where: Where | None
    ) -> object:
        """Return the part of a value that `read` is asked for, once all of it is read."""
        if columns is None and where is None:
            return value

        from asyncflow.selection import select

        return select(value, columns, where)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        """Keep a value where no reader sees it yet.

        :param path: a file that it may make; nobody else uses this name
        :param name: how an error calls the value
        :return: where the value is; None for a place that the driver knows itself
        :raises NotPicklable: where the value cannot be kept
        :raises OSError: where it cannot be written; nothing is left behind
        """
        return keep(value, path, name, sync=self.is_durable)

    def append(
        self,
        value: object,
        kept: StoredValue,
        path: str,
        name: str,
    ) -> StoredValue:
        """Keep what is there with a value added to it, as `write` keeps a value.

        What is there stays as it is until this is published. Only where it `appends`.

        :param value: rows, or whatever a value of this storage type has several of
        :param kept: the value that is there; None also for a place that it knows itself
        """
        raise NotImplementedError(f"{self.storage_type!r} does not append")

    def upload(
        self,
        file: str,
        path: str,
        name: str,
    ) -> StoredValue:
        """Keep a copy of a file as the value, as `write` keeps a value.

        :param file: one that has the form of this storage type
        :raises DataNodeReadingError: where it has not
        """
        raise NotImplementedError(f"{self.storage_type!r} has no files of its own")

    def load_file(self, file: str) -> object:
        """Read a file that has the form of this storage type; see `upload`."""
        raise NotImplementedError(f"{self.storage_type!r} has no files of its own")

    def file_of(self, kept: StoredValue) -> str | bytes | None:  # noqa: ARG002
        """Return the file that a value is in, in a form that others read, or its content.

        A folder is its path, or the content of a ZIP file. None where there is none.
        """
        return None

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        """Return the first rows of a value, to be shown."""
        from asyncflow.selection import preview

        return preview(self.read(kept), rows)

    def describe(self) -> dict[str, object]:
        """Say what it is, to be shown: passwords are masked."""
        return {
            "storage_type": self.storage_type,
            "place": self.place,
            "is_durable": self.is_durable,
            "keeps_versions": self.keeps_versions,
            "appends": self.appends,
        }

    def fingerprint(self) -> str | None:
        """Return what changes whenever a place of the user's is written, by anybody.

        None where nobody can tell, or it has no value. Blocks.
        """
        return None

    def exists(self) -> bool:
        """Tell whether a place that only the driver knows has a value already."""
        return False

    def changed_ns(self) -> int | None:
        """Return when that place was last changed, in nanoseconds since the epoch.

        None where nobody can tell, or it has no value. It is no less than the time of a
        change by anybody.
        """
        return None

    def staging_path(self, path: str) -> str:
        """Return the file that `write` may make, to remove it after a killed job."""
        return path

    def staged(self, maker: str) -> Sequence[str]:  # noqa: ARG002
        """List files beside its place that were to be published, and never are.

        Blocks.

        :param maker: the id of the orchestrator that is gone: the names of the paths that
            `write` got from it begin with this and ``-``
        """
        return ()

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        """Make a written value visible; called when all outputs of a job are written.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        :return: what `read` is to be given
        """
        return kept

    def former(self, kept: StoredValue, path: str) -> Former | None:  # noqa: ARG002
        """Hold what is in its place, just before `publish`.

        It comes back where another output of the same job cannot be made visible. Its
        file may be named as `staging_path`, with ``.former`` at the end.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        :return: None where it could not come back
        """
        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        """Forget a written value that is not to be published, as another is not. Never
        raises.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        """
        if isinstance(kept, str):
            with suppress(OSError):
                os.unlink(kept)

    def is_published(self, kept: StoredValue, path: str) -> bool | None:  # noqa: ARG002
        """Tell whether a written value is visible already; asked after a crash between
        `write` and the commit of the job's outcome. Blocks.

        Only of a place of the user's. What is not visible has to be there still, so that
        `publish` makes it so, in another process.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        :return: None where nobody can tell, or the value is lost: the job runs again
        """
        return None
