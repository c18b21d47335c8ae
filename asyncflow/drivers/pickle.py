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

        with open(self.path, "rb") as file:
            return pickle.load(file)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        if self.path is None:
            return keep(value, path, name, sync=True)

        data = dumps(value, name=name)
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
