"""Databases by SQLAlchemy: where they are, how they are asked and written."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

import attrs
from attrs import converters, validators

from asyncflow.drivers import _exposed, _options, _server, _writes
from asyncflow.drivers._libraries import as_table, check_distinct
from asyncflow.drivers._server import ServerDriver, Told
from asyncflow.drivers._sql_errors import told
from asyncflow.drivers._sql_unused import unused_of
from asyncflow.filters import python_scalar
from asyncflow.secret import Secret, masked
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

    from asyncflow.abc import StoredValue

_files: dict[str, str] = {}
"""What files are, links followed. It stays as it was first: runs are ordered by it."""

MOST_FILES = 10_000
"""Of how many that is kept; of others, links are not followed."""

ENGINES = ("sqlite", "postgresql", "mysql", "mssql")

_DRIVERS: Mapping[str, tuple[str, str]] = {
    "sqlite": ("pysqlite", "sqlite3"),
    "postgresql": ("psycopg", "psycopg"),
    "mysql": ("pymysql", "pymysql"),
    "mssql": ("pyodbc", "pyodbc"),
}
"""SQLAlchemy's name of the library that reaches each, and its module."""

_PORTS: Mapping[str, int] = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}

_SAME_ENGINES: Mapping[str, str] = {"mariadb": "mysql"}

_SCHEMAS: Mapping[str, str] = {
    "mssql": "dbo",
    "postgresql": "public",
    "sqlite": "main",
}
"""The schema of a table where none is named."""

LOCKED_FOR = 30.0
"""How many seconds a write waits for another's of the same SQLite file."""

TEXT = validators.optional(validators.instance_of(str))


