"""The seam of drivers. Workers import it too: it needs the standard library only."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar

from asyncflow.worker.outcome import StoredValue
from asyncflow.worker.values import fetch, keep


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
    extra: ClassVar[str | None] = None
    """The extra of asyncflow that installs what it requires."""
    requires: ClassVar[tuple[str, ...]] = ()
    """The modules that must be there; it imports them when it is first used."""
    is_durable: ClassVar[bool] = True
    """Whether its values outlive the orchestrator, and a power failure."""

    path: str | None = None
    options: Any = None

    def __init__(self, path: str | None = None, options: Any = None) -> None:
        if path is not None:
            self.path = path

        if options is not None:
            self.options = options

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

    def locate(self) -> None:  # noqa: B027  # most have no place
        """Look where `place` leads, before it is used. Blocks."""

    def read(self, kept: StoredValue) -> object:
        """Read a value.

        :param kept: what `write` and `publish` returned for it
        """
        if kept is None:
            raise LookupError("the data node was never written")

        return fetch(kept)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        """Keep a value where no reader sees it yet.

        :param path: a file that it may make; nobody else uses this name
        :param name: how an error calls the value
        :return: where the value is; None for a place that the driver knows itself
        :raises NotPicklable: where the value cannot be kept
        :raises OSError: where it cannot be written; nothing is left behind
        """
        return keep(value, path, name, sync=self.is_durable)

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
