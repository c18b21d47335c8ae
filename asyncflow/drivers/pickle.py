"""The ``pickle`` storage type."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from asyncflow.abc import Driver, StoredValue
from asyncflow.worker.codec import dumps
from asyncflow.worker.errors import ValueDamaged
from asyncflow.worker.replacing import put_in_place, replace_file
from asyncflow.worker.values import fetch, keep, temporary_name

_places: dict[str, str] = {}
"""What paths mean, links followed. It stays as it was first: runs are ordered by it."""

MOST_PLACES = 10_000
"""Of how many paths that is kept; of others, links are not followed."""


class PickleDriver(Driver):
    """Keep any value that can be pickled.

    :param path: the user's own file, a plain pickle, replaced as a whole at each write,
        with the mode and the owner that it had; a link is followed. None keeps versions
        where asyncflow keeps its values
    """

    storage_type: ClassVar[str] = "pickle"
    takes_path: ClassVar[bool] = True

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

    def read(self, kept: StoredValue) -> object:
        if self.path is None:
            return super().read(kept) if kept is None else fetch(kept)

        try:
            with open(self.path, "rb") as file:
                return pickle.load(file)
        except FileNotFoundError as error:
            if os.path.exists(self.path):  # the value itself has asked for another
                raise

            raise FileNotFoundError(
                errno.ENOENT, _gone(self.path), self.path
            ) from error
        except (pickle.UnpicklingError, EOFError) as error:
            raise ValueDamaged(self.path, f"is no whole pickle ({error})") from error

    def write(self, value: object, path: str, name: str) -> StoredValue:
        if self.path is None:
            return keep(value, path, name, sync=True)

        data = dumps(value, name=name)

        if leads_to := _lost(self.path):
            why = (
                f"data node {name!r} is a link into a folder that is not there: make "
                f"the folder of {leads_to!r}, or mend the link"
            )
            raise FileNotFoundError(errno.ENOENT, why, self.path)

        staged = self.staging_path(path)
        temporary = temporary_name(staged)

        try:
            replace_file(staged, lambda file: file.write(data), temporary, sync=True)
        except FileNotFoundError as error:
            why = f"make the folder of data node {name!r} first, there is none for"
            raise FileNotFoundError(errno.ENOENT, why, self.path) from error

        return staged

    def exists(self) -> bool:
        return self.path is not None and os.path.exists(self.path)

    def changed_ns(self) -> int | None:
        if self.path is None:
            return None

        try:
            return os.stat(self.path).st_ctime_ns  # it may not be set, as others may
        except OSError:
            return None

    def staging_path(self, path: str) -> str:
        return path if self.path is None else f"{self.path}.{os.path.basename(path)}"

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

        try:
            put_in_place(kept, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(kept)

            raise

        return None


def _gone(path: str) -> str:
    """Say that a file has to come back, and what a link leads to."""
    link = f" (a link to {os.path.realpath(path)!r})" if os.path.islink(path) else ""
    return (
        f"its file{link} is not there: bring it back, write to the data node, or run "
        "the task that writes it"
    )


def _lost(path: str) -> str | None:
    """Return where a link leads, if there is not even a folder; None otherwise."""
    if not os.path.islink(path):
        return None

    target = os.path.realpath(path)
    return None if os.path.isdir(os.path.dirname(target)) else target
