"""The folder of a store's values: it is that of one store, whatever is copied.

A mark in the folder says which database it belongs to. A copy of a database finds another
one's mark, and gets a folder of its own: what the one sweeps, the other does not lose.
"""

from __future__ import annotations

import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress

import attrs

from asyncflow.facts import Facts
from asyncflow.stores._folder import Access

NAME = ".store"
"""What the file with the mark is called."""


@attrs.frozen(eq=False, repr=False)
class Mark(Facts):
    """Whose a folder is."""

    store: str
    """The id of the store."""
    database: str
    """Where that is: the path of a file, or a server and a number."""
    folder: int
    """The inode of the folder: one that was copied has the mark of another."""

    def write(self, folder: str) -> None:
        """Mark a folder, in one step. Blocks."""
        temporary = os.path.join(folder, f"{NAME}.{os.urandom(16).hex()}")

        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(attrs.asdict(self), file)

        os.replace(temporary, os.path.join(folder, NAME))


def mark_of(folder: str) -> Mark | None:
    """Return the mark of a folder, or None. Blocks."""
    try:
        with open(os.path.join(folder, NAME), encoding="utf-8") as file:
            return Mark(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ValuesFolder(ABC):
    """Finds the folder of a store, or makes it. All methods block.

    :param first: where it is, unless another store has it
    :param database: where the database is, as the mark tells it
    """

    access: Access
    first: str
    database: str

    @abstractmethod
    def place_of(self, store_id: str) -> str:
        """Return where it is otherwise: for each id of a store another path."""

    @abstractmethod
    def is_there(self, mark: Mark) -> bool:
        """Tell whether a database that a mark names is another one, and is there."""

    def found(self, store_id: str) -> str | None:
        """Return the folder that the mark says is the store's; None where none does."""
        for path in (self.place_of(store_id), self.first):
            if mark_of(path) == self._mark(store_id, path):
                return self.access.make_values_folder(path)

        return None

    def beside(self, store_id: str) -> str | None:
        """Return the folder that a store has when it is opened, or in which the files
        are that it gets then; None where there is none.

        It is for who reads: another store may have it.
        """
        paths = (self.place_of(store_id), self.first)
        return next(filter(os.path.isdir, paths), None)

    def taken(
        self,
        store_id: str,
        new_id: Callable[[], str],
        kept: Callable[[], Iterable[str]],
    ) -> str:
        """Return a folder that is the store's from now on.

        :param new_id: gives the store another id, as it is a copy
        :param kept: returns the names of the files of the store's values
        """
        folder = self.access.make_values_folder(self.first)
        mark = mark_of(folder)

        if mark is not None and self._is_others(mark, folder):
            own_id = new_id() if mark.store == store_id else store_id
            folder = self.access.make_values_folder(self.place_of(own_id))
            _link(self.first, folder, kept())
            store_id = own_id

        self._mark(store_id, folder).write(folder)
        return folder

    def _is_others(self, mark: Mark, folder: str) -> bool:
        return mark.folder == os.stat(folder).st_ino and self.is_there(mark)

    def _mark(self, store_id: str, folder: str) -> Mark:
        try:
            inode = os.stat(folder).st_ino
        except OSError:
            inode = 0

        return Mark(store_id, self.database, inode)


class FolderInFolder(ValuesFolder):
    """A folder in one that is shared, where nobody can look at the other databases."""

    def place_of(self, store_id: str) -> str:
        return os.path.join(os.path.dirname(self.first), store_id)

    def is_there(self, mark: Mark) -> bool:  # noqa: ARG002
        return True


def _link(source: str, target: str, names: Iterable[str]) -> None:
    """Have files in another folder too: nobody writes to them once they are there."""
    for name in map(os.path.basename, names):
        old, new = os.path.join(source, name), os.path.join(target, name)

        with suppress(FileExistsError, FileNotFoundError):
            try:
                os.link(old, new)
            except PermissionError:  # a disk without hard links
                shutil.copyfile(old, new)
