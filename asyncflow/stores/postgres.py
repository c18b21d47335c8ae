"""The store that keeps records in a PostgreSQL database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from asyncflow.facts import Shown
from asyncflow.stores._address import file_of
from asyncflow.stores._open_database import OpenDatabase, opened_again
from asyncflow.stores._postgres import PostgresDatabase
from asyncflow.stores._postgres_problems import may_return
from asyncflow.stores._store import DatabaseStore

if TYPE_CHECKING:
    from asyncflow.abc.changes import ChangeFeed
    from asyncflow.abc.sizes import StoreSizes

FOLDER = os.path.join(".asyncflow", "values")


@attrs.define(eq=False, repr=False)
class PostgresStore(DatabaseStore, Shown):
    """Keep records in a PostgreSQL database, which several hosts may use at a time.

    Large values are in files, for which all these hosts have to share one folder (NFS,
    for instance): each database has a folder of its own in it. Where hosts do not share
    it, one does not find the values of the other. A copy of a database (``CREATE DATABASE
    ... TEMPLATE``, a dump that was restored) gets a folder of its own when it is first
    opened: the files of the original are linked into it, if they are there.

    The tables are in the schema ``asyncflow``, which is made where it is missing. The
    store has two connections. Where one is lost it connects again, for as long as it takes:
    what was flushed before is kept, and what was saved since waits. A server that is not
    there when the store is opened, or is restarted meanwhile, is tried for `patience`.

    Values are pickled, as are properties where JSON does not give the same value back.
    A pickle can run any code when it is loaded, which happens when somebody reads it, or
    a job that needs it runs: use databases only that you trust.

    :param conninfo: where the database is: ``postgresql://user@host/database``, or
        ``host=... dbname=...``; what is missing comes from libpq's environment variables
    :param folder: the folder for large values; it is made where it is missing, with the
        mode 0700
    :param trust_owner: take that folder also if another user owns it, and leave its mode
        as it is
    :raises UsageError: by the import of this module, where psycopg is missing
    """

    conninfo: str = attrs.field(repr=False)
    folder: str = attrs.field(default=FOLDER, converter=file_of)
    trust_owner: bool = attrs.field(default=False, kw_only=True)

    @property
    def is_far(self) -> bool:
        """True: any host that reaches the server may use it."""
        return True

    def changes(self, listener_id: str) -> ChangeFeed:
        """Make what tells what others commit; see `asyncflow.abc.Store.changes`."""
        from asyncflow.stores._postgres_changes import PostgresChanges

        return PostgresChanges(self, listener_id)

    async def sizes(self) -> StoreSizes:
        """Measure the database; see `asyncflow.abc.sizes.MeasuredStore`."""
        from asyncflow.stores._sizes import sizes_of

        return await sizes_of(self._now_open(), self.patience)

    @property
    def _name(self) -> str:
        return "PostgreSQL"

    async def _open(self) -> OpenDatabase:
        return await opened_again(super()._open, self.patience, may_return)

    def _connect(self) -> PostgresDatabase:
        return PostgresDatabase.open(
            self.conninfo, self.folder, trust_owner=self.trust_owner
        )