@attrs.frozen(kw_only=True)
class SqlPlace:
    """Where a database is, and what rows become. Taipy's names."""

    unused = unused_of

    url: str | None = attrs.field(default=None, validator=TEXT)
    """SQLAlchemy's address of the database, in the place of all that begins with db."""
    db_name: str | None = attrs.field(default=None, validator=TEXT)
    db_engine: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.in_(ENGINES)),
        metadata={"remedy": f"give one of {', '.join(ENGINES)}, or url="},
    )
    db_username: str | None = attrs.field(default=None, validator=TEXT)
    db_password: str | None = attrs.field(default=None, validator=TEXT)
    db_host: str = attrs.field(
        default="localhost", validator=validators.instance_of(str)
    )
    db_port: int | None = _options.port(None)
    db_driver: str = attrs.field(default="", validator=validators.instance_of(str))
    db_extra_args: Mapping[str, Any] | None = attrs.field(
        default=None, validator=validators.optional(validators.instance_of(dict))
    )
    sqlite_folder_path: str | None = attrs.field(
        default=None, converter=converters.optional(os.fspath), validator=TEXT
    )
    sqlite_file_extension: str = attrs.field(
        default=".db", validator=validators.instance_of(str)
    )
    exposed_type: _exposed.Exposed = _options.exposed_type()
    exactly_once: bool = attrs.field(
        default=False, validator=validators.instance_of(bool)
    )
    """Whether each write is noted in a table ``asyncflow_writes`` of the database, in the
    same transaction, so that no crash has it done twice."""

    fingerprint: str | Callable[[Any], Any] | None = _options.fingerprint()
    """A query of which the rows change when the value does, or a function that returns
    what does: it is called with a connection of SQLAlchemy. None: nobody can tell."""

    def __attrs_post_init__(self) -> None:
        if self.url is None and (self.db_engine is None or self.db_name is None):
            raise ValueError(
                "it is not said where the database is: give url, or db_name and db_engine"
            )

        if self.url is not None and (self.db_engine or self.db_name):
            raise ValueError(
                "url says where the database is: leave db_name and db_engine out"
            )

    @property
    def engine(self) -> str:
        """The kind of database: ``sqlite``, ``postgresql``."""
        kind = self.db_engine or str(self.url).partition(":")[0].partition("+")[0]
        return str(kind)

    @property
    def module(self) -> str | None:
        """The module that reaches the database; None where that is SQLAlchemy's to say."""
        known = _DRIVERS.get(self.engine)
        named = str(self.url or "").partition(":")[0].partition("+")[2]

        if known is None or (named and named != known[0]):
            return named or None

        return known[1]

    @property
    def file(self) -> str | None:
        """The file of an SQLite database; None for others, and in memory."""
        if self.engine != "sqlite":
            return None

        if self.url is None:
            name = f"{self.db_name}{self.sqlite_file_extension}"
            return os.path.join(self.sqlite_folder_path or "", name)

        path = str(self.url).partition("://")[2].partition("?")[0]
        return path[1:].removeprefix("file:") or None

    def address(self) -> URL:
        """Return the address, for SQLAlchemy."""
        from sqlalchemy import URL, make_url

        if self.url is not None:
            url = make_url(str(self.url))
            return url if "+" in url.drivername else self._with_driver(url)

        query = {key: str(value) for key, value in (self.db_extra_args or {}).items()}

        if self.engine == "sqlite":
            return URL.create("sqlite", database=self.file, query=query)

        if self.engine == "mssql" and self.db_driver:
            query.setdefault("driver", str(self.db_driver))

        return self._with_driver(
            URL.create(
                self.engine,
                username=_text(self.db_username),
                password=_text(self.db_password),
                host=_text(self.db_host),
                port=self.db_port,
                database=_text(self.db_name),
                query=query,
            )
        )

    def _with_driver(self, url: URL) -> URL:
        known = _DRIVERS.get(url.drivername)
        return (
            url if known is None else url.set(drivername=f"{url.drivername}+{known[0]}")
        )

    def shown(self, *, as_given: bool = True) -> str:
        """Return the address without user and password.

        :param as_given: whether it is spelled as here; else as all have it who mean it
        """
        if (file := self.file) is not None:
            return f"sqlite:///{_files.get(file) or os.path.normpath(file)}"

        host, port, name = self.db_host, self.db_port, str(self.db_name)

        if self.url is not None:
            at = urlsplit(str(self.url))
            further = dict(parse_qsl(at.query))
            host = at.hostname or further.get("host", "")
            port, name = _port(at) or _port(further), at.path.removeprefix("/")

        engine = _SAME_ENGINES.get(self.engine, self.engine)
        port = port or _PORTS.get(engine)
        shown = "" if port is None else f":{port}"
        host = host if as_given else _server.same_host(host)
        return f"{engine}://{host}{shown}/{name}"

    def table(self, name: str) -> str:
        """Return a table's name as all have it who mean the same."""
        schema, _, table = name.rpartition(".")

        if self.engine == "sqlite":
            schema, table = schema.lower(), table.lower()

        is_default = schema == _SCHEMAS.get(self.engine, "")
        return table if is_default else f"{schema}.{table}".removeprefix(".")


def _port(of: SplitResult | Mapping[str, str]) -> int | None:
    try:
        return of.port if isinstance(of, SplitResult) else int(of["port"])
    except (KeyError, ValueError):
        return None


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)


