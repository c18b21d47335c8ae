"""A PostgreSQL database of records."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

from asyncflow.errors import StoreFailed, StoreUnavailable, UsageError
from asyncflow.ids import is_shared
from asyncflow.records import VersionRecord
from asyncflow.stores._command import Command, Parameters
from asyncflow.stores._database import Database
from asyncflow.stores._escape import escaped, unescaped
from asyncflow.stores._folder import Access
from asyncflow.stores._postgres_problems import (
    LOST,
    OTHER_SERVER,
    PASSING,
    problem_of,
    refusal_of,
)
from asyncflow.stores._rows import Column, Row
from asyncflow.stores._sql import migrations, newest_version
from asyncflow.stores._values_folder import FolderInFolder

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
except ImportError as error:
    raise UsageError(
        f"records are kept in PostgreSQL by psycopg, which cannot be imported ({error}): "
        "pip install '.[postgres]'"
    ) from error

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

SCHEMA = "schema_postgres"

SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service")
"""What errors tell of the connection: no secrets."""

DEFAULTS: Mapping[str, str | int] = {
    # A server that is gone is told within half a minute, not after hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "fallback_application_name": "asyncflow",
}
"""How to connect, where nothing else is asked for."""

CONNECT_TIMEOUT = "10"
"""How long to wait for the server, in seconds, unless PGCONNECT_TIMEOUT says it."""

TRIES = 20
"""How often a transaction is begun that others make fail by theirs."""

LOSSES = (psycopg.OperationalError, psycopg.InterfaceError)
"""What is raised, without a code, where there is no connection."""


class PostgresDatabase(Database):
    """Two connections to one PostgreSQL database.

    :param file: how errors name it
    """

    queries: ClassVar[tuple[str, ...]] = ("postgres.sql", "records.sql")

    def __init__(self, file: str, conninfo: str) -> None:
        super().__init__(file)
        self._conninfo = conninfo
        self._writing: Connection
        self._reading: Connection
        self._store_id: str
        self._is_interrupted = False

    @classmethod
    def open(
        cls, conninfo: str, folder: str, *, trust_owner: bool = False
    ) -> PostgresDatabase:
        """Connect, make the tables where there are none, or bring them up to date.

        :param folder: where each database has a folder for its values
        """
        database = cls(_shown(conninfo), conninfo)
        access = Access(store=database.file, trusts_owner=trust_owner)

        with database._explained(), ExitStack() as stack:
            database._writing = stack.enter_context(closing(database._connect()))
            store_id = database._store_id = database._prepare()
            database._reading = stack.enter_context(closing(database._connect()))
            database._ask(database._reading, "read_only")
            database.values_folder = database._find_folder(access, folder, store_id)
            stack.pop_all()

        return database

    def close(self) -> None:
        """Close both connections."""
        self._is_open = False

        with self._explained(), closing(self._writing), closing(self._reading):
            pass

    def interrupt(self) -> None:
        self._is_interrupted = True

        for connection in (self._writing, self._reading):
            with suppress(OSError, psycopg.Error):  # closed meanwhile
                end = socket.socket(fileno=os.dup(connection.fileno()))

                with end:  # what waits for the server is told that it is gone
                    end.shutdown(socket.SHUT_RDWR)

    def hear(self) -> Connection:
        """Return a connection that is told what others commit."""
        with self._explained():
            connection = self._connect()

            try:
                connection.execute(self._query("hear").encode())
            except BaseException:
                connection.close()
                raise

        return connection

    def _connect(self) -> Connection:
        if self._is_interrupted:
            raise StoreUnavailable(self.file, *LOST)

        given = conninfo_to_dict(self._conninfo)
        timeout = os.environ.get("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT)
        options: dict[str, Any] = {
            "connect_timeout": timeout,
            **DEFAULTS,
            **given,
            "client_encoding": "utf8",
        }

        try:
            connection = psycopg.connect(autocommit=True, **options)
        except psycopg.OperationalError as error:
            raise self._refused(error) from error

        try:
            self._ask(connection, "session")
        except BaseException:
            connection.close()
            raise

        return connection

    def _prepare(self) -> str:
        """Bring the tables up to date; return the name of the store."""
        found = self._look()

        if found is None or found[0] < newest_version(SCHEMA):
            with self._writing.transaction():
                self._ask(self._writing, "one_migrates")
                self._migrate()

            found = self._look()
            assert found is not None

        return found[1]

    def _find_folder(self, access: Access, folder: str, store_id: str) -> str:
        """Find the folder for the values of this store; others beside it have theirs.

        A copy of a database has the id of the original, and gets another.
        """
        path = os.path.abspath(folder)
        access.make_folder(os.path.dirname(path))
        access.make_folder(path)
        first = os.path.join(path, store_id)
        place = FolderInFolder(access=access, first=first, database=self._home())

        if found := place.found(store_id):
            return found

        with self._writing.transaction():
            self._ask(self._writing, "one_migrates")
            ((_, store_id),) = self._ask(self._writing, "schema_version")
            return place.found(store_id) or place.taken(
                store_id,
                lambda: str(self._ask(self._writing, "new_store_id")[0][0]),
                lambda: [
                    str(name) for (name,) in self._ask(self._writing, "kept_names")
                ],
            )

    def _home(self) -> str:
        """Tell the database from its copies, on this server and others."""
        ((number,),) = self._ask(self._writing, "database")

        try:
            ((server,),) = self._ask(self._writing, "server")
        except psycopg.Error:  # not everywhere everybody may ask that
            server = ""

        return f"{server}/{number}"

    def _look(self) -> tuple[int, str] | None:
        """Return the version of the schema and the store's name; None for a new one."""
        ((encoding, is_made, strangers, _),) = self._ask(self._writing, "identify")

        if encoding != "UTF8":
            raise StoreFailed(
                self.file,
                f"it keeps texts as {encoding}",
                "give another database, made with ENCODING 'UTF8'",
            )

        if not is_made:
            if strangers:
                raise StoreFailed(
                    self.file,
                    "its schema `asyncflow` is another program's",
                    "give another database",
                )

            return None

        ((version, name),) = self._ask(self._writing, "schema_version")
        known = newest_version(SCHEMA)

        if version > known:
            raise StoreFailed(
                self.file,
                f"its schema has version {version}, and this asyncflow knows versions up "
                f"to {known}",
                "upgrade asyncflow, or give another database",
            )

        return version, name

    def _migrate(self) -> None:
        """Do what another has not done meanwhile."""
        ((*_, has_schema),) = self._ask(self._writing, "identify")

        if not has_schema:
            self._writing.execute(_own(self._query("make_schema")))

        version, _ = self._look() or (0, "")

        for target, text in migrations(SCHEMA).items():
            if target > version:
                self._writing.execute(text.encode())

    def _reconnect(self) -> None:
        """Connect anew where the connection that writes is gone."""
        if not self._writing.closed:
            return

        self._writing = self._connect()

        try:
            found = self._look()

            if found is None or found[1] != self._store_id:
                raise StoreFailed(
                    self.file,
                    "the database was replaced while it was open, so what was written "
                    "since is lost",
                    "open the store anew",
                )
        except BaseException:
            self._writing.close()
            raise

    def _transact(self, work: Callable[[], None]) -> None:
        self._reconnect()

        for left in reversed(range(TRIES)):
            try:
                with self._writing.transaction():
                    work()
            except (
                psycopg.errors.DeadlockDetected,
                psycopg.errors.SerializationFailure,
            ):
                if not left:
                    raise
            except BaseException:
                self._drop_broken()
                raise
            else:
                return

    def _drop_broken(self) -> None:
        """Close the connection that writes where it is in the middle of something still:
        a server that stops can leave it so, open and of no use.
        """
        status = self._writing.pgconn

        if (
            status.transaction_status != psycopg.pq.TransactionStatus.IDLE
            or status.pipeline_status != psycopg.pq.PipelineStatus.OFF
        ):
            self._writing.close()

    def _take_turns(self, changes: Sequence[Any]) -> None:
        """Wait for others: the order of their versions is one in all shared data nodes,
        and a name that is not there cannot be locked.
        """
        turns: set[str] = set()

        for change in changes:
            if isinstance(change, VersionRecord):
                if is_shared(change.node_id):
                    turns.add(change.node_id)
            elif type(change) is Command and change.verb == "write":
                turns.update(
                    record.node_id
                    for record in change.records
                    if type(record) is VersionRecord and is_shared(record.node_id)
                )
            elif type(change) is Command and change.verb == "named":
                turns.update(
                    turn
                    for parameters in change.given
                    if isinstance(turn := parameters["turn"], str)
                )

        if turns:
            given = [{"id": turn} for turn in sorted(turns)]
            self._run(self._query("take_turn"), given)

    def _save(self, text: str, columns: Sequence[Column]) -> None:
        rows = zip(*map(escaped, columns), strict=True)

        with self._writing.cursor() as cursor:
            cursor.executemany(_own(text), [*rows])

    def _run(self, text: str, given: Sequence[Parameters]) -> list[Row]:
        rows: list[Row] = []

        with self._writing.cursor(binary=True) as cursor:
            cursor.executemany(_own(text), [*map(_escaped, given)], returning=True)
            has_more: bool | None = bool(given)

            while has_more:
                if cursor.description:
                    rows += map(unescaped, cursor.fetchall())

                has_more = cursor.nextset()

        return rows

    def _fetch(self, text: str, parameters: Parameters) -> list[Row]:
        if self._reading.closed:
            self._reading = self._connect()
            self._ask(self._reading, "read_only")

        with self._reading.cursor(binary=True) as cursor:
            cursor.execute(_own(text), _escaped(parameters))
            return [*map(unescaped, cursor.fetchall())]

    def _ask(self, connection: Connection, name: str) -> list[tuple[Any, ...]]:
        return connection.execute(_own(self._query(name))).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise `StoreFailed` for PostgreSQL's errors."""
        try:
            yield
        except psycopg.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: psycopg.Error) -> StoreFailed:
        is_gone = isinstance(error, LOSSES) and self._is_lost()
        code = error.sqlstate or ("08" if is_gone else "")
        problem, remedy = problem_of(code)

        if code in OTHER_SERVER:
            self._writing.close()

        kind = StoreUnavailable if code.startswith(PASSING) else StoreFailed
        return kind(self.file, f"{problem} ({_line(error)})", remedy)

    def _refused(self, error: psycopg.Error) -> StoreFailed:
        """Explain why there is no connection."""
        problem, remedy = refusal_of(str(error))
        return StoreUnavailable(self.file, f"{problem} ({_line(error)})", remedy)

    def _is_lost(self) -> bool:
        connections = (getattr(self, name, None) for name in ("_writing", "_reading"))
        return any(
            connection is not None and connection.closed for connection in connections
        )


