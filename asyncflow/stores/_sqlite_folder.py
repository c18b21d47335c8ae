"""Where an SQLite database has the files of its values: beside it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from asyncflow.stores._folder import Access
from asyncflow.stores._sql import statement
from asyncflow.stores._values_folder import Mark, ValuesFolder


def values_folder(access: Access, file: str) -> ValuesFolder:
    """Say where the values of a file are.

    :param file: its real path
    """
    return FolderBeside(access=access, first=f"{_stem(file)}.values", database=file)


class FolderBeside(ValuesFolder):
    """The folder beside a file. ``runs`` and ``runs.db`` begin with one name: the one
    that comes second gets a name with its id.
    """

    def place_of(self, store_id: str) -> str:
        return f"{_stem(self.database)}.{store_id[:12]}.values"

    def is_there(self, mark: Mark) -> bool:
        """Tell whether the database that a mark names is there, and is not this file.

        It may have been moved with its folder, or be seen by another path in a
        container.
        """
        file = self.database
        beside = os.path.join(os.path.dirname(file), os.path.basename(mark.database))
        return any(
            os.path.exists(path)
            and not os.path.samefile(path, file)
            and _id_of(path) in (mark.store, None)
            for path in (mark.database, beside)
        )


def _stem(file: str) -> str:
    return file.removesuffix(".db")


def _id_of(path: str) -> str | None:
    """Return the id of a store, or None where that cannot be read."""
    query = statement(("sqlite.sql",), "store_id")

    try:
        # What SQLite reads in such a path is no more than these three.
        quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        uri = f"file:{quoted}?mode=ro"

        with closing(sqlite3.connect(uri, uri=True)) as other:
            (found,) = other.execute(query).fetchone()
            return str(found)
    except (sqlite3.Error, TypeError):
        return None