class Transaction:
    """What one thread has begun in one database: all outputs of one job that are there.

    It is committed as the last of them is published.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.connection: Connection = engine.connect()
        self.staged: dict[str, str] = {}
        """What is to be published: the paths, and how errors call the values."""

    def close(self) -> None:
        self.connection.close()  # what is not committed is rolled back
        self.engine.dispose()


class _Begun(threading.local):
    def __init__(self) -> None:
        self.transactions: dict[str, Transaction] = {}


_begun = _Begun()


class SqlDriver(ServerDriver):
    """Read from a database, and write to it in one transaction."""

    extra: ClassVar[str | None] = "sql"
    requires: ClassVar[tuple[str, ...]] = ("sqlalchemy",)
    options: SqlPlace

    @classmethod
    def needs(cls, options: Any) -> Mapping[str, str | None]:
        extras = {"sqlalchemy": cls.extra, **_exposed.needs(options.exposed_type)}

        if (module := options.module) is not None:
            extras[module] = "postgres" if module == "psycopg" else None

        return extras

    @classmethod
    def rooted(cls, options: Any, directory: str) -> Any:
        if options.engine != "sqlite":
            return options

        if options.url is None:
            own = os.path.expanduser(options.sqlite_folder_path or "")
            folder = os.path.join(directory, own)
            return attrs.evolve(options, sqlite_folder_path=folder)

        if (file := options.file) is None or os.path.isabs(file) or file == ":memory:":
            return options

        begin, _, rest = str(options.url).partition("://")
        query = rest.partition("?")[1:]
        scheme = "file:" if rest.startswith("/file:") else ""
        path = scheme + os.path.join(directory, os.path.expanduser(file))
        return attrs.evolve(options, url=f"{begin}:///{path}{''.join(query)}")

    @property
    def place(self) -> str | None:
        return self.options.shown(as_given=False)

    @property
    def given_place(self) -> str:
        return self.options.shown()

    def locate(self) -> None:
        if (file := self.options.file) is not None and len(_files) < MOST_FILES:
            _files.setdefault(file, os.path.realpath(file))

    def fingerprint(self) -> str | None:
        if (ask := self.options.fingerprint) is None:
            return None

        from sqlalchemy import text

        with self.reading(), self.connected() as connection:
            if callable(ask):
                return _options.told_by(ask(connection))

            rows = [tuple(row) for row in connection.execute(text(ask))]
            return _options.told_by(rows)

    def _engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        if (file := self.options.file) is not None and not os.path.exists(file):
            shown = masked(repr(file), self.secrets)
            raise FileNotFoundError(f"there is no database {shown}")

        if file is not None and os.path.isdir(file):
            raise IsADirectoryError("it is a folder")

        url = self.options.address()
        query = url.query
        wait = {"timeout": LOCKED_FOR} if self.options.engine == "sqlite" else {}
        return create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={} if "timeout" in query else wait,
        )

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Connect, for a read."""
        engine = self._engine()

        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def stage(
        self, path: str, name: str, execute: Callable[[Connection], object]
    ) -> None:
        """Have something executed in the transaction that `publish` commits.

        :param path: the path that `write` was given
        :param name: how errors call the value
        """
        with self.writing(name):
            key = self._key

            if (begun := _begun.transactions.get(key)) is None:
                begun = _begun.transactions[key] = Transaction(self._engine())

            begun.staged[path] = name

            try:
                if self.options.exactly_once:
                    _writes.note(begun.connection, begun.engine, path)

                execute(begun.connection)
            except BaseException:
                self.discard(None, path)
                raise

    @property
    def _key(self) -> str:
        return Secret(f"{self.options.shown()} {hash(self.options.db_username)}")

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        begun = _begun.transactions[self._key]
        name = begun.staged.pop(path)

        if begun.staged:  # others of this job are to come
            return None

        try:
            with self.writing(name):
                begun.connection.commit()
        finally:
            self.discard(None, path)

        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        begun = _begun.transactions.pop(self._key, None)

        if begun is not None:
            with suppress(Exception):
                begun.close()

    def is_published(self, kept: StoredValue, path: str) -> bool | None:  # noqa: ARG002
        if not self.options.exactly_once:
            return None  # whether it was committed, nobody knows

        with self.connected() as connection:
            return _writes.is_noted(connection, path) or None

    def value_of(
        self,
        names: Sequence[str],
        rows: Sequence[Any],
        wanted: Sequence[str] | None = None,
    ) -> object:
        """Return rows as the exposed type.

        :param wanted: the columns that were asked for; None for all
        """
        self.check_names(names)
        cells = [list(column) for column in zip(*rows, strict=True)]
        columns = dict(zip(names, cells or [[] for _ in names], strict=True))
        kind = _exposed.of_part(self.options.exposed_type, wanted)

        if kind == "arrow":
            return as_table(columns, "pyarrow")

        return _exposed.expose(columns, kind)

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse a result of which columns would be lost.

        :raises DataNodeReadingError: where two columns have one name
        """
        try:
            check_distinct(names)
        except DataNodeWritingError as error:
            why = str(error).partition(":")[0]
            remedy = "give them aliases"
            raise DataNodeReadingError(self.shown_place, why, remedy) from None

    def tell(self, error: Exception) -> Told:
        return told(error, self.options.engine)


def native(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with what Python has for scalars of NumPy, and NULL for NaN."""
    return {name: _cell(cell) for name, cell in row.items()}


def _cell(value: Any) -> Any:
    value = python_scalar(value)
    return None if type(value) is float and math.isnan(value) else value