_PARAMETER = re.compile(r"(?<!:):(\w+)")


@lru_cache(1000)
def _own(text: str) -> bytes:
    """Write the parameters of a query as psycopg wants them."""
    return _PARAMETER.sub(r"%(\1)s", text).replace("?", "%s").encode()


def _escaped(parameters: Parameters) -> Parameters:
    return dict(zip(parameters, escaped(parameters.values()), strict=True))


def _line(error: psycopg.Error) -> str:
    """Return the first line of an error's text."""
    return str(error).strip().partition("\n")[0]


def _shown(conninfo: str) -> str:
    """Name a database without telling a secret."""
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:  # its text may have a part of a password
        given = {"host": "@"}

    if _is_garbled(given):
        raise StoreFailed(
            "PostgreSQL",
            "how to connect to it cannot be read",
            "give a URL, postgresql://user@host/database, or host=... dbname=...; in a "
            "URL write %40 for @, %2F for /, %3A for : in a password",
        )

    parts = {name: str(given[name]) for name in SHOWN if given.get(name) is not None}
    return f"PostgreSQL ({make_conninfo(**parts)})" if parts else "PostgreSQL"


def _is_garbled(given: Mapping[str, Any]) -> bool:
    """Tell whether a part of a password may have become something that is shown."""
    if any("@" in str(given.get(name) or "") for name in ("host", "dbname")):
        return True

    ports = str(given.get("port") or "0").split(",")
    return not all(port.strip().isdigit() for port in ports if port)
