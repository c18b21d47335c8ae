"""What the errors of databases mean, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from asyncflow.drivers._server import Told

_SQLITE: Mapping[str, str] = {
    "SQLITE_CANTOPEN": "let this user read the file and its folder, correct its "
    "name, or see whether the disk is full or fails",
    "SQLITE_CORRUPT": "bring back a copy of the database",
    "SQLITE_ERROR": "correct the query, or create what it names",
    "SQLITE_FULL": "make room on the disk",
    "SQLITE_IOERR": "see that the disk is there and has room",
    "SQLITE_NOTADB": "correct its name, or bring the database back",
    "SQLITE_READONLY": "let this user write the file and its folder, or see whether the "
    "disk is full or fails",
}
"""What to do, by SQLite's names of its errors."""

_LOCKED = frozenset({"40001", "40P01", "55P03"})
"""PostgreSQL's codes of a serialization failure, a deadlock, and a lock not got."""


def told(error: Exception, engine: str) -> Told:
    """Say what an error means of SQLAlchemy, or of what reaches the database.

    :param engine: the kind of database
    """
    from sqlalchemy import exc

    if isinstance(error, FileNotFoundError):
        return Told(str(error), "create it with its tables, or correct its name")

    if isinstance(error, IsADirectoryError):
        return Told(str(error), "move it away, or correct its name")

    if isinstance(error, exc.NoSuchTableError):
        return Told(f"there is no table {error}", "create it, or correct table_name")

    cause = getattr(error, "orig", None) or error
    why = f"{type(cause).__name__}: {cause}".strip().partition("\n")[0]
    code = str(getattr(cause, "sqlite_errorname", ""))

    if (remedy := _SQLITE.get("_".join(code.split("_")[:2]))) is not None:
        return Told(why, remedy)

    if not code and engine == "sqlite" and _is_operational(cause):
        return Told(why, "have texts in UTF-8, or read them as bytes: as BLOB")

    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or (
        getattr(cause, "sqlstate", None) in _LOCKED
    ):
        return Told(
            f"another program holds its lock ({why})",
            "end that program's transaction, or let the task retry",
        )

    if isinstance(error, exc.IntegrityError | exc.DataError):
        return Told(why, "mend the rows, or the rules of the table")

    if isinstance(error, exc.ProgrammingError):
        return Told(why, "correct the query, or grant what the user lacks")

    if isinstance(error, exc.OperationalError | exc.InterfaceError):
        return Told(
            why,
            "see that the server runs, the database is there, and user name and "
            "password are right",
        )

    return Told(why, "mend what it says, or the options of the data node")


def _is_operational(error: BaseException) -> bool:
    """Tell whether the module of SQLite has raised an error, and not SQLite itself, which
    gives each a code: it reads texts.
    """
    from sqlite3 import OperationalError

    return isinstance(error, OperationalError)
