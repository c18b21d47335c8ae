"""Values on servers: what the storage types that keep them there have in common.

What is there is the user's: asyncflow keeps no versions of it, and asks for nothing
before the first read or write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

from asyncflow.abc import Driver
from asyncflow.drivers._libraries import rows_of
from asyncflow.secret import Secret, masked, secrets_in
from asyncflow.worker.errors import (
    AsyncflowError,
    DataNodeReadingError,
    DataNodeWritingError,
)
from asyncflow.worker.replacing import locate
from asyncflow.worker.values import forget_staged, note_staged


class Told(NamedTuple):
    """What is wrong with a place, and what to do."""

    why: str
    remedy: str


class ServerDriver(Driver):
    """Keep the value in a place of the user's that a server has.

    What its library raises is told as an error of ours: with the data node, the place
    and the remedy, and without what is secret.
    """

    takes_default_data: ClassVar[bool] = False

    def __init__(self, path: str | None = None, options: Any = None) -> None:
        super().__init__(path, options)
        self._names: dict[str, str] = {}
        """How errors call the values that are written, and not published yet."""

    def describe(self) -> dict[str, object]:
        return {**super().describe(), "place": self.place and self.shown_place}

    @classmethod
    def owns_place(cls, path: str | None, options: Any) -> bool:  # noqa: ARG003
        return True

    @property
    def keeps_versions(self) -> bool:
        return False

    @property
    def is_remote(self) -> bool:
        return True

    def exists(self) -> bool:
        return True

    def begin(self, path: str, name: str) -> None:
        """Note that something of ours waits on the server, for who finds it after a crash.

        :param path: the path that `write` was given
        :param name: how errors call the value
        """
        self._names[path] = name
        has_secrets = self.shown_place != self.given_place
        is_noted = self.is_moved and not has_secrets
        note_staged(path, name, (self.path or "") if is_noted else "")

    def name_of(self, path: str) -> str:
        """Return how errors call the value."""
        return self._names.get(path, self.storage_type)

    def end(self, path: str) -> None:
        """Note that nothing waits any more. What it was noted for and could not be removed
        is tried again by the next orchestrator.
        """
        self._names.pop(path, None)
        forget_staged(path)

    def locate(self) -> None:
        protocol, _, rest = (self.path or "").partition("://")

        if protocol == "file":  # of which `place` is that of a path
            locate(rest)

    @property
    def shown_place(self) -> str:
        """How errors call its place."""
        return masked(self.given_place, self.secrets)

    @property
    def given_place(self) -> str:
        """Its place as it is spelled in the options."""
        return self.path or self.place or self.storage_type

    @property
    def secrets(self) -> set[Secret]:
        """What is not to be shown."""
        return {*secrets_in(self.options)}

    def tell(self, error: Exception) -> Told:
        """Say what an error of its library means."""
        first = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        return Told(first, "mend what it says, or the options of the data node")

    def rows(self, value: object, name: str) -> list[dict[str, Any]]:
        """Return a value as rows.

        :param name: how errors call the value
        :raises DataNodeWritingError: where it has none
        """
        try:
            return [dict(row) for row in rows_of(value)]
        except DataNodeWritingError as error:
            remedy = "return a frame, or a list of dicts or objects"
            why = str(error).partition(":")[0]
            raise unwritten(name, self.shown_place, why, remedy) from None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have errors told as those of a read."""
        try:
            yield
        except (AsyncflowError, MemoryError):
            raise
        except Exception as error:
            why, remedy = self._told(error)
            raise DataNodeReadingError(self.shown_place, why, remedy) from None

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Have errors told as those of a write."""
        try:
            yield
        except (AsyncflowError, MemoryError):
            raise
        except Exception as error:
            why, remedy = self._told(error)
            raise unwritten(name, self.shown_place, why, remedy) from None

    @contextmanager
    def staging(self, path: str, name: str) -> Iterator[None]:
        """Have what is made here wait to be published; what fails leaves nothing.

        :param path: the path that `write` was given
        :param name: how errors call the value
        """
        self.begin(path, name)

        with self._or_discarded(path), self.writing(name):
            yield

    @contextmanager
    def publishing(self, path: str) -> Iterator[None]:
        """Have what waits be made visible here; what fails leaves nothing of it."""
        with self._or_discarded(path), self.writing(self.name_of(path)):
            yield

        self.end(path)

    @contextmanager
    def _or_discarded(self, path: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard(None, path)
            raise

    def _told(self, error: Exception) -> Told:
        if isinstance(error, ImportError):
            why = f"the package {error.name or error} is missing"
            return Told(why, f"pip install {self.packages(error.name or '')}")

        why, remedy = self.tell(error)
        return Told(masked(why, self.secrets), remedy)

    def packages(self, name: str) -> str:
        """Return what pip is to install where a module is missing."""
        return f"'.[{self.extra}]'" if name in self.requires else name


def same_host(host: str) -> str:
    """Return a host's name as all have it who mean the same."""
    if host.startswith("/"):  # a folder with a socket
        return host.rstrip("/")

    name = host.strip("[]").lower().removesuffix(".")
    return "localhost" if name in ("", "127.0.0.1", "::1") else name


def unwritten(name: str, place: str, why: str, remedy: str) -> DataNodeWritingError:
    """Make the error of a place that cannot be written."""
    return DataNodeWritingError(
        f"data node {name!r} at {place} cannot be written: {why}: {remedy}"
    )
